"""Traces of a compiled program against closed forms, and the eligibility trace against the gradient that it stands for.

Populations are integrated exactly, synapses by forward Euler: the former match a closed form to rounding, the latter
to the first order of the time step. Probes record values at the start of a step; a spike acts at the end of one.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import ms

from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure

DELAY = 0.8e-3
RISE, DECAY = 5e-3, 10e-3
U_REST, THETA = -60e-3, -50e-3
FIRST = 20e-3  # time of a single spike
STEPS = [0.1 * ms, 0.05 * ms]
MORE_STEPS = [0.2 * ms, *STEPS, 0.025 * ms]  # all divide the refractory period, the delay and t_b
REFINED = [STEPS, pytest.param(MORE_STEPS, marks=pytest.mark.slow)]


def double_exponential(t):
    """PSP of a unit weight, and presynaptic trace, of a spike that arrives at 0."""
    t = np.maximum(t, 0)
    return np.exp(-t / DECAY) - np.exp(-t / RISE)


def alpha(t):
    """The same shape with unit area (1/s)."""
    return double_exponential(t) / RISE


def filtered_trace(t):
    """The presynaptic trace convolved with alpha: the eligibility trace where sigma' is 1."""
    t = np.maximum(t, 0)
    slow, fast = np.exp(-t / DECAY), np.exp(-t / RISE)
    return (t * (slow + fast) - 2 * (slow - fast) / (1 / RISE - 1 / DECAY)) / RISE


def euler_filtered_trace(n, dt):
    """What forward Euler makes of `filtered_trace` after n steps: its z-transform in partial fractions."""
    exact = np.exp(-dt / DECAY), np.exp(-dt / RISE)
    roots = *exact, 1 - dt / DECAY, 1 - dt / RISE
    terms = [r ** np.maximum(n, 0) / np.prod([r - s for s in roots if s != r]) for r in roots]
    return (exact[0] - exact[1]) * dt**2 / (RISE * DECAY) * np.sum(terms, axis=0)


class Recorder:
    """Runs a program of 12 inputs and 3 outputs whose weights stay, and returns what its probes saw."""

    def __init__(self, structure, program, pattern_task):
        self.structure, self.program, self.make = structure, program, pattern_task
        self.dt = float(structure.dt)
        self.synapses = structure.probed_synapses("forward_1")

    def run(self, weights, inputs, targets=((), ()), duration=0.4, beta=1e3):
        """Records of every step as (steps, units), and the state at the end; `beta` in 1/V."""
        task = self.make(12, 3, inputs, targets, 400 * ms)
        state = initial_state(self.structure, task, 0)
        state |= {"forward_1.w": np.asarray(weights, float).ravel(), "forward_1.r0": np.array([0.0])}
        state["output.beta"] = np.array([beta])
        end, records = self.program.run(state, 0, round(duration / self.dt), probe=True)
        t = records["probe_output.t"]
        assert np.allclose(t, np.arange(round(duration / self.dt)) * self.dt)
        U, error, sigma_prime, eligibility = (
            records[f"probe_{name}"].reshape(len(t), -1)
            for name in ("output.U", "output.error", "output.sigma_prime", "forward_1.eligibility")
        )
        spikes = records["spikes_output.t"], records["spikes_output.i"]
        return SimpleNamespace(
            t=t, U=U, error=error, sigma_prime=sigma_prime, eligibility=eligibility, spikes=spikes, end=end
        )


@pytest.fixture(scope="module")
def recorder(compiled, plain, pattern_task):
    """Function from a time step to a `Recorder`."""

    def make(dt=plain.dt):
        structure = Structure(plain.model, plain.sizes, dt=dt)
        return Recorder(structure, compiled(structure), pattern_task)

    return make


def test_a_single_psp(recorder):
    weights = np.zeros((12, 3))
    weights[4] = 0.01, 0.03, -0.05
    r = recorder().run(weights, ([4], [FIRST]))
    expected = double_exponential(r.t - FIRST - DELAY - 1e-4)[:, None] * weights[4]
    np.testing.assert_allclose(r.U - U_REST, expected, rtol=0, atol=1e-15)
    assert (r.U - U_REST).max() == pytest.approx(0.03 / 4, rel=1e-4)


def test_a_presynaptic_trace_is_the_psp_of_a_unit_weight(recorder):
    for t in (20.8e-3, 20.9e-3, 21e-3, 28e-3, 60e-3, 0.3):
        end = recorder().run(np.zeros((12, 3)), ([4], [FIRST]), duration=t).end
        since = t - FIRST - DELAY - 1e-4
        expected = np.zeros((2, 12))
        if since > -1e-9:
            expected[:, 4] = double_exponential(since), np.exp(-since / RISE)
        got = end["terminals_1.z"], end["terminals_1.z_rise"]
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)


def test_sigma_prime_is_the_fast_sigmoid_of_the_recorded_potential(recorder):
    weights = np.tile([0.02, 0.1, -0.1], (12, 1))
    for beta in (0.0, 100.0, 1e3):
        r = recorder().run(weights, (range(12), np.arange(12) * 2e-3), beta=beta)
        expected = 1 / (1 + beta * np.abs(r.U - THETA)) ** 2
        np.testing.assert_allclose(r.sigma_prime, expected, rtol=1e-12)
        assert len(r.spikes[0]) > 3


def test_an_error_trace_has_the_shape_of_alpha_and_unit_area(recorder):
    r = recorder().run(np.zeros((12, 3)), ((), ()), targets=([1], [FIRST]))
    np.testing.assert_allclose(r.error[:, 1], alpha(r.t - FIRST - 1e-4), rtol=0, atol=1e-11)
    # the sum is the trapezoidal rule: alpha and so its area are off by dt**2 alpha'(0)/12
    assert r.error[:, 1].sum() * 1e-4 == pytest.approx(1 - 1e-8 / (12 * RISE * DECAY), abs=1e-8)
    assert not r.error[:, [0, 2]].any()


def test_an_output_spike_gives_the_negative_error_trace(recorder):
    weights = np.zeros((12, 3))
    weights[:, 2] = 0.1
    r = recorder().run(weights, (range(3), [FIRST] * 3), targets=([2], [FIRST]))
    times, ids = r.spikes
    assert set(ids) == {2} and len(ids) > 1
    expected = alpha(r.t - FIRST - 1e-4) - sum(alpha(r.t - t - 1e-4) for t in times)
    np.testing.assert_allclose(r.error[:, 2], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("beta", [0.0, 1e3])
def test_an_eligibility_trace_is_the_closed_form_of_its_recursion(recorder, beta):
    r = recorder()
    got = r.run(np.zeros((12, 3)), ([5, 7], [FIRST, 2 * FIRST]), beta=beta).eligibility
    n, expected = np.arange(len(got)), np.zeros_like(got)
    for pre, time in ((5, FIRST), (7, 2 * FIRST)):
        trace = euler_filtered_trace(n - round((time + DELAY) / 1e-4) - 1, 1e-4)
        expected[:, r.synapses // 3 == pre] = trace[:, None] / (1 + beta * 0.01) ** 2
    assert expected.any(axis=0).sum() == 2
    # partial fractions of nearly equal roots lose half of the digits
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-8 * expected.max())


def order(errors, steps):
    """Order of convergence between successive time steps."""
    return np.diff(np.log(errors)) / np.diff(np.log([float(dt) for dt in steps]))


@pytest.mark.parametrize("steps", REFINED, ids=len)
def test_an_eligibility_trace_converges_to_the_double_filter_at_first_order(recorder, steps, claim):
    errors = []
    for dt in steps:
        r = recorder(dt)
        got = r.run(np.zeros((12, 3)), ([5], [FIRST]), beta=0.0)
        expected = filtered_trace(got.t - FIRST - DELAY - r.dt)
        errors.append(np.abs(got.eligibility[:, r.synapses // 3 == 5][:, 0] - expected).max() / expected.max())
    print("relative errors:", errors, "orders:", order(errors, steps))
    assert np.abs(order(errors, steps) - 1).max() < 0.05
    assert errors[-1] < 0.005
    how = "eligibility beside its closed form, over time steps; order of convergence, which should be 1"
    claim("The error falls with the time step", how, order(errors, steps).max())


# The gradient. sigma(U) = h/(1 + |h|)/beta, h = beta (U - theta), has the derivative sigma_prime.


def sigma(U, beta):
    h = beta * (U - THETA)
    return h / (1 + np.abs(h)) / beta


def convolved(values, dt):
    """Values filtered by alpha (trapezoidal rule: second order)."""
    kernel = alpha(np.arange(len(values)) * dt)
    return np.apply_along_axis(lambda v: np.convolve(v, kernel)[: len(v)] * dt, 0, values)


def euler_filtered(values, dt):
    """Values filtered by the two Euler steps of the synapses."""
    result, rise, trace = np.zeros_like(values), np.zeros_like(values[0]), np.zeros_like(values[0])
    for n, value in enumerate(values):
        result[n] = trace
        trace = trace + dt * (rise - trace) / DECAY
        rise = rise + dt * (value - rise) / RISE
    return result


def gradients(recorder, weights, inputs, beta, change=1e-7):
    """Eligibility, and how sigma(U) changes with the weight of every recorded synapse (centred difference)."""
    base = recorder.run(weights, inputs, beta=beta)
    columns = []
    for synapse in recorder.synapses:
        U = []
        for sign in (1, -1):
            changed = weights.copy()
            changed[divmod(synapse, 3)] += sign * change
            U.append(recorder.run(changed, inputs, beta=beta).U[:, synapse % 3])
        columns.append((sigma(U[0], beta) - sigma(U[1], beta)) / (2 * change))
    return base, np.transpose(columns)


@pytest.fixture(scope="module")
def near_threshold():
    """Weights and input spikes, to be scaled."""
    rng = np.random.default_rng(5)
    times = rng.choice(750, 60, replace=False) * 0.4e-3  # on the grid of every time step
    return rng.normal(0.012, 0.012, (12, 3)), (np.repeat(np.arange(12), 5), times)


def scaled_to_threshold(recorder, weights, inputs, peak=THETA - 0.5e-3):
    """Weights whose potential peaks at `peak` in every unit: it is linear in them below threshold."""
    small = recorder.run(weights / 100, inputs).U.max(axis=0) - U_REST
    return weights / 100 * (peak - U_REST) / small


@pytest.mark.parametrize("beta", [100.0, 1e3])
@pytest.mark.parametrize("steps", REFINED, ids=len)
def test_below_threshold_the_eligibility_is_the_gradient(recorder, near_threshold, steps, beta, claim):
    weights, inputs = near_threshold
    weights = scaled_to_threshold(recorder(), weights, inputs)
    errors = []
    for dt in steps:
        base, change = gradients(recorder(dt), weights, inputs, beta)
        assert len(base.spikes[0]) == 0 and (base.U.max(axis=0) > THETA - 1e-3).all()
        size = np.abs(base.eligibility).max(axis=0)
        # with the filter of the program itself only rounding and the finite difference are left
        same_filter = np.abs(base.eligibility - euler_filtered(change, float(dt))) / size
        errors.append((np.abs(base.eligibility - convolved(change, float(dt))) / size).max())
        print(f"dt {dt}: deviation {same_filter.max():.1e} with the program's filter, {errors[-1]:.1e} with alpha")
        assert same_filter.max() < 1e-6
    print("orders:", order(errors, steps))
    assert np.abs(order(errors, steps) - 1).max() < 0.1
    assert errors[-1] < 0.01
    how = "finite differences of the potential of a unit just below threshold; largest relative deviation, smallest time step"
    claim("Below threshold the eligibility is the gradient", how, errors[-1])


def test_how_far_the_eligibility_is_off_when_the_neuron_spikes(recorder, near_threshold, record_property):
    weights, inputs = near_threshold
    for factor in (1.5, 3, 6):
        scaled = np.clip(factor * scaled_to_threshold(recorder(), weights, inputs), -0.1, 0.1)
        base, change = gradients(recorder(), scaled, inputs, 1e3)
        exact = euler_filtered(change, 1e-4)
        ratio = np.linalg.norm(base.eligibility - exact, axis=0) / np.linalg.norm(exact, axis=0)
        alike = [np.corrcoef(a, b)[0, 1] for a, b in zip(base.eligibility.T, exact.T, strict=True)]
        counts = np.bincount(base.spikes[1], minlength=3)
        text = f"{counts} spikes: relative deviation {np.round(ratio, 2)}, correlation {np.round(alike, 2)}"
        record_property(f"weights times {factor}", text)
        print(text)
        assert counts.sum() > 0 and np.isfinite(ratio).all()
        assert np.median(alike) > 0.3  # the rule ignores what a reset erases: similar, not equal


def test_what_has_decayed_is_zero_and_no_subnormal_number(compiled, plain, pattern_task):
    """Subnormal numbers make a step many times slower; a trace that decays with 10 ms has them after 7.1 s."""
    task = pattern_task(12, 3, ([0], [0.001]), period=10_000 * ms)
    state = initial_state(plain, task, 0) | {"forward_1.r0": np.zeros(1)}
    program, name = compiled(plain), "terminals_1.z"
    (early, _), (late, _) = program.run(state, 0, 68_000), program.run(state, 0, 72_500)
    assert 0 < early[name][0] < 1e-290
    assert np.exp(-7.249 / DECAY) > 0  # NumPy keeps them
    assert (late[name] == 0).all() and (late["terminals_1.z_rise"] == 0).all()

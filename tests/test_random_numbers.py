"""Random numbers have the distributions that they should, and nothing in common; noise in a membrane has its closed form."""

import math

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, StateMonitor, Synapses, ms, mV, prefs
from brian2.devices.device import reset_device, set_device
from superspike_brian.models import LIF, SUPERSPIKE

from superspike_brian import engine
from superspike_brian.codegen import random_numbers
from superspike_brian.codegen.device import RUNTIME
from superspike_brian.codegen.random_numbers import KEY
from superspike_brian.engine.preferences import PRECISIONS
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.initial import initial_state, noise
from superspike_brian.network.structure import Structure

UNITS, STEPS = 200, 200
SIGMAS = 5
DRAWS = {"uniform": "rand()", "again": "rand()", "normal": "randn()", "few": "poisson(2.5)", "many": "poisson(80)"}
CODE = "\n".join(f"{name} = {call}" for name, call in DRAWS.items())


@pytest.fixture
def target():
    """Function that chooses a target and a precision of the runtime device; everything is as before afterwards."""
    saved = prefs.codegen.target, prefs.core.default_float_dtype
    set_device(RUNTIME)

    def choose(name, precision="double"):
        prefs.codegen.target, prefs.core.default_float_dtype = name, PRECISIONS[precision]

    choose("numpy")
    yield choose
    prefs.codegen.target, prefs.core.default_float_dtype = saved
    reset_device()


def streams(seed, n=UNITS, steps=STEPS):
    """Draws of two groups: dict of name to array of shape (units, steps)."""
    KEY[:] = noise(seed)["random.key"]
    groups = [NeuronGroup(n, "\n".join(f"{name} : 1" for name in DRAWS), name=f"drawn_{k}") for k in "ab"]
    for group in groups:
        group.run_regularly(CODE, when="start", name=f"{group.name}_draw")
    monitors = [StateMonitor(group, list(DRAWS), record=True, name=f"{group.name}_seen") for group in groups]
    Network(groups, monitors).run(steps * groups[0].clock.dt, namespace={})
    return {f"{name}_{k}": getattr(m, name).copy() for k, m in zip("ab", monitors, strict=True) for name in DRAWS}


@pytest.fixture
def drawn(target):
    return streams(seed=1)


def off(found, expected, deviation):
    """By how many standard deviations a figure is off."""
    return abs(found - expected) / deviation


def chi_square_is_fine(counts, probabilities):
    """Whether counts are as expected: chi-square of n degrees of freedom has mean n and variance 2 n."""
    expected, freedom = np.sum(counts) * probabilities, len(counts) - 1
    return off(((counts - expected) ** 2 / expected).sum(), freedom, math.sqrt(2 * freedom)) < SIGMAS


@pytest.mark.parametrize("group", "ab")
def test_distributions(drawn, group):
    uniform, size = drawn[f"uniform_{group}"], UNITS * STEPS
    assert uniform.min() > 0 and uniform.max() < 1
    assert chi_square_is_fine(np.histogram(uniform, 100, (0, 1))[0], np.full(100, 0.01))

    normal, edges = drawn[f"normal_{group}"], np.array([-np.inf, *np.arange(-3, 3.1, 0.25), np.inf])
    share = np.diff([(1 + math.erf(e / math.sqrt(2))) / 2 for e in edges])
    assert chi_square_is_fine(np.histogram(normal, edges)[0], share)
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3), (6, 15)):
        spread = math.sqrt((math.prod(range(1, 2 * power, 2)) - moment**2) / size)
        assert off((normal**power).mean(), moment, spread) < SIGMAS

    for name, mean, values in (("few", 2.5, range(9)), ("many", 80, range(55, 110))):
        k = drawn[f"{name}_{group}"]
        assert np.array_equal(k, np.floor(k)) and k.min() >= 0
        inside = np.array([(k == v).sum() for v in values])
        probability = np.array([math.exp(v * math.log(mean) - mean - math.lgamma(v + 1)) for v in values])
        assert chi_square_is_fine(np.r_[inside, size - inside.sum()], np.r_[probability, 1 - probability.sum()]), name


def test_streams_have_nothing_in_common(drawn):
    """Neither values nor squares: of call sites, functions, groups, neighbouring units and successive steps."""
    whitened = {n: (x - x.mean()) / x.std() for n, x in drawn.items()}
    whitened |= {f"{n} squared": (x**2 - 1) / (x**2).std() for n, x in whitened.items()}
    names = list(whitened)
    for a, name in enumerate(names):
        x = whitened[name]
        for lag in (1, 2, 7):
            assert abs((x[lag:] * x[:-lag]).mean()) < SIGMAS / math.sqrt(x[lag:].size), (name, "units", lag)
            assert abs((x[:, lag:] * x[:, :-lag]).mean()) < SIGMAS / math.sqrt(x[:, lag:].size), (name, "steps", lag)
        for other in names[a + 1 :]:
            if other.split()[0] != name.split()[0]:
                assert abs((x * whitened[other]).mean()) < SIGMAS / math.sqrt(x.size), (name, other)
    assert all(len(np.unique(x)) == x.size for name, x in drawn.items() if name[:-2] in ("uniform", "again", "normal"))


def test_seeds(drawn):
    again, other = streams(seed=1, n=10, steps=20), streams(seed=2, n=10, steps=20)
    for name, values in drawn.items():
        assert np.array_equal(again[name], values[:10, :20]), (
            name
        )  # a unit's numbers do not depend on how many there are
        assert not np.array_equal(other[name], values[:10, :20]), name
    uniform = other["uniform_a"].ravel(), again["uniform_a"].ravel()
    assert abs(np.corrcoef(*uniform)[0, 1]) < SIGMAS / math.sqrt(200)


def test_poisson_of_any_mean(target):
    """None, small, around the change of the method, large: a mean for each unit."""
    KEY[:] = noise(3)["random.key"]
    n, means = 4000, (0, 1e-3, 0.7, 29.9, 30.1, 1e3, 1e6, 1.9e9)
    group = NeuronGroup(n * len(means), "mean : 1\nk : 1", name="poisson_of")
    group.mean = np.repeat(means, n)
    group.k = "poisson(mean)"
    for mean, k in zip(means, group.k[:].reshape(-1, n), strict=True):
        assert off(k.mean(), mean, math.sqrt(mean / n) or 1) < SIGMAS
        fourth = mean + 3 * mean**2  # central moment
        assert off(((k - mean) ** 2).mean(), mean, math.sqrt((fourth - mean**2) / n) or 1) < SIGMAS


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_number_nearest_to_one_stays_below_it(target, monkeypatch, precision):
    """Also in single precision, so that logarithms are finite."""
    monkeypatch.setattr(random_numbers._Draw, "attempt", lambda self: np.full((2, 5), 1 - 2.0**-53))
    target("numpy", precision)
    group = NeuronGroup(5, "u : 1\nlogarithm : 1", name="nearest")
    group.u = "rand()"
    group.logarithm = "log(1 - u)"
    assert group.u[:].dtype == PRECISIONS[precision]
    assert (group.u[:] < 1).all() and (group.u[:] > 0.9999).all() and np.isfinite(group.logarithm[:]).all()


def test_cython_draws_the_same(target):
    """Also where a statement is executed for some units or synapses only."""

    def run(name):
        target(name)
        KEY[:] = noise(4)["random.key"]
        group = NeuronGroup(7, "x : 1\ny : 1", threshold="rand() < 0.3", reset="x += rand()", name="some")
        synapses = Synapses(
            group, group, "w : 1", on_pre="y_post += randn()*w\nw += poisson(2 + 60*rand())", name="between"
        )
        synapses.connect()
        synapses.w = "rand()"
        Network(group, synapses).run(3 * ms, namespace={})
        return np.array(group.x), np.array(group.y), np.array(synapses.w)

    for found, expected in zip(run("cython"), run("numpy"), strict=True):
        assert expected.any()
        np.testing.assert_allclose(found, expected, 1e-12)


SIGMA, TAU, DT = 2e-3, 10e-3, 1e-4
NOISY = LIF.replace(
    equations="""
    dU/dt     = (U_rest - U + I_syn)/tau_mem + sigma*sqrt(2/tau_mem)*xi : volt
    dI_syn/dt = -I_syn/tau_syn                                           : volt
    """,
    initial="U = U_rest + sigma*randn()",
    method="euler",
    parameters={**LIF.parameters, "sigma": SIGMA * 1e3 * mV, "theta": 0 * mV},
)


@pytest.mark.parametrize("device", ["runtime", "standalone"])
def test_ornstein_uhlenbeck_membrane(device, build_dir, pattern_task):
    """In discrete time U(t+1) - mu = a (U(t) - mu) + b N, with a = 1 - dt/tau and b**2 = 2 sigma**2 dt/tau."""
    n = 1500
    structure = Structure(SUPERSPIKE.replace(neuron=NOISY, w_0=0 * mV), (1, n, 1))
    program = RuntimeProgram(structure) if device == "runtime" else engine.build(structure, build_dir=build_dir)
    state = initial_state(structure, pattern_task(1, 1, ([0], [0.01])), seed=1)
    a, b = 1 - DT / TAU, SIGMA * math.sqrt(2 * DT / TAU)
    variance, samples, now = b**2 / (1 - a**2), [], 0
    for steps in (1, 19, 80, 200, 300):
        state, records = program.run(state, now, steps)
        assert len(records["spikes_output.t"]) == 0
        samples.append((now := now + steps, state["hidden_1.U"] + 60e-3))
    for step, u in samples:
        expected = variance + (SIGMA**2 - variance) * a ** (2 * step)  # from the variance that it starts with
        assert off(u.mean(), 0, math.sqrt(expected / n)) < SIGMAS
        assert off((u**2).mean(), expected, expected * math.sqrt(2 / n)) < SIGMAS
        assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < SIGMAS / math.sqrt(n)
    for k, (first, u) in enumerate(samples):
        for second, v in samples[k + 1 :]:
            r = a ** (second - first)
            assert off((u * v).mean(), r * variance, variance * math.sqrt((1 + r**2) / n)) < SIGMAS


def test_the_noise_of_a_step_is_that_of_euler(pattern_task):
    """What one step adds has variance b**2: the estimate from 9,000 innovations is good to 8 %."""
    structure = Structure(SUPERSPIKE.replace(neuron=NOISY, w_0=0 * mV), (1, 1500, 1))
    program, found = RuntimeProgram(structure), []
    state = initial_state(structure, pattern_task(1, 1, ([0], [0.01])), seed=2)
    for step in range(7):
        before, (state, _) = state, program.run(state, step, 1)
        if step:
            found.append(state["hidden_1.U"] + 60e-3 - (1 - DT / TAU) * (before["hidden_1.U"] + 60e-3))
    found = np.array(found) / (SIGMA * math.sqrt(2 * DT / TAU))
    assert off((found**2).mean(), 1, math.sqrt(2 / found.size)) < SIGMAS
    assert abs((found[1:] * found[:-1]).mean()) < SIGMAS / math.sqrt(found[1:].size)

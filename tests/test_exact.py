"""Exact integration where time constants are equal, nearly equal or far apart, against closed forms in 80 digits."""

from itertools import product

import mpmath
import numpy as np
import pytest
from brian2 import Equations, NeuronGroup, ms, prefs, second, us, volt
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.stateupdaters.exact import exact
from superspike_brian.models import LIF, SUPERSPIKE
from superspike_brian.tasks import spike_timing

from superspike_brian.codegen.exact import blocks, exact_by_blocks
from superspike_brian.engine.cache import standalone_device
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.assembly import Assembly
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.runs.training import train

# relative distances of two time constants: all powers of ten, on both sides
DISTANCES = [0.0, *(sign * 10.0**-k for k in range(1, 17) for sign in (1, -1)), 1.0, 10.0]
DT = 1e-4


def response(rates, t):
    """The last of a chain of low-pass filters after a jump of 1 in the first, at times t; rates in Hz.

    Equal rates are moved apart in the 25th digit, and 80 are kept.
    """
    with mpmath.workdps(80):
        rates = [mpmath.mpf(r) * (1 + k * mpmath.mpf(10) ** -25) for k, r in enumerate(rates)]
        weights = [
            mpmath.fprod(rates[1:]) / mpmath.fprod(other - rate for other in rates if other is not rate)
            for rate in rates
        ]
        return np.array([float(sum(w * mpmath.exp(-r * s) for w, r in zip(weights, rates, strict=True))) for s in t])


def chain(n, inputs=False):
    declared = "".join(f"tau_{k} : second (shared, constant)\n" for k in range(n)) if inputs else ""
    rest = "".join(f"dx_{k}/dt = (x_{k - 1} - x_{k})/tau_{k} : 1\n" for k in range(1, n))
    return Equations(f"dx_0/dt = -x_0/tau_0 : 1\n{rest}{declared}")


def group(equations, dt=DT, **kwds):
    return NeuronGroup(1, equations, dt=dt * second, method=exact_by_blocks, **kwds)


def code_of(equations, namespace, dt=DT, method=exact_by_blocks):
    """Abstract code of a step."""
    g = group(equations, dt, namespace=namespace)
    names = g.equations.names | g.equations.identifiers | {"dt"}
    return method(g.equations, g.resolve_all(names, run_namespace={}, user_identifiers=set()))


def steps(code, names, n, **start):
    """Values of all variables after each of n steps of abstract code, in double precision."""
    functions = {"exp": np.exp, "int": int, "exprel": DEFAULT_FUNCTIONS["exprel"].pyfunc}
    values = functions | {"dt": DT} | dict.fromkeys(names, 0.0) | start
    found = []
    for _ in range(n):
        exec(code, values)
        found.append([float(values[name]) for name in names])
    return np.array(found).T


@pytest.mark.parametrize("inputs", [False, True], ids=["constants", "inputs"])
@pytest.mark.parametrize("tau", [1e-4, 5e-3, 1.0])
@pytest.mark.parametrize("distance", DISTANCES)
def test_two_time_constants(distance, tau, inputs):
    """Both orders: the slow one drives the fast one, and the other way round."""
    for taus in ((tau, tau * (1 + distance)), (tau * (1 + distance), tau)):
        given = {f"tau_{k}": value * second for k, value in enumerate(taus)}
        code = code_of(chain(2, inputs), {} if inputs else given)
        assert ("exprel" in code) == inputs
        found = steps(code, ["x_0", "x_1"], 200, x_0=1.0, **{k: float(v) for k, v in given.items()})
        t = DT * np.arange(1, 201)
        np.testing.assert_allclose(found[0], np.exp(-t / taus[0]), rtol=1e-12)
        np.testing.assert_allclose(found[1], response([1 / s for s in taus], t), rtol=1e-10, atol=1e-300)


def test_the_limit_is_the_alpha_function():
    t = DT * np.arange(1, 201)
    code = code_of(chain(2), {"tau_0": 10 * ms, "tau_1": 10 * ms})
    np.testing.assert_allclose(steps(code, ["x_1"], 200, x_0=1.0)[0], t / 0.01 * np.exp(-t / 0.01), rtol=1e-13)


@pytest.mark.parametrize("distances", list(product([0, 1e-13, -1e-8, 1e-4, 0.02, 1], repeat=2)), ids=str)
@pytest.mark.parametrize("n", [3, 4])
def test_longer_chains(n, distances):
    taus = (0.01, *(0.01 * (1 + d) for d in distances), 0.004)[:n]
    code = code_of(chain(n), {f"tau_{k}": value * second for k, value in enumerate(taus)})
    found = steps(code, [f"x_{k}" for k in range(n)], 300, x_0=1.0, **{f"tau_{k}": v for k, v in enumerate(taus)})
    for k in range(1, n):
        expected = response([1 / s for s in taus[: k + 1]], DT * np.arange(1, 301))
        np.testing.assert_allclose(found[k], expected, rtol=1e-9)


@pytest.mark.parametrize("dt", [1 * us, 10 * us, 0.1 * ms, 0.5 * ms, 1 * ms])
@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_distinct_constants_keep_brian2s_code(dt, precision, monkeypatch):
    """So runs of the default model go on with the bits that they began with."""
    if precision is np.float32 and dt < 10 * us:
        pytest.skip("single precision keeps less than four digits there, and takes the numbers")
    monkeypatch.setitem(prefs.prefs, "core.default_float_dtype", precision)
    model = SUPERSPIKE
    for equations in (*(model.layer_equations(output=o) for o in (True, False)), model.plasticity.terminal_equations):
        g = NeuronGroup(1, equations, dt=dt, threshold="False", refractory=1 * ms, namespace=model.parameters)
        names = g.equations.names | g.equations.identifiers | {"dt"}
        variables = g.resolve_all(names, run_namespace={}, user_identifiers=set())
        parts = [Equations([g.equations[n] for n in block]) for block in blocks(g.equations)]
        rest = [e for e in g.equations.values() if e.type != "differential equation"]
        parts = [Equations([*rest, *part.values()]) for part in parts]
        assert exact_by_blocks(g.equations, variables) == "\n".join(exact(part, variables) for part in parts)


def test_oscillations():
    """A pair that turns: eigenvalues -1/tau +- i omega, for which Brian2 has no solution."""
    code = code_of(
        Equations("dx/dt = -x/tau - omega*y : 1\ndy/dt = -y/tau + omega*x : 1"), {"tau": 8 * ms, "omega": 90 / second}
    )
    x, y = steps(code, ["x", "y"], 400, x=1.0)
    t = DT * np.arange(1, 401)
    np.testing.assert_allclose(x, np.exp(-t / 0.008) * np.cos(90 * t), rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(y, np.exp(-t / 0.008) * np.sin(90 * t), rtol=1e-10, atol=1e-15)


def test_an_integrator_and_a_constant_drive():
    code = code_of(Equations("dx/dt = y/tau : 1\ndy/dt = (level - y)/tau : 1\nlevel : 1 (constant)"), {"tau": 8 * ms})
    x, y = steps(code, ["x", "y"], 400, level=3.0, tau=0.008)
    t = DT * np.arange(1, 401)
    np.testing.assert_allclose(y, -3 * np.expm1(-t / 0.008), rtol=1e-12)
    np.testing.assert_allclose(x, 3 * (t / 0.008 + np.expm1(-t / 0.008)), rtol=1e-9)


# the network


@pytest.fixture
def psp(pattern_task):
    """Function: U and error of the output over n steps after an input and a target spike, on the runtime device."""

    def run(structure, n, **state):
        task = pattern_task(1, 1, ([0], [0.0]), ([0], [0.0]), period=10 * second)
        start = initial_state(structure, task, 0) | {"forward_1.w": np.array([1e-3]), "forward_1.r0": np.zeros(1)}
        _, records = RuntimeProgram(structure).run(start | state, 0, n, probe=True)
        return {k.removeprefix("probe_"): v.ravel() for k, v in records.items() if k.startswith("probe_output.")}

    return run


@pytest.mark.parametrize("inputs", [False, True], ids=["constants", "inputs"])
@pytest.mark.parametrize("distance", [0, 1e-13, -1e-5, 1e-1])
def test_the_network_follows_the_closed_form(psp, distance, inputs):
    model = SUPERSPIKE.replace(tau_syn=10 * ms * (1 + distance), tau_rise=10 * ms * (1 + distance))
    if inputs:
        declared = LIF.equations + "\ntau_syn : second (shared, constant)\ntau_mem : second (shared, constant)"
        model = model.replace(neuron=model.neuron.replace(equations=declared))
    found = psp(Structure(model, (1, 1)), 400)
    delay, rates = 8, [100 / (1 + distance), 100]
    # step k's record is of its start, and the spike comes in it: after `delay` steps, the current; then one step
    t = DT * np.arange(400 - delay - 1)
    np.testing.assert_allclose(found["output.U"][: delay + 1], -0.06, rtol=1e-14)
    rise = found["output.U"][delay + 1 :] + 0.06
    np.testing.assert_allclose(rise[1:], 1e-3 * response(rates, t[1:]), rtol=1e-9, atol=1e-15)
    error = response(rates, DT * np.arange(1, 399)) * rates[0]  # an impulse of 1 drives it by 1/tau_rise
    at = np.flatnonzero(found["output.error"])[0]
    np.testing.assert_allclose(found["output.error"][at:], error[: 400 - at], rtol=1e-9)


def test_a_refractory_unit_rests_where_time_constants_are_equal(psp):
    model = SUPERSPIKE.replace(tau_syn=10 * ms)
    task_state = {"output.U": np.array([-0.04]), "output.I_syn": np.array([0.005])}
    found = psp(Structure(model, (1, 1)), 120, **task_state)["output.U"]
    np.testing.assert_array_equal(found[1:50], -0.06)  # 5 ms from the spike in the first step
    assert (found[52:] > -0.06).all()


@pytest.mark.parametrize(
    ("constants", "precision"),
    [
        (("tau_syn", "tau_mem"), "double"),
        pytest.param(("tau_rise", "tau_decay"), "single", marks=pytest.mark.slow),
        pytest.param(("tau_syn", "tau_mem"), "single", marks=pytest.mark.slow),
        pytest.param(("tau_rise", "tau_decay"), "double", marks=pytest.mark.slow),
    ],
)
def test_costs_vary_continuously(constants, precision):
    """From one side through the limit to the other; the task and the seed are the same."""
    one, other = constants
    task = spike_timing(n_inputs=10, seed=1, period=50 * ms, rate=50 / second, n_spikes=2)
    costs = []
    for distance in (-1e-4, -1e-13, 0, 1e-13):
        value = SUPERSPIKE.parameters[other] * (1 + distance)
        model = SUPERSPIKE.replace(w_0=0.2 * volt, **{one: value})
        how = {"duration": 300 * ms, "burn_in": 100 * ms, "block": 100 * ms, "device": "runtime", "progress": False}
        costs.append(train(task, model, precision=precision, **how).cost.values.ravel())
    np.testing.assert_allclose(costs, [costs[2]] * 4, rtol=2e-3)
    if precision == "double":
        np.testing.assert_allclose(costs[1:4], [costs[2]] * 3, rtol=1e-9)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_equal_time_constants_fit_the_fastest_kernel(precision):
    model = SUPERSPIKE.replace(tau_syn=10 * ms, tau_rise=10 * ms)
    with standalone_device(precision):
        assert set(Assembly(Structure(model, (3, 2, 2)), "auto").kernels.values()) == {"events"}

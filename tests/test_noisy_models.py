"""A random function in any string of a model: the same seed gives the same bits, whatever cuts the run or looks at it."""

import dataclasses
import re

import numpy as np
import pytest
from brian2 import Equations, ms, mV, second
from brian2 import seed as brian2_seed
from brian2.core.functions import DEFAULT_FUNCTIONS
from superspike_brian.models import HETEROSYNAPTIC, LIF, RANDOM, SUPERSPIKE, WINDOWED, Model, ModelError, noise
from superspike_brian.models.checks import CHOICES
from superspike_brian.tasks import latencies
from test_kernels import SIZES, assert_same, learn, task

from superspike_brian import engine
from superspike_brian.codegen import random_numbers
from superspike_brian.codegen.kernels import KERNELS
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.assembly import Assembly
from superspike_brian.network.initial import initial_state
from superspike_brian.network.initial import noise as key_of
from superspike_brian.network.structure import Structure
from superspike_brian.network.trials import trial_source
from superspike_brian.results.folder import RunFolder
from superspike_brian.runs.training import resume, train

KEY = "random.key"
SHORT = {"t_b": 20 * ms, "w_0": 300 * mV, "r0": 5 * mV, "axonal_delay": 1 * ms}
OWN_OUTPUT = {"output_threshold": "U > theta", "output_equations": "sigma_prime = 1 : 1 (constant over dt)"}
ERROR = WINDOWED.replace(**OWN_OUTPUT)
MODEL = SUPERSPIKE.replace(error=ERROR, feedback=RANDOM, regularizer=HETEROSYNAPTIC, **SHORT)
TASK = latencies(classes=2, patterns=1, n_inputs=20, pause_min=5 * ms, pause_mean=8 * ms)
NO_CODE = {*CHOICES, "name", "source", "method", "terminal_method"}
PLACES = [
    (kind.name, field.name)
    for kind in dataclasses.fields(Model)
    for field in dataclasses.fields(type(getattr(MODEL, kind.name)))
    if field.name not in {*NO_CODE, "parameters"}
]

EQUATIONS = (
    *(MODEL.layer_equations(output=output) for output in (True, False)),
    MODEL.synapse_equations(MODEL.regularizer),
    Equations(MODEL.plasticity.terminal_equations),
)
UNITS = {e.varname: repr(e.unit).removeprefix("Unit") for equations in EQUATIONS for e in equations.values()}


def with_noise(kind, field):
    """The model with a random variable, change, condition or factor in one of its strings."""
    code = getattr(getattr(MODEL, kind), field)
    assert code.strip(), "a place without code: give MODEL a component that has some"
    if field.endswith("equations"):
        code += f"\nnoise_of_{kind} = rand() : 1 (constant over dt)"
    elif assigned := re.search(r"^\s*(\w+)\s*[-+*/]?=(?!=)", code, re.M):
        unit = UNITS[assigned[1].removesuffix("_post")]
        code += f"\n{assigned[1]} = {assigned[1]} + 0.001*rand()*{unit}"
    else:
        code = f"({code}) or rand() < 0.1" if field.endswith("threshold") else f"({code})*(0.5 + rand())"
    return MODEL.replace(**{kind: getattr(MODEL, kind).replace(**{field: code})})


class Noisy:
    """A network on the runtime device, with a step of 1 ms."""

    def __init__(self, model, sizes=(20, 6, 2)):
        self.structure = Structure(model, sizes, dt=1 * ms)
        self.program = RuntimeProgram(self.structure)

    def start(self, seed=1):
        trials = trial_source(TASK, self.structure, seed).training(0, 2000)
        return initial_state(self.structure, TASK, seed) | trials

    def run(self, state, pieces=(100,), probe=False):
        step = 0
        for n in pieces:
            state, _ = self.program.run(state, step, n, probe=probe)
            step += n
        return state


def differences(first, second):
    return [name for name in first if name != KEY and not np.array_equal(first[name], second[name], equal_nan=True)]


ANY = [p for p in PLACES if p[1] not in ("delay", "interval")]


@pytest.mark.parametrize(
    ("kind", "field"), [pytest.param(*p, marks=[pytest.mark.slow] if k % 3 else []) for k, p in enumerate(ANY)]
)
def test_a_random_function_in_any_string_is_the_seeds(kind, field):
    network = Noisy(with_noise(kind, field))
    start = network.start()
    brian2_seed(1)
    np.random.seed(1)
    whole = network.run(start)
    brian2_seed(2)
    np.random.seed(2)
    beside = Noisy(network.structure.model)  # a second network, while there is the first
    assert differences(beside.run(start, pieces=(1, 58, 41), probe=True), whole) == []
    pieces = (1,) if field == "initial" else (100,)  # later the model may set the variable to something else
    assert differences(
        network.run(start | key_of(2), pieces), whole if pieces == (100,) else network.run(start, pieces)
    )


def test_random_functions_are_brian2s():
    """Every function that gives another value at every call, whatever Brian2's version."""
    stateful = {name for name, function in DEFAULT_FUNCTIONS.items() if not function.stateless}
    assert stateful == set(noise.RANDOM_FUNCTIONS) == set(random_numbers.RANDOM_FUNCTIONS)


DRIFT = LIF.replace(
    equations=LIF.equations.replace("/tau_mem :", "/tau_mem + sigma*xi*sqrt(2/tau_mem) :"),
    method="euler",
    parameters={**LIF.parameters, "sigma": 3 * mV},
)
RULE, ERROR, SURROGATE = SUPERSPIKE.plasticity.replace(axonal_delay=1 * ms), SUPERSPIKE.error, SUPERSPIKE.surrogate
NOISY = {
    "neuron": DRIFT.replace(
        threshold="U > theta or rand() < 0.002",
        reset="U = U_rest + 2*mV*rand()",
        on_input="I_syn_post += w*(0.5 + rand())",
        initial="U = U_rest + 3*mV*randn()",
    ),
    "error": ERROR.replace(on_target="error_rise_post += target_impulse*rand()"),
    "feedback": RANDOM.replace(on_output="error_rise_post -= output_impulse*b*poisson(1.0)"),
    "optimizer": SUPERSPIKE.optimizer.replace(
        update=SUPERSPIKE.optimizer.update + "\nw = clip(w + 0.1*mV*randn(), -w_max, w_max)", t_b=0.1 * second
    ),
    "plasticity": RULE.replace(on_arrival="z_rise_post += poisson(40)/40.0"),
}
EVERYWHERE = SUPERSPIKE.replace(**NOISY, w_0=1000 * mV, r0=5 * mV)
# noise that a variable multiplies, several terms, terminals, a surrogate, synapses, refractoriness
MULTIPLIED = LIF.replace(
    equations="""
    dU/dt     = (U_rest - U + I_syn)/tau_mem + s*y*xi_1 + sigma*xi_2*(1 + clip(rand (), 0, 1)) : volt (unless refractory)
    dI_syn/dt = -I_syn/tau_syn                                                                 : volt
    dy/dt     = -y/tau_mem + 0.1*y*xi_3/tau_mem**0.5                                           : 1
    q         = poisson(3*rand())                                                              : 1 (constant over dt)
    s : volt*second**-0.5 (shared, constant)
    """,
    threshold="U > theta and rand() < 0.9",
    refractory="tau_ref*(0.5 + rand())",
    initial="y = 1 + rand()\nU = U_rest*(1 + 0.1*rand())",
    method="heun",
    parameters={**LIF.parameters, "s": 1 * mV / ms**0.5, "sigma": 1 * mV / ms**0.5},
)
IN_SYNAPSES = SUPERSPIKE.replace(
    neuron=MULTIPLIED,
    surrogate=SURROGATE.replace(equations=SURROGATE.equations.replace("1/(", "(0.5 + rand())/(")),
    plasticity=RULE.replace(
        terminal_equations=RULE.terminal_equations.replace("- z)/tau_mem", "- z)/tau_mem + 0.1*xi/tau_mem**0.5"),
        terminal_method="euler",
        equations=RULE.equations.replace("- weight_decay", "- weight_decay*poisson(2) + 10*xi*Hz**0.5"),
    ),
    w_0=1000 * mV,
)


def same_bits(found, expected):
    for a, b in zip(found, expected, strict=True):
        for name, values in b.items():
            np.testing.assert_array_equal(a[name], values, err_msg=name)


@pytest.mark.parametrize(
    "model", [pytest.param(EVERYWHERE, marks=pytest.mark.slow), IN_SYNAPSES], ids=["everywhere", "in synapses"]
)
def test_kernels_and_devices_draw_the_same(model, build_dir, claim):
    sizes, pieces = (37, 21, 10), (1201,)
    structure = Structure(model, sizes)
    expected = RuntimeProgram(structure).run(initial_state(structure, task(sizes), seed=1), 0, *pieces)
    assert len(expected[1]["spikes_output.t"]) > 20
    common = {name: values for name, values in expected[0].items() if not name.endswith(".queue")}
    spikes = {name: values for name, values in expected[1].items() if name.startswith("spikes_output")}
    for kernel in KERNELS if model is EVERYWHERE else ("stock", "auto"):
        worst = assert_same(learn(model, kernel, build_dir, sizes, pieces), (common, spikes))
        how = "a noisy network, 1201 steps of a compiled program beside Brian2's runtime device; relative deviation of states"
        claim("Both devices run the same network", how, worst)


def test_noise_in_synapses_takes_the_kernel_dense(build_dir):
    with engine.standalone_device("double"):
        assert set(Assembly(Structure(IN_SYNAPSES, SIZES), "auto").kernels.values()) == {"dense"}
    pieces = learn(IN_SYNAPSES, "auto", build_dir, pieces=(125, 876), threads=2)
    same_bits(pieces[:1], learn(IN_SYNAPSES, "auto", build_dir, pieces=(1001,))[:1])


@pytest.mark.parametrize("precision", ["double", "single"])
def test_neither_blocks_nor_threads_nor_probes_change_a_bit(build_dir, precision):
    def run(**options):
        state, records = learn(EVERYWHERE, "auto", build_dir, precision=precision, **options)
        return state, {name: values for name, values in records.items() if name.startswith("spikes_output")}

    expected = run(pieces=(2000,))
    same_bits(run(pieces=(125, 1000, 875)), expected)
    same_bits(run(pieces=(2000,), threads=3), expected)
    if precision == "double":
        assert_same(run(pieces=(2000,), probe=True), expected)  # monitors of synapses flush them at every step


@pytest.mark.parametrize("device", [pytest.param("runtime", marks=pytest.mark.slow), "standalone"])
def test_resumed_run_ends_in_the_same_bits(tmp_path, build_dir, device, poisson_task):
    options = {"hidden": (4,), "device": device, "build_dir": build_dir, "burn_in": 0.1 * second, "seed": 5}
    options |= {"progress": False, "dt": (1 if device == "runtime" else 0.1) * ms}
    spikes = poisson_task(12, 3, seed=1)

    def end(name):
        return RunFolder(tmp_path / name).newest()[2]

    whole = train(spikes, EVERYWHERE, out=tmp_path / "whole", duration=0.5 * second, block=0.25 * second, **options)
    train(spikes, EVERYWHERE, out=tmp_path / "cut", duration=0.2 * second, block=0.1 * second, **options)
    resumed = resume(tmp_path / "cut", duration=0.5 * second, build_dir=build_dir, progress=False)
    probed = train(spikes, EVERYWHERE, duration=0.5 * second, block=0.125 * second, probe_at=[0.25 * second], **options)
    assert differences(end("cut"), end("whole")) == []
    np.testing.assert_array_equal(end("cut")[KEY], key_of(5)[KEY])
    for name in ("weights_1_end", "weights_2_end"):
        np.testing.assert_array_equal(resumed[name], whole[name])
        np.testing.assert_array_equal(probed[name], whole[name])
        assert not np.array_equal(whole[name], whole[name.replace("end", "start")])


def test_initial_values_know_seed_and_parameters(build_dir):
    """A parameter that is an input of the program, too: values are set once it is known."""
    neuron = LIF.replace(
        equations=LIF.equations + "\nspread : volt (shared, constant)",
        initial="U = U_rest + spread*rand()\nI_syn = U - U_rest\nU = U_rest + (U - U_rest)*rand()",
        parameters={**LIF.parameters, "spread": 5 * mV, "theta": 0 * mV},
    )
    structure = Structure(SUPERSPIKE.replace(neuron=neuron, w_0=0 * mV), (12, 40, 3))
    programs = engine.build(structure, build_dir=build_dir), RuntimeProgram(structure)
    for seed in (1, 2):
        state = initial_state(structure, task(structure.sizes), seed)
        found = [p.run(state, 0, 1)[0] for p in programs]
        np.testing.assert_allclose(found[0]["hidden_1.I_syn"], found[1]["hidden_1.I_syn"], 1e-12)
        np.testing.assert_allclose(found[0]["hidden_1.U"], found[1]["hidden_1.U"], 1e-12)
        drawn = found[0]["hidden_1.I_syn"] / np.exp(-0.1 / 5) / 5e-3
        assert drawn.min() < 0.2 and drawn.max() > 0.8 and len(set(drawn)) == 40 and 0.3 < drawn.mean() < 0.7
    given = programs[0].run(state | {"hidden_1.U": np.full(40, -0.055)}, 0, 1)[0]
    assert len(set(given["output.U"])) == 3 and np.ptp(given["hidden_1.U"]) < np.ptp(found[0]["hidden_1.U"])


@pytest.mark.parametrize("device", ["runtime", "standalone"])
def test_a_mean_below_zero_stops_the_run_with_a_message(device, build_dir):
    neuron = LIF.replace(reset="U = U_rest - poisson(I_syn/mV - 1e4)*mV", threshold="U > -1*volt")
    structure = Structure(SUPERSPIKE.replace(neuron=neuron), (12, 3))
    program = RuntimeProgram(structure) if device == "runtime" else engine.build(structure, build_dir=build_dir)
    with pytest.raises(engine.SimulationError, match=r"poisson\(-1.*\): a mean lies between 0 and 2e\+?0?9"):
        program.run(initial_state(structure, task(structure.sizes), 1), 0, 10)


XI = "\ndnoise/dt = -noise/tau_mem + {} : 1"
REFUSED = {
    "twice": (
        {"reset": "U = U_rest + (rand() - rand())*mV"},
        r"reset: .*rand\(\) more than once: give each call a line",
    ),
    "twice in an equation": (
        {"equations": LIF.equations + "\nx = rand() + rand() : 1 (constant over dt)"},
        r"equations: .*rand\(\) more than once",
    ),
    "unsteady": ({"equations": LIF.equations + "\nx = rand() : 1"}, r"'x = rand\(\)' .* \(constant over dt\)"),
    "exact": ({"equations": LIF.equations + XI.format("xi/tau_mem**0.5")}, "'exact' cannot .* xi: use method='euler'"),
    "multiplied": (
        {"equations": LIF.equations + XI.format("noise*xi/tau_mem**0.5"), "method": "euler"},
        "'euler' cannot .* use method='heun' or 'milstein'",
    ),
    "unit": ({"equations": LIF.equations + XI.format("xi/tau_mem"), "method": "euler"}, "units in 'dnoise/dt"),
    "binomial": ({"reset": "U = U_rest + binomial(3, 0.5)*mV"}, "'binomial' is no function"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_random_is_refused_at_once(case):
    changes, message = REFUSED[case]
    with pytest.raises(ModelError, match=message):
        SUPERSPIKE.replace(neuron=LIF.replace(**changes))


@pytest.mark.parametrize(("kind", "field"), [p for p in PLACES if p[1] in ("delay", "interval")])
def test_what_holds_for_the_run_is_not_random(kind, field):
    with pytest.raises(ModelError, match=rf"{field}: rand\(\) cannot be used here"):
        with_noise(kind, field)

"""The rule as objects of Brian2: what they are, and groups of one's own that lack something."""

import re

import numpy as np
import pytest
from brian2 import Hz, Network, NeuronGroup, SpikeGeneratorGroup, StateMonitor, ms, second, volt
from superspike_brian.models import GRADED, RANDOM, SUPERSPIKE, SYMMETRIC, UNIFORM, WINDOWED, ModelError

import superspike_brian as ss
from superspike_brian.engine.runtime import RuntimeProgram, runtime_device
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure

MEMBRANE = """
dU/dt = (-60*mV - U + I_syn)/(10*ms) : volt
dI_syn/dt = -I_syn/(5*ms) : volt
"""
LEARNING = """
sigma_prime = 1/(1 + abs((U + 50*mV)/mV))**2 : 1 (constant over dt)
derror_rise/dt = -error_rise/(5*ms) : 1
derror/dt = (error_rise/(5*ms) - error)/(10*ms) : Hz
"""


@pytest.fixture(autouse=True)
def numpy_device():
    with runtime_device():
        yield


def generators(n=4, n_out=2):
    inputs = SpikeGeneratorGroup(n, np.arange(n), (1 + np.arange(n)) * ms, period=50 * ms)
    return inputs, SpikeGeneratorGroup(n_out, np.arange(n_out), (10 + np.arange(n_out)) * ms, period=50 * ms)


def own_group(equations, **kwds):
    return NeuronGroup(2, equations, threshold="U > -50*mV", reset="U = -60*mV", method="euler", name="mine", **kwds)


def test_they_are_the_networks_own(pattern_task):
    """A script of the functions gives what a run of the package gives, from the same weights."""
    model = SUPERSPIKE.replace(t_b=20 * ms, feedback=UNIFORM)
    task = pattern_task(4, 2, ([0, 1, 2, 3], [0.001, 0.002, 0.003, 0.004]), ([0, 1], [0.010, 0.011]), 50 * ms)
    structure = Structure(model, (4, 3, 2))
    state = initial_state(structure, task, 0)
    state |= {"forward_1.w": np.linspace(0.01, 0.09, 12), "forward_2.w": np.linspace(0.02, 0.09, 6)}
    after, _ = RuntimeProgram(structure).run(state, 0, 1000)

    inputs, targets = generators()
    hidden, output = ss.population(3, model, role="hidden"), ss.population(2, model)
    below = ss.plastic_synapses(inputs, hidden, model, initial=np.linspace(0.01, 0.09, 12) * volt)
    above = ss.plastic_synapses(hidden, output, model, initial=np.linspace(0.02, 0.09, 6) * volt)
    errors = ss.error_synapses(targets, output, model)
    feedback = ss.feedback_synapses(targets, output, hidden, model)
    Network(inputs, targets, hidden, output, below, above, errors, feedback).run(100 * ms)
    for group, name in ((below, "forward_1"), (above, "forward_2")):
        for variable in ("w", "eligibility", "v"):
            np.testing.assert_allclose(
                group.variables[variable].get_value(), after[f"{name}.{variable}"], rtol=1e-12, err_msg=variable
            )
    np.testing.assert_allclose(output.variables["cost"].get_value(), after["output.cost"], rtol=1e-12)
    assert np.ptp(after["forward_1.w"] - state["forward_1.w"]) > 0


def test_random_feedback_is_the_same_for_both_impulses():
    model = SUPERSPIKE.replace(feedback=RANDOM)
    _, targets = generators()
    hidden, output = ss.population(3, model, role="hidden"), ss.population(2, model)
    first = ss.feedback_synapses(targets, output, hidden, model, seed=7)
    (second_,) = (o for o in first.contained_objects if getattr(o, "source", None) is output)
    np.testing.assert_array_equal(first.b, second_.b)
    np.testing.assert_array_equal(first.b, np.random.default_rng(7).standard_normal(6))
    np.testing.assert_array_equal(first.j, [0, 0, 1, 1, 2, 2])  # two outputs for each hidden unit


def test_symmetric_feedback_reads_the_forward_weights():
    _, targets = generators()
    hidden, output = ss.population(3, role="hidden"), ss.population(2)
    forward = ss.plastic_synapses(hidden, output, initial="(1 + i)*mV")
    feedback = ss.feedback_synapses(targets, output, hidden, forward=forward)
    net = Network(hidden, output, forward, feedback, targets)
    net.run(10.1 * ms)  # the target spike of unit 0
    np.testing.assert_allclose(hidden.error_rise, [0.001, 0.002, 0.003], rtol=0.03)


@pytest.mark.parametrize("connect", [0.5, ([0, 1, 3], [1, 0, 1]), lambda s: s.connect(j="i % 2")])
def test_connectivity(connect):
    inputs, _ = generators()
    made = ss.plastic_synapses(inputs, ss.population(2), connect=connect)
    assert 0 < len(made) < 8
    Network(inputs, made.target, made).run(1 * ms)


def test_terminals_hold_the_trace_of_the_source():
    inputs, _ = generators()
    made = ss.plastic_synapses(inputs, ss.population(2), delay=2 * ms)
    trace = StateMonitor(made.terminals, "z_rise", record=True)
    Network(inputs, made.target, made, trace).run(8 * ms)
    first = trace.t[np.argmax(trace.z_rise > 0.5, axis=1)]
    np.testing.assert_allclose(first / ms, [3.1, 4.1, 5.1, 6.1], atol=1e-9)  # seen in the step after


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        (MEMBRANE, r"mine has no variable 'error', which the rule needs:\n.*add to its equations\n(.*\n)*.*derror/dt"),
        (
            MEMBRANE + LEARNING.replace("sigma_prime", "slope"),
            r"'sigma_prime'(.*\n)*.*sigma_prime = (.*\n)*.*beta, theta of `model.parameters`",
        ),
        (MEMBRANE.replace("I_syn", "I") + LEARNING, "no variable 'I_syn'"),
        (
            MEMBRANE + LEARNING.replace(": Hz", ": 1").replace("error_rise/(5*ms) - error)", "error_rise - error)"),
            "'error' is in 1, and the rule needs it in hertz",
        ),
    ],
)
def test_a_group_that_lacks_something(equations, message):
    inputs, _ = generators()
    with pytest.raises(ModelError, match=message):
        ss.plastic_synapses(inputs, own_group(equations))


def test_what_the_message_says_mends_it():
    inputs, targets = generators()
    equations, namespace = MEMBRANE, {}
    for _ in range(3):
        group = own_group(equations, namespace=namespace)
        try:
            ss.plastic_synapses(inputs, group)
            ss.error_synapses(targets, group)
            return
        except ModelError as error:
            lines = str(error).splitlines()
            equations += "\n".join(line for line in lines if " : " in line) + "\n"
            namespace = dict(SUPERSPIKE.parameters)
        del group
    pytest.fail(f"still something is missing in\n{equations}")


def test_what_does_not_fit_together():
    _, targets = generators()
    hidden, output = ss.population(3, role="hidden"), ss.population(2)
    with pytest.raises(ModelError, match=r"2 units and .* 3"):
        ss.error_synapses(targets, hidden)
    with pytest.raises(ModelError, match="needs cues"):
        ss.error_synapses(targets, output, SUPERSPIKE.replace(error=WINDOWED))
    with pytest.raises(ModelError, match="has no cues"):
        ss.error_synapses(targets, output, cues=targets)
    with pytest.raises(ModelError, match="needs `forward`"):
        ss.feedback_synapses(targets, output, hidden, SUPERSPIKE.replace(feedback=SYMMETRIC))
    with pytest.raises(ModelError, match="reads no forward weights"):
        forward = ss.plastic_synapses(hidden, output)
        ss.feedback_synapses(targets, output, hidden, SUPERSPIKE.replace(feedback=UNIFORM), forward=forward)
    with pytest.raises(ValueError, match="role"):
        ss.population(2, role="middle")
    with pytest.raises(ValueError, match=r"delay .* is unknown; expected one of each"):
        ss.plastic_synapses(hidden, output, delay="rand()*ms")
    with pytest.raises(TypeError, match="part of a group"):
        ss.plastic_synapses(hidden[:2], output)


def test_a_graded_output_has_its_windows():
    model = SUPERSPIKE.replace(error=GRADED)
    _, targets = generators()
    cues = SpikeGeneratorGroup(2, [0], [1] * ms)
    output = ss.population(2, model)
    errors = ss.error_synapses(targets, output, model, cues=cues)
    net = Network(cues, targets, output, errors)
    net.run(5 * ms)
    np.testing.assert_array_equal(output.expected, [1, 0])
    net.run(7 * ms)
    np.testing.assert_array_equal(output.expected, [0, 0])
    assert output.error[0] > 0 * Hz > output.error[1]
    assert 12 * ms == net.t < 1 * second


def test_statements_may_compare_with_zero_of_a_unit():
    """Brian2 drops the unit of ``0*volt`` where a variable is added to or multiplied by something."""
    base = SUPERSPIKE.replace(t_b=20 * ms, feedback=RANDOM)
    positive = {False: "{0}/{1} > 0", True: "{0} > 0*{1}"}

    def outcome(zero):
        def text(code):
            return re.sub(r"\[(\w+), (\w+)\]", lambda found: positive[zero].format(*found.groups()), code)

        neuron = base.neuron.replace(
            on_input=text("I_syn_post = I_syn_post + 3*w*int([w, mV])"),
            reset=text("U = U + (U_rest - U)*int(not [U, mV])"),
        )
        rule = base.plasticity.replace(on_arrival=text("z_rise_post = z_rise_post + int([tau_mem, ms])"))
        events = {
            "on_target": "+ target_impulse*int([tau_mem, ms])",
            "on_output": "- output_impulse*int([tau_mem, ms])",
        }
        events = {k: text(f"error_rise_post = error_rise_post {code}") for k, code in events.items()}
        error = base.error.replace(
            **events,
            cost_update=text("cost = cost + int(not [cost, Hz])*error**2*dt + int([cost, Hz])*0.5*error**2*dt"),
        )
        feedback = base.feedback.replace(**{k: f"{code}*b" for k, code in events.items()})
        optimizer = base.optimizer.replace(update=base.optimizer.update + text("w = w*int([w, volt])"))
        model = base.replace(neuron=neuron, plasticity=rule, error=error, feedback=feedback, optimizer=optimizer)
        structure = Structure(model, (4, 3, 2))
        task = ss.tasks.spike_timing(n_inputs=4, outputs=2, period=20 * ms, rate=100 * Hz, seed=1)
        state = initial_state(structure, task, 0) | {"forward_1.w": np.linspace(-0.02, 0.09, 12)}
        return RuntimeProgram(structure).run(state, 0, 600)

    (found, _), (expected, _) = outcome(True), outcome(False)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert found["forward_1.w"].min() == 0 < found["output.cost"].min() and found["terminals_2.z"].any()

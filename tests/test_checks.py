"""What the package cannot run is refused when a model is made: names that it needs, variables that nothing sets, statements."""

import re

import numpy as np
import pytest
from brian2 import mV
from model_checks import CODE, TASK, after, model_with, refused
from superspike_brian.models import (
    FAST_SIGMOID,
    FIXED,
    LIF,
    NO_DECAY,
    RANDOM,
    RMAXPROP,
    SUPERSPIKE,
    SYMMETRIC,
    THREE_FACTOR,
    UNIFORM,
    VAN_ROSSUM,
    WINDOWED,
    Model,
    ModelError,
)
from superspike_brian.models.checks import needs

from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure

# the names that the package needs


@pytest.mark.parametrize("need", needs.NEEDS, ids=lambda need: f"{need.name} in {need.place}")
def test_a_name_that_the_package_needs_is_asked_for(need):
    """Renamed wherever it stands, a model has all that its own equations need."""
    model = SUPERSPIKE.replace(feedback=RANDOM)
    components = {}
    for kind, component in model.components.items():
        fields = {
            k: re.sub(rf"\b(d?){need.name}(_post|_pre)?\b", r"\1another\2", v) for k, v in component.strings.items()
        }
        parameters = {"another" if k == need.name else k: v for k, v in component.parameters.items()}
        components[kind] = (
            component.replace(parameters=parameters, **fields) if kind != "feedback" else (component, fields)
        )
    feedback, fields = components.pop("feedback")
    with pytest.raises(ModelError, match=rf"'{need.name}'"):
        Model(feedback=feedback.replace(**fields), **components)


def test_the_documentation_lists_the_names_that_the_package_needs(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "extending.md").read_text()
    listed = re.search(r"package relies on few names in the strings: (.*?)\. ", page, re.S)[1]
    assert set(re.findall(r"`(\w+)`", listed)) >= {need.name for need in needs.NEEDS}


@pytest.mark.parametrize(
    ("component", "old", "new"),
    [
        (VAN_ROSSUM, "cost : Hz", "cost = error**2*second : Hz"),
        (VAN_ROSSUM, "cost : Hz", "cost : 1"),
        (RMAXPROP, "r0 : volt (shared, constant)", "r0 : volt"),
        (RANDOM, "b : 1", "b : volt"),
    ],
)
def test_a_needed_name_of_another_kind_is_refused(component, old, new):
    field = next(f for f, code in component.strings.items() if old in code)
    assert "must be" in (message := refused(component, **{field: component.strings[field].replace(old, new)})) or (
        "shared" in message
    )


def test_a_probe_only_looks_at_what_is_there():
    rule = THREE_FACTOR.replace(
        equations="dm/dt = error_post*sigma_prime_post*z_pre - weight_decay : 1 (clock-driven)\nw : volt"
    )
    assert np.isfinite(after(SUPERSPIKE.replace(plasticity=rule))["forward_1.m"]).all()


# variables that nothing sets


def declared():
    """Every (shared, constant) of the shipped models."""
    for model in (SUPERSPIKE, SUPERSPIKE.replace(regularizer=NO_DECAY)):
        for component in model.components.values():
            for field, code in component.strings.items():
                for name in re.findall(r"(\w+) : [^\n]*\(shared, constant\)", code):
                    yield component, field, name


@pytest.mark.parametrize(("component", "field", "name"), list(declared()))
def test_a_declared_constant_without_a_value_is_refused(component, field, name):
    parameters = {k: v for k, v in component.parameters.items() if k != name}
    assert f"'{name}'" in refused(component, parameters=parameters)
    one_each = re.sub(rf"({name} : .*)\(shared, constant\)", r"\1(constant)", component.strings[field])
    assert name in refused(component, **{field: one_each})


@pytest.mark.parametrize(
    ("component", "field"),
    [
        (LIF, "equations"),
        (FAST_SIGMOID, "equations"),
        (VAN_ROSSUM, "cost_equations"),
        (VAN_ROSSUM, "judge_equations"),
        (THREE_FACTOR, "terminal_equations"),
        (THREE_FACTOR, "equations"),
        (UNIFORM, "equations"),
        (RMAXPROP, "equations"),
        (NO_DECAY, "layer_equations"),
        (NO_DECAY, "equations"),
    ],
)
@pytest.mark.parametrize("flags", ["", " (constant)", " (shared)", " (shared, constant)"])
def test_a_variable_that_nothing_sets_is_refused_and_a_parameter_sets_it(component, field, flags):
    code = f"{component.strings[field]}\nextra : volt{flags}"
    assert "extra" in refused(component, **{field: code})
    given = {field: code, "parameters": {**component.parameters, "extra": 2 * mV}}
    if "shared" in flags:
        state = initial_state(Structure(model_with(component, **given), (10, 2, 1)), TASK, 1)
        assert [float(v[0]) for k, v in state.items() if k.endswith(".extra")] != []
    else:
        message = refused(component, **given)  # of events of the output layer: as the name of a parameter
        assert "would start at 0" in message or (field == "judge_equations" and "'extra'" in message)


# statements


@pytest.mark.parametrize(
    ("component", "field", "code", "parts"),
    [
        (RMAXPROP, "update", "W = clip(w + r0*m, -w_max, w_max)\nv = 1*Hz**2\nm = 0", ["'W'", "did you mean 'w'?"]),
        (RMAXPROP, "update", "step = r0*m\nv = 1*Hz**2\nm = 0", ["'step'", "nothing after it reads it"]),
        (LIF, "reset", "u = U_rest", ["'u'", "did you mean 'U'?"]),
        (LIF, "initial", "Q = 1", ["'Q' is no variable"]),
        (LIF, "initial", "U += U_rest", ["use '='"]),
        (LIF, "initial", "U = U_rest\nlevel = U_rest", ["'level'"]),
        (LIF, "reset", "U = U_rest\nbeta = 1/volt", ["'beta'", "(constant)"]),
        (LIF, "reset", "sigma_prime = 1", ["'sigma_prime'", "expression"]),
        (LIF, "reset", "theta = U", ["'theta' is a parameter"]),
        (LIF, "reset", "t = 1*ms", ["'t'"]),
        (LIF, "reset", "lastspike = 1*ms", ["'lastspike'"]),
        (LIF, "reset", "level = U + level\nU = level", ["'level' is neither"]),
        (LIF, "reset", "U", ["is no statement"]),
        (LIF, "reset", "U = U_rest if U > theta", ["no expression"]),
        (LIF, "reset", "U **= 2", ["is no statement"]),
        (LIF, "on_input", "I_syn_pst += w", ["'I_syn_pst' is neither", "did you mean 'I_syn_post'"]),
        (LIF, "on_input", "I_syn_pst = w", ["'I_syn_pst'", "did you mean 'I_syn_post'"]),
        (LIF, "on_input", "I_syn = w", ["'I_syn'"]),
        (SYMMETRIC, "on_target", "error_rise_post += target_impulse*w/volt\nw = 0*volt", ["'w'", "only read"]),
        (VAN_ROSSUM, "on_deadline", "error_rise_post = 0", ["on_cue"]),
        (RMAXPROP, "update", "w = w + 0*r0\nv = 1*Hz**2\nm = 0", ["does not depend on 'r0'", "'+='"]),
        (RMAXPROP, "update", "w = w + r0*int(0*m > 1)\nv = 1*Hz**2\nm = 0", ["does not depend on 'm'"]),
    ],
)
def test_a_statement_without_sense_is_refused(component, field, code, parts):
    message = refused(component, **{field: code})
    assert message.startswith(f"{component.name}, {field}")
    assert [part for part in parts if part not in message] == []


EVENTS = [(kind, f) for kind, f in CODE if f in ("on_input", "on_arrival", "on_target", "on_output")]


@pytest.mark.parametrize(("kind", "field"), [*EVENTS, ("error", "on_deadline")])
@pytest.mark.parametrize("code", ["", "  # nothing", "\n"])
def test_an_event_without_effect_is_refused(kind, field, code):
    component = WINDOWED if field == "on_deadline" else SUPERSPIKE.components[kind]
    assert f"{component.name}, {field}: it is empty" in refused(component, **{field: code})


@pytest.mark.parametrize("update", ["w += 0*r0", "w = clip(w + 0*r0*m, -w_max, w_max)", "w = 0*w + r0"])
def test_a_term_that_is_switched_off_with_a_factor_runs(update):
    model = SUPERSPIKE.replace(optimizer=FIXED.replace(update=f"{update}\nm = 0"))
    structure = Structure(model, (10, 1))
    RuntimeProgram(structure).run(initial_state(structure, TASK, 1), 0, 2)


def test_local_variables_and_the_last_spike_work():
    neuron = LIF.replace(
        equations=LIF.equations + "\ninterval_seen : second",
        reset="gap = t - lastspike; low = U_rest - 0*mV*gap/second\nU = low\ninterval_seen = gap + 1*ms",
        initial="U = theta + 1*mV",
    )
    state = after(SUPERSPIKE.replace(neuron=neuron))
    # Brian2 notes a spike before its reset
    assert (state["output.interval_seen"] == 1e-3).all() and (state["output.U"] <= -50e-3).all()


@pytest.mark.parametrize(("kind", "field"), CODE)
@pytest.mark.parametrize("value", [None, 5, b"U", ["U"], 1 * mV])
def test_a_field_of_another_type_is_refused(kind, field, value):
    with pytest.raises(ModelError, match=rf"`{field}` must be a string"):
        SUPERSPIKE.components[kind].replace(**{field: value})


@pytest.mark.parametrize("kind", SUPERSPIKE.components)
@pytest.mark.parametrize("value", [None, "sideways", LIF, RANDOM])
def test_a_component_of_another_kind_is_refused(kind, value):
    if not isinstance(value, type(SUPERSPIKE.components[kind])):
        with pytest.raises(ModelError, match=f"`{kind}` must be a component of kind"):
            SUPERSPIKE.replace(**{kind: value})


def test_frozen_synapses_know_parameters_and_nothing_that_learns():
    neuron = LIF.replace(on_input="I_syn_post += gain*w", parameters={**LIF.parameters, "gain": 2})
    double, plain = SUPERSPIKE.replace(neuron=neuron, w_0=50 * mV), SUPERSPIKE.replace(w_0=100 * mV)
    mine, theirs = after(double, 300, hidden_learning=False), after(plain, 300, hidden_learning=False)
    assert np.allclose(mine["hidden_1.I_syn"], theirs["hidden_1.I_syn"], rtol=1e-9, atol=0)
    reads = SUPERSPIKE.replace(neuron=LIF.replace(on_input="I_syn_post += w*(1 + 0*m)"))
    with pytest.raises(ModelError, match="hidden_learning=True"):
        Structure(reads, (10, 2, 1), hidden_learning=False)

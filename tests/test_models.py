"""A model refuses what cannot run, and says which component, which equation, which symbol."""

import re
from itertools import product

import pytest
from brian2 import Hz, ms, mV, second, volt
from superspike_brian.models import (
    ERROR_GATED,
    FAST_SIGMOID,
    FEEDBACKS,
    FIXED,
    HETEROSYNAPTIC,
    LIF,
    LINEAR,
    NO_DECAY,
    OPTIMIZERS,
    RANDOM,
    REGULARIZERS,
    RMAXPROP,
    RMSPROP,
    SUPERSPIKE,
    SURROGATES,
    SYMMETRIC,
    THREE_FACTOR,
    UNIFORM,
    VAN_ROSSUM,
    Model,
    ModelError,
    Optimizer,
    Surrogate,
)


def without(component, symbol):
    """The component without one of its parameters."""
    return component.replace(parameters={k: v for k, v in component.parameters.items() if k != symbol})


def edited(component, field, old, new):
    """The component with one passage of a field replaced."""
    code = getattr(component, field)
    assert code.count(old) == 1, (field, old)
    return component.replace(**{field: code.replace(old, new)})


def refused(**changes):
    with pytest.raises(ModelError) as error:
        SUPERSPIKE.replace(**changes)
    return str(error.value)


# Every constant of the standard model: where it is missed first
HOMES = {
    "tau_mem": ("neuron", "equation of"),
    "tau_syn": ("neuron", "equation of"),
    "U_rest": ("neuron", "equation of U"),
    "theta": ("neuron", "equation of sigma_prime"),
    "tau_ref": ("neuron", "refractory"),
    "tau_rise": ("plasticity", "equation of"),
    "tau_decay": ("plasticity", "equation of"),
    "axonal_delay": ("plasticity", "delay"),
    "tau_cost": ("error", "cost_update"),
    "target_impulse": ("error", "on_target"),
    "output_impulse": ("error", "on_output"),
    "t_b": ("optimizer", "update"),
    "w_max": ("optimizer", "update"),
    "tau_rms": ("optimizer", "update"),
    "tiny": ("optimizer", "update"),
}


@pytest.mark.parametrize("symbol", HOMES)
def test_a_missing_constant_is_named(symbol):
    kind, where = HOMES[symbol]
    message = refused(**{kind: without(SUPERSPIKE.components[kind], symbol)})
    assert f"'{symbol}' is neither a variable nor a parameter of the model" in message
    assert where in message.splitlines()[0] and "add it to `parameters` with its unit" in message

    assert message.startswith(tuple(c.name for c in SUPERSPIKE.components.values()))


def test_every_constant_of_the_model_is_needed():
    inputs = {"beta", "r0"}  # declared by the equations: the program's inputs
    initial = {"w_0"}  #       used by the state that a run starts from
    assert set(SUPERSPIKE.parameters) == HOMES.keys() | inputs | initial


@pytest.mark.parametrize(
    ("kind", "component", "field", "old", "new", "parts"),
    [
        ("neuron", LIF, "equations", "tau_mem", "tau_men", ["equation of U", "'tau_men'", "'tau_mem'"]),
        ("neuron", LIF, "threshold", "theta", "thetta", ["threshold", "'thetta'", "'theta'"]),
        ("neuron", LIF, "reset", "U_rest", "U_reset", ["reset", "'U_reset'", "'U_rest'"]),
        ("neuron", LIF, "on_input", "+= w", "+= v_w", ["on_input", "'v_w'"]),
        ("neuron", LIF, "refractory", "tau_ref", "tau_reff", ["refractory", "'tau_reff'", "'tau_ref'"]),
        ("surrogate", FAST_SIGMOID, "equations", "theta", "thetaa", ["sigma_prime", "'thetaa'", "'theta'"]),
        ("plasticity", THREE_FACTOR, "equations", "z_pre", "zz_pre", ["eligibility_rise", "'zz_pre'", "'z_pre'"]),
        ("plasticity", THREE_FACTOR, "terminal_equations", "- z)", "- z_x)", ["equation of z", "'z_x'"]),
        ("plasticity", THREE_FACTOR, "on_arrival", "1", "one", ["on_arrival", "'one'"]),
        (
            "error",
            VAN_ROSSUM,
            "on_target",
            "error_rise_post",
            "error_ris_post",
            ["on_target", "'error_ris_post'"],
        ),
        ("error", VAN_ROSSUM, "cost_update", "tau_cost", "tau_costs", ["cost_update", "'tau_costs'", "'tau_cost'"]),
        ("feedback", RANDOM, "on_output", "output_impulse*b", "output_impulse*bb", ["on_output", "'bb'"]),
        ("feedback", UNIFORM, "on_target", "+= target_impulse", "+= w", ["on_target", "'w'"]),
        ("optimizer", RMAXPROP, "update", "r0*", "r_0*", ["update", "'r_0'", "'r0'"]),
        ("regularizer", HETEROSYNAPTIC, "equations", "zeta_post", "zetta_post", ["weight_decay", "'zetta_post'"]),
    ],
)
def test_an_unknown_name_is_named_with_a_suggestion(kind, component, field, old, new, parts):
    message = refused(**{kind: edited(component, field, old, new)})
    assert message.startswith(component.name)
    assert "neither a variable nor a parameter" in message
    for part in parts:
        assert part in message
    if len(parts) == 3:
        assert f"did you mean {parts[2]}?" in message


@pytest.mark.parametrize(
    ("kind", "component", "field", "old", "new", "parts"),
    [
        ("neuron", LIF, "equations", "U_rest - U", "U_rest*U_rest - U", ["'dU/dt = ", "dU/dt is in "]),
        ("neuron", LIF, "threshold", "U > theta", "U > tau_mem", ["threshold 'U > tau_mem'"]),
        ("neuron", LIF, "reset", "U_rest", "tau_ref", ["reset", "U = tau_ref"]),
        ("neuron", LIF, "on_input", "+= w", "+= error_post", ["on_input", "I_syn_post += error_post"]),
        ("neuron", LIF, "initial", "U_rest", "1", ["initial", "U = 1"]),
        ("neuron", LIF, "refractory", "tau_ref", "theta", ["refractory 'theta'"]),
        ("surrogate", FAST_SIGMOID, "equations", "beta*(U", "beta*tau_mem*(U", ["sigma_prime = "]),
        (
            "plasticity",
            THREE_FACTOR,
            "terminal_equations",
            "/tau_syn",
            "/tau_syn**2",
            ["'dz_rise/dt = ", "is in hertz"],
        ),
        ("plasticity", THREE_FACTOR, "equations", "- weight_decay", "- w", ["'dm/dt = ", "dm/dt is in hertz"]),
        ("plasticity", THREE_FACTOR, "delay", "axonal_delay", "w_0", ["delay 'w_0'"]),
        (
            "error",
            VAN_ROSSUM,
            "equations",
            "/tau_rise - error",
            " - error",
            ["'derror/dt = "],
        ),
        ("error", VAN_ROSSUM, "cost_update", "error**2", "error", ["cost_update"]),
        ("feedback", SYMMETRIC, "on_target", "w/volt", "w", ["on_target", "error_rise_post += target_impulse*w"]),
        ("optimizer", RMAXPROP, "interval", "t_b", "w_max", ["interval 'w_max'"]),
        ("optimizer", FIXED, "update", "r0*m", "m", ["update"]),
        ("regularizer", HETEROSYNAPTIC, "equations", "w/volt", "w", ["'weight_decay = "]),
    ],
)
def test_units_that_do_not_agree_are_named(kind, component, field, old, new, parts):

    message = refused(**{kind: edited(component, field, old, new)})
    assert message.startswith(component.name)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(("name", "value"), [("tau_mem", 10 * mV), ("r0", 1 * ms), ("theta", -50), ("tiny", 1e-12)])
def test_a_parameter_in_another_unit_is_refused(name, value):
    message = refused(**{name: value})
    assert name in message
    assert message.startswith(tuple(c.name for c in SUPERSPIKE.components.values()))


@pytest.mark.parametrize(
    ("kind", "component", "missing"),
    [
        ("surrogate", edited(LINEAR, "equations", "sigma_prime", "sigmaprime"), "sigma_prime"),
        ("error", VAN_ROSSUM.replace(equations="derror_rise/dt = -error_rise/tau_rise : 1"), "error"),
        ("regularizer", edited(NO_DECAY, "equations", "weight_decay", "decay"), "weight_decay"),
        ("plasticity", edited(THREE_FACTOR, "equations", "w : volt", "weight : volt"), "w"),
        (
            "plasticity",
            edited(THREE_FACTOR, "equations", "dm/dt                = error_post", "dn/dt = error_post"),
            "m",
        ),
    ],
    ids=["sigma_prime", "error", "weight_decay", "w", "m"],
)
def test_a_variable_that_the_rule_needs_is_named(kind, component, missing):
    message = refused(**{kind: component})
    assert message.startswith(f"{component.name}: the rule needs the variable '{missing}' in a ")
    assert ("layer" if missing in ("sigma_prime", "error") else "synapse") in message


def test_a_missing_variable_brings_a_suggestion():
    message = refused(surrogate=edited(LINEAR, "equations", "sigma_prime", "sigmaprime"))
    assert "did you mean 'sigmaprime'?" in message


def test_a_parameter_with_two_homes_is_refused():
    message = refused(neuron=LIF.replace(parameters={**LIF.parameters, "tau_rise": 5 * ms}))
    assert "'tau_rise' is a parameter of both leaky integrate-and-fire and SuperSpike: keep one" in message


def test_a_variable_with_two_homes_is_refused():
    message = refused(surrogate=edited(LINEAR, "equations", "sigma_prime = 1", "error : Hz\nsigma_prime = 1"))
    assert "two components of the model define the same variable" in message and "error" in message


@pytest.mark.parametrize(
    "equations", ["dU/dt = (U_rest - U/tau_mem : volt", "dU/dt = -U/tau_mem : furlong", "dU/dt = -U/tau_mem"]
)
def test_equations_that_do_not_parse_are_shown_with_their_component(equations):
    with pytest.raises(ModelError, match=r"leaky integrate-and-fire, equations: ") as error:
        LIF.replace(equations=equations)
    assert equations in str(error.value)


@pytest.mark.parametrize("value", ["10 ms", None, [1, 2] * ms])
def test_a_parameter_that_is_no_number_is_refused(value):
    with pytest.raises(ModelError, match=r"leaky integrate-and-fire: .*'tau_mem' must be a number with its unit"):
        LIF.replace(tau_mem=value)


@pytest.mark.parametrize(
    ("who", "name", "suggestion"),
    [
        (LIF, "tau_men", "tau_mem"),
        (LIF, "treshold", "threshold"),
        (SUPERSPIKE, "feedbak", "feedback"),
        (SUPERSPIKE, "r_0", "r0"),
    ],
)
def test_a_wrong_field_brings_a_suggestion(who, name, suggestion):
    with pytest.raises(ModelError, match=f"neither a .*'{name}'; did you mean '{suggestion}'"):
        who.replace(**{name: 1})


def test_replace_returns_a_variant_and_leaves_the_original():
    slow = LIF.replace(tau_mem=20 * ms, name="slow")
    assert (slow.name, slow.parameters["tau_mem"], slow.equations) == ("slow", 20 * ms, LIF.equations)
    assert (LIF.name, LIF.parameters["tau_mem"]) == ("leaky integrate-and-fire", 10 * ms)
    assert slow.parameters.keys() == LIF.parameters.keys()
    with pytest.raises(TypeError):
        LIF.parameters["tau_mem"] = 20 * ms
    with pytest.raises(AttributeError):
        LIF.reset = "U = theta"


def test_a_component_does_not_share_the_dictionary_it_was_made_of():
    parameters = {"beta": 1 / mV}
    surrogate = Surrogate("mine", equations=FAST_SIGMOID.equations, parameters=parameters)
    parameters["beta"] = 2 / mV
    assert surrogate.parameters["beta"] == 1 / mV


def test_a_model_replaces_components_and_parameters_wherever_they_live():
    model = SUPERSPIKE.replace(feedback=RANDOM, regularizer=HETEROSYNAPTIC, rho=2.0, tau_mem=20 * ms, r0=5 * mV)
    assert model.feedback is RANDOM and model.optimizer.name == "rmaxprop"
    assert (model.parameters["rho"], model.parameters["r0"]) == (2.0, 5 * mV)
    assert model.neuron.parameters["tau_mem"] == 20 * ms
    assert (SUPERSPIKE.feedback, SUPERSPIKE.parameters["r0"]) == (SYMMETRIC, 1 * mV)
    # a parameter of a component that is replaced in the same call is the new component's
    assert SUPERSPIKE.replace(optimizer=RMSPROP, r0=2 * mV).optimizer == RMSPROP.replace(r0=2 * mV)
    assert "neither a component nor a parameter 'rho'" in refused(rho=1.0)


def test_models_and_components_compare_by_value():
    assert SUPERSPIKE.replace() == SUPERSPIKE
    assert SUPERSPIKE.replace(r0=1 * mV) == SUPERSPIKE
    assert SUPERSPIKE.replace(r0=2 * mV) != SUPERSPIKE


@pytest.mark.parametrize(
    ("feedback", "optimizer", "regularizer", "surrogate"),
    product(FEEDBACKS.values(), OPTIMIZERS.values(), REGULARIZERS.values(), SURROGATES.values()),
    ids=lambda component: component.name,
)
def test_all_shipped_components_fit_each_other(feedback, optimizer, regularizer, surrogate):
    model = Model(LIF, THREE_FACTOR, surrogate, VAN_ROSSUM, feedback, optimizer, regularizer)
    assert list(model.components) == [
        "neuron",
        "plasticity",
        "surrogate",
        "error",
        "feedback",
        "optimizer",
        "regularizer",
    ]
    assert all(component.source for component in model.components.values())
    synapses = model.synapse_equations(regularizer)
    assert {"w", "m", "eligibility", "weight_decay"} <= synapses.names
    assert ("v" in synapses.names) == (optimizer in (RMAXPROP, RMSPROP))
    assert ("rate_trace" in model.layer_equations(output=False).names) == (regularizer is not NO_DECAY)
    assert "rate_trace" not in model.layer_equations(output=True).names
    assert ("rate_trace" in model.reset(output=False)) == (regularizer is not NO_DECAY)
    assert model.reset(output=True) == LIF.reset


def test_the_shipped_tables_list_components_by_their_names():
    for table in (FEEDBACKS, OPTIMIZERS, REGULARIZERS, SURROGATES):
        assert all(component.name == name for name, component in table.items())
    assert list(FEEDBACKS) == ["symmetric", "random", "uniform", "layerwise"]
    assert list(OPTIMIZERS) == ["rmaxprop", "rmsprop", "adam", "fixed"]
    assert list(REGULARIZERS) == ["none", "heterosynaptic", "error-gated", "error-gated-decay"]
    assert list(SURROGATES) == ["fast-sigmoid", "linear"]
    assert ERROR_GATED.parameters == HETEROSYNAPTIC.parameters


def test_the_constants_are_those_of_the_paper():
    expected = {
        "tau_mem": 10 * ms,
        "tau_syn": 5 * ms,
        "U_rest": -60 * mV,
        "theta": -50 * mV,
        "tau_ref": 5 * ms,
        "tau_rise": 5 * ms,
        "tau_decay": 10 * ms,
        "axonal_delay": 0.8 * ms,
        "w_0": 50 * mV,
        "beta": 1 / mV,
        "tau_cost": 10 * second,
        "t_b": 500 * ms,
        "w_max": 100 * mV,
        "tau_rms": 30 * second,
        "tau_het": 100 * ms,
        "a": 4,
        "rho": 1,
    }
    parameters = SUPERSPIKE.replace(regularizer=HETEROSYNAPTIC).parameters
    for symbol, value in expected.items():
        assert float(parameters[symbol]) == pytest.approx(float(value), rel=1e-12), symbol
    assert parameters.keys() - expected.keys() == {"r0", "tiny", "target_impulse", "output_impulse"}


def test_a_user_written_optimizer_is_one_record():
    signed = Optimizer(
        "sign",
        equations="r0 : volt (shared, constant)",
        update="w = clip(w + r0*sign(m), -w_max, w_max)\nm = 0",
        interval="t_b",
        parameters={"t_b": 0.5 * second, "w_max": 0.1 * volt, "r0": 1 * mV},
        source="a test",
    )
    assert SUPERSPIKE.replace(optimizer=signed).optimizer is signed
    unit = signed.replace(update="w = clip(w + r0*m/t_b, -w_max, w_max)\nm = 0")
    assert re.match("sign, update: ", refused(optimizer=unit))
    assert signed.replace(parameters={**signed.parameters, "extra": 1 * Hz}).parameters["extra"] == 1 * Hz

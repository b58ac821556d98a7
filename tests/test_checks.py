"""What the package cannot run is refused when a model is made, by kind; and what it can run is accepted and runs."""

import dataclasses
import re

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
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
from superspike_brian.models.checks import needs, text
from superspike_brian.tasks import spike_timing

from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.spec.serialize import model_from_json, model_to_json

TASK = spike_timing(n_inputs=10, seed=1, period=50 * ms, rate=50 * Hz, n_spikes=2)
FIELDS = [(kind, f.name) for kind, c in SUPERSPIKE.components.items() for f in dataclasses.fields(c)]
CODE = [(kind, name) for kind, name in FIELDS if name not in ("name", "source", "parameters")]


def refused(component, **changes):
    """The message of a component or model that is refused with these fields."""
    with pytest.raises(ModelError) as error:
        variant = component.replace(**changes)
        kind = next(k for k, c in SUPERSPIKE.components.items() if type(c) is type(component))
        model = SUPERSPIKE.replace(**{kind: variant})
        pytest.fail(f"accepted: {model.components[kind].strings}")
    return str(error.value)


def model_with(component, **changes):
    kind = next(k for k, c in SUPERSPIKE.components.items() if type(c) is type(component))
    return SUPERSPIKE.replace(**{kind: component.replace(**changes)})


def after(model, n_steps=600, hidden_learning=True):
    """The state after some steps on the runtime device."""
    structure = Structure(model, (10, 2, 1), hidden_learning)
    return RuntimeProgram(structure).run(initial_state(structure, TASK, 1), 0, n_steps)[0]


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


# methods, flags, weights


@pytest.mark.parametrize("method", ["nonsense", "rk5", "", "gsl", "gsl_rk4", "eulr"])
@pytest.mark.parametrize(
    ("component", "field"), [(LIF, "method"), (THREE_FACTOR, "method"), (THREE_FACTOR, "terminal_method")]
)
def test_an_unknown_method_is_refused(component, field, method):
    assert "is no integration method; there are" in refused(component, **{field: method})


@pytest.mark.parametrize(
    ("component", "changes", "why"),
    [
        (LIF, {"equations": LIF.equations.replace("(U_rest - U + I_syn)", "(U_rest - U*U/mV + I_syn)")}, "linear"),
        (LIF, {"equations": LIF.equations.replace("- U +", "*sin(t/second) - U +")}, "time step"),
        (LIF, {"equations": LIF.equations + "\ndq/dt = xi : 1 (unless refractory)".replace(" : 1", "*second**0*1 : 1")}, ""),
        (THREE_FACTOR, {"terminal_equations": "dz/dt = (1 - z**2)/tau_mem : 1", "on_arrival": "z_post += 1",
                        "terminal_method": "linear"}, "linear"),
    ],
)  # fmt: skip
def test_a_method_that_does_not_fit_is_refused(component, changes, why):
    message = refused(component, **changes)
    assert why in message and component.name in message


@pytest.mark.parametrize("tau_x", [10, 20])
def test_three_close_time_constants_that_are_inputs_of_the_program_are_refused(tau_x):
    declared = "\ndx/dt = (U/mV - x)/tau_x : 1\n" + "".join(
        f"{name} : second (shared, constant)\n" for name in ("tau_mem", "tau_syn", "tau_x")
    )
    neuron = LIF.replace(equations=LIF.equations + declared, parameters={**LIF.parameters, "tau_x": tau_x * ms})
    if tau_x == 20:
        assert np.isfinite(after(SUPERSPIKE.replace(neuron=neuron), 20)["output.x"]).all()
    else:
        with pytest.raises(ModelError, match=r"I_syn, U, x are linked.*leave the declaration out"):
            SUPERSPIKE.replace(neuron=neuron)


def test_equations_in_a_circle_are_solved_or_refused():
    """A damped oscillator: eigenvalues are complex."""
    rotating = "\ndx/dt = (y - x)/(10*ms) : 1\ndy/dt = (-x - y)/(10*ms) : 1"
    neuron = LIF.replace(equations=LIF.equations + rotating, initial="U = U_rest\nx = 1")
    try:
        model = SUPERSPIKE.replace(neuron=neuron)
    except ModelError:
        return
    state = after(model, 100)
    expected = np.exp(-1) * np.array([np.cos(1), -np.sin(1)])
    assert np.ravel([state["output.x"], state["output.y"]]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("component", "field", "old", "new"),
    [
        (THREE_FACTOR, "equations", "clock-driven", "event-driven"),
        (THREE_FACTOR, "equations", "clock-driven", "unless refractory"),
        (THREE_FACTOR, "terminal_equations", ": 1", ": 1 (unless refractory)"),
        (LIF, "equations", "unless refractory", "clock-driven"),
        (LIF, "equations", "unless refractory", "sometimes"),
        (LIF, "equations", "(unless refractory)", "(linked)"),
        (FAST_SIGMOID, "equations", "(constant over dt)", "(constant)"),
        (FAST_SIGMOID, "equations", "(constant over dt)", "(shared)"),
        (NO_DECAY, "equations", ": Hz", ": Hz (summed)"),
        (RANDOM, "equations", "b : 1", "b : 1 (linked)"),
    ],
)
def test_a_flag_that_does_not_work_is_refused(component, field, old, new):
    message = refused(component, **{field: component.strings[field].replace(old, new)})
    assert message.startswith(component.name)
    assert new.strip(": 1()") in message


@pytest.mark.parametrize("weights", ["norml", "", "Forward", "random"])
def test_unknown_feedback_weights_are_refused(weights):
    assert "there are normal, forward, none" in refused(SYMMETRIC, weights=weights)


# times as expressions


@pytest.mark.parametrize(
    ("component", "field", "code", "name", "value"),
    [
        (THREE_FACTOR, "delay", "2*axonal_delay", "delay", 1.6),
        (THREE_FACTOR, "delay", "0*ms", "delay", 0),
        (THREE_FACTOR, "delay", "axonal_delay + tau_rise/5", "delay", 1.8),
        (RMAXPROP, "interval", "2*t_b", "interval", 1000),
        (RMAXPROP, "interval", "0.02*second", "interval", 20),
        (RMAXPROP, "interval", "clip(t_b, 10*ms, 30*ms)", "interval", 30),
        (LIF, "refractory", "2*tau_ref", "refractory_period", 10),
    ],
)
def test_times_can_be_expressions(component, field, code, name, value):
    model = model_with(component, **{field: code})
    assert float(getattr(model, name) / ms) == pytest.approx(value, rel=1e-12)
    assert getattr(model_from_json(model_to_json(model)), name) == getattr(model, name)
    same = SUPERSPIKE.replace(**{component.strings[field]: value * ms})
    if "rise" not in code and field != "interval":  # both runs, step for step; the update reads t_b, too
        mine, theirs = after(model), after(same)
        assert all(np.array_equal(mine[k], theirs[k], equal_nan=True) for k in theirs if k.endswith((".U", ".z", ".w")))


@pytest.mark.parametrize(
    ("component", "field", "code"),
    [
        (THREE_FACTOR, "delay", "-1*ms"),
        (THREE_FACTOR, "delay", "w_0"),
        (THREE_FACTOR, "delay", "rand()*ms"),
        (THREE_FACTOR, "delay", "U/volt*ms"),
        (THREE_FACTOR, "delay", "t"),
        (THREE_FACTOR, "delay", ""),
        (THREE_FACTOR, "delay", "inf*second"),
        (THREE_FACTOR, "delay", "1*ms\n2*ms"),
        (RMAXPROP, "interval", "0*ms"),
        (RMAXPROP, "interval", "-t_b"),
        (RMAXPROP, "interval", "t_b = 1*ms"),
        (LIF, "refractory", "-tau_ref"),
        (LIF, "refractory", "theta"),
        (LIF, "threshold", "U"),
        (LIF, "threshold", "U - theta > 0 > 1*volt"),
        (LIF, "threshold", "U > theta and U"),
    ],
)
def test_an_expression_that_is_not_what_the_field_needs_is_refused(component, field, code):
    assert refused(component, **{field: code}).startswith(f"{component.name}, {field}")


# values


@pytest.mark.parametrize("name", SUPERSPIKE.parameters)
@pytest.mark.parametrize("factor", [np.nan, np.inf, -np.inf, [1], [[1, 2]], "x", None, True, 1j])
def test_a_parameter_that_is_no_finite_number_is_refused(name, factor):
    unit = SUPERSPIKE.parameters[name]
    value = (
        factor * unit if isinstance(factor, float) else np.array(factor) * unit if isinstance(factor, list) else factor
    )
    with pytest.raises(ModelError, match=rf"'{name}' must be a number with its unit"):
        SUPERSPIKE.replace(**{name: value})


TIMES = [n for n, v in SUPERSPIKE.parameters.items() if getattr(v, "dim", None) is second.dim]


@pytest.mark.parametrize("name", [n for n in TIMES if n not in ("tau_ref", "axonal_delay")])
@pytest.mark.parametrize("value", [0 * ms, -1 * ms])
def test_a_time_constant_that_is_not_positive_is_refused(name, value):
    with pytest.raises(ModelError, match=name):
        SUPERSPIKE.replace(**{name: value})


@pytest.mark.parametrize(
    "changes", [{"w_max": -1 * mV}, {"r0": -1 * mV}, {"w_0": -1 * mV}, {"tau_ref": -1 * ms}, {"axonal_delay": -1 * ms}]
)
def test_a_negative_value_without_sense_is_refused(changes):
    with pytest.raises(ModelError, match=re.escape(next(iter(changes)))):
        SUPERSPIKE.replace(**changes)


def test_natural_numbers_are_accepted():
    for value in (2, np.int64(2), np.float32(2), np.array(2.0)):
        assert float(SUPERSPIKE.replace(target_impulse=value).parameters["target_impulse"]) == 2
    for name in ("tau_ref", "axonal_delay"):
        assert SUPERSPIKE.replace(**{name: 0 * ms}).parameters[name] == 0 * ms
    assert SUPERSPIKE.replace(t_b=0.2 * second, r0=0 * mV).interval == 0.2 * second


@pytest.mark.parametrize(
    ("changes", "dt", "parts"),
    [
        ({}, 0.25 * ms, ["0.8 ms", "0.25 ms", "0.75 ms and 1 ms"]),
        ({"t_b": 0.25 * ms}, 0.1 * ms, ["interval 't_b'", "0.2 ms and 0.3 ms"]),
        ({"t_b": 0.02 * ms}, 0.1 * ms, ["interval 't_b'", "the nearest are 0.1 ms"]),
        ({"axonal_delay": 0.9 * ms}, 0.3 * ms, ["refractory 'tau_ref'", "4.8 ms and 5.1 ms"]),
        ({"tau_ref": 0.55 * ms}, 0.1 * ms, ["refractory", "0.5 ms and 0.6 ms"]),
    ],
)
def test_times_off_the_grid_of_time_steps_are_refused(changes, dt, parts):
    with pytest.raises(ModelError) as error:
        Structure(SUPERSPIKE.replace(**changes), (2, 1), dt=dt)
    assert [
        part for part in parts if part.replace(" us", "") not in str(error.value).replace("200 us", "0.2 ms")
    ] == [], error


@pytest.mark.parametrize("n", range(1, 400, 7))
def test_multiples_of_the_time_step_are_accepted(n):
    for dt in (0.1 * ms, 0.05 * ms, 1 / 3 * ms):
        Structure(SUPERSPIKE.replace(t_b=n * dt, axonal_delay=n * dt, tau_ref=n * dt), (2, 1), dt=dt)


@pytest.mark.parametrize("dt", [0 * ms, -1 * ms, np.nan * ms, np.inf * ms, 1 * mV])
def test_a_time_step_that_is_none_is_refused(dt):
    with pytest.raises(ValueError, match="time step"):
        Structure(SUPERSPIKE, (2, 1), dt=dt)


@pytest.mark.parametrize("size", [2.0, "2", None, True, np.float64(3), np.bool_(True)])
def test_a_size_that_is_no_whole_number_is_refused(size):
    with pytest.raises(ValueError, match="whole number"):
        Structure(SUPERSPIKE, (2, size, 1))


def test_numpy_integers_are_sizes():
    sizes = Structure(SUPERSPIKE, (np.int64(2), np.uint8(3), 1)).sizes
    assert sizes == (2, 3, 1) and {type(n) for n in sizes} == {int}


# comments


@pytest.mark.parametrize(("kind", "field"), CODE)
@pytest.mark.parametrize("comment", ["# µ: an ordinary comment, 'quoted' (x) = 1; y", "# it ends in \\", "#"])
def test_comments_are_left_out_everywhere(kind, field, comment):
    code = SUPERSPIKE.components[kind].strings[field]
    lines = [f"{line}  {comment}" for line in code.split("\n")]
    commented = SUPERSPIKE.components[kind].replace(**{field: "\n".join([comment, *lines, comment])})
    stripped = [line.strip() for line in commented.strings[field].split("\n") if line.strip()]
    assert stripped == [line.strip() for line in code.split("\n") if line.strip()]
    assert SUPERSPIKE.replace(**{kind: commented.replace(name=SUPERSPIKE.components[kind].name)})


def test_shipped_strings_stay_to_the_character():
    for component in (*SUPERSPIKE.components.values(), WINDOWED, RANDOM):
        assert all(text.plain(code) == code for code in component.strings.values())


def test_a_comment_that_ends_in_a_backslash_swallows_nothing():
    neuron = LIF.replace(reset="I_syn *= 0.5  # half of it \\\nU = U_rest", initial="U = theta + 1*mV")
    plain = LIF.replace(reset="I_syn *= 0.5\nU = U_rest", initial="U = theta + 1*mV")
    assert neuron == plain
    joined = LIF.replace(reset="U = U_rest \\\n  + 0*mV")
    assert text.statements(joined.reset) == (("U = U_rest    + 0*mV", "U", "", "U_rest    + 0*mV"),)


@pytest.mark.parametrize("character", ["µ", "\0", "\x0c", "\u2028", "\u00a0", "\x1b"])
def test_characters_that_are_no_code_are_refused(character):
    assert "cannot stand in code" in refused(LIF, reset=f"U = U_rest{character}")


# expressions that take for ever

BOMBS = {
    "power tower": "9**9**9",
    "power of numbers": "(9**9)**9**2",
    "negative power": "2**-100000000",
    "sum": " + ".join(["1"] * 3000),
    "product": "*".join(["(1 + N)"] * 40),
    "power of a sum": "(1 + N + t/second + i + dt/second)**90",
    "brackets": "(" * 90 + "1" + ")" * 90 + "*0" + "(" * 3000 + "1" + ")" * 3000,
    "minus": "-" * 3000 + "1",
    "functions": "exp(" * 300 + "1" + ")" * 300,
    "functions of numbers": "exp(" * 30 + "1" + ")" * 30,
    "literal": "1e400",
    "whole number": "1" + "0" * 30,
    "divisions": "1/(1 + " * 99 + "1" + ")" * 99 + "/0",
    "text": "'a'",
    "imaginary": "1j",
    "attribute": "N.real",
    "index": "N[0]",
    "lambda": "(lambda: 1)()",
    "comprehension": "[1 for k in 'ab']",
    "no value": "sqrt(-1)",
    "zero": "1/(1 - 1)",
    "logarithm": "log(0)",
    "none": "None",
    "divided by false": "1/False",
    "unknown function": "sinc(1)",
    "keyword": "clip(1, 0, high=1)",
    "bits": "1 ^ 1",
    "chain": "int(1 < 2 < 3)",
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize(
    ("component", "field"), [(LIF, "equations"), (LIF, "reset"), (RMAXPROP, "update"), (LIF, "initial")]
)
def test_an_expression_that_hangs_or_has_no_value_is_refused(component, field, bomb):
    code = component.strings[field]
    more = f"\nnoise = {BOMBS[bomb]} : 1" if field == "equations" else f"\nU = U_rest*({BOMBS[bomb]})"
    assert component.name in refused(
        component, **{field: code + (more if component is LIF else more.replace("U", "w"))}
    )


@pytest.mark.parametrize(
    "unit", ["9**9**9", "volt**9**9**9", "volt**1e300", "1*volt", "volt + volt", "furlong", "volt.dim", ""]
)
def test_a_unit_that_is_none_is_refused(unit):
    assert refused(LIF, equations=f"{LIF.equations}\nx = 1 : {unit}").startswith(LIF.name)


def test_expressions_that_grow_when_put_into_each_other_are_refused():
    grown = "x0 = U/volt : 1\n" + "\n".join(f"x{k} = sin(x{k - 1}) + cos(x{k - 1}) : 1" for k in range(1, 40))
    assert "parts" in refused(LIF, equations=LIF.equations + "\n" + grown)
    grown = "x0 = U/volt : 1\n" + "\n".join(f"x{k} = (1 + x{k - 1})**2 : 1" for k in range(1, 20))
    assert "multiplied out" in refused(LIF, equations=LIF.equations + "\n" + grown)


def test_frozen_synapses_know_parameters_and_nothing_that_learns():
    neuron = LIF.replace(on_input="I_syn_post += gain*w", parameters={**LIF.parameters, "gain": 2})
    double, plain = SUPERSPIKE.replace(neuron=neuron, w_0=50 * mV), SUPERSPIKE.replace(w_0=100 * mV)
    mine, theirs = after(double, 300, hidden_learning=False), after(plain, 300, hidden_learning=False)
    assert np.allclose(mine["hidden_1.I_syn"], theirs["hidden_1.I_syn"], rtol=1e-9, atol=0)
    reads = SUPERSPIKE.replace(neuron=LIF.replace(on_input="I_syn_post += w*(1 + 0*m)"))
    with pytest.raises(ModelError, match="hidden_learning=True"):
        Structure(reads, (10, 2, 1), hidden_learning=False)

"""Code that cannot run is refused when a model is made: methods, flags, comments, expressions that take for ever."""

import numpy as np
import pytest
from brian2 import ms
from model_checks import CODE, after, refused
from superspike_brian.models import (
    FAST_SIGMOID,
    LIF,
    NO_DECAY,
    RANDOM,
    RMAXPROP,
    SUPERSPIKE,
    SYMMETRIC,
    THREE_FACTOR,
    WINDOWED,
    ModelError,
)
from superspike_brian.models.checks import text

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

"""What a model must satisfy before anything is built from it; errors name the component, the equation and the symbol.

=================  ========================================================================================
file               what
=================  ========================================================================================
`text`             comments, continued lines, single statements
`names`            names that Python, Brian2, SymPy and C++ keep for themselves
`expressions`      what an expression may consist of, its size, its numbers
`places`           what the code of each place of the network can read and change
`needs`            the names that the package itself needs
`equations`        names, units and flags of equations; variables that nothing sets
`statements`       names, units and effect of statements
`methods`          integration methods
=================  ========================================================================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import DimensionMismatchError, Quantity, get_dimensions

from .. import noise
from . import equations, expressions, methods, names, needs, places, statements, text
from .errors import ModelError, indent

if TYPE_CHECKING:
    from ..specification import Component, Model

__all__ = [
    "ModelError",
    "check_component",
    "check_frozen",
    "check_model",
    "check_values",
    "compiled",
    "constant",
    "joined",
    "plain",
    "seconds",
    "statements_of",
]
compiled, joined, plain, statements_of = places.compiled, equations.joined, text.plain, text.statements
# models that passed: a network has a rule per projection, and a sweep the same ones in every run
_sound: set[tuple[Any, ...]] = set()
_REMEMBERED = 1000
_STATEMENTS = {field for _, field, _ in places.STATEMENTS}
CHOICES = {  # of fields that are no code
    "weights": ("normal", "forward", "none"),
    "judged": ("expected", "every"),
    "target": ("spikes", "signal"),
    "states": ("kept", "reset"),
}


def check_component(component: Component) -> None:
    """Refuse fields that are no strings of code, and parameters that are no numbers.

    Raises
    ------
    ModelError
        Naming the component and the field.
    """
    for field, code in component.strings.items():
        text.check_characters(component.name, field, code)
        try:
            if field.endswith("equations"):
                equations.parse(code)
            elif field in _STATEMENTS:
                text.statements(code)
        except ValueError as error:
            raise ModelError(f"{component.name}, {field}: {error}\n{indent(code)}") from error
        if field.endswith("method"):
            methods.check_name(component, field)
        if code not in (known := CHOICES.get(field, (code,))):
            raise ModelError(
                f"{component.name}, {field}: {code!r} is unknown; there are {', '.join(known)}", code, known
            )
    for symbol, value in component.parameters.items():
        if why := names.fault(symbol):
            raise ModelError(f"{component.name}: the parameter {symbol!r} {why}: give it another name")
        _check_value(component, symbol, value)


def _check_value(component, symbol, value):
    """Refuse a parameter that is not one finite real number."""
    what = f"{component.name}: the parameter '{symbol}' must be a number with its unit, not {value!r}"
    if isinstance(value, str | bytes | bool | np.bool_ | complex) or np.ndim(value) or np.iscomplexobj(value):
        raise ModelError(what)
    try:
        number = float(Quantity(value))
    except (TypeError, ValueError, OverflowError) as error:  # also a whole number of more than 64 bits
        raise ModelError(what) from error
    if not math.isfinite(number):
        raise ModelError(f"{what}: it must be finite")


def check_model(model: Model) -> None:
    """Refuse a model whose names do not resolve, whose units do not agree, or that the package cannot run.

    Raises
    ------
    ModelError
        Naming the component, the equation or statement, and the symbol.
    """
    if (content := _content(model)) in _sound:
        return
    constants = _constants(model)
    where = places.of(model)
    _check_needs(model, where)
    _check_clashes(model, where, constants)
    for key, place in where.items():
        kind = key if isinstance(key, str) else key[0]
        if kind in equations.FLAGS:
            equations.check(kind, place, constants)
    if found := noise.fault(model):
        component, field, message = found
        raise ModelError(f"{component.name}, {field}: {message}")
    changed = _check_statements(model, where, constants)
    _check_expressions(model, where, constants)
    for key, place in where.items():
        equations.check_set(place, changed[key])
    needs.check_parameters(model)
    _check_methods(model, where, constants)
    if len(_sound) >= _REMEMBERED:
        _sound.clear()
    _sound.add(content)


def _content(model):
    """All that the checks of a model look at."""
    return tuple(
        (
            kind,
            c.name,
            *c.strings.items(),
            *((k, type(v), float(v), get_dimensions(v)) for k, v in c.parameters.items()),
        )
        for kind, c in model.components.items()
    )


def check_frozen(model: Model) -> None:
    """Refuse a model whose presynaptic spikes change what synapses without plasticity lack."""
    try:
        statements.check(model.neuron, "on_input", places.of(model)["frozen"], places.constants(model))
    except ModelError as error:
        raise ModelError(
            f"{error}\n    synapses that do not learn have the weight w only: use hidden_learning=True"
        ) from error


def check_values(model: Model, code: str, unit: str, single: bool = False) -> None:
    """Refuse an expression for the synapses of a projection: a value of each, or a `single` one.

    Parameters
    ----------
    model : Model
        Whose parameters it can read.
    code : str
        The expression; it can read ``i``, ``j``, ``N_pre`` and ``N_post``, unless it is to be single.
    unit : str
        Name of its unit.
    single : bool
        Whether it is one value, known before a run.

    Raises
    ------
    ModelError
        Naming the expression and what is wrong in it.
    """
    known = {**expressions.BUILT_IN, **places.constants(model), **({} if single else places.SYNAPSE)}
    try:
        parsed = expressions.parse(code)
        for symbol in sorted(parsed.names - known.keys()):
            raise ModelError(f"'{code}': '{symbol}' is no parameter of the model", symbol, known)
        dimensions, kind = expressions.check(code, known)
        value = expressions.evaluate(code, known)
    except (expressions.UnfitError, DimensionMismatchError) as error:
        raise ModelError(f"'{code}': {error}") from error
    if kind == "boolean" or dimensions is not expressions.UNITS[unit].dim:
        raise ModelError(f"'{code}': it is in {places.unit_text(dimensions)}; expected a value in {unit}")
    if single and value is None:
        raise ModelError(f"'{code}': expected one value for all synapses, from parameters and numbers")


def constant(model: Model, code: str) -> float | None:
    """Value (SI units) of an expression of parameters and numbers; None if it differs between synapses."""
    return expressions.evaluate(code, {**expressions.BUILT_IN, **places.constants(model)})


def seconds(model: Model, component: Component, field: str) -> float | None:
    """Value (s) of a time that a field gives as an expression of parameters; None if it differs between units."""
    return constant(model, getattr(component, field))


def _constants(model):
    """Parameters as constants; refuses one with two homes."""
    homes: dict[str, str] = {}
    for component in model.components.values():
        for symbol in component.parameters:
            if symbol in homes:
                raise ModelError(f"'{symbol}' is a parameter of both {homes[symbol]} and {component.name}: keep one")
            homes[symbol] = component.name
    return places.constants(model)


def _check_needs(model, where):
    for kind, key in (("layer", ("layer", False)), ("output layer", ("layer", True)), ("synapse", ("synapse", False))):
        needs.check_variables(model, kind, where[key].equations)
    if model.feedback.weights == "normal":
        needs.check_variables(model, "feedback", where["feedback"].equations)
    if model.error.judged == "every" and not model.error.on_cue:
        raise ModelError(f"{model.error.name}, judged: without `on_cue` there are no deadlines to judge at")
    if model.error.target == "signal" and model.error.on_cue:
        raise ModelError(f"{model.error.name}, on_cue: a target that is a signal has no cues and no deadlines")
    if model.error.target == "signal" and not model.feedback.error_equations:
        raise ModelError(
            f"{model.feedback.name}, on_target: it sends impulses of target and output spikes, and the target of "
            f"'{model.error.name}' is a signal: take feedback that sums errors in every step, such as BROADCAST"
        )
    if model.error.on_deadline and not model.error.on_cue:
        raise ModelError(f"{model.error.name}, on_deadline: without `on_cue` there are no cues and no deadlines")


def _check_clashes(model, where, constants):
    """Refuse names that mean two things at one place."""
    lent = set(equations.parse(model.error.judge_equations).names)
    lent |= {"w"} if model.feedback.weights == "forward" else set()
    layers = [where["layer", output] for output in (False, True)]
    for place, taken, why in (
        (where["feedback"], lent, "feedback reads that of the output layer, or the forward weight"),
        (where["terminal"], layers[0].names.keys() | layers[1].names.keys() - {"i", "N", "t", "dt"}, "layers have it"),
        *((layer, {"w"}, "it is the weight of a synapse") for layer in (*layers, where["terminal"])),
        (layers[0], where["feedback"].equations.names, "it is a variable of feedback"),
        *(
            (la, where["synapse", o].equations.names, "it is a variable of a synapse")
            for la in layers
            for o in (False, True)
        ),
    ):
        for name in sorted(place.equations.names & taken - {"i", "N", "t", "dt"}):
            raise ModelError(f"{place.homes[name].name}: '{name}' cannot be defined in {place.where}: {why}; rename it")
    for place in where.values():
        for name in sorted((place.names.keys() - place.equations.names) & constants.keys()):
            if not place.names[name].scalar:
                home = next(c.name for c in model.components.values() if name in c.parameters)
                raise ModelError(
                    f"{home}: the parameter '{name}' is the name of a variable in {place.where}: rename it"
                )


def _check_statements(model, where, constants):
    """Check all statements; return which variables of each place they change."""
    changed: dict[places.Key, set[str]] = {key: set() for key in where}
    changed["frozen"] = {"w"}
    for output in (False, True):
        changed["synapse", output] = {"w"}
    if model.feedback.weights == "normal":
        changed["feedback"] = {"b"}
    needed = {"on_input", "on_arrival", "on_target"} | ({"on_deadline"} if model.error.on_cue else set())
    needed |= {"on_output"} if model.error.target == "spikes" else set()
    for component, field, key in places.blocks(model, places.STATEMENTS):
        if field == "initial":
            statements.check_initial(component)
        summed = component is model.feedback and component.strings["error_equations"]
        if field in needed and not summed and not getattr(component, field):  # Brian2 makes no pathway of it
            raise ModelError(
                f"{component.name}, {field}: it is empty, and what arrives must change something; to switch an effect off, "
                "multiply it by a parameter that is 0"
            )
        names_changed = statements.check(component, field, where[key], constants)
        _note(changed, key, names_changed)
    summed = [e for e in where["feedback"].equations.values() if "summed" in e.flags]
    changed["layer", False] |= {e.varname.removesuffix("_post") for e in summed}
    _check_summed(model, summed)
    return changed


def _check_summed(model, summed):
    """Refuse sums without a variable in the target to take them, and the other way round."""
    feedback, taken = model.feedback, equations.parse(model.feedback.error_equations)
    for equation in summed:
        name = equation.varname.removesuffix("_post")
        if name not in taken or taken[name].type != "parameter" or taken[name].dim is not equation.dim:
            raise ModelError(
                f"{feedback.name}, equations: '{equation}' is summed into a variable of the target, which `error_equations` "
                f"must declare: '{name} : {places.unit_text(equation.dim)}'"
            )
    if feedback.error_equations and not summed:
        raise ModelError(
            f"{feedback.name}, error_equations: no equation with the flag (summed) gives `error` its value"
        )
    if feedback.error_equations and (feedback.on_target or feedback.on_output):
        raise ModelError(
            f"{feedback.name}, on_target, on_output: errors that are summed in every step have no impulses"
        )


def _note(changed, key, names_changed):
    """Sort changed variables by the place that has them."""
    post = {"event": ("layer", True), "feedback": ("layer", False), "arrival": "terminal"}
    for name in names_changed:
        target = key
        if name.endswith("_pre"):
            target, name = "terminal", name.removesuffix("_pre")
        elif name.endswith("_post"):
            target, name = post.get(key, ("layer", key[1])), name.removesuffix("_post")
        elif key == "event":
            target = "layer", True
        changed[target].add(name)


def _check_expressions(model, where, constants):
    n, p, o = model.neuron, model.plasticity, model.optimizer
    wanted = dict.fromkeys(("threshold", "output_threshold"), "a condition") | {"refractory": "a time or a condition"}
    for component, field, key in places.blocks(model, places.EXPRESSIONS):
        statements.check_expression(component, field, where[key].names, constants, wanted[field])
    for component, field in ((p, "delay"), (o, "interval")):
        statements.check_expression(component, field, {}, constants, "a time")
    for component, field, positive in ((n, "refractory", False), (p, "delay", False), (o, "interval", True)):
        value, code = seconds(model, component, field), getattr(component, field)
        if value is not None and not (math.isfinite(value) and (value > 0 if positive else value >= 0)):
            what = "positive" if positive else "0 or positive"
            raise ModelError(f"{component.name}, {field} '{code}': it is {value:g} s, and must be {what}")


def _check_methods(model, where, constants):
    rule = model.plasticity
    methods.check(rule, "terminal_method", where["terminal"], constants)
    for output in (False, True):
        methods.check(model.neuron, "method", where["layer", output], constants, refractory=True)
        methods.check(rule, "method", where["synapse", output], constants)

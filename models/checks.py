"""What a model must satisfy before anything is built from it; errors name the component, the equation and the symbol."""

import difflib
import re

from brian2 import DimensionMismatchError, Equations, get_dimensions, have_same_dimensions, second
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_UNITS
from brian2.core.variables import Variable
from brian2.equations.equations import EquationError
from brian2.equations.unitcheck import check_dimensions, check_units_statements
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit
from brian2.utils.stringtools import get_identifiers

from . import noise

_BUILT_IN = {
    **DEFAULT_FUNCTIONS,
    **{name: Variable(name, dimensions=unit.dim) for name, unit in DEFAULT_UNITS.items()},
    **{n: Variable(n, dimensions=DIMENSIONLESS) for n in ("pi", "e", "inf", "True", "False", "i", "j", "N")},
    **{n: Variable(n, dimensions=second.dim) for n in ("t", "dt")},
}


class ModelError(ValueError):
    """A model that cannot run: what is wrong, where, and what would be right."""

    def __init__(self, message, symbol=None, known=()):
        near = difflib.get_close_matches(symbol, known, 1) if symbol else ()
        super().__init__(message + (f"; did you mean '{near[0]}'?" if near else ""))


def check_component(component):
    """Refuse equation strings that do not parse and parameters that are no numbers.

    Raises
    ------
    ModelError
        Naming the component and the field.
    """
    for field, code in component.strings.items():
        if field.endswith("equations"):
            try:
                Equations(code)
            except (EquationError, SyntaxError, ValueError) as error:
                raise ModelError(f"{component.name}, {field}: {_first_line(error)}\n{_indent(code)}") from error
    for symbol, value in component.parameters.items():
        try:
            float(value)
        except (TypeError, ValueError) as error:
            message = f"{component.name}: the parameter '{symbol}' must be a number with its unit, not {value!r}"
            raise ModelError(message) from error


def check_model(model):
    """Refuse a model whose names do not resolve or whose units do not agree.

    Raises
    ------
    ModelError
        Naming the component, the equation or statement, and the symbol.
    """
    constants = _constants(model)
    if found := noise.fault(model):
        component, field, message = found
        raise ModelError(f"{component.name}, {field}: {message}")
    terminals = Equations(model.plasticity.terminal_equations)
    layers = {output: _join(model.layer_equations, output=output) for output in (False, True)}
    synapses = _join(lambda: model.synapse_equations(model.regularizer))
    _needs(model, layers[False], {"sigma_prime": model.surrogate, "error": model.error}, "a layer")
    _needs(
        model, synapses, {"weight_decay": model.regularizer, "w": model.plasticity, "m": model.plasticity}, "a synapse"
    )
    synapse_names = {**_suffixed(terminals, "_pre"), **_suffixed(layers[False], "_post"), **_named(synapses)}
    feedback = Equations(model.feedback.equations)
    judge = _named(Equations(model.error.judge_equations))
    feedback_names = {**_named(feedback), **_suffixed(layers[False], "_post"), **judge}
    if model.feedback.weights == "forward":
        feedback_names["w"] = _named(synapses)["w"]

    _check_equations(model, terminals, {}, constants)
    for equations in layers.values():
        _check_equations(model, equations, {}, constants)
    _check_equations(model, synapses, synapse_names, constants)
    hidden, output = _named(layers[False]), _named(layers[True])
    at_output = {**_suffixed(layers[True], "_post"), **judge}
    n, p, e, f, o = model.neuron, model.plasticity, model.error, model.feedback, model.optimizer
    statements = [
        (n, "reset", n.reset, hidden),
        (n, "initial", n.initial, hidden),
        (n, "on_input", n.on_input, synapse_names),
        (p, "on_arrival", p.on_arrival, _suffixed(terminals, "_post")),
        *((e, f, getattr(e, f), at_output) for f in ("on_target", "on_output", "on_cue", "on_deadline")),
        (e, "on_answer", e.on_answer, output),
        (e, "initial", e.initial, output),
        (e, "cost_update", e.cost_update, output),
        (f, "on_target", f.on_target, feedback_names),
        (f, "on_output", f.on_output, feedback_names),
        (o, "update", o.update, synapse_names),
        (model.regularizer, "on_spike", model.regularizer.on_spike, hidden),
    ]
    for component, field, code, names in statements:
        _check_statements(component, field, code, {**names, **constants})
    _check_expression(n, "threshold", n.threshold, {**hidden, **constants}, None)
    for component, field in ((n, "refractory"), (p, "delay"), (o, "interval")):
        _check_expression(component, field, getattr(component, field), constants, second.dim)


def _constants(model):
    """Dimensions of the parameters; refuses one with two homes."""
    homes = {}
    for component in model.components.values():
        for symbol in component.parameters:
            if symbol in homes:
                raise ModelError(f"'{symbol}' is a parameter of both {homes[symbol]} and {component.name}: keep one")
            homes[symbol] = component.name
    return {s: Variable(s, dimensions=get_dimensions(v)) for s, v in model.parameters.items()}


def _join(build, **kwds):
    try:
        return build(**kwds)
    except EquationError as error:
        raise ModelError(f"two components of the model define the same variable: {_first_line(error)}") from error


def _needs(model, equations, needed, where):
    for name, component in needed.items():
        if name not in equations.names:
            raise ModelError(
                f"{component.name}: the rule needs the variable '{name}' in {where}, and no component defines it",
                name,
                equations.names,
            )


def _named(equations):
    return {name: Variable(name, dimensions=equations[name].dim) for name in equations.names}


def _suffixed(equations, suffix):
    return {name + suffix: variable for name, variable in _named(equations).items()}


def _home(model, text):
    """Name of the component that holds `text`."""
    squeezed = re.sub(r"\s+", "", text)
    for component in model.components.values():
        if any(squeezed in re.sub(r"\s+", "", code) for code in component.strings.values()):
            return component.name
    return "model"


def _check_equations(model, equations, others, constants):
    xi = {n: Variable(n, dimensions=(second**-0.5).dim) for n in equations.stochastic_variables}
    names = {**_named(equations), **others, **constants, **xi}
    for name, equation in equations.items():
        if equation.type == "parameter":
            _same_unit(_home(model, name), name, equation.dim, constants)
            continue
        home, dim = _home(model, equation.expr.code), equation.dim
        expected = dim / second.dim if equation.type == "differential equation" else dim
        symbol, unit = name, _unit(dim)
        if equation.type == "differential equation":
            symbol, unit = f"d{name}/dt", "hertz" if dim is DIMENSIONLESS else f"{unit}/second"
        _resolve(home, f"equation of {name}", equation.expr.code, names)
        try:
            check_dimensions(equation.expr.code, expected, _used(equation.expr.code, names))
        except DimensionMismatchError as error:
            raise ModelError(
                f"{home}: units in '{symbol} = {equation.expr.code}' do not agree; {symbol} is in "
                f"{unit}. {_first_line(error)}"
            ) from error


def _used(code, names):
    """The names that occur in `code` (Brian2 hashes whole dictionaries: a small one is 50 times faster)."""
    return {n: (names | _BUILT_IN)[n] for n in get_identifiers(code) & (names.keys() | _BUILT_IN.keys())}


def _unit(dim):
    return "1 (no unit)" if dim is DIMENSIONLESS else repr(get_unit(dim))


def _same_unit(home, name, dim, constants):
    if name in constants and not have_same_dimensions(get_unit(dim), get_unit(constants[name].dim)):
        raise ModelError(
            f"{home}: '{name}' is declared in {_unit(dim)}, and its value is in {_unit(constants[name].dim)}"
        )


def _check_statements(component, field, code, names):
    _resolve(component.name, field, code, names)
    try:
        check_units_statements(code.strip(), _used(code, names))
    except (DimensionMismatchError, SyntaxError) as error:
        raise ModelError(f"{component.name}, {field}: {_first_line(error)}\n{_indent(code)}") from error


def _check_expression(component, field, code, names, dim):
    _resolve(component.name, field, code, names)
    try:
        check_dimensions(code, DIMENSIONLESS if dim is None else dim, _used(code, names))
    except (DimensionMismatchError, SyntaxError) as error:
        raise ModelError(f"{component.name}, {field} '{code}': {_first_line(error)}") from error


def _resolve(home, where, code, names):
    """Refuse an identifier that nothing defines."""
    local = set(re.findall(r"^\s*([A-Za-z_]\w*)\s*=(?!=)", code, re.M)) if "=" in code else set()
    for symbol in sorted(get_identifiers(code) - local - names.keys() - _BUILT_IN.keys() - {"and", "or", "not"}):
        raise ModelError(
            f"{home}, {where}: '{symbol}' is neither a variable nor a parameter of the model\n{_indent(code)}\n"
            f"add it to `parameters` with its unit",
            symbol,
            names,
        )


def _first_line(error):
    return str(error).strip().splitlines()[0]


def _indent(code):
    lines = (line.strip() for line in code.strip().splitlines())
    return "\n".join("    " + line for line in lines)

"""Equations: names that resolve, units that agree, flags that mean something, and variables that somebody sets."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from brian2 import DimensionMismatchError, Equations, second
from pyparsing import ParseException

from ...codegen.brian2_api import DIMENSIONLESS, EQUATIONS, Constant, EquationError, Variable
from . import expressions, names
from .errors import ModelError, first_line, indent
from .places import unit_text
from .statements import resolve, said_of

if TYPE_CHECKING:
    from ..specification import Component
    from .places import Place

MAX_EQUATIONS = 100  # of a field
MAX_SIZE = 5000  #      parts of an expression with all other expressions in their places
FLAGS = {  # by place and type of equation
    "layer": {"differential equation": ["unless refractory"]},
    "terminal": {},
    "synapse": {"differential equation": ["clock-driven"]},
    "feedback": {"differential equation": ["clock-driven"], "subexpression": ["summed", "shared", "constant over dt"]},
}
_ALWAYS = {"parameter": ["shared", "constant"], "subexpression": ["shared", "constant over dt"]}


@lru_cache(maxsize=5000)
def parse(code: str) -> Equations:
    """`Equations` of a string; ValueError says what is wrong with it.

    Expressions and units are looked at before Brian2 gives them to SymPy.
    """
    try:
        found = EQUATIONS.parse_string(code, parse_all=True)
    except ParseException as error:
        raise ValueError(f"it is no equation, as in 'dx/dt = -x/tau : volt': {error}") from error
    except RecursionError as error:
        raise ValueError("it is too long, or nested too deeply") from error
    if len(found) > MAX_EQUATIONS:
        raise ValueError(f"{len(found)} equations are too many; at most {MAX_EQUATIONS} are possible")
    for equation in found:
        name = equation["identifier"]
        if "expression" in equation:
            try:
                expressions.parse(equation["expression"])
            except expressions.UnfitError as error:
                raise ValueError(f"equation of {name}: {error}") from error
        if "summed" in list(equation.get("flags", ())):  # into a variable of the target
            name = name.removesuffix("_post")
        if why := names.variable_fault(name, differential=equation.getName() == "differential equation"):
            raise ValueError(f"'{name}' {why}: give it another name")
        _check_unit(name, equation["unit"].strip())
    try:
        return Equations(code)
    except (
        EquationError,
        SyntaxError,
        ValueError,
        TypeError,
        ArithmeticError,
    ) as error:  # Brian2 about the user's string
        raise ValueError(first_line(error)) from error


def _check_unit(name, unit):
    """Refuse a unit that is more than products and small powers of names."""
    try:
        nodes = list(ast.walk(ast.parse(unit, mode="eval")))
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"equation of {name}: '{unit}' is no unit, as volt or 1/second") from error
    numbers = [n.value for n in nodes if isinstance(n, ast.Constant)]
    powers = [n for n in nodes if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow)]
    if (
        len(nodes) > 50
        or any(not isinstance(n, int | float) or abs(n) > 10 for n in numbers)
        or not all(isinstance(p.left, ast.Name) and _is_number(p.right) for p in powers)  # Brian2 evaluates 9**9**9
    ):
        raise ValueError(f"equation of {name}: '{unit}' is no unit, as volt or 1/second")


def _is_number(node):
    """Whether a power is a plain number, perhaps negative."""
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


def check(kind: str, place: Place, constants: Mapping[str, Constant]) -> None:
    """Refuse equations of a place that cannot run.

    Parameters
    ----------
    kind : {'layer', 'terminal', 'synapse', 'feedback'}
        Of place.
    place : Place
        Its equations and what they can read.
    constants : dict of str to Constant
        Parameters.
    """
    known = {**expressions.BUILT_IN, **constants, **place.names}
    stochastic = place.equations.stochastic_variables
    noisy = {**known, **{n: Variable(n, dimensions=(second**-0.5).dim) for n in stochastic}}
    _check_sizes(place)
    for name, equation in place.equations.items():
        component = place.homes[name]
        _check_flags(kind, component, equation)
        if equation.type == "parameter":
            _check_shared(component, name, equation, constants)
            continue
        if name in constants:
            raise ModelError(f"{component.name}: '{name}' is both a parameter and defined by '{equation}': keep one")
        differential = equation.type == "differential equation"
        if differential and kind == "synapse" and name in names.KERNELS:
            raise ModelError(
                f"{component.name}: '{name}' has a meaning in the code that integrates synapses: rename it"
            )
        names_here = noisy if differential else known
        resolve(component, f"equation of {name}", equation.expr.code, names_here)
        _check_units(component, name, equation, names_here)
        if "shared" in equation.flags:
            _check_shared_expression(component, name, equation, known)


def _check_units(component, name, equation, known):
    code, dim = equation.expr.code, equation.dim
    symbol, unit = name, unit_text(dim)
    if equation.type == "differential equation":
        symbol, unit = f"d{name}/dt", "hertz" if dim is DIMENSIONLESS else f"{unit}/second"
        dim = dim / second.dim
    wrong = f"{component.name}: units in '{symbol} = {code}' do not agree; {symbol} is in {unit}. "
    with said_of(component, f"equation of {name}", code):
        try:
            found, _ = expressions.check(code, known)
        except DimensionMismatchError as error:
            raise ModelError(wrong + first_line(error)) from error
    if found is not dim:
        raise ModelError(f"{wrong}The right-hand side is in {unit_text(found)}")


def _check_flags(kind, component, equation):
    allowed = (_ALWAYS | FLAGS[kind]).get(equation.type, [])
    for flag in equation.flags:
        if flag not in allowed:
            near = "; use (clock-driven)" if flag == "event-driven" else ""
            can = f"can be ({', '.join(allowed)})" if allowed else "has no flags"
            raise ModelError(
                f"{component.name}: the flag ({flag}) does not work in '{equation}'; a {equation.type} of a {kind} {can}{near}"
            )


def _check_shared(component, name, equation, constants):
    """A declared variable: one with a parameter's value, or one of the unit's own."""
    if name in constants:
        if equation.dim is not constants[name].dim:
            raise ModelError(
                f"{component.name}: '{name}' is declared in {unit_text(equation.dim)}, and its value is in "
                f"{unit_text(constants[name].dim)}"
            )
        if "shared" not in equation.flags:
            raise ModelError(
                f"{component.name}: '{equation}' would start at 0, not at the parameter's value: declare "
                f"'{name} : {unit_text(equation.dim)} (shared, constant)', or give variable and parameter different names"
            )
    elif "shared" in equation.flags:
        raise ModelError(
            f"{component.name}: '{name}' is declared (shared), and no parameter defines it: add it to `parameters` with its "
            "unit",
            name,
            constants,
        )


def _check_shared_expression(component, name, equation, known):
    own = [n for n in sorted(equation.identifiers & known.keys()) if not getattr(known[n], "scalar", True)]
    if own:
        raise ModelError(
            f"{component.name}: '{name}' is declared (shared), but '{own[0]}' differs between units: {equation}"
        )


def _check_sizes(place):
    """Refuse expressions that become too large with all other expressions in their places, as integration needs them."""
    terms: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for equation in place.equations.ordered:
        if equation.expr is None:
            continue
        tree = expressions.parse(equation.expr.code).tree
        with said_of(place.homes[equation.varname], f"equation of {equation.varname}", equation.expr.code):
            n = expressions.terms(tree, terms)
            size = sum(sizes.get(node.id, 1) if isinstance(node, ast.Name) else 1 for node in ast.walk(tree))
            if size > MAX_SIZE:
                raise expressions.UnfitError(f"with all expressions in their places it has more than {MAX_SIZE} parts")
        if "constant over dt" not in equation.flags and equation.type == "subexpression":
            terms[equation.varname], sizes[equation.varname] = n, size


def check_set(place: Place, changed: Collection[str]) -> None:
    """Refuse variables of a place that stay 0, because nothing sets them."""
    for name, equation in place.equations.items():
        if equation.type == "parameter" and "shared" not in equation.flags and name not in changed:
            raise ModelError(
                f"{place.homes[name].name}: nothing sets '{equation}', so that it would stay 0: let a statement set it, or "
                f"declare '{name} : {unit_text(equation.dim)} (shared, constant)' and add it to `parameters` with its unit",
            )


def joined(parts: Sequence[tuple[Component, str]]) -> tuple[Equations, dict[str, Component]]:
    """`Equations` of several components, and the component that defines each variable."""
    homes: dict[str, Component] = {}
    for component, code in parts:
        for name in parse(code).names:
            if name in homes:
                raise ModelError(
                    f"two components of the model define the same variable: '{name}' is in {homes[name].name} and in "
                    f"{component.name}"
                )
            homes[name] = component
    code = "\n".join(code for _, code in parts)
    try:
        return parse(code), homes
    except ValueError as error:
        raise ModelError(f"{parts[0][0].name} and others, equations: {error}\n{indent(code)}") from error

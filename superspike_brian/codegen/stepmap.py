"""The map that one time step applies to a group's variables, read from the code that Brian2 would run.

A state updater's abstract code is a short list of assignments, whatever the integration method. Executed on symbols it
gives every new value as an expression of the old ones. Kernels are derived from these expressions, and so take the same
steps in the same discrete time as Brian2's own code: Euler stays Euler, an exact solution stays exact.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from brian2 import Function, Group
from numpy.typing import NDArray

from .brian2_api import ArrayVariable, Constant, Subexpression, Variable, get_identifiers, str_to_sympy

NOTHING: Mapping[str, Any] = {}
_ASSIGNMENT = re.compile(r"^\s*(\w+)\s*(\+|-|\*|/)?=(?!=)\s*(.+?)\s*(?:#.*)?$")


class UnfitError(Exception):
    """The equations do not have the form that a kernel needs; the message says why."""


def symbol(name: str) -> sympy.Symbol:
    """Brian2's SymPy symbol of a variable."""
    return sympy.Symbol(name, real=True)


def substitute(expression: sympy.Expr, values: Mapping[str, sympy.Expr]) -> sympy.Expr:
    """Replace symbols by name (Brian2's symbol of the time step is another one than `symbol` makes)."""
    return expression.xreplace({s: values[str(s)] for s in expression.free_symbols if str(s) in values})


def abstract_code(updater: Any, namespace: Mapping[str, Any] = NOTHING) -> str:
    """Code of one step of a group's state updater; empty where it has none. Names that the group lacks are in `namespace`."""
    updater.update_abstract_code(run_namespace=namespace)
    return updater.abstract_code


def step_map(code: str, variables: Mapping[str, Variable | Function]) -> dict[str, sympy.Expr]:
    """Execute abstract code on symbols: dict of assigned name to expression of the values before the step."""
    values: dict[str, sympy.Expr] = {}
    for line in filter(str.strip, code.splitlines()):
        if not (match := _ASSIGNMENT.match(line)):
            raise UnfitError(f"'{line.strip()}' is not an assignment")
        name, operation, right = match.groups()
        expression = str_to_sympy(f"{name} {operation} ({right})" if operation else right, variables)
        values[name] = substitute(expression, values)
    return values


def resolve(synapses: Group, code: str, namespace: Mapping[str, Any] = NOTHING) -> dict[str, Variable | Function]:
    """Variables, constants and functions that a group's abstract code names: dict of name to Variable."""
    names = get_identifiers(code) - {"and", "or", "not", "True", "False"}
    assigned = {m.group(1) for m in map(_ASSIGNMENT.match, code.splitlines()) if m}
    names -= {n for n in assigned if n not in synapses.variables}
    return synapses.resolve_all(names, run_namespace=namespace, user_identifiers=set())


def kind(name: str, variable: Variable | Function, index: str) -> str:
    """What a variable depends on: 'own', 'pre', 'post', 'shared' or 'function'.

    Raises
    ------
    UnfitError
        For what changes within a time step's block without being stored: expressions, time, random numbers.
    """
    if isinstance(variable, Function):
        if not variable.stateless:
            raise UnfitError(f"{name}() gives another value at every call")
        return "function"
    if isinstance(variable, Subexpression):
        raise UnfitError(f"{name} is an expression that is not constant over dt")
    if isinstance(variable, Constant):
        return "shared"
    if not isinstance(variable, ArrayVariable):
        raise UnfitError(f"{name} is not an array")
    if variable.scalar:
        if re.fullmatch(r"t|t_in_timesteps|timestep", variable.name):
            raise UnfitError(f"it reads the time ({name})")
        return "shared"
    if variable.name in ("_synaptic_pre", "_synaptic_post"):
        raise UnfitError(f"it reads the number of a unit ({name})")
    kinds = {"_idx": "own", "_presynaptic_idx": "pre", "_postsynaptic_idx": "post"}
    if index not in kinds:
        raise UnfitError(f"{name} has an index of its own ({index})")
    return kinds[index]


def linear_dynamics(
    variable: Variable, namespace: Mapping[str, Any] = NOTHING
) -> tuple[list[str], NDArray[np.float64]]:
    """Linear homogeneous dynamics with constant coefficients that a neuron group's variable takes part in.

    Returns
    -------
    names : list of str
        The group's variables that the step of `variable` reads, directly or through others; `variable` first.
    matrix : ndarray
        New values are ``matrix @ old values``.

    Raises
    ------
    UnfitError
        If the step is not of this form.
    """
    group = variable.owner
    updater = getattr(group, "state_updater", None)
    code = abstract_code(updater, namespace) if updater is not None else ""
    names = resolve(group, code, namespace) if code else {}
    steps = step_map(code, names)
    values = {
        n: sympy.Float(v.get_value().item() if isinstance(v, ArrayVariable) else float(v.value))
        for n, v in names.items()
        if isinstance(v, Constant) or n == "dt"
    }
    found, rows = [variable.name], []
    for name in found:
        expression = substitute(steps.get(name, symbol(name)), values)
        reads = sorted(str(s) for s in expression.free_symbols)
        found += [r for r in reads if r not in found]
        row = {r: sympy.diff(expression, symbol(r)) for r in reads}
        offset = substitute(expression, dict.fromkeys(reads, sympy.Integer(0)))
        if offset != 0 or any(not c.is_number for c in row.values()):
            raise UnfitError(f"{name} of {group.name} is not linear with constant coefficients")
        rows.append(row)
    return found, np.array([[float(row.get(r, 0)) for r in found] for row in rows])

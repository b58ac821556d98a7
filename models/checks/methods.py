"""Integration methods: they exist, and fit the equations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from brian2 import StateUpdateMethod, second

from ...codegen.brian2_api import (
    Constant,
    UnsupportedEquationsException,
    Variable,
    add_refractoriness,
    extract_constant_subexpressions,
    get_identifiers,
    get_linear_system,
    is_constant_over_dt,
)
from ...codegen.exact import exact_by_blocks, without_form
from .errors import ModelError, first_line
from .expressions import BUILT_IN, MAX_INTEGER

if TYPE_CHECKING:
    from ..specification import Component
    from .places import Place

TIME_STEP = 1e-4  # s, for checks that need one: that of the run is not known yet
METHODS = sorted(name for name in StateUpdateMethod.stateupdaters if not name.startswith("gsl"))


def check_name(component: Component, field: str) -> None:
    """Refuse a method that Brian2 does not know, or that needs another library."""
    method = getattr(component, field)
    if method.lower() not in METHODS:
        raise ModelError(
            f"{component.name}, {field}: '{method}' is no integration method; there are {', '.join(METHODS)}",
            method,
            METHODS,
        )


class _TimeStep(Variable):
    """A time step for methods that look at its value; the run's is not known yet."""

    def get_value(self):
        return np.array([TIME_STEP])


class _Keyed:
    """Equations that caches can tell apart by their text."""

    def __init__(self, equations):
        self.equations, self.text = equations, "\n".join(map(str, equations.values()))

    def __hash__(self):
        return hash(self.text)

    def __eq__(self, other):
        return self.text == other.text


_OF_BRIAN2 = (  # what Brian2 and SymPy raise on equations that a method does not fit
    UnsupportedEquationsException,
    NotImplementedError,
    ArithmeticError,
    AttributeError,
    KeyError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


def check(
    component: Component, field: str, place: Place, constants: Mapping[str, Constant], *, refractory: bool = False
) -> None:
    """Refuse a method that does not fit the equations of a place.

    Parameters
    ----------
    component : Component
        Whose method it is.
    field : str
        Which names the method.
    place : Place
        Where it integrates.
    constants : dict of str to Constant
        Parameters.
    refractory : bool
        Whether the place has a refractory period.
    """
    equations, method = place.equations, getattr(component, field).lower()
    if not equations.diff_eq_names:
        return
    equations, _ = extract_constant_subexpressions(add_refractoriness(equations) if refractory else equations)
    try:
        if method not in ("exact", "linear"):
            fault = _fault_of_code(_Keyed(equations), method, frozenset(place.names) | frozenset(constants))
        elif _is_simple(_Keyed(equations)):
            fault = _fault_of_inputs(equations, place.names, constants)
        else:
            fault = _fault_of_exact(equations, method, {**place.names, **constants})
    except _OF_BRIAN2 as error:
        fault = first_line(error)
    if fault:
        raise ModelError(
            f"{component.name}, {field}: '{method}' cannot integrate the equations of {place.where}: {fault}\n"
            "    choose another method, as 'euler', or change the equations"
        )


def _with_time_step(variables):
    return {**BUILT_IN, **variables, "dt": _TimeStep("dt", dimensions=second.dim, scalar=True)}


@lru_cache(maxsize=2000)
def _is_simple(keyed):
    """Whether linear equations have coefficients that are constant over a step, and drive each other in no circle.

    Then their exponential is real and needs no look: SymPy takes a while for it.
    """
    variables = _with_time_step({})
    names, matrix, drive = get_linear_system(keyed.equations, variables)
    for entry in (*matrix, *drive):
        if not is_constant_over_dt(entry, variables, TIME_STEP):
            raise UnsupportedEquationsException(f"'{entry}' is not constant over a time step")
    links = np.array([[matrix[i, j] != 0 for j in range(len(names))] for i in range(len(names))])
    reached = np.linalg.matrix_power((links & ~np.eye(len(names), dtype=bool)).astype(float), len(names))
    return bool(links.diagonal().all()) and not reached.any()


def _fault_of_inputs(equations, variables, constants):
    """Name three or more linked equations with close ``(shared, constant)`` coefficients, which have no exact form."""
    found = without_form(equations, _with_time_step(variables), constants, TIME_STEP)
    return found and (
        f"{', '.join(found)} are linked, and their time constants are too close for the solution in symbols that parameters "
        "declared '(shared, constant)' need: leave the declaration out, or make the values differ"
    )


def _fault_of_exact(equations, method, variables):
    """Solve linear equations that are not simple, as the builder does."""
    updater = exact_by_blocks if method == "exact" else StateUpdateMethod.stateupdaters[method]
    return _fault(updater(equations, _with_time_step(variables)), equations.names | variables.keys())


@lru_cache(maxsize=2000)
def _fault_of_code(keyed, method, known):
    """What is wrong with the code of a step; None if nothing is."""
    equations, variables = keyed.equations, {n: Variable(n) for n in known}
    return _fault(
        StateUpdateMethod.stateupdaters[method](equations, _with_time_step(variables)), equations.names | known
    )


def _fault(code, known):
    assigned = set(re.findall(r"^\s*(\w+)\s*[-+*/]?=(?!=)", code, re.M))
    for name in sorted(
        get_identifiers(code) - known - assigned - BUILT_IN.keys() - {"dt", "t", "int", "and", "or", "not"}
    ):
        if not re.fullmatch(r"xi(_\w+)?", name):
            return f"its solution contains '{name}'"
    for number in re.findall(r"(?<![\w.])\d{10,}(?![\w.])", code):
        if int(number) > MAX_INTEGER:
            return f"its solution contains the number {number[:20]}, which is too large: divide the equation's numbers"
    return None

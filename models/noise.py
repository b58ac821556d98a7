"""Random functions (``rand()``, ``randn()``, ``poisson(mean)``) and noise terms ``xi`` where a model can have them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from brian2 import DEFAULT_FUNCTIONS, Equations, StateUpdateMethod

from ..codegen.brian2_api import SUBEXPRESSION, extract_constant_subexpressions

if TYPE_CHECKING:
    from .specification import Component, Model

RANDOM_FUNCTIONS = sorted(name for name, function in DEFAULT_FUNCTIONS.items() if not function.stateless)
_CALL = re.compile(rf"\b({'|'.join(RANDOM_FUNCTIONS)})\s*\(")


def fault(model: Model) -> tuple[Component, str, str] | None:
    """What is wrong with a model's random numbers: component, place, and message; None if nothing is."""
    for component in model.components.values():
        for field, code in component.strings.items():
            found: Iterable[str | None]
            if field.endswith("equations"):
                found = (_in_equation(e) for e in Equations(code).values() if e.expr is not None)
            elif field in ("delay", "interval"):
                found = [f"{call}() cannot be used here: one number holds for the whole run" for call in _calls(code)]
            else:
                found = map(_in_statement, code.splitlines())
            if message := next(filter(None, found), None):
                return component, field, message
    rule = model.plasticity
    groups: list[tuple[Component, str, Equations]]
    groups = [(model.neuron, "method", model.layer_equations(output=output)) for output in (False, True)]
    groups.append((rule, "terminal_method", Equations(rule.terminal_equations)))
    groups.append((rule, "method", model.synapse_equations(model.regularizer)))
    for component, field, equations in groups:
        if message := _in_method(getattr(component, field), equations):
            return component, field, message
    return None


def _calls(code: str) -> list[str]:
    return _CALL.findall(code.split("#")[0])


def _in_statement(code: str) -> str | None:
    calls = _calls(code)
    for call in calls:
        if calls.count(call) > 1:
            return f"'{code.strip()}' calls {call}() more than once: give each call a line and a variable of its own"
    return None


def _in_equation(equation) -> str | None:
    code, calls = equation.expr.code, _calls(equation.expr.code)
    if equation.type == SUBEXPRESSION and calls and "constant over dt" not in equation.flags:
        return f"'{equation.varname} = {code}' would change at every look: add the flag (constant over dt)"
    return _in_statement(code)


def _in_method(method: str, equations) -> str | None:
    equations, _ = extract_constant_subexpressions(equations)
    updater = StateUpdateMethod.stateupdaters.get(method)
    if not equations.is_stochastic or updater is None:
        return None
    able, term = getattr(updater, "stochastic", None), min(equations.stochastic_variables)
    if equations.stochastic_type == "multiplicative" and able != "multiplicative":
        return f"'{method}' cannot integrate the noise {term}, which a variable multiplies: use method='heun' or 'milstein'"
    if able is None:
        return f"'{method}' cannot integrate the noise {term}: use method='euler'"
    return None

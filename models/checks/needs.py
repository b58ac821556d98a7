"""The names that the package itself needs in a model: what `docs/extending.md` lists, and nothing else.

The builder and the results rely on them; everything else is between the equations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from brian2 import Equations, Group, Hz, Quantity, get_unit, second, volt

from ...codegen.brian2_api import DIFFERENTIAL_EQUATION, DIMENSIONLESS, SUBEXPRESSION, get_identifiers
from .errors import ModelError

if TYPE_CHECKING:
    from ..specification import Model


@dataclasses.dataclass(frozen=True)
class Need:
    """A variable or a parameter that the package needs.

    Parameters
    ----------
    name : str
        What it is called.
    place : {'layer', 'output layer', 'synapse', 'feedback', 'parameters'}
        Where it must be.
    component : str
        Field of `Model` that should define it.
    unit : Quantity, optional
        Its unit; None if any will do.
    stored : bool
        A variable with a value of its own, not an expression.
    lowest : float, optional
        Smallest value of a parameter (SI units).
    """

    name: str
    place: str
    component: str
    unit: Quantity | None = None
    stored: bool = False
    lowest: float | None = None


NEEDS = (
    Need("U", "layer", "neuron", volt),
    Need("sigma_prime", "layer", "surrogate"),
    Need("error", "layer", "error", Hz),
    Need("cost", "output layer", "error", Hz, stored=True),
    Need("weight_decay", "synapse", "regularizer"),
    Need("w", "synapse", "plasticity", volt, stored=True),
    Need("m", "synapse", "plasticity"),
    Need("r0", "synapse", "optimizer", volt, stored=True),
    Need("b", "feedback", "feedback", Quantity(1), stored=True),  # with weights 'normal'
    Need("theta", "parameters", "neuron", volt),
    Need("w_0", "parameters", "plasticity", volt, lowest=0),
    Need("tau_cost", "parameters", "error", second, lowest=0),
    Need("r0", "parameters", "optimizer", volt, lowest=0),
)


def of(place: str) -> list[Need]:
    """Needs of a place."""
    return [need for need in NEEDS if need.place == place]


def check_variables(model: Model, place: str, equations: Equations) -> None:
    """Refuse equations of a place without a variable that the package needs there."""
    for need in of(place):
        component = getattr(model, need.component)
        if need.name not in equations.names:
            raise ModelError(
                f"{component.name}: the rule needs the variable '{need.name}' in a {place}, and no component defines it",
                need.name,
                equations.names,
            )
        equation = equations[need.name]
        if need.unit is not None and equation.dim is not need.unit.dim:
            raise ModelError(f"{component.name}: the variable '{need.name}' must be in {unit_text(need)}: {equation}")
        if need.place == "synapse" and need.name == "r0" and "shared" not in equation.flags:
            raise ModelError(
                f"{component.name}: declare '{equation} (shared, constant)': it is an input of the program"
            )
        if need.stored and equation.type == "subexpression":
            raise ModelError(
                f"{component.name}: '{need.name}' must be a variable with a value of its own, not an expression: {equation}\n"
                f"declare '{need.name} : {unit_text(need)}' and let a statement set it"
            )


def check_parameters(model: Model) -> None:
    """Refuse a model without a parameter that the package needs, or with one of another unit."""
    parameters = model.parameters
    for need in of("parameters"):
        component = getattr(model, need.component)
        if need.name not in parameters:
            raise ModelError(
                f"{component.name}: the package needs the parameter '{need.name}' ({unit_text(need)}), and no component has "
                "it: add it to `parameters` with its unit",
                need.name,
                parameters,
            )
        value = Quantity(parameters[need.name])
        if need.unit is not None and value.dim is not need.unit.dim:
            raise ModelError(f"{component.name}: the parameter '{need.name}' must be in {unit_text(need)}, not {value}")
        if need.lowest is not None and float(value) < need.lowest:
            raise ModelError(f"{component.name}: the parameter '{need.name}' must not be negative, and is {value}")


def unit_text(need: Need) -> str:
    """Unit as equations spell it."""
    return "1" if need.unit is None or need.unit.dim is DIMENSIONLESS else repr(get_unit(need.unit.dim))


def missing_in(group: Group, codes: Iterable[str], model: Model, suffix: str, *, output: bool) -> None:
    """Refuse a group of Brian2 without a variable that code reads of it.

    Parameters
    ----------
    group : brian2.Group
        Whose variables they are.
    codes : iterable of str
        Equations and statements.
    model : Model
        What defines the variables in its own populations.
    suffix : {'_pre', '_post'}
        What the group is to the code.
    output : bool
        Whether the group is an output of the network.

    Raises
    ------
    ModelError
        Naming the variable, the code, and the equations to add.
    """
    names = sorted({n.removesuffix(suffix) for code in codes for n in get_identifiers(code) if n.endswith(suffix)})
    missing = [n for n in names if n not in group.variables]
    if not missing and hasattr(group, "role"):  # a population of the package's
        return
    known = model.layer_equations(output=output)
    if missing:
        how = _how(group, missing[0], known, model)
        raise ModelError(f"{group.name} has no variable '{missing[0]}', which the rule needs:\n{how}")
    for name in (n for n in names if n in known and group.variables[n].dim is not known[n].dim):
        found, wanted = _unit(group.variables[name].dim), _unit(known[name].dim)
        raise ModelError(f"{group.name}: its variable '{name}' is in {found}, and the rule needs it in {wanted}")


def _how(group, name, known, model):
    """What to add to a group of one's own, for a variable and all that it depends on."""
    if name not in known:
        return f"    no equation of the model defines it either: define '{name}' in {group.name}"
    own, wanted, constants = [], [name], set()
    for one in wanted:
        if one in model.parameters:  # a parameter that populations of the package declare
            constants.add(one)
            continue
        own.append(one)
        others = known[one].identifiers - group.variables.keys()
        wanted += sorted(n for n in others if n in known and n not in wanted)
        constants |= {n for n in others if n in model.parameters}
    text = "\n".join(f"    {_text(e)}" for n, e in known.items() if n in own)
    need = f"\nwith {', '.join(sorted(constants))} of `model.parameters` in its namespace" if constants else ""
    return f"add to its equations\n{text}{need}"


def _text(equation):
    """An equation as it can be written."""
    left = {DIFFERENTIAL_EQUATION: f"d{equation.varname}/dt = ", SUBEXPRESSION: f"{equation.varname} = "}
    flags = f" ({', '.join(equation.flags)})" if equation.flags else ""
    code = left[equation.type] + str(equation.expr) if equation.type in left else equation.varname
    return f"{code} : {_unit(equation.dim)}{flags}"


def _unit(dim):
    return "1" if dim is DIMENSIONLESS else repr(get_unit(dim))

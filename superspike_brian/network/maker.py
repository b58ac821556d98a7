"""What the makers of all parts have in common: when things happen, and small helpers on equations and units."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeAlias

from brian2 import Clock, Equations, Group, Synapses, get_device, get_unit

from ..codegen.brian2_api import DIMENSIONLESS, SUBEXPRESSION, CPPStandaloneDevice, get_identifiers
from ..codegen.exact import exact_by_blocks
from ..models import Model
from ..models.checks.expressions import UNITS
from ..values.kinds import Choice

Role: TypeAlias = Literal["output", "hidden"]


@dataclasses.dataclass(frozen=True)
class Maker:
    """How objects are made, whichever they are.

    Parameters
    ----------
    kernel : str
        What code neurons and axons become: 'stock' is Brian2's own.
    clock, update_clock : brian2.Clock, optional
        Of time steps and of weight updates; default: Brian2's clock, and the model's interval.
    initialise : bool
        Whether parameters, initial values and weights are set; if not, they come with the state of a run.
    """

    kernel: str = "stock"
    clock: Clock | None = None
    update_clock: Clock | None = None
    initialise: bool = True

    def updates(self, model: Model) -> dict[str, Any]:
        """When weights are updated, as arguments of Brian2."""
        return {"dt": model.interval} if self.update_clock is None else {"clock": self.update_clock}

    def begin_anew(
        self,
        group: Group,
        equations: Equations,
        model: Model,
        kept: Collection[str] = (),
        initial: Mapping[str, str] | None = None,
    ) -> None:
        """Reset the states of a group after every weight update, if the optimiser says so.

        Those that are `kept` stay; `initial` has the code of values other than 0.
        """
        if model.optimizer.states != "reset":
            return
        stored = [e for e in equations.values() if e.type != SUBEXPRESSION and "shared" not in e.flags]
        begin = {e.varname: _zero(e) for e in stored if e.varname not in kept}
        code = "\n".join(f"{name} = {value}" for name, value in (begin | dict(initial or {})).items())
        keep_units(
            group.run_regularly(code, when="start", order=1, name=f"{group.name}_reset", **self.updates(model)), code
        )


class PartSynapses(Synapses):
    """Synapses that belong to another object of Brian2: its standalone device declares those that a network names itself."""

    def before_run(self, run_namespace: Mapping[str, Any]) -> None:
        """As Brian2; declares them."""
        super().before_run(run_namespace)
        if isinstance(device := get_device(), CPPStandaloneDevice):
            device.synapses.add(self)


def keep_units(runner: Any, code: str) -> None:
    """Have Brian2 know the units in the code that an object runs.

    In a statement such as ``w = w*int(w > 0*volt)`` it takes ``0*volt`` for 0, and then misses ``volt`` when it checks units.
    """
    runner.needed_variables = [*runner.needed_variables, *sorted(get_identifiers(code) & UNITS.keys())]


def namespace_of(model: Model, equations: Equations) -> dict[str, Any]:
    """Constants for a group: all parameters that the group does not declare as variables."""
    declared = set(equations.names)
    return {k: v for k, v in model.parameters.items() if k not in declared}


def method_of(name: str) -> Any:
    """Brian2's name of an integration method, or the method."""
    return exact_by_blocks if name == "exact" else name


def is_output(role: Any) -> bool:
    """Whether units are of the output; refuses what is no role."""
    return Choice("output", known=("output", "hidden")).check(role, "role") == "output"


def give_parameters(group: Group, equations: Equations, model: Model) -> None:
    """Set the variables of a group that stand for parameters of the model."""
    for equation in equations.values():
        if "shared" in equation.flags and equation.varname in model.parameters:
            setattr(group, equation.varname, model.parameters[equation.varname])


def note(group: Group, **attributes: Any) -> None:
    """Give a group of Brian2 attributes of ours."""
    for name, value in attributes.items():
        group.add_attribute(name)
        setattr(group, name, value)


def _zero(equation):
    """Code for the value with which a variable starts."""
    unit = repr(get_unit(equation.dim))
    if equation.var_type == "boolean":
        return "False"
    if equation.dim is DIMENSIONLESS:
        return "0"
    return f"0*{unit}" if unit in UNITS else f"0*{equation.varname}"

"""Lines of Python for what an object of Brian2 has besides its constructor's arguments."""

from collections.abc import Iterable, Iterator

import numpy as np
from brian2 import NeuronGroup, Synapses

from ..values.hints import Array


def links(group: NeuronGroup) -> Iterator[str]:
    """Lines of variables that are another group's, and of a threshold that is looked at later in the step."""
    for name, equation in group.equations.items():
        if "linked" in equation.flags:
            variable = group.variables[name]
            yield f'{group.name}.{name} = linked_var({variable.owner.name}, "{variable.name}")'
    for event, thresholder in group.thresholder.items():
        if thresholder.when != "thresholds":
            yield f'{group.name}.thresholder["{event}"].when = "{thresholder.when}"'


def reference(group: str, name: str, owner: str, variable: str, index: str) -> str:
    """A line that lets synapses read a variable of another group under a name."""
    at = "" if index == "_idx" else f', index="{index}"'
    return f'{group}.variables.add_reference("{name}", {owner}, "{variable}"{at})  # {name} is {variable} of {owner}'


def orders(group: Synapses) -> Iterator[str]:
    """Lines that say what comes first within a step, where that is not left to Brian2."""
    if group.state_updater is not None and group.state_updater.order:
        yield f"{group.name}.state_updater.order = {group.state_updater.order}  # before the neurons"
    for name, updater in group.summed_updaters.items():
        if updater.order:
            yield f'{group.name}.summed_updaters["{name}"].order = {updater.order}  # before synapses'
    if getattr(group, "pre", None) is not None and group.pre.order != -1:
        yield f"{group.name}.pre.order = {group.pre.order}  # before the other spikes of the step"


def ends_of(group: Synapses) -> tuple[Array, Array]:
    """Presynaptic and postsynaptic unit of every synapse."""
    i, j = (np.copy(group.variables[f"_synaptic_{end}"].get_value()) for end in ("pre", "post"))
    return i, j


def list_of(names: Iterable[str]) -> str:
    """Names as a list of strings."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"

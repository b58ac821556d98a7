"""The objects of a network as the Python that makes them again, read off the objects themselves."""

import re
from collections import Counter
from functools import cached_property
from textwrap import indent
from typing import Any

import numpy as np
from brian2 import (
    CodeRunner,
    Equations,
    Group,
    NeuronGroup,
    Quantity,
    SpikeGeneratorGroup,
    StateMonitor,
    Synapses,
    second,
)

from ..codegen.brian2_api import PARAMETER, SUBEXPRESSION, get_identifiers, refractory_of, spikes_in_queue
from ..codegen.exact import exact_by_blocks, is_brian2s
from ..engine.runtime import RuntimeProgram
from ..models.checks import places
from ..spec.describe import identifiers
from ..values.hints import Array
from ..values.quantities import as_python
from .parts import ends_of, links, list_of, orders, reference
from .texts import COMMON, call, equations_of, literal, places_of, statements

BEGIN = "t_begin"  # constant of equations that read the time, which begins at 0 in a script


class Objects:
    """Python of the objects of a program whose network is in the state that is meant, and the arrays that it reads.

    Parameters
    ----------
    program : RuntimeProgram
        The network.
    step : int
        Its time step, which is time 0 of what is written.
    learning : dict of str to Quantity
        Values of ``group.variable`` that are as in the state only while nothing learns.

    Attributes
    ----------
    arrays : dict of str to ndarray
        What the code reads of ``saved``; complete when all of it is written.
    """

    def __init__(self, program: RuntimeProgram, step: int, learning: dict[str, Quantity]) -> None:
        self.program, self.structure, self.step, self.learning = program, program.structure, step, learning
        self.groups: dict[str, Any] = program.groups
        self.equations = equations_of(self.structure)
        self.arrays: dict[str, Array] = {}

    # what groups have in common

    @cached_property
    def constants(self) -> dict[str, Any]:
        """Constants that groups use, those that are a variable of one of them aside: with the value of most groups."""
        used: dict[str, list[Any]] = {}
        for group in self.groups.values():
            for name in identifiers(group) if isinstance(group, Group) else ():
                used.setdefault(name, []).append(self._namespace(group).get(name))
        order = dict.fromkeys(n for model in self.structure.models.values() for n in model.parameters)
        for name in self._times:
            used.setdefault(name, [self.structure.model.parameters.get(name)])
        named = [n for n in order if all(v is not None for v in used.get(n, [None]))]
        begin = {BEGIN: self.step * self.structure.dt} if "t" in used and self.step else {}
        return {n: max(used[n], key=used[n].count) for n in named} | begin

    @property
    def _times(self):
        """Names of the axonal delay and of the time between updates, or what else the model says they are."""
        return self.structure.model.plasticity.delay, self.structure.model.optimizer.interval

    def _time(self, value):
        """A time of the model as Python: the constant, if it is one of `_times`."""
        return next((f'constants["{n}"]' for n in self._times if self.constants.get(n) == value), as_python(value))

    @staticmethod
    def _namespace(group):
        return getattr(group, "namespace", None) or {}

    @cached_property
    def common(self) -> dict[str, str]:
        """Names of the equations that several groups have."""
        counts, found = Counter(self.equations.values()), dict[str, str]()
        for name, (_, place, _) in places_of(self.structure).items():
            text, called = self.equations[name], f"{COMMON[place]}_equations"
            if counts[text] > 1 and "\n" in text and text not in found:
                same = sum(other.startswith(called) for other in found.values())
                found[text] = f"{called}_{same + 1}" if same else called
        return found

    def literal(self, code: str, *, equations: bool = False) -> str:
        """Code of the model as Python; the time that it reads goes on from that of the run."""
        code = code if equations else statements(code)
        return literal(re.sub(r"\bt\b", f"(t + {BEGIN})", code) if self.step else code)

    # objects

    def generator(self, group: SpikeGeneratorGroup) -> str:
        """Python of what emits the task's spikes, from the state's time step on."""
        name, values = group.name, {v: group.variables[v].get_value() for v in ("_timebins", "neuron_index")}
        period = int(np.ravel(group.variables["_period_bins"].get_value())[0])
        steps, units = values["_timebins"] - self.step, values["neuron_index"]
        if period:
            steps = steps % period
        order = np.lexsort((units, steps))
        self.arrays |= {f"{name}.step": steps[order], f"{name}.i": units[order]}
        spikes = f'{len(group)}, saved["{name}.i"], saved["{name}.step"]*defaultclock.dt'
        every = f", period={as_python(period * self.structure.dt)}" if period else ""
        return f'{name} = SpikeGeneratorGroup({spikes}{every}, name="{name}")'

    def neurons(self, group: NeuronGroup) -> str:
        """Python of a population, or of axon terminals."""
        arguments = [str(len(group)), self._equations_of(group), *self._firing(group)]
        made = self._made("NeuronGroup", group, arguments)
        return "\n".join([made, *links(group), *self._inputs(group), *self._operations(group)])

    def _firing(self, group):
        for event, condition in group.events.items():
            yield f"threshold={self.literal(condition)}"
            yield f"reset={self.literal(group.event_codes.get(event, ''))}"
        if refractory_of(group) is not False:
            yield f"refractory={self.literal(str(refractory_of(group)))}"

    def synapses(self, group: Synapses) -> str:
        """Python of synapses, with the pairs that they connect and their weights."""
        pre = getattr(group, "pre", None)  # None: errors that are summed in every step
        delay = None if pre is None else pre.variables["delay"]
        arguments = [f"{group.source.name}, {group.target.name}", self._equations_of(group)]
        if pre is not None:
            arguments.append(f"on_pre={self.literal(pre.code)}")
        if delay is not None and delay.scalar:
            arguments.append(f"delay={self._time(delay.get_value().item() * second)}")
        lines = [self._made("Synapses", group, arguments), *self._borrowed(group), self._connect(group)]
        if group.variables["_synaptic_post"].unique:
            lines.append(
                "# one sample of the target begins at a time, so that the order of the synapses does not matter"
            )
            lines.append(f'{group.name}.variables["_synaptic_post"].unique = True')
        if delay is not None and not delay.scalar:
            lines.append(self._values(group, "delay", delay.get_value(), "second"))
        for variable, unit in (("w", "volt"), ("b", "")):
            if f"{group.name}.{variable}" in self.program.arrays:
                lines.append(self._values(group, variable, group.variables[variable].get_value(), unit))
        lines += [*self._inputs(group), *orders(group), *self._operations(group)]
        return "\n".join(lines)

    def late(self, group: Synapses) -> str:
        """Python of what emits the spikes that are on their way along synapses; empty if there are none."""
        name, pathway = group.name, self.program.pathways.get(f"{group.name}_pre.queue")
        slots = [] if pathway is None else spikes_in_queue(pathway.queue)
        if not any(len(slot) for slot in slots):
            return ""
        pairs = [(step, synapse) for step, slot in enumerate(slots) for synapse in sorted(slot)]
        i, j = ends_of(group)
        steps, synapses = np.transpose(pairs)
        self.arrays |= {f"late_{name}.step": steps, f"late_{name}.i": synapses, f"late_{name}.j": j}
        spikes = f'saved["late_{name}.i"], saved["late_{name}.step"]*defaultclock.dt, name="late_{name}"'
        given = [f"late_{name}, {group.target.name}", f"on_pre={self.literal(group.pre.code)}", "delay=0*ms"]
        lines = [
            f"late_{name} = SpikeGeneratorGroup({len(i)}, {spikes})",
            call(f"arrive_{name} = Synapses", [*given, *self._constants_of(group), f'name="arrive_{name}"']),
            f'arrive_{name}.connect(i=np.arange({len(i)}), j=saved["late_{name}.j"])',
        ]
        for variable in sorted(get_identifiers(group.pre.code) & group.variables.keys()):
            owner, index = group.variables[variable].owner.name, group.variables.indices[variable]
            if index == "_presynaptic_idx" or variable in ("i", "j", "N", "N_pre", "N_post"):
                raise ValueError(
                    f"spikes are on their way along {name} whose arrival reads or changes '{variable}' of their source, "
                    "which a script cannot say: export the start of the run or a snapshot"
                )
            if owner == name or index == "_idx":
                lines.append(reference(f"arrive_{name}", variable, name, variable, index))
        return "\n".join(lines)

    def monitor(self, group: Any) -> str:
        """Python of a monitor."""
        name, source, watched = group.name, group.source.name, list(group.record_variables)
        if isinstance(group, StateMonitor):
            units = group.record.tolist() if len(group.record) < len(group.source) else True
            return f'{name} = StateMonitor({source}, {list_of(watched)}, record={units}, name="{name}")'
        watched = [n for n in watched if n not in ("i", "t")]
        more = f', variables={list_of(watched)}, when="{group.when}"' if watched else ""
        return f'{name} = SpikeMonitor({source}{more}, name="{name}")'

    def state(self) -> list[str]:
        """Names of the groups whose variables are not all as Brian2 makes them; their values join `arrays`."""
        found = []
        for name, variable in self.program.arrays.items():
            group, _, which = name.partition(".")
            own = Equations(self.equations.get(group, ""))
            told = which in own and (own[which].type == SUBEXPRESSION or _is_input(own[which]))
            if isinstance(self.groups[group], SpikeGeneratorGroup) or told or which in ("w", "b", "delay"):
                continue
            value = np.copy(variable.get_value())
            if which.startswith("_") or not (value.any() or value.dtype == bool):
                continue
            if which == "lastspike":
                value = value - self.step * float(self.structure.dt)
            self.arrays[f"state.{name}"] = value
            found.append(group)
        return list(dict.fromkeys(found))

    # parts of objects

    def _made(self, kind, group, arguments):
        more = [self._method(group)] if group.equations.diff_eq_names else []
        arguments = [a for a in [*arguments, *more, *self._constants_of(group), f'name="{group.name}"'] if a]
        return call(f"{group.name} = {kind}", arguments)

    def _equations_of(self, group):
        text = self.equations.get(group.name, "")
        return self.common.get(text) or (self.literal(text, equations=True) if text else "")

    def _constants_of(self, group):
        """The argument with the group's constants, if it has some."""
        used = identifiers(group)
        mine = {n: v for n, v in self._namespace(group).items() if n in used and self.constants.get(n) != v}
        own = ", ".join(f'"{n}": {as_python(v)}' for n, v in mine.items())
        if used & self.constants.keys() or "t" in used:
            return ["namespace={**constants, " + own + "}" if own else "namespace=constants"]
        return ["namespace={" + own + "}"] if own else []

    def _method(self, group):
        """The argument with the integration method; where Brian2's own loses digits it is a function, see `solutions`."""
        method = group.state_updater.method_choice
        if method is not exact_by_blocks:
            return f'method="{method}"'
        return f"method=step_of_{group.name}" if group.name in self.solutions else 'method="exact"'

    @cached_property
    def solutions(self) -> dict[str, str]:
        """Functions with the exact solution in numbers, of groups where Brian2's own form of it would lose digits."""
        found = {}
        for name, (model, _, _) in places_of(self.structure).items():
            group = self.groups[name]
            if not group.equations.diff_eq_names or group.state_updater.method_choice is not exact_by_blocks:
                continue
            variables = {**places.constants(model), **group.variables}
            if not is_brian2s(group.equations, variables):
                code = indent(exact_by_blocks(group.equations, variables), "    ")
                found[name] = (
                    f'def step_of_{name}(equations, variables, method_options=None):\n    return """\n{code}\n    """'
                )
        return found

    def _values(self, group, variable, value, unit):
        self.arrays[f"{group.name}.{variable}"] = np.copy(value)
        return f'{group.name}.{variable} = saved["{group.name}.{variable}"]{unit and "*"}{unit}'

    def _inputs(self, group):
        """Lines that set the parameters which all units or synapses share."""
        for name, equation in Equations(self.equations.get(group.name, "")).items():
            if _is_input(equation):
                value = Quantity(group.variables[name].get_value().item(), dim=equation.dim)
                text, learning = as_python(value), self.learning.get(f"{group.name}.{name}")
                more = "" if learning is None else f"{as_python(learning)} if LEARN else "
                yield f"{group.name}.{name} = {more}{text}"

    def _operations(self, group):
        """Lines with the statements that run by the clock."""
        for o in group.contained_objects:
            if type(o) is CodeRunner:
                every = "" if o.clock.dt == self.structure.dt else f"dt={self._time(Quantity(o.clock.dt))}, "
                after = f"order={o.order}, " if o.order else ""
                arguments = [self.literal(o.abstract_code), f'{every}when="{o.when}", {after}name="{o.name}"']
                yield call(f"{group.name}.run_regularly", arguments)

    def _borrowed(self, group):
        """Lines that let synapses read variables of groups other than their source and target, or under other names."""
        for name in sorted(identifiers(group) & group.variables.keys()):
            variable, index = group.variables[name], group.variables.indices[name]
            owner = getattr(getattr(variable, "owner", None), "name", None)  # it is a proxy, which is nothing itself
            if owner == group.name or owner not in self.groups:
                continue
            of_target = owner == group.target.name and index != "_presynaptic_idx"
            if not of_target and not (owner == group.source.name and name.endswith("_pre")):
                yield reference(group.name, name, owner, variable.name, index)

    def _connect(self, group):
        i, j = ends_of(group)
        n_pre, n_post = len(group.source), len(group.target)
        if n_pre == n_post == len(i) and np.array_equal(i, j) and np.array_equal(i, np.arange(n_pre)):
            return f'{group.name}.connect(j="i")'
        if len(i) == n_pre * n_post and np.array_equal(i * n_post + j, np.arange(n_pre * n_post)):
            return f"{group.name}.connect()"
        self.arrays |= {f"{group.name}.i": i, f"{group.name}.j": j}
        return f'{group.name}.connect(i=saved["{group.name}.i"], j=saved["{group.name}.j"])'


def _is_input(equation):
    """Whether all units or synapses share a parameter, which then stands in the script itself."""
    return equation.type == PARAMETER and "shared" in equation.flags

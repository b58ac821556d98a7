"""The few synapses that a probe records, as a group of their own.

A deferred kernel would have to flush all synapses at every recorded step. Instead a copy of the probed ones
takes every step, by Brian2's own code for the same equations. It holds what the kernel integrates and nothing else: all that
the equations read besides, weights and learning rates too, is read where the synapses read it. It starts anew from the
synapses whenever they have been flushed: at the start of a window and of a block, at multiples of ``EVERY`` steps, and after
every statement that wants them up to date, such as the weight update. So what it adds to a run are a few synapses, and what
it records depends neither on threads nor on where blocks end.

Where no kernel is deferred the group holds nothing: it is a view that lets a monitor read what it cannot read of synapses.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from brian2 import Equations, NeuronGroup, Synapses
from numpy.typing import NDArray

from .brian2_api import DIFFERENTIAL_EQUATION, SUBEXPRESSION, SingleEquation, Variable, get_identifiers
from .layouts import Rows, layout_of

EVERY = (
    125  # steps: the chunk of the kernels that sum over time; where it ends they are flushed, and a copy costs nothing
)
_INDEX = {"_idx": "_probed_idx", "_presynaptic_idx": "_probed_pre", "_postsynaptic_idx": "_probed_post"}


class ProbedSynapses(NeuronGroup):
    """Copy of some deferred synapses, or a view of others; it acts in probe windows only.

    Parameters
    ----------
    synapses : Synapses
        All of them; they are connected, in the order of the presynaptic units.
    equations : Equations
        Theirs.
    numbers : ndarray
        Which synapses.
    watched : list of str
        Variables of the synapses that can be recorded here.
    deferred : bool
        Whether the synapses are deferred.
    method : str or StateUpdateMethod
        As theirs.
    name : str
        Of the group.
    """

    def __init__(
        self,
        synapses: Synapses,
        equations: Equations,
        numbers: NDArray[np.int64],
        watched: Iterable[str],
        deferred: bool,
        method: str,
        name: str,
    ) -> None:
        kinds = (DIFFERENTIAL_EQUATION, SUBEXPRESSION) if deferred else (SUBEXPRESSION,)
        own = [e for e in equations.values() if e.type in kinds and "constant over dt" not in e.flags]
        self.synapses, self.states = synapses, [e.varname for e in own if e.type == DIFFERENTIAL_EQUATION]
        super().__init__(
            len(numbers),
            Equations([SingleEquation(e.type, e.varname, e.dim, e.var_type, e.expr) for e in own]),
            method=method,
            namespace=synapses.namespace,
            clock=synapses.clock,
            name=name,
        )
        self.state_updater.order = synapses.state_updater.order
        known = not isinstance(layout_of(synapses), Rows)  # else they will be: see `follow`
        units = np.divmod(numbers, len(synapses.target)) if known else (0 * numbers, 0 * numbers)
        for index, values in zip(_INDEX.values(), (numbers, *units), strict=True):
            values = np.asarray(values, np.int32)
            self.variables.add_array(
                index, size=len(values), values=values, dtype=np.int32, constant=True, read_only=True
            )
        read = {n for e in own for n in get_identifiers(e.expr.code)}
        for variable in sorted((read | set(watched)) & synapses.variables.keys() - self.variables.keys()):
            index = synapses.variables.indices[variable]
            self.variables.add_reference(variable, synapses, variable, index=_INDEX.get(index, index))

    def _ends(self):
        """Arrays of the probed units, with those of the synapses that say which they are, where these are inputs."""
        if isinstance(layout_of(self), Rows):
            for end in ("pre", "post"):
                yield self.variables[f"_probed_{end}"], self.synapses.variables[f"_synaptic_{end}"]

    def follow(self, array_name: Callable[[Variable], str]) -> Iterator[str]:
        """Lines of C++ that find the probed units once the synapses' are known; `array_name` names a variable's array."""
        index = array_name(self.variables["_probed_idx"])
        for mine, theirs in self._ends():
            yield f"for (int k = 0; k < {len(self)}; k++) {array_name(mine)}[k] = {array_name(theirs)}[{index}[k]];"

    def follow_now(self) -> None:
        """Find them on Brian2's runtime device."""
        numbers = self.variables["_probed_idx"].get_value()
        for mine, theirs in self._ends():
            mine.set_value(theirs.get_value()[numbers])

    def take(self, array_name: Callable[[Variable], str]) -> Iterator[str]:
        """Lines of C++ that set the copy's states to those of the synapses; `array_name` names a variable's array."""
        index = array_name(self.variables["_probed_idx"])
        for state in self.states:
            copy, original = (array_name(g.variables[state]) for g in (self, self.synapses))
            yield f"for (int k = 0; k < {len(self)}; k++) {copy}[k] = {original}[{index}[k]];"

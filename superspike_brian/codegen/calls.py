"""The calls of a time step: Brian2's, and what the kernels need around them.

* Deferred synapses are flushed before any code that could see or change what they have deferred.
* They are told what changes a presynaptic trace besides its own step: the jumps of the kernel *events*.
* Copies of columns of a matrix are made anew after the matrix has changed.
* What a spike does is called when one arrives, not at every step; what probes do only in their windows.
* Copies of probed synapses start anew when the synapses have been flushed (see `superspike_brian.codegen.probed`).
* Calls that follow each other on one clock become one function, so that the time between two of them is short.
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .brian2_api import ArrayVariable
from .uses import Uses

# Brian2 hands over the calls of a step as lines of C++, and in no other form
_ADD = re.compile(r"^(\w+\.add\(&\w+), _run_(\w+)\);$")


class Calls:
    """Calls of a time step.

    Parameters
    ----------
    code_objects : iterable of CodeObject
        All code of the program. Those with a function ``_flush_X`` in their header are deferred; those with ``_before_jump_X``
        take jumps, those with ``_renew_X`` keep copies.
    uses : dict of str to Uses
        Arrays that they read and write, by name.
    pathways : iterable of SynapticPathway
        Those whose code is called only when spikes arrive.
    probes : list of str
        Names of objects that act in probe windows only.
    copies : dict of str to (str, list of str)
        Code objects of deferred synapses: code object of their copy, and lines that let it start anew.
    """

    def __init__(
        self,
        code_objects: Iterable[Any],
        uses: Mapping[str, Uses],
        pathways: Iterable[Any] = (),
        probes: Iterable[str] = (),
        copies: Mapping[str, tuple[str, list[str]]] | None = None,
    ) -> None:
        self.code_objects, self.uses = {c.name: c for c in code_objects}, uses
        self.pathways = {p.codeobj.name: p.name for p in pathways}
        self.probes, self.copies = {f"{name}_codeobject" for name in probes}, copies or {}
        self.copying = {copy for copy, _ in self.copies.values()}
        self.deferred = self._with_function("_flush_")
        self.jumping = self._with_function("_before_jump_")
        self.keeping = self._with_function("_renew_")

    def _with_function(self, prefix):
        return [n for n, c in self.code_objects.items() if f"{prefix}{n}(" in getattr(c.code, "h_file", "")]

    def complete(self, lines: Sequence[str], clock: str = "") -> list[str]:
        """Replace Brian2's lines ``net.add(&clock, _run_X);``; others stay as they are. Probes, if any, keep to `clock`."""
        matches = [m for line in lines if (m := _ADD.match(line)) and m.group(2) in self.code_objects]
        names = [m.group(2) for m in matches]
        done = [line for line in lines if line not in {m.string for m in matches}]
        if clock:
            done += [f"{matches[0].group(1).partition('&')[0]}&{clock}, [] {{", *self._first(clock), "});"]
        for add, group in itertools.groupby(matches, lambda m: m.group(1)):
            done += [f"{add}, [] {{", *(call for m in group for call in self._calls(m.group(2), names)), "});"]
        return done

    def _first(self, clock):
        """Calls before all others of a time step: copies start anew where the kernels have been flushed anyway."""
        lines = [line for n, (_, take) in self.copies.items() for line in (f"_flush_{n}();", *take)]
        return [f"probe.at({clock}.timestep[0]);", *(["if (probe.anew) {", *lines, "}"] if lines else [])]

    def at_start(self) -> list[str]:
        """Lines to run before the first time step."""
        return [f"_renew_{n}();" for n in self.keeping]

    def at_end(self) -> list[str]:
        """Lines to run after the last time step."""
        return [f"_flush_{n}();" for n in self.deferred]

    def _calls(self, name, names):
        late = [n for n in self.deferred if n != name and self._meets(n, name)]
        jumps = {n: after for n in self.jumping if (after := self._changes_trace(name, n, names))}
        calls = [f"_flush_{n}();" for n in late] + [f"_before_jump_{n}();" for n in jumps]
        calls += [f"_renew_{name}();"] if late and name in self.keeping else []
        calls += [f"_run_{name}();", *(f"{after}_{n}();" for n, after in jumps.items())]
        calls += [f"_renew_{n}();" for n in self.keeping if n != name and self._writes_own(name, n)]
        if name in self.probes:
            return ["if (probe.recording) {", *calls, "}"]
        if name in self.copying:
            return ["if (probe.awake) {", *calls, "}"]
        if again := [line for n in late if n in self.copies for line in self.copies[n][1]]:
            calls += ["if (probe.awake) {", *again, "}"]
        if name in self.pathways:
            return [f"if (!{self.pathways[name]}.queue[0]->peek()->empty()) {{", *calls, "}"]
        return calls

    def _changes_trace(self, name, kernel, names):
        """Whether code changes what a kernel reads of its presynaptic units, other than by the trace's own step.

        If so, what to call after it: whether that step comes before the kernel reads the trace again, or after.
        """
        reads, written = self.code_objects[kernel], self.uses[name].writes
        for variable in (v for k, v in reads.variables.items() if reads.variable_indices[k] == "_presynaptic_idx"):
            step = getattr(getattr(variable.owner, "state_updater", None), "codeobj", None)
            if variable not in written or (step is not None and name == step.name):
                continue
            if step is None:
                return "_after_jump"
            step, record = ((names.index(n) - names.index(name)) % len(names) for n in (step.name, kernel))
            return "_after_jump_before_step" if step < record else "_after_jump"
        return ""

    def _writes_own(self, name, keeping):
        """Whether code changes a variable of each synapse that another piece reads."""
        kept = self.code_objects[keeping]
        own = {v for k, v in kept.variables.items() if kept.variable_indices[k] == "_idx"}
        return bool(own & self.uses[name].writes)

    def _meets(self, deferred, other):
        """Whether `other` uses what `deferred` writes, or writes what it reads late."""
        late, shared = self.code_objects[deferred], set(self.code_objects[other].variables.values())
        for name, var in late.variables.items():
            if not isinstance(var, ArrayVariable) or var.read_only or var not in shared:
                continue
            index = late.variable_indices[name]
            if index == "_idx" and var in self.uses[deferred].writes:
                return True
            if index not in ("_presynaptic_idx", "_postsynaptic_idx") and var in self.uses[other].writes:
                return True
        return False

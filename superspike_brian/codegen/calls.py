"""The calls of a time step: Brian2's, and what the kernels need around them.

* Lagging synapses catch up before any code that could see or change what they are behind with.
* They are told what changes a presynaptic trace besides its own step: the jumps of the kernel *events*.
* What a spike does is called when one arrives, not at every step.
"""

import re

from brian2.core.variables import ArrayVariable

_ADD = re.compile(r"^(\w+\.add\(&\w+, )_run_(\w+)\);$")


class Calls:
    """Calls of a time step as lines of C++ (``net.add(&clock, _run_X);``).

    Parameters
    ----------
    code_objects : iterable of CodeObject
        All code of the program. Those with a function ``_flush_X`` in their header lag behind; those with ``_before_jump_X``
        take jumps.
    pathways : iterable of SynapticPathway
        Those whose code is called only when spikes arrive.
    """

    def __init__(self, code_objects, pathways):
        self.code_objects = {c.name: c for c in code_objects}
        self.pathways = {p.codeobj.name: p.name for p in pathways}
        self.lagging = self._with_function("_flush_")
        self.jumping = self._with_function("_before_jump_")

    def _with_function(self, prefix):
        return [n for n, c in self.code_objects.items() if f"{prefix}{n}(" in getattr(c.code, "h_file", "")]

    def complete(self, lines):
        """Lists of calls that take the place of each line.

        Raises
        ------
        NotImplementedError
            If a trace jumps between being recorded and its own step.
        """
        names = [m.group(2) if (m := _ADD.match(line)) else None for line in lines]
        done = []
        for line, name in zip(lines, names, strict=True):
            if name not in self.code_objects:
                done.append([line])
                continue
            jumps = [n for n in self.jumping if self._changes_trace(name, n, names)]
            done.append([*self._flushes(line, name), self._call(line, name, jumps)])
        return done

    def at_end(self):
        """Lines to run after the last time step."""
        return [f"_flush_{n}();" for n in self.lagging]

    def _flushes(self, line, name):
        add, other = _ADD.match(line).group(1), self.code_objects[name]
        late = [n for n in self.lagging if n != name and self._meets(self.code_objects[n], other)]
        return [f"{add}_flush_{n});" for n in late]

    def _call(self, line, name, jumps):
        calls = [f"_before_jump_{n}();" for n in jumps]
        calls += [f"_run_{name}();", *(f"_after_jump_{n}();" for n in jumps)]
        if name in self.pathways:
            calls = [f"if (!{self.pathways[name]}.queue[0]->peek()->empty()) {{", *calls, "}"]
        if len(calls) == 1:
            return line
        return f"{_ADD.match(line).group(1)}[] {{ {' '.join(calls)} }});"

    def _changes_trace(self, name, kernel, names):
        """Whether code changes what a kernel reads of its presynaptic units, other than by the trace's own step."""
        reads, other = self.code_objects[kernel], self.code_objects[name]
        for variable in (v for k, v in reads.variables.items() if reads.variable_indices[k] == "_presynaptic_idx"):
            own_step = variable.owner.state_updater.codeobj.name
            if name == own_step or variable not in other.variables.values() or not _writes(other.code, variable):
                continue
            step, record = ((names.index(n) - names.index(name)) % len(names) for n in (own_step, kernel))
            if step < record:
                raise NotImplementedError(
                    f"{name} changes {variable.name} of {variable.owner.name} after {kernel} has read it and before its "
                    "own step: let it run in the slot 'synapses', or choose the kernel 'gemm'"
                )
            return True
        return False

    @staticmethod
    def _meets(lagging, other):
        """Whether `other` uses what `lagging` writes, or writes what it reads late."""
        shared = set(other.variables.values())
        for name, var in lagging.variables.items():
            if not isinstance(var, ArrayVariable) or var.read_only or var not in shared:
                continue
            index = lagging.variable_indices[name]
            if index == "_idx" and _writes(lagging.code, var):
                return True
            if index not in ("_presynaptic_idx", "_postsynaptic_idx") and _writes(other.code, var):
                return True
        return False


def _writes(code, variable):
    """Whether generated code assigns to an array."""
    name = rf"_array_{variable.owner.name}_{variable.name}"
    by_index = rf"{name}\s*\[[^\]]*\]\s*[-+*/]?=(?!=)"
    by_pointer = rf"^(?!\s*const\b).*{name} \+"  # to a row of the array; those that only read are const
    return any(re.search(pattern, code.cpp_file, re.M) for pattern in (by_index, by_pointer))

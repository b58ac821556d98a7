"""Where lagging synapses must catch up: before any code that could see or change what they are behind with."""

import re

from brian2.core.variables import ArrayVariable

_ADD = re.compile(r"^(\w+\.add\(&\w+, )_run_(\w+)\);$")


class Flushes:
    """Calls of ``_flush_X()`` among the calls of a time step.

    Parameters
    ----------
    code_objects : iterable of CodeObject
        All code of the program. Those with a function ``_flush_X`` in their header lag behind.
    """

    def __init__(self, code_objects):
        self.code_objects = {c.name: c for c in code_objects}
        self.lagging = [n for n, c in self.code_objects.items() if f"_flush_{n}(" in getattr(c.code, "h_file", "")]

    def before(self, line):
        """Lines that the call in `line` (``net.add(&clock, _run_X);``) must have in front of it."""
        match = _ADD.match(line)
        if not match or match.group(2) not in self.code_objects:
            return []
        other = self.code_objects[match.group(2)]
        names = [n for n in self.lagging if n != other.name and self._meets(self.code_objects[n], other)]
        return [f"{match.group(1)}_flush_{n});" for n in names]

    def at_end(self):
        """Lines to run after the last time step."""
        return [f"_flush_{n}();" for n in self.lagging]

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

"""Which arrays the code of an object reads and writes.

Brian2's generator knows it of statements, and a template declares some of its own: what it names (``USES_VARIABLES``), what it
writes although it is read-only, and what it is handed (the target of a summed variable, the spikes of a threshold).
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from brian2 import get_device

from .brian2_api import ArrayVariable, CPPCodeGenerator

# What a template assigns need not be declared (a thresholder's `lastspike`): only its text, not yet C++, can tell
_ASSIGNED = re.compile(r"\{\{\s*(\w+)\s*\}\}(?:\[.*\])?\s*(?:[-+*/]?=(?!=)|\+\+|--)")


@dataclasses.dataclass
class Uses:
    """Arrays that a code object reads and writes, as sets of variables."""

    reads: set = dataclasses.field(default_factory=set)
    writes: set = dataclasses.field(default_factory=set)

    def add_template(self, template: Any, variables: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Add what a template does besides the statements.

        Parameters
        ----------
        template : CodeObjectTemplate
            The template.
        variables : dict of str to Variable
            Those of the code object, by the name that code and template have for them.
        given : dict of str to object
            What it is rendered with. Arrays among it can be written: it may give them names of its own.
        """
        handed = {v for v in given.values() if isinstance(v, ArrayVariable)}
        assigned = template.writes_read_only | set(_ASSIGNED.findall(template.template_source))
        self.reads |= arrays(variables, template.variables) | handed
        self.writes |= arrays(variables, assigned) | handed


def arrays(variables: Mapping[str, Any], names: Iterable[str]) -> set[Any]:
    """The arrays among variables that have one of some names."""
    return {variables[n] for n in names if isinstance(variables.get(n), ArrayVariable)}


class ObservedGenerator(CPPCodeGenerator):
    """Brian2's C++ generator; the device learns which arrays the statements of a code object read and write."""

    def array_read_write(self, statements: Iterable[Any]) -> tuple[set[str], set[str], set[str]]:
        """As Brian2: names that are read, that are written, and of index arrays."""
        read, write, indices = super().array_read_write(statements)
        uses = get_device().uses[self.name]
        uses.reads |= arrays(self.variables, self.from_arrays(read | indices))
        uses.writes |= arrays(self.variables, write)
        return read, write, indices

    def from_arrays(self, names: set[str]) -> set[str]:
        """Those of the names that the code reads from arrays."""
        return names

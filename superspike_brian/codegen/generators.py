"""Brian2's C++ generator, with synaptic indices from the surrounding loop instead of index arrays."""

from typing import Any

from brian2 import get_device, prefs

from .brian2_api import c_data_type
from .layouts import layout_of
from .uses import ObservedGenerator

COLUMNS = 40_000  # synapses from which on it pays to copy the columns of a matrix that spikes read
INDICES = ("_presynaptic_idx", "_postsynaptic_idx")


class KernelGenerator(ObservedGenerator):
    """Brian2's statements, with indices from the loop instead of index arrays."""

    def translate_to_read_arrays(self, read: set[str], write: set[str], indices: set[str]) -> list[str]:
        """As Brian2; scalars take the precision of the state, so that no loop converts."""
        # variables i and j are the index arrays under another name
        named = {n: f"_{self.variables[n].name[10:]}synaptic_idx" for n in read if self._is_index(n)}
        lines = [f"const int32_t {n} = {index};" for n, index in sorted(named.items())]
        for line in super().translate_to_read_arrays(read - named.keys(), write, indices - set(INDICES)):
            if "t" not in read and c_data_type(prefs.core.default_float_dtype) == "float":
                line = line.replace("const double ", "const float ")
            lines.append(line)
        return lines

    def from_arrays(self, names: set[str]) -> set[str]:
        """Those of the names that are not the loop's."""
        return {n for n in names if n not in INDICES and not self._is_index(n)}

    def _is_index(self, name):
        return getattr(self.variables[name], "name", "") in ("_synaptic_pre", "_synaptic_post")

    def columns(self) -> dict[str, str]:
        """What large synapses read, and do not write, of each synapse: dict of name to C++ of the columns of its array."""
        if getattr(layout_of(self.owner), "n", 0) < COLUMNS:
            return {}
        uses, device = get_device().uses[self.name], get_device()
        used = uses.reads | uses.writes
        own = {v: n for n, v in self.variables.items() if self.variable_indices[n] == "_idx" and v in used}
        if own.keys() & uses.writes:
            return {}
        names = {n: (c_data_type(v.dtype), device.get_array_name(v, access_data=False)) for v, n in own.items()}
        return {n: f'superspike::columns_of<{type_}>("{array}")' for n, (type_, array) in sorted(names.items())}

    def determine_keywords(self) -> dict[str, Any]:
        """Add the rendering of expressions to what templates can use."""
        keywords = super().determine_keywords()
        return keywords | {
            "render": self.translate_expression,
            "default_dtype": prefs.core.default_float_dtype,
            "columns": self.columns,
        }

"""Brian2's C++ generator, with synaptic indices from the surrounding loop instead of index arrays."""

from typing import Any

from brian2 import prefs

from .brian2_api import c_data_type
from .uses import ObservedGenerator

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

    def determine_keywords(self) -> dict[str, Any]:
        """Add the rendering of expressions to what templates can use."""
        keywords = super().determine_keywords()
        return keywords | {
            "render": self.translate_expression,
            "default_dtype": prefs.core.default_float_dtype,
        }

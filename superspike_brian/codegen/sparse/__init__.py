"""Code of synapses that connect some units to some: time and memory are those of the synapses that there are.

They lie in rows, one per presynaptic unit, whose lengths differ: synapses ``_row_start[j]`` to ``_row_start[j + 1]`` are those
of unit j, and ``_synaptic_post`` says where they go. A compiled program holds their number only. Which pairs they connect is an
input, ``_synaptic_pre`` and ``_synaptic_post`` of its state, and so is ``delay`` where each synapse has its own.
"""

import numpy as np
from brian2 import Synapses, get_device
from numpy.typing import NDArray

from .. import all_to_all, layouts
from ..axons import OneToOne
from ..brian2_api import RuntimeDevice, reserve_synapses
from ..generators import KernelGenerator
from ..uses import ObservedGenerator


class RowGenerator(KernelGenerator):
    """Brian2's statements, with indices from the loop in the templates that go through rows."""

    def translate_to_read_arrays(self, read: set[str], write: set[str], indices: set[str]) -> list[str]:
        """As `KernelGenerator` there, as Brian2 in other templates."""
        generator = KernelGenerator if self._in_rows() else ObservedGenerator
        return generator.translate_to_read_arrays(self, read, write, indices)

    def from_arrays(self, names: set[str]) -> set[str]:
        """Those of the names that are not the loop's."""
        return super().from_arrays(names) if self._in_rows() else names

    def _in_rows(self):
        return self.template_name in ("stateupdate", "synapses", "kernel_rows")


class RowMajor(OneToOne):
    """Synapses in rows."""

    templater = OneToOne.templater.derive("superspike_brian.codegen", templates_dir="sparse")
    generator_class, layout = RowGenerator, layouts.Rows


def code_object_class(kernel: str, on_pre: str, *, delays: bool = False) -> type[RowMajor] | None:
    """Class of a group's code objects; None is Brian2's own.

    Parameters
    ----------
    kernel : str
        One of `kernels.KERNELS`.
    on_pre : str
        What a spike does. Where it changes presynaptic variables it takes Brian2's code.
    delays : bool
        Whether each synapse has a delay of its own: spikes then wait in Brian2's queue of synapses.
    """
    return None if delays or all_to_all.code_object_class(kernel, on_pre) is None else RowMajor


def connect(
    synapses: Synapses, pre: NDArray[np.integer], post: NDArray[np.integer], *, ascending: bool = True
) -> layouts.Rows:
    """Connect pairs of units; return the layout.

    Parameters
    ----------
    synapses : Synapses
        Not yet connected.
    pre, post : ndarray
        Units of each pair, in ascending order, no pair twice. A compiled program takes the number of pairs from here, and the
        pairs themselves from its state: any others will do.
    ascending : bool
        Whether these and all others ascend. If not, the synapses take Brian2's own code.
    """
    layout = layouts.Rows(len(synapses.source), len(synapses.target), len(pre), ascending)
    check_pairs(synapses.name, layout, pre, post)
    synapses.variables.add_array(
        "_row_start", size=layout.n_pre + 1, dtype=np.int32, constant=True, read_only=True, index="0"
    )
    layouts.note(synapses, layout)
    reserve_synapses(synapses, layout.n)
    if isinstance(get_device(), RuntimeDevice):
        set_pairs(synapses, pre, post)
    return layout


def check_pairs(name: str, layout: layouts.Rows, pre: NDArray[np.integer], post: NDArray[np.integer]) -> None:
    """Refuse pairs that are not those of some synapses in ascending order (ValueError)."""
    pre, post = np.asarray(pre, np.int64), np.asarray(post, np.int64)
    if not len(pre) == len(post) == layout.n:
        raise ValueError(
            f"{name} has {layout.n} synapses, not {len(pre)} presynaptic and {len(post)} postsynaptic units"
        )
    if layout.n == 0:
        raise ValueError(f"{name} connects no pair of units at all")
    for what, units, size in (("presynaptic", pre, layout.n_pre), ("postsynaptic", post, layout.n_post)):
        if units.min() < 0 or units.max() >= size:
            raise ValueError(f"{name} has {what} units 0 to {size - 1}, not {units.min()} to {units.max()}")
    if layout.ascending and (wrong := np.flatnonzero(np.diff(pre * layout.n_post + post) <= 0)).size:
        s = wrong[0]
        raise ValueError(
            f"the pairs that {name} connects must ascend, each once: ({pre[s]}, {post[s]}) comes before "
            f"({pre[s + 1]}, {post[s + 1]})"
        )


def set_pairs(synapses: Synapses, pre: NDArray[np.integer], post: NDArray[np.integer]) -> None:
    """Let synapses connect other pairs, on Brian2's runtime device; their queues follow when the next run begins."""
    layout = layouts.layout_of(synapses)
    if not isinstance(layout, layouts.Rows):
        raise TypeError(f"{synapses.name} connects {layout}, and no pairs of one's choice")
    check_pairs(synapses.name, layout, pre, post)
    outgoing, incoming = np.bincount(pre, minlength=layout.n_pre), np.bincount(post, minlength=layout.n_post)
    values = {"_synaptic_pre": pre, "_synaptic_post": post, "N_outgoing": outgoing, "N_incoming": incoming}
    for name, value in (values | {"_row_start": np.r_[0, np.cumsum(outgoing)]}).items():
        synapses.variables[name].set_value(np.asarray(value, np.int32))

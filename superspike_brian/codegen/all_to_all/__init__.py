"""Code of synapses that connect all units to all, in an order that makes index arrays superfluous.

A spike adds a row of weights: the queue of an axon holds units instead of synapses, and what a spike does is one vectorised
loop. Synapse ``j*n_post + i`` (or ``i*n_pre + j``: `post_major`) goes from unit j to unit i. Saves, in single precision, 12
to 28 bytes per synapse.
"""

import re

import numpy as np
from brian2 import Synapses, get_device

from .. import layouts
from ..axons import OneToOne
from ..brian2_api import reserve_synapses
from ..device import StateCodeObject
from ..generators import KernelGenerator

_WRITES = re.compile(r"^\s*(\w+)\s*[-+*/]?=(?!=)", re.M)


class PreMajor(StateCodeObject):
    """Synapses in the order of their presynaptic units."""

    templater = OneToOne.templater.derive(
        "superspike_brian.codegen", templates_dir="all_to_all", env_globals={"post_major": False}
    )
    generator_class, layout, post_major = KernelGenerator, layouts.AllToAll, False


class PostMajor(PreMajor):
    """Synapses in the order of their postsynaptic units."""

    templater = OneToOne.templater.derive(
        "superspike_brian.codegen", templates_dir="all_to_all", env_globals={"post_major": True}
    )
    post_major = True


def code_object_class(kernel: str, on_pre: str, *, post_major: bool = False) -> type[PreMajor] | None:
    """Class of a group's code objects; None, which is Brian2's own, where a spike changes presynaptic variables."""
    if kernel == "stock" or any(name.endswith("_pre") for name in _WRITES.findall(on_pre)):
        return None
    return PostMajor if post_major else PreMajor


def connect(synapses: Synapses, *, post_major: bool = False) -> layouts.AllToAll:
    """Connect all units to all, in the order of the presynaptic or of the postsynaptic units; return the layout."""
    layout = layouts.AllToAll(len(synapses.source), len(synapses.target), post_major)
    brian2_connect = synapses.connect
    layouts.note(synapses, layout)
    if synapses.codeobj_class is not None:
        reserve_synapses(synapses, layout.n, indices=False)
        for name, n in (("N_incoming", layout.n_pre), ("N_outgoing", layout.n_post)):
            synapses.variables[name].set_value(n)
        return layout
    if post_major:
        brian2_connect(i="unit for unit in range(N_pre)", namespace={})
    else:
        brian2_connect(namespace={})
    cache = getattr(get_device(), "array_cache", None)
    if cache is not None:  # so that monitors can check what they record
        cache[synapses.variables["N"]] = np.array([layout.n], np.int32)
    return layout

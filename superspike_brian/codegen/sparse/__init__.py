"""Code of synapses that connect some pairs: rows of their real length, a presynaptic unit each.

Synapses are in the order of their presynaptic units, and then of their postsynaptic ones. How many there are is part of the
compiled program; which pairs they connect, and their delays if each has one of its own, are inputs of it
(``NAME._synaptic_pre``, ``NAME._synaptic_post``, ``NAME.delay``), so that all seeds share a program. The queue of an axon holds
units, and what a spike does is one loop over a row.
"""

import re
from typing import Any

import numpy as np
from brian2 import Synapses, second
from numpy.typing import NDArray

from ..axons import OneToOne
from ..device import StateCodeObject
from ..generators import KernelGenerator

_WRITES = re.compile(r"^\s*(\w+)\s*[-+*/]?=(?!=)", re.M)


class Rows(StateCodeObject):
    """Synapses in rows: the array ``_row`` says where that of each presynaptic unit begins."""

    templater = OneToOne.templater.derive("superspike_brian.codegen", templates_dir="sparse")
    generator_class, rows = KernelGenerator, True


def code_object_class(kernel: str, on_pre: str) -> type[Rows] | None:
    """Class of a group's code objects; None, which is Brian2's own, where a spike changes presynaptic variables."""
    if kernel == "stock" or any(name.endswith("_pre") for name in _WRITES.findall(on_pre)):
        return None
    return Rows


def connect(synapses: Synapses, pre: NDArray[Any], post: NDArray[Any], delay: NDArray[Any] | None = None) -> None:
    """Connect pairs of units, which a run may replace by as many others.

    Parameters
    ----------
    synapses : Synapses
        Not yet connected; without a delay of its own, if `delay` is given.
    pre, post : ndarray of int
        Units of each synapse. For the fast kernels in ascending order: of the presynaptic units, then the postsynaptic ones.
    delay : ndarray, optional
        Delay of each synapse (SI units: second).
    """
    synapses.connect(i=pre, j=post)
    synapses.add_attribute("inputs")
    synapses.inputs = ["_synaptic_post", "_synaptic_pre"]
    if delay is not None:
        synapses.pre.delay = delay * second
        synapses.inputs.append("delay")
    if synapses.codeobj_class is Rows:
        synapses.variables.add_array(
            "_row", size=len(synapses.source) + 1, dtype=np.int32, constant=True, read_only=True
        )

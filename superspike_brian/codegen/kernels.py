"""Faster C++ for plastic synapses, from the same equation strings.

A user edits equations; what changes is the code that they become. Every kernel computes the same discrete time steps:

========  ==========================================================================================================
kernel    how
========  ==========================================================================================================
stock     Brian2's own template: one step at a time, index arrays, any connectivity
dense     Brian2's own statements in a vectorised loop over [pre][post], or over the rows of sparse synapses
gemm      equations that are linear in the synapse's variables: many steps become matrix products; all to all only
events    spike-driven: the presynaptic factor is, besides, a linear filter of spikes; a row of synapses per spike, nothing
          per step
========  ==========================================================================================================

The last two are deferred: a step records what the synapses read of their neurons, and the synapses are flushed, many steps at
once (temporal tiling), before anyone looks (weight update, monitor, end of the run) or changes a variable that they read.
Nothing in the forward pass depends on them in between. Equations that do not fit a kernel fall to the one above it in this
table, and the log says why.
"""

import logging
from collections.abc import Mapping
from typing import Any

from brian2 import Synapses

from . import layouts
from .all_to_all import PreMajor
from .backward import Sweep
from .brian2_api import sympy_to_str
from .device import StateCodeObject
from .generators import KernelGenerator
from .plan import kinds_of, linear_plan, presynaptic_filter
from .probed import EVERY
from .sparse import RowMajor
from .stepmap import NOTHING, UnfitError, abstract_code

logger = logging.getLogger(__name__)
KERNELS = ("stock", "dense", "gemm", "events")
RETIRED = {"blocked": "dense"}  # kernels of older versions: what takes the same steps today
DEFERRED = ("gemm", "events")  # kernels that record steps and take many at a time
LARGE = 40_000  # synapses from which on `events` is flushed less often: every time it visits all of them
LARGE_CHUNK, MEDIUM_CHUNK = 1250, 250  # steps, multiples of `EVERY`, and one of the other
FEW = 500  # synapses per unit below which sparse ones take the medium chunk: at 100 it is as fast, in half the memory
# Synapses of the smallest layer that another thread serves. Measured with two threads, times faster than one: gemm 0.75 at
# 2,000 synapses, 1.29 at 3,200 and 1.2 from 10,000 to 50,000; events 0.92 at 50,000 and 1.0 from 105,000 to 250,000.
WORTH_A_THREAD = {"gemm": 5_000, "events": 100_000}
_said: set[str] = set()


class SweepCodeObject(StateCodeObject):
    """Code object of the kernels gemm and events."""

    generator_class, layout = KernelGenerator, layouts.AllToAll


# code of a loop over all synapses, and template and code of the deferred kernels, by layout
_LOOP: dict[type, type] = {layouts.AllToAll: PreMajor, layouts.Rows: RowMajor}
_SWEEP = {layouts.AllToAll: ("kernel_sweep", SweepCodeObject), layouts.Rows: ("kernel_rows", RowMajor)}


def fitting_chunk(kernel: str, layout: layouts.Layout | None) -> int:
    """Steps that a deferred kernel records before it is flushed.

    What it records is a few numbers per postsynaptic unit and step; where a unit has few synapses, that soon is more than they.
    """
    if kernel != "events" or layout is None or layout.n < LARGE:
        return EVERY
    few = isinstance(layout, layouts.Rows) and layout.n < FEW * layout.n_post
    return MEDIUM_CHUNK if few else LARGE_CHUNK


def install(
    synapses: Synapses,
    layout: layouts.Layout | None,
    kernel: str = "auto",
    chunk: int | None = None,
    namespace: Mapping[str, Any] = NOTHING,
) -> str:
    """Let a kernel integrate plastic synapses.

    Parameters
    ----------
    synapses : Synapses
        They are connected.
    layout : Layout or None
        How they lie in memory, as `all_to_all.connect` or `sparse.connect` returned it; None: as nobody knows.
    kernel : str
        One of `KERNELS`, or 'auto': the fastest that fits.
    chunk : int, optional
        Steps that a deferred kernel records before it is flushed; default: what fits the number of synapses.
    namespace : mapping
        Names in the equations that are neither variables nor in the groups' own namespaces.

    Returns
    -------
    kernel : str
        The kernel that is used.
    """
    if kernel not in ("auto", *KERNELS):
        raise ValueError(f"unknown kernel '{kernel}': use auto, {', '.join(KERNELS)}")
    if layout != (found := layouts.layout_of(synapses)):
        raise ValueError(f"{synapses.name} is not connected as {layout}, but as {found}")
    wanted = KERNELS[-1] if kernel == "auto" else kernel
    for name in KERNELS[KERNELS.index(wanted) : 0 : -1]:
        if why := _lies_otherwise(layout, name):
            _say(f"the connections of {synapses.name} do not fit the kernel '{name}': {why}")
            continue
        try:
            _use(synapses, layout, name, chunk, namespace)
            return name
        except (UnfitError, NotImplementedError) as unfit:
            _say(f"the equations of {synapses.name} do not fit the kernel '{name}': {unfit}")
    return "stock"


def _lies_otherwise(layout, name):
    """Why a kernel cannot go through synapses that lie so; an empty text if it can."""
    if type(layout) not in _LOOP:
        return "the order of the synapses is not known"
    if getattr(layout, "post_major", False):
        return "they are in the order of their postsynaptic units"
    if not getattr(layout, "ascending", True):
        return "they are in an order of their own"
    return "it multiplies whole matrices" if name == "gemm" and isinstance(layout, layouts.Rows) else ""


def _say(message):
    if message not in _said:
        _said.add(message)
        logger.info(message)


def _use(synapses, layout, name, chunk, namespace):
    updater = synapses.state_updater
    if updater is None or not (code := abstract_code(updater, namespace)):
        raise UnfitError("they have no differential equations")
    if synapses.event_driven is not None:
        raise UnfitError("they are event-driven")
    updater.template, updater.codeobj_class = "stateupdate", _LOOP[type(layout)]
    keywords, needed = {"layout": layout, "text": sympy_to_str}, []
    if name != "dense":
        kinds, plan = kinds_of(synapses, code, namespace), linear_plan(synapses, namespace)
        sweep = Sweep(plan, presynaptic_filter(synapses, plan, namespace) if name == "events" else None)
        keywords |= {
            "chunk": chunk or fitting_chunk(name, layout),
            "worth_a_thread": WORTH_A_THREAD[name],
            "sweep": sweep,
        }
        keywords |= {f"{k}_reads": _arrays(synapses, kinds, k, plan.states) for k in ("pre", "post", "own", "shared")}
        needed = ["t_in_timesteps", *sweep.inputs]
        updater.template, updater.codeobj_class = _SWEEP[type(layout)]
    updater.template_kwds, updater.needed_variables = keywords, needed


def _arrays(synapses, kinds, kind, states):
    """Names of the arrays of a kind that the step reads."""
    names = (n for n, k in kinds.items() if k == kind and n not in states)
    return sorted(n for n in names if getattr(synapses.variables.get(n), "array", False))

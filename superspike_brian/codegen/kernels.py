"""Faster C++ for plastic synapses, from the same equation strings.

A user edits equations; what changes is the code that they become. Every kernel computes the same discrete time steps:

========  ==========================================================================================================
kernel    how
========  ==========================================================================================================
stock     Brian2's own template: one step at a time, index arrays, any connectivity
dense     Brian2's own statements in a vectorised loop over [pre][post], or over the rows of sparse synapses
gemm      equations that are linear in the synapse's variables: many steps become matrix products; all to all only
events    the presynaptic factor is, besides, a linear filter of spikes: a row of synapses a spike, nothing a step
========  ==========================================================================================================

The last two lag behind: a step records what the synapses read of their neurons, and the synapses catch up before anyone
looks (weight update, monitor, end of the run) or changes a variable that they read. Nothing in the forward pass depends on
them in between. Equations that do not fit a kernel fall to the one above it in this table, and the log says why.
"""

import logging

from brian2 import Synapses

from .all_to_all import PreMajor
from .backward import Sweep
from .brian2_api import sympy_to_str
from .device import StateCodeObject
from .generators import KernelGenerator
from .plan import kinds_of, linear_plan, presynaptic_filter
from .probed import EVERY
from .sparse import Rows
from .stepmap import UnfitError, abstract_code

logger = logging.getLogger(__name__)
KERNELS = ("stock", "dense", "gemm", "events")
RETIRED = {"blocked": "dense"}  # kernels of older versions: what takes the same steps today
LAGGING = ("gemm", "events")  # kernels that record steps and catch up with many at a time
LARGE = 40_000  # synapses from which on `events` catches up less often: every time it visits all of them
LARGE_CHUNK = 1250  # steps
# Synapses of the smallest layer that another thread serves. Measured with two threads, times faster than one: gemm 0.75 at
# 2,000 synapses, 1.29 at 3,200 and 1.2 from 10,000 to 50,000; events 0.92 at 50,000 and 1.0 from 105,000 to 250,000.
WORTH_A_THREAD = {"gemm": 5_000, "events": 100_000}
_said: set[str] = set()


class SweepCodeObject(StateCodeObject):
    """Code object of the kernels gemm and events."""

    generator_class = KernelGenerator


def fitting_chunk(kernel: str, n: int) -> int:
    """Steps that a lagging kernel records before it catches up, for a projection of `n` synapses."""
    return LARGE_CHUNK if kernel == "events" and n >= LARGE else EVERY


def install(synapses: Synapses, n: int, kernel: str = "auto", chunk: int | None = None) -> str:
    """Let a kernel integrate plastic synapses.

    Parameters
    ----------
    synapses : Synapses
        In the order of the presynaptic units, connected by `all_to_all.connect` or `sparse.connect`.
    n : int
        Number of synapses.
    kernel : str
        One of `KERNELS`, or 'auto': the fastest that fits.
    chunk : int, optional
        Steps that a lagging kernel records before it catches up; default: what fits the number of synapses.

    Returns
    -------
    kernel : str
        The kernel that is used.
    """
    if kernel not in ("auto", *KERNELS):
        raise ValueError(f"unknown kernel '{kernel}': use auto, {', '.join(KERNELS)}")
    wanted = KERNELS[-1] if kernel == "auto" else kernel
    for name in KERNELS[KERNELS.index(wanted) : 0 : -1]:
        try:
            _use(synapses, n, name, chunk)
            return name
        except (UnfitError, NotImplementedError) as why:
            _say(f"the equations of {synapses.name} do not fit the kernel '{name}': {why}")
    return "stock"


def _say(message):
    if message not in _said:
        _said.add(message)
        logger.info(message)


def _use(synapses, n, name, chunk):
    updater, shape = synapses.state_updater, (len(synapses.source), len(synapses.target))
    rows = hasattr(synapses, "inputs")
    if not rows and n != shape[0] * shape[1]:
        raise UnfitError(f"{n} synapses between {shape[0]} and {shape[1]} units are not all that there can be")
    if rows and synapses.codeobj_class is not Rows:
        raise UnfitError(
            "Brian2's own code delivers its spikes: synapses have delays of their own, or change their source"
        )
    if updater is None or not (code := abstract_code(updater)):
        raise UnfitError("they have no differential equations")
    if synapses.event_driven is not None:
        raise UnfitError("they are event-driven")
    if name == "gemm" and rows:
        raise UnfitError("it multiplies whole matrices, and not all pairs are connected")
    updater.template, updater.codeobj_class = "stateupdate", Rows if rows else PreMajor
    keywords, needed = (
        {"shape": shape, "n_synapses": n, "rows": rows, "text": sympy_to_str, "post_of_k": "_post[k]" if rows else "k"},
        [],
    )
    if name != "dense":
        kinds, plan = kinds_of(synapses, code), linear_plan(synapses)
        sweep = Sweep(plan, presynaptic_filter(synapses, plan) if name == "events" else None)
        keywords |= {"chunk": chunk or fitting_chunk(name, n), "worth_a_thread": WORTH_A_THREAD[name], "sweep": sweep}
        keywords |= {f"{k}_reads": _arrays(synapses, kinds, k, plan.states) for k in ("pre", "post", "own", "shared")}
        needed = ["t_in_timesteps", *sweep.inputs, *(["_row", "_synaptic_post"] if rows else [])]
        updater.template, updater.codeobj_class = "kernel_sweep", SweepCodeObject
    updater.template_kwds, updater.needed_variables = keywords, needed


def _arrays(synapses, kinds, kind, states):
    """Names of the arrays of a kind that the step reads."""
    names = (n for n, k in kinds.items() if k == kind and n not in states)
    return sorted(n for n in names if getattr(synapses.variables.get(n), "array", False))

"""What the network must learn: spike patterns, and classes of samples."""

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

from superspike_brian.values.names import nearest
from superspike_brian.values.renamed import IN_TASKS, current

from .arguments import seed as check_seed
from .arguments import word
from .classification import Classification, Trials, latencies
from .convert import read_csv, read_npz
from .data import data, read_samples
from .digits import digits
from .image import image
from .labelled import LabelledSpikes
from .neo_files import read_neo
from .pattern import SpikePattern, Task
from .presentation import LabelledTask
from .randman import randman
from .raster import ras, read_ras, write_ras
from .shd import shd
from .signal import Signal
from .spike_timing import spike_timing
from .ssbm import NAMES, ssbm
from .waves import waves
from .xor import xor

__all__ = [
    "TASKS",
    "Classification",
    "LabelledSpikes",
    "LabelledTask",
    "Signal",
    "SpikePattern",
    "Task",
    "Trials",
    "by_name",
    "data",
    "digits",
    "image",
    "latencies",
    "maker",
    "randman",
    "ras",
    "read_csv",
    "read_neo",
    "read_npz",
    "read_ras",
    "read_samples",
    "shd",
    "spike_timing",
    "ssbm",
    "task",
    "waves",
    "write_ras",
    "xor",
]

TASKS: dict[str, Callable[..., Task | Classification | LabelledTask]] = {
    "spike-timing": spike_timing,
    "ras": ras,
    "pattern": image,
    "xor": xor,
    "waves": waves,
    "latencies": latencies,
    "digits": digits,
    "randman": randman,
    "data": data,
    "shd": shd,
}


def maker(name: str) -> Callable[..., Task | Classification | LabelledTask]:
    """Return the function that makes a task, from its name on the command line.

    Parameters
    ----------
    name : str
        A key of `TASKS`, or "ssbm:NAME" for a set of the public benchmark suite.

    Raises
    ------
    ValueError
        If there is no such task.
    """
    kind, _, which = word(name, "name").partition(":")
    if kind == "ssbm" and which:
        return partial(ssbm, which)
    if name in TASKS:
        return TASKS[name]
    known = sorted([*TASKS, *(f"ssbm:{each}" for each in NAMES)])
    raise ValueError(f"no task is called {name!r}{nearest(name, known)}")


def task(name: str, **options: Any) -> Task | Classification | LabelledTask:
    """Make a task from its name on the command line.

    Parameters
    ----------
    name : str
        See `maker`.
    **options
        Arguments of the function that makes the task.
    """
    make = maker(name)
    options = {current(k, signature(make).parameters, IN_TASKS): v for k, v in options.items()}
    try:
        signature(make).bind(**options)
    except TypeError as error:
        raise ValueError(f"task {name!r}: {error}; its options: {', '.join(signature(make).parameters)}.") from None
    return make(**options)


def by_name(name: str, seed: int, **options: Any) -> Task | Classification | LabelledTask:
    """Make a task with the seed of a run, where the task draws something.

    Parameters
    ----------
    name : str
        See `maker`.
    seed : int
        Of the run.
    **options
        Other arguments of the function that makes the task.
    """
    seed = check_seed(seed)
    return task(name, **({"seed": seed} if "seed" in signature(maker(name)).parameters else {}), **options)

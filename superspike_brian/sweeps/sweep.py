"""A sweep: every combination of some values, many seeds each; collected into one labelled dataset.

The folder of a sweep:

====================  ====================================================================================
file                  content
====================  ====================================================================================
sweep.json            the grid and its runs: condition, seed and folder of each
CONDITION/seed-N      the run folders (`superspike_brian.results.folder`), each whole in itself
sweep.nc              what they found: cost, rate and other learning curves over (grid..., seed, block),
                      final_cost, wall_s and message (why a run failed) over (grid..., seed), and for
                      classifications accuracy, false_alarms, time_to_95 and criterion_met; of runs that ended
====================  ====================================================================================

A sweep may grow: further values and seeds in the same folder join those that are there.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity

from .. import results
from ..console.progress import Silent
from ..files.datasets import read_dataset, save
from ..files.durable import RunFolderError, json_with_checksums, read_json, write_durably
from ..files.locks import Lock
from ..network.initial import check_fit
from ..results import samples, stored
from ..results.samples import PLAN
from ..spec.run import Machine, RunSpec
from ..spec.serialize import samples_of
from ..values.as_json import quantity_from_json, quantity_to_json, unit_text
from ..values.hints import Report
from .jobs import Job, run_all

if TYPE_CHECKING:
    import xarray as xr

FORMAT = 1
logger = logging.getLogger(__name__)
_TICK = 1e-6  # s; blocks of different runs that end within it end together
_FIGURES = {  # of a run that has ended: name in its summary, unit, meaning
    "final_cost": ("cost_hz", "Hz", "cost at the end"),
    "simulated": ("simulated_s", "s", "simulated time"),
    "accuracy": ("accuracy", "1", "correct trials of the last test"),
    "false_alarms": ("false_alarms_hz", "Hz", "output spikes between the trials of the last test"),
    "time_to_95": ("time_to_95_s", "s", "simulated time at which 95 % of 100 trials were correct"),
    "criterion_met": ("criterion_met", "1", "1: training ended because the criterion was met"),
}
_TAKEN = (
    "block",
    "time",
    "cost",
    "rate",
    "message",
    "wall_s",
    *_FIGURES,
)  # an option of this name: dimension NAME_option


def run_sweep(
    make: Callable[..., dict[str, Any]],
    grid: Mapping[str, Sequence[Any]],
    seeds: int | Sequence[int],
    out: Path | str,
    *,
    workers: int = 1,
    executor: Executor | None = None,
    report: Report = print,
    progress: Silent | None = None,
    **options: Any,
) -> xr.Dataset:
    """Train a network under every condition of a grid, with many seeds; go on where an earlier call stopped.

    Parameters
    ----------
    make : callable
        ``make(seed, **condition)`` returns the arguments of `train` as a dict: ``task`` at least, and for instance
        ``model`` and ``hidden``. It is called in this process.
    grid : dict of str to sequence
        Values of each condition: quantities, numbers, names, model components.
    seeds : int or sequence of int
        Number of seeds (from 0), or the seeds. Each is also the ``seed`` of `train`.
    out : path
        Folder of the sweep.
    workers, executor, report, progress
        See `superspike_brian.sweeps.jobs.run_all`.
    **options
        Other arguments of `train` that all runs share.

    Returns
    -------
    xarray.Dataset
        See `load_sweep`. Failed runs have their reason in ``message``.

    Examples
    --------
    >>> def make(seed, r0, feedback):
    ...     return {"task": spike_timing(seed=seed), "model": SUPERSPIKE.replace(r0=r0, feedback=feedback), "hidden": [4]}
    >>> run_sweep(make, {"r0": [1, 0.5] * mV, "feedback": [RANDOM, SYMMETRIC]}, 20, "sweep", duration=250 * second)
    ... # doctest: +SKIP
    """
    out = Path(out).expanduser()
    grid = {name: list(values) for name, values in grid.items()}
    seeds = list(range(seeds)) if isinstance(seeds, int | np.integer) else [int(s) for s in seeds]
    _check_grid(grid, seeds)
    jobs = []
    entries: list[dict[str, Any]] = []
    for values in itertools.product(*grid.values()):
        condition = dict(zip(grid, values, strict=True))
        for seed in seeds:
            job = _job(out, make, condition, seed, options)
            jobs.append(job)
            plain = {name: _value_to_json(value) for name, value in condition.items()}
            entries.append({"folder": str(job.out.relative_to(out)), "condition": plain, "seed": seed})
    _check_links(out, jobs)
    _join_plan(out, list(grid), entries)
    for labelled in {s.key: s for job in jobs for s in samples_of(job.spec.task).values()}.values():
        samples.put(out, labelled)
    failed = run_all(jobs, workers, executor, report, progress)
    for entry in entries:
        entry["message"] = failed.get(out / entry["folder"], "")
    _join_plan(out, list(grid), entries)
    return load_sweep(out)


def load_sweep(path: Path | str) -> xr.Dataset:
    """Collect the runs of a sweep, finished or not.

    Parameters
    ----------
    path : path
        The folder of a sweep, or a ``sweep.nc``.

    Returns
    -------
    xarray.Dataset
        Dimensions: those of the grid, ``seed``, ``block``. Learning curves are means over output units; NaN where a run is not
        there yet. Also saved as ``sweep.nc`` in the folder.
    """
    path = Path(path).expanduser()
    if path.is_file():
        return _load_file(path)
    read_plan(path)
    try:
        with _alone(path):  # else a slower process replaces what a later one found
            data = _collect(path, read_plan(path))
            save(data, path / "sweep.nc")
    except OSError as error:  # somebody else's folder: nothing can be written there
        logger.warning(f"{path / 'sweep.nc'} is not renewed: {error.strerror}")
        data = _collect(path, read_plan(path))
    return data


def _load_file(file):
    """Read a ``sweep.nc``."""
    data = read_dataset(file)
    if data.attrs["format"] > FORMAT:
        raise RunFolderError(f"{file} has format {data.attrs['format']}, this version reads up to {FORMAT}: update it")
    if not {"message", "wall_s", "final_cost"} <= data.keys() or "seed" not in data.dims:
        raise RunFolderError(f"{file} is no file of a sweep")
    return _with_time(data)


def _with_time(data):
    """Mark the time of blocks as a coordinate, which older files do not; there is none before the first block."""
    return data.set_coords("time") if "time" in data else data


def is_sweep(path: Path | str) -> bool:
    """Whether a path is a sweep rather than a run."""
    return (Path(path) / PLAN).exists() or Path(path).name == "sweep.nc"


def read_plan(path: Path | str) -> dict[str, Any]:
    """Read ``sweep.json``; RunFolderError if it is not there or not readable."""
    file = Path(path) / PLAN
    if not file.exists():
        raise RunFolderError(f"{path} is no sweep: it has no sweep.json")
    remedy = "delete it and give the commands of the sweep again; runs that are there are kept"
    plan = read_json(file, remedy)
    if plan["format"] > FORMAT:
        raise RunFolderError(f"{file} has format {plan['format']}, this version reads up to {FORMAT}: update it")
    with stored.reading(file, remedy):
        _check_plan(plan)
    return plan


def condition_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Condition of a run of the plan: names, and quantities, numbers or names."""
    return {name: _value_from_json(value) for name, value in entry["condition"].items()}


def _check_plan(plan):
    """Refuse a plan that is not of the form that `run_sweep` writes (ValueError and the like)."""
    if plan.keys() != {"format", "grid", "runs"} or not all(isinstance(plan[k], list) for k in ("grid", "runs")):
        raise ValueError("it is no plan of a sweep")
    for name in plan["grid"]:
        _check_name(name)
    for entry in plan["runs"]:
        folder = PurePosixPath(entry["folder"])
        if folder.is_absolute() or ".." in folder.parts or len(folder.parts) != 2 or "\0" in entry["folder"]:
            raise ValueError(f"a run in the folder {entry['folder']!r:.80}")
        if list(entry["condition"]) != plan["grid"] or type(entry["seed"]) is not int:
            raise ValueError(f"{folder} has other conditions, or no seed")
        for value in entry["condition"].values():
            if isinstance(value, dict):
                stored.check_quantity(entry["folder"], value["quantity"])
            elif type(value) not in (int, float, str):
                raise ValueError(f"{folder} has a value {value!r:.80}")
        if not isinstance(entry.get("message", ""), str):
            raise ValueError(f"{folder} has a message that is no text")


def label(value: Any) -> str:
    """Short text of a value, as in folder names: 0.5mV, random, 4."""
    if isinstance(value, Quantity) and unit_text(value) != "1":
        unit = value.get_best_unit()
        return f"{float(value / unit):g}{unit}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "x".join(map(label, value)) or "0"
    if isinstance(value, str):
        return value
    is_number = np.isscalar(value) or isinstance(value, Quantity)
    return f"{float(value):g}" if is_number else str(value.name)


def _check_grid(grid, seeds):
    for name, values in grid.items():
        _check_name(name)
        if not values:
            raise ValueError(f"the grid has no value of {name}")
        if len(set(map(label, values))) < len(values):
            raise ValueError(f"the grid has a value of {name} twice: {', '.join(map(label, values))}")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"a sweep needs at least one seed, and none twice, not {seeds}")


def _check_name(name):
    if name == "seed" or not name.isidentifier():
        raise ValueError(f"a grid cannot have the dimension {name!r:.80}")


def _check_links(out, jobs):
    """Refuse to run where a link leads out of the sweep's folder."""
    for folder in {folder for job in jobs for folder in (job.out, job.out.parent)}:
        if folder.is_symlink() and folder != out:
            raise RunFolderError(f"{folder} is a symbolic link, and not written through: put the folder itself there")


def _job(out, make, condition, seed, options):
    found = {**options, **make(seed, **condition), "seed": seed}
    machine = Machine(**{"threads": 1} | {k: found.pop(k) for k in ("build_dir", "threads") if k in found})
    name = re.sub(r"[^\w.+=,-]", "_", ",".join(f"{k}={label(v)}" for k, v in condition.items())) or "runs"
    job = Job(out / name / f"seed-{seed:03d}", RunSpec.make(**found), machine)
    check_fit(job.spec.structure, job.spec.task)  # before anything runs
    return job


def _value_to_json(value):
    if isinstance(value, Quantity):
        return {"quantity": quantity_to_json(value)}
    return value if isinstance(value, int | float) and not isinstance(value, bool) else label(value)


def _value_from_json(stored):
    return quantity_from_json(stored["quantity"]) if isinstance(stored, dict) else stored


@contextmanager
def _alone(out):
    """Hold the plan and ``sweep.nc`` of a sweep, which other processes may also work on."""
    with Lock(out / ".lock").held(logger.warning):
        yield


def _join_plan(out, names, entries):
    """Let runs join the plan on disk, which other processes may have changed since it was read."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with _alone(out):
            earlier = _earlier_entries(out, names)
            again = {e["folder"] for e in entries}
            runs = [e for e in earlier if e["folder"] not in again] + entries
            plan = {"format": FORMAT, "grid": names, "runs": runs}
            write_durably(out / PLAN, json_with_checksums(plan))
    except OSError as error:
        raise RunFolderError(f"cannot use {out} for a sweep: {error.strerror}") from error


def _earlier_entries(out, names):
    """Runs of the plan that is there; refuses a folder of something else."""
    if (out / PLAN).exists():
        plan = read_plan(out)
        if plan["grid"] != names:
            raise ValueError(
                f"{out} holds a sweep over {', '.join(plan['grid']) or 'seeds'}, not {', '.join(names) or 'seeds'}: "
                "choose another folder"
            )
        return plan["runs"]
    present = [p for p in out.iterdir() if not p.name.startswith(".") and not _is_of_a_sweep(p)]
    if present:
        raise RunFolderError(f"{out} is not empty ({present[0].name}, ...) and holds no sweep: choose another folder")
    return []


def _is_of_a_sweep(path):
    """Whether a path is what a sweep leaves besides its plan: runs of a condition, results, figures."""
    return path.name in ("sweep.nc", "figure.png", "figure.pdf") or any(path.glob("seed-*/run.json"))


def _collect(path, plan):
    import xarray as xr

    names = [*map(dimension, plan["grid"]), "seed"]
    keys = [{dimension(k): v for k, v in condition_of(e).items()} | {"seed": e["seed"]} for e in plan["runs"]]
    axes = {n: list(dict.fromkeys(label(k[n]) for k in keys)) for n in names}
    shape = tuple(map(len, axes.values()))
    curves: dict[tuple[int, ...], dict[str, xr.DataArray]] = {}
    variables = {"wall_s": np.full(shape, np.nan), "message": np.full(shape, "", dtype=object)}
    figures = {"final_cost": np.full(shape, np.nan)}
    attrs: dict[str, Any] = {}
    for key, entry in zip(keys, plan["runs"], strict=True):
        at = tuple(axes[n].index(label(key[n])) for n in names)
        variables["message"][at] = entry.get("message", "")
        try:
            with results.opened(path / entry["folder"]) as run:
                variables["wall_s"][at] = run.attrs["wall_s"]
                attrs = attrs or {k: run.attrs[k] for k in ("task", "version", "references")}
                curves[at] = _curves(run)
                found = results.summary(run, "") if results.has_ended(run) else {}
        except RunFolderError as error:
            if not isinstance(error, results.NoResultsError):  # not begun, or without a checkpoint yet
                variables["message"][at] = str(error)
                logger.warning(str(error))
            continue
        for name, (figure, *_) in _FIGURES.items():
            if found.get(figure) is not None:
                figures.setdefault(name, np.full(shape, np.nan))[at] = found[figure]
    coordinates = {n: _coordinate(n, {label(k[n]): k[n] for k in keys}) for n in names}
    columns: dict[str, Any]
    columns = {k: (tuple(names), v.astype(str) if v.dtype == object else v) for k, v in variables.items()}
    columns |= _stack(curves, names, shape)
    columns |= {
        k: (tuple(names), v, dict(zip(("units", "long_name"), _FIGURES[k][1:], strict=True)))
        for k, v in figures.items()
    }
    data = xr.Dataset(columns, coords=coordinates, attrs={"title": "SuperSpike sweep", "format": FORMAT, **attrs})
    data.wall_s.attrs |= {"units": "s", "long_name": "time of training"}
    data.message.attrs["long_name"] = "why the run failed, if it did"
    return _with_time(data)


def _curves(run):
    """Learning curves of a run: variables over blocks, means over outputs."""
    found = {n: v for n in run.variables if (v := run[n]).dims in (("block",), ("block", "output"))}
    return {n: (v.mean("output", keep_attrs=True) if "output" in v.dims else v).load() for n, v in found.items()}


def _stack(curves, names, shape):
    """Learning curves of all runs in one array a variable, over the union of their times; NaN where a run has no block."""
    if not curves:
        return {}
    first = next(iter(curves.values()))["time"]
    ticks = sorted({tick for found in curves.values() for tick in _ticks(found)})
    stacked = {}
    for at, found in curves.items():
        blocks = np.searchsorted(ticks, _ticks(found))
        for name, curve in found.items():
            if name == "time" or name in names:
                continue
            if name not in stacked:
                stacked[name] = ((*names, "block"), np.full((*shape, len(ticks)), np.nan), curve.attrs)
            stacked[name][1][at][blocks] = curve.values
    return {"time": ("block", np.array(ticks) * _TICK, first.attrs)} | stacked


def _ticks(curves):
    return np.rint(curves["time"].values / _TICK).astype(int).tolist()


def dimension(name: str) -> str:
    """Name of an option's dimension in the dataset of a sweep."""
    return f"{name}_option" if name in _TAKEN else name


def _coordinate(name, values):
    found = list(values.values())
    if isinstance(found[0], Quantity):
        return name, np.array([float(v) for v in found]), {"units": unit_text(found[0])}
    return name, np.array(found if all(isinstance(v, int | float) for v in found) else list(values))

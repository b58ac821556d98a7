"""Many runs: each an independent process with a durable folder of its own; what is there already is not run again.

Any `concurrent.futures.Executor` does the work: local processes, or a cluster's (for instance Dask's
``Client.get_executor()``). A job is plain data, so that it travels anywhere. An executor may run a job twice, as Dask does
when it loses a worker: the second time the job goes on where its folder is, and waits while another process holds it.
"""

import dataclasses
import inspect
import json
import threading
import time
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path

import numpy as np

from . import results, stored
from .build import BuildError
from .datasets import is_sound
from .engine import build, structure_key
from .models import Model
from .network import Structure
from .pool import LocalPool
from .progress import Silent
from .protocol import Protocol
from .runfolder import FolderInUseError, RunFolder, RunFolderError
from .serialize import (
    model_from_json,
    model_to_json,
    protocol_from_json,
    protocol_to_json,
    task_from_arrays,
    task_to_arrays,
)
from .tasks import Task
from .training import resume, train

POLL = 1.0  # seconds between looks at the runs
_DEFAULTS = {k: p.default for k, p in inspect.signature(train).parameters.items()}
_PROTOCOL = {f.name for f in dataclasses.fields(Protocol)}
_one_at_a_time = threading.Lock()  # Brian2 has one device a process


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One run to be done.

    Parameters
    ----------
    out : Path
        Its run folder.
    task : Task
        What to learn.
    model : Model
        The rule.
    hidden : tuple of int
        Units of hidden layers.
    options : dict
        Other arguments of `train`; times as Quantity.
    """

    out: Path
    task: Task
    model: Model
    hidden: tuple = ()
    options: dict = dataclasses.field(default_factory=dict)

    def option(self, name):
        """An argument of `train`, or its default."""
        return self.options.get(name, _DEFAULTS[name])

    @property
    def structure(self):
        """The network that the run simulates."""
        sizes = (self.task.n_inputs, *self.hidden, self.task.n_outputs)
        return Structure(self.model, sizes, self.option("hidden_learning"), self.option("dt"))

    @property
    def protocol(self):
        """The course of the run."""
        return Protocol(**{k: v for k, v in self.options.items() if k in _PROTOCOL})

    @property
    def is_done(self):
        """Whether the folder holds a run that has reached its duration or its criterion."""
        return _is_done(self.out, self.options["duration"])

    @property
    def simulated_s(self):
        """Simulated time that is safe on disk, at a glance: no file is opened."""
        return min(RunFolder(self.out).reached * float(self.option("dt")), float(self.options["duration"]))

    def difference(self):
        """Name what a run in the folder has other than this job asks for; None if nothing, or if there is no run."""
        if not (Path(self.out) / "run.json").exists():
            return None
        folder, wanted = RunFolder(self.out), self._wanted()
        found = {"kernel": "auto"} | stored.request(folder)  # older runs have no kernel
        there = {k: found[k] for k in wanted}
        for request in (wanted, there):
            for part in request["model"].values():  # a parameter is value, dimensions, and a text that varies
                part["parameters"] = {k: v[:2] for k, v in part["parameters"].items()}
            protocol = protocol_to_json(protocol_from_json(request["protocol"]))  # a field may be younger than the run
            request["protocol"] = {k: v for k, v in protocol.items() if k != "duration"}
        different = [k for k in wanted if wanted[k] != there[k]]
        spikes, here = folder.task_arrays, task_to_arrays(self.task)
        compared = (spikes.keys() | here.keys()) - {"name", "source"}
        different += sorted(k for k in compared if not np.array_equal(spikes.get(k), here.get(k)))
        return ", ".join(different) or None

    def _wanted(self):
        plain = {k: self.option(k) for k in ("seed", "hidden_learning", "device", "precision", "kernel")}
        plain |= {"model": model_to_json(self.model), "sizes": list(self.structure.sizes)}
        return json.loads(json.dumps(plain | {"protocol": protocol_to_json(self.protocol)}))

    def payload(self):
        """Plain data for another process."""
        out = str(Path(self.out).absolute())
        return out, task_to_arrays(self.task), model_to_json(self.model), tuple(self.hidden), self.options


def run_payload(payload):
    """Do one job, or finish it where it stopped; return the key figures."""
    out, task, model, hidden, options = payload
    options = {"threads": 1, **options}  # runs side by side gain more than threads within a run
    with _one_at_a_time:
        while True:
            begun = (Path(out) / "run.json").exists()
            try:
                if _is_done(out, options["duration"]):
                    data = results.load(out)
                elif begun:
                    machine = {k: v for k, v in options.items() if k in ("build_dir", "threads", "duration")}
                    data = resume(out, progress=False, **machine)
                else:
                    learn, rule = task_from_arrays(task), model_from_json(model)
                    data = train(learn, rule, hidden, out=out, progress=False, **options)
                return results.summary(data, out)
            except FolderInUseError:  # its first process may live on after the executor has given it up
                time.sleep(POLL)
            except RunFolderError:
                if begun or not (Path(out) / "run.json").exists():  # else another process began it just now
                    raise


def _is_done(out, duration):
    try:
        folder = RunFolder(out)
        request, newest = stored.request(folder), folder.newest()
        if newest is None or not is_sound(Path(out) / "run.nc"):
            return False
        met = folder.records()[-1].get("criterion_met", False)
        end = max(float(stored.protocol(folder, request).duration), float(duration))
    except (RunFolderError, OSError):
        return False
    return bool(met) or newest[0] * request["dt"][0] >= end - 1e-9


def run_all(jobs, workers=1, executor=None, report=print, progress=None):
    """Do the jobs that are not done.

    Parameters
    ----------
    jobs : iterable of Job
        Runs with different folders.
    workers : int
        Local processes, if no `executor` is given; also how many compile at a time.
    executor : concurrent.futures.Executor, optional
        Where to run instead. Its workers see the run folders, and build programs into their own caches.
    report : callable
        Receives a line a finished or failed job.
    progress : Reporter, optional
        What shows the progress over all jobs (see `superspike_brian.progress`).

    Returns
    -------
    failed : dict of Path to str
        Messages of the jobs that failed; the others go on.

    Raises
    ------
    ValueError
        If two jobs have the same folder, or a folder holds another run than its job; before anything runs.
    """
    jobs, progress = list(jobs), progress or Silent()
    _check_folders(jobs)
    todo = [job for job in jobs if not job.is_done]
    report(f"{len(jobs) - len(todo)} of {len(jobs)} runs are there, {len(todo)} to do")
    if not todo:
        return {}
    failed, began = {}, time.perf_counter()
    if executor is None:
        failed = _build_programs(todo, workers, progress)
        for out, message in failed.items():
            report(f"{out} failed: {message}")
        todo = [job for job in todo if job.out not in failed]
    watch = _Watch(jobs, todo, progress, time.perf_counter() - began)
    pool, futures = executor or LocalPool(workers), {}
    try:
        for job in todo:
            futures[pool.submit(run_payload, job.payload())] = job
        waiting = set(futures)
        while waiting:
            finished, waiting = wait(waiting, timeout=POLL, return_when=FIRST_COMPLETED)
            for future in finished:
                job = futures[future]
                try:
                    figures = future.result()
                    line = f"{job.out}: cost {figures['cost_hz']:.3g} Hz, {figures['wall_s']:.3g} s"
                except Exception as error:
                    failed[job.out] = f"{type(error).__name__}: {error}"
                    line = f"{job.out} failed: {failed[job.out]}"
                watch.finished(job)
                report(f"{len(todo) - len(watch.open)}/{len(todo)} {line}")
            watch.look(len(failed))
    finally:
        progress.close()
        if executor is None:
            pool.shutdown(cancel_futures=True)
        else:
            for future in futures:
                future.cancel()
    return failed


def _check_folders(jobs):
    if len({job.out for job in jobs}) < len(jobs):
        raise ValueError("two jobs of a sweep have the same folder")
    for job in jobs:
        if different := job.difference():
            raise ValueError(
                f"{job.out} holds a run with other settings ({different}): give the ones of then, or another folder"
            )


def _build_programs(jobs, compilers, progress):
    """Build each distinct program once; return the messages of jobs that cannot have theirs."""
    programs, failed = {}, {}
    for job in jobs:
        if job.option("device") == "standalone":
            key = structure_key(job.structure, job.option("precision"), job.option("kernel"))
            programs.setdefault((key, job.option("build_dir")), []).append(job)
    for (_, build_dir), users in programs.items():
        progress.building()
        first = users[0]
        try:
            build(first.structure, first.option("precision"), build_dir, compilers, first.option("kernel"))
        except (BuildError, ValueError, KeyError) as error:
            failed |= {job.out: f"{type(error).__name__}: {error}" for job in users}
    return failed


class _Watch:
    """Progress over all runs in simulated time, read off the checkpoints."""

    def __init__(self, jobs, todo, progress, build_seconds):
        self.open, self.n, self.progress = {job.out: job for job in todo}, len(jobs), progress
        total = sum(float(job.options["duration"]) for job in jobs)
        self.closed = total - sum(float(job.options["duration"]) for job in todo)
        progress.start(total, self._simulated(), build_seconds)

    def _simulated(self):
        return self.closed + sum(job.simulated_s for job in self.open.values())

    def finished(self, job):
        """A job has ended, well or not: nothing of it is left to do."""
        del self.open[job.out]
        self.closed += float(job.options["duration"])

    def look(self, n_failed):
        """Show where the runs are."""
        failed = f", {n_failed} failed" if n_failed else ""
        self.progress.overall(self._simulated(), f"{self.n - len(self.open)} of {self.n} runs{failed}")

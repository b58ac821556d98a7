"""Many runs: each an independent process with a durable folder of its own; what is there already is not run again.

Any `concurrent.futures.Executor` does the work: local processes, or a cluster's (for instance Dask's
``Client.get_executor()``). A job is plain data, so that it travels anywhere. An executor may run a job twice, as Dask does
when it loses a worker: the second time the job goes on where its folder is, and waits while another process holds it.
"""

import dataclasses
import threading
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from .. import results
from ..console.progress import Silent
from ..engine.cache import build, structure_key
from ..engine.compiler import BuildError
from ..files.datasets import is_sound
from ..files.durable import RunFolderError
from ..results import samples
from ..results.folder import FolderInUseError, RunFolder
from ..results.stored import stored_spec
from ..runs.training import resume, start
from ..spec.run import Machine, RunSpec
from ..spec.serialize import samples_of, task_from_arrays
from ..values.hints import Report
from ..values.quantities import measured
from .pool import LocalPool

POLL = 1.0  # seconds between looks at the runs
ONE_THREAD = Machine(threads=1)  # runs side by side gain more than threads within a run
_one_at_a_time = threading.Lock()  # Brian2 has one device a process


Payload: TypeAlias = tuple[str, dict[str, Any], dict[str, Any], Machine]  # folder, request, task, machine


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One run to be done.

    Parameters
    ----------
    out : Path
        Its run folder.
    spec : RunSpec
        What the run is.
    machine : Machine
        How it is done.
    """

    out: Path
    spec: RunSpec
    machine: Machine = ONE_THREAD

    @property
    def is_done(self) -> bool:
        """Whether the folder holds a run that has reached its duration or its criterion."""
        return _is_done(self.out, self.spec)

    @property
    def duration_s(self) -> float:
        """Simulated time (s)."""
        return float(self.spec.duration)

    @property
    def simulated_s(self) -> float:
        """Simulated time that is safe on disk, at a glance: no file is opened."""
        return min(RunFolder(self.out).reached * float(self.spec.dt), self.duration_s)

    def difference(self) -> str | None:
        """Name what a run in the folder has other than this job asks for; None if nothing, or if there is no run."""
        if not (Path(self.out) / "run.json").exists():
            return None
        return ", ".join(self.spec.differences(stored_spec(RunFolder(self.out)))) or None

    def payload(self) -> Payload:
        """Plain data for another process; labelled samples are stored beside the run folder, where it finds them."""
        out = str(Path(self.out).absolute())
        for labelled in samples_of(self.spec.task).values():
            samples.put(Path(out).parent, labelled)
        return out, self.spec.to_json(), self.spec.arrays(), self.machine


def run_payload(payload: Payload) -> dict[str, Any]:
    """Do one job, or finish it where it stopped; return the key figures."""
    out, request, arrays, machine = payload
    spec = RunSpec.from_json(request, task_from_arrays(arrays, partial(samples.get, Path(out).parent)), arrays)
    with _one_at_a_time:
        while True:
            begun = (Path(out) / "run.json").exists()
            try:
                if _is_done(out, spec):
                    data = results.load(out)
                elif begun:
                    longer = max(spec.duration, stored_spec(RunFolder(out)).duration)
                    where, threads = machine.build_dir, machine.threads
                    data = resume(out, duration=longer, progress=False, build_dir=where, threads=threads)
                else:
                    data = start(spec, machine, out)
                return results.summary(data, out)
            except FolderInUseError:  # its first process may live on after the executor has given it up
                time.sleep(POLL)
            except RunFolderError:
                if begun or not (Path(out) / "run.json").exists():  # else another process began it just now
                    raise


def _is_done(out, spec):
    try:
        folder = RunFolder(out)
        newest = folder.newest()
        if newest is None or not is_sound(Path(out) / "run.nc"):
            return False
        met = folder.records()[-1].get("criterion_met", False)
        return bool(met) or newest[0] >= max(spec.n_steps, stored_spec(folder).n_steps)
    except (RunFolderError, OSError):
        return False


def run_all(
    jobs: Iterable[Job],
    workers: int = 1,
    executor: Executor | None = None,
    report: Report = print,
    progress: Silent | None = None,
) -> dict[Path, str]:
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
        Receives a line per finished or failed job.
    progress : Silent, optional
        What shows the progress over all jobs (see `superspike_brian.console.progress`).

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
                    line = f"{job.out}: cost {measured(figures['cost_hz'], 'Hz', 3)}, {measured(figures['wall_s'], 's', 3)}"
                    line += "".join(f"; note: {note['text']}" for note in figures["notes"])
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
    programs: dict[tuple[str, Path | str | None], list[Job]] = {}
    failed: dict[Path, str] = {}
    for job in jobs:
        if job.spec.device == "standalone":
            key = structure_key(job.spec.structure, job.spec.precision, job.spec.kernel)
            programs.setdefault((key, job.machine.build_dir), []).append(job)
    for (_, build_dir), users in programs.items():
        progress.building()
        spec = users[0].spec
        try:
            build(spec.structure, spec.precision, build_dir, compilers, spec.kernel)
        except (BuildError, ValueError, KeyError) as error:
            failed |= {job.out: f"{type(error).__name__}: {error}" for job in users}
    return failed


class _Watch:
    """Progress over all runs in simulated time, read off the checkpoints."""

    def __init__(self, jobs: list[Job], todo: list[Job], progress: Silent, build_seconds: float) -> None:
        self.open, self.n, self.progress = {job.out: job for job in todo}, len(jobs), progress
        self.total = total = sum(job.duration_s for job in jobs)
        self.closed = total - sum(job.duration_s for job in todo)
        progress.start(total, self._simulated(), build_seconds)

    def _simulated(self):
        return self.closed + sum(job.simulated_s for job in self.open.values())

    def finished(self, job: Job) -> None:
        """A job has ended, well or not: nothing of it is left to do."""
        del self.open[job.out]
        self.closed += job.duration_s

    def look(self, n_failed: int) -> None:
        """Show where the runs are."""
        failed = f", {n_failed} failed" if n_failed else ""
        at = (
            self.total if not self.open else min(self._simulated(), 0.99 * self.total)
        )  # the last ones are being packed
        self.progress.overall(at, f"{self.n - len(self.open)} of {self.n} runs{failed}")

"""Many runs: each an independent process with a durable folder of its own; what is there already is not run again.

Any `concurrent.futures.Executor` does the work: a local process pool, or a cluster's (for instance Dask's
``Client.get_executor()``). A job is plain data, so that it travels anywhere.
"""

import dataclasses
import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from pathlib import Path

from . import results
from .models import Model
from .runfolder import RunFolder, RunFolderError
from .serialize import model_from_json, model_to_json, protocol_from_json, task_from_arrays, task_to_arrays
from .tasks import Task
from .training import resume, train


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

    @property
    def is_done(self):
        """Whether the folder holds a run that has reached its duration."""
        try:
            request, newest = RunFolder(self.out).request, RunFolder(self.out).newest()
        except (RunFolderError, OSError):
            return False
        end = float(protocol_from_json(request["protocol"]).duration)
        wanted = float(self.options["duration"])
        return (
            newest is not None
            and (self.out / "run.nc").exists()
            and newest[0] * request["dt"][0] >= max(end, wanted) - 1e-9
        )

    def payload(self):
        """Plain data for another process."""
        return str(self.out), task_to_arrays(self.task), model_to_json(self.model), tuple(self.hidden), self.options


def run_payload(payload):
    """Do one job, or finish it where it stopped; return the key figures."""
    out, task, model, hidden, options = payload
    if (Path(out) / "run.json").exists():
        machine = {k: v for k, v in options.items() if k in ("build_dir", "threads", "duration")}
        data = resume(out, progress=False, **machine)
    else:
        task, model = task_from_arrays(task), model_from_json(model)
        data = train(task, model, hidden, out=out, progress=False, **options)
    return results.summary(data, out)


def run_all(jobs, workers=1, executor=None, report=print):
    """Do the jobs that are not done.

    Parameters
    ----------
    jobs : iterable of Job
        Runs with different folders.
    workers : int
        Local processes, if no `executor` is given.
    executor : Executor, optional
        Where to run instead.
    report : callable
        Receives a line a finished or failed job.

    Returns
    -------
    failed : dict of Path to str
        Messages of the jobs that failed; the others go on.
    """
    jobs = list(jobs)
    if len({job.out for job in jobs}) < len(jobs):
        raise ValueError("two jobs of a sweep have the same folder")
    todo = [job for job in jobs if not job.is_done]
    report(f"{len(jobs) - len(todo)} of {len(jobs)} runs are there, {len(todo)} to do")
    own = executor is None and bool(todo)
    pool: Executor | None = executor
    if own:
        pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    failed = {}
    try:
        futures = {pool.submit(run_payload, job.payload()): job for job in todo}
        for number, future in enumerate(as_completed(futures), start=1):
            job = futures[future]
            try:
                figures = future.result()
                report(f"{number}/{len(todo)} {job.out}: cost {figures['cost_hz']:.3g} Hz, {figures['wall_s']:.0f} s")
            except Exception as error:
                failed[job.out] = f"{type(error).__name__}: {error}"
                report(f"{number}/{len(todo)} {job.out} failed: {failed[job.out]}")
    finally:
        if own:
            pool.shutdown(cancel_futures=True)
    return failed

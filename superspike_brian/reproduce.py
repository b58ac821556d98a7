"""Reproduce a figure of the paper: run what is missing, draw, tabulate, and say what came out.

What each figure needs and shows is in `superspike_brian.experiments`.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from . import results
from .errors import UserError
from .experiments import Finding, Setting, experiment
from .files.durable import write_durably
from .sweeps.jobs import run_all
from .values.hints import Report

if TYPE_CHECKING:
    import xarray as xr


class ReproductionError(UserError):
    """Runs of an experiment failed."""


def reproduce(
    name: str, setting: Setting, workers: int = 1, executor: Executor | None = None, report: Report = print
) -> tuple[list[Finding], list[Path]]:
    """Reproduce one figure.

    Parameters
    ----------
    name : str
        One of `experiments.names()`.
    setting : Setting
        Scale, seeds and folders.
    workers, executor
        As for `sweep.run_all`.
    report : callable
        Receives lines of progress.

    Returns
    -------
    findings : list of Finding
        Expected and found, panel by panel.
    paths : list of Path
        Files written: figure (PNG, PDF), numbers (CSV), findings (text).

    Raises
    ------
    ValueError
        If a run folder holds another run.
    ReproductionError
        If runs failed.
    """
    from .figures.style import save_figure  # here, as matplotlib is slow to import

    module = experiment(name)
    jobs = module.jobs(dataclasses.replace(setting, out=Path(setting.out) / name))  # figures share names of conditions
    failed = run_all(jobs, workers, executor, report)
    if failed:
        first, message = next(iter(failed.items()))
        raise ReproductionError(f"{name}: {len(failed)} of {len(jobs)} runs failed, the first is {first}: {message}")
    runs: dict[str, list[xr.Dataset]] = {}
    for job in jobs:
        runs.setdefault(job.out.name.rpartition("-s")[0], []).append(results.load(job.out))
    if hasattr(module, "measure"):
        report(f"{name}: measuring what its runs came to")
        runs = module.measure(runs, setting)
    rows = module.table(runs)
    found = module.findings(rows)
    stem = Path(setting.out) / name
    paths = save_figure(module.draw(runs), stem)
    for path, text in (
        (stem.with_suffix(".csv"), _csv(rows)),
        (stem.with_suffix(".txt"), "".join(f"{f}\n" for f in found)),
    ):
        write_durably(path, text.encode())
        paths.append(path)
    return found, paths


def _csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(k for row in rows for k in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

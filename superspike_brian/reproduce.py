"""Reproduce a figure of the paper: run what is missing, draw, tabulate, and say what came out.

What each figure needs and shows is in `superspike_brian.experiments`.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import json
import os
import platform
import subprocess
import time
from concurrent.futures import Executor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import results
from .errors import UserError
from .experiments import Finding, Setting, experiment
from .files.durable import write_durably
from .sweeps.jobs import run_all
from .values.hints import Report

if TYPE_CHECKING:
    import xarray as xr


RECORD = "reproduced.json"  # what is known of each figure of a folder


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
        Files written: figure (PNG, PDF), numbers (CSV), findings (text), and what is known of the folder's figures (JSON):
        scale, seeds, durations, versions and commit.

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
    began = time.perf_counter()
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
    seconds = sum(float(run.attrs["wall_s"]) for of_seeds in runs.values() for run in of_seeds)
    facts = {"scale": setting.scale, "seeds": setting.seeds, "runs": len(jobs)}
    facts["duration_s"] = round(seconds + time.perf_counter() - began, 1)
    paths.append(_record(Path(setting.out) / RECORD, name, facts))
    return found, paths


def _record(path: Path, name: str, facts: dict[str, Any]) -> Path:
    """Note how a figure came about, beside what is noted of others in the folder."""
    facts |= {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "versions": {name: version(name) for name in ("superspike_brian", "brian2")}
        | {"python": platform.python_version()},
    }
    known = json.loads(path.read_text()) if path.exists() else {}
    write_durably(path, (json.dumps(known | {name: facts}, indent=1, sort_keys=True) + "\n").encode())
    return path


def commit() -> str | None:
    """The commit of this package, ``$SUPERSPIKE_COMMIT`` or that of its checkout, with a + if files differ from it; or None."""
    if given := os.environ.get("SUPERSPIKE_COMMIT"):
        return given
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        head, changed = (_git(root, *words) for words in (("rev-parse", "HEAD"), ("status", "-s", "-uno")))
    except (OSError, subprocess.CalledProcessError):
        return None
    return head[:7] + "+" * bool(changed)


def _git(root, *words):
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def _csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(k for row in rows for k in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

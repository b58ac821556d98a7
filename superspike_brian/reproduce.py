"""Reproduce a figure of the paper: run what is missing, draw, tabulate, and say what came out.

What each figure needs and shows is in `superspike_brian.experiments`.
"""

import csv
import io
import os
import sys
from pathlib import Path

import numpy as np

from . import results
from .experiments import SCALES, Setting, experiment, names
from .options import number
from .protocol import Protocol
from .runfolder import RunFolder, write_durably
from .serialize import model_to_json, protocol_to_json, task_to_arrays
from .sweep import run_all


class ReproductionError(RuntimeError):
    """Runs of an experiment failed."""


def reproduce(name, setting, workers=1, executor=None, report=print):
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
    from .plotting import save_figure  # here, as matplotlib is slow to import

    module = experiment(name)
    jobs = module.jobs(setting)
    for job in jobs:
        refuse_other_run(job)
    failed = run_all(jobs, workers, executor, report)
    if failed:
        first, message = next(iter(failed.items()))
        raise ReproductionError(f"{name}: {len(failed)} of {len(jobs)} runs failed, the first is {first}: {message}")
    runs = {}
    for job in jobs:
        runs.setdefault(job.out.name.rpartition("-s")[0], []).append(results.load(job.out))
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


def refuse_other_run(job):
    """Raise ValueError if the job's folder holds a run of another kind, which must not be taken for it."""
    if not (job.out / "run.json").exists():
        return
    folder, options = RunFolder(job.out), dict(job.options)
    protocol = {k: v for k, v in options.items() if k in Protocol.__dataclass_fields__}
    wanted = {
        "model": model_to_json(job.model),
        "sizes": [job.task.inputs.n, *job.hidden, job.task.targets.n],
        "hidden_learning": options.get("hidden_learning", True),
        "seed": options.get("seed", 0),
        "protocol": protocol_to_json(Protocol(**protocol)),
    }
    present = {k: folder.request[k] for k in wanted}
    for side in (wanted, present):
        side["protocol"] = {k: v for k, v in side["protocol"].items() if k != "duration"}  # a run may be extended
        side["model"] = {k: (c["strings"], c["parameters"]) for k, c in side["model"].items()}
    different = [k for k in wanted if _plain(wanted[k]) != _plain(present[k])]
    arrays, stored = task_to_arrays(job.task), folder.task_arrays
    if arrays.keys() != stored.keys() or any(not np.array_equal(arrays[k], stored[k]) for k in arrays):
        different.append("task")
    if different:
        raise ValueError(
            f"{job.out} holds another run (it differs in: {', '.join(different)}): choose another --out, or remove it"
        )


def _plain(value):
    """Return the value as it comes back from JSON, of quantities only number and dimensions."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        quantity = len(value) == 3 and isinstance(value[2], str)
        return [_plain(v) for v in value[: 2 if quantity else None]]
    return value


def _csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(k for row in rows for k in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def add_parser(commands):
    """Add ``superspike reproduce``."""
    parser = commands.add_parser("reproduce", help="reproduce a figure of the paper", allow_abbrev=False)
    parser.add_argument("name", metavar="NAME", help=f"{', '.join(names())}, or all")
    parser.add_argument("--scale", choices=SCALES, default="quick", help="minutes, or the paper's sizes")
    parser.add_argument("--out", type=Path, help="folder for figure, numbers and runs (default: reproduced/SCALE)")
    parser.add_argument("--seeds", type=number(int, 1), metavar="N", help="seeds 0 to N-1 (default: the figure's own)")
    parser.add_argument("--workers", type=number(int, 1), default=os.cpu_count(), help="runs side by side")
    parser.add_argument("--build-dir", type=Path, help="where programs are built and kept (default: your cache folder)")
    parser.add_argument("--data-dir", type=Path, help="copy of the benchmark suite (default: $SUPERSPIKE_DATA_DIR)")
    parser.set_defaults(function=command)


def command(args):
    """Reproduce what was asked for, and print the findings."""
    chosen = names() if args.name == "all" else [args.name]
    for name in chosen:
        seeds = args.seeds or experiment(name).SEEDS[args.scale]
        out = args.out or Path("reproduced", args.scale)
        setting = Setting(args.scale, seeds, out, args.build_dir, args.data_dir)
        found, paths = reproduce(name, setting, args.workers, report=lambda text: print(text, file=sys.stderr))
        print(f"{name}, {args.scale} scale, {seeds} seed{'s' if seeds > 1 else ''}")
        for each in found:
            print(each)
        print("files: " + ", ".join(map(str, paths)), flush=True)

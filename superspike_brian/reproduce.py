"""Reproduce a figure of the paper: run what is missing, draw, tabulate, and say what came out.

What each figure needs and shows is in `superspike_brian.experiments`.
"""

import csv
import dataclasses
import io
import os
import sys
from pathlib import Path

from . import results
from .experiments import SCALES, Setting, experiment, names
from .options import number
from .runfolder import write_durably
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
    jobs = module.jobs(dataclasses.replace(setting, out=Path(setting.out) / name))  # figures share names of conditions
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
    parser.add_argument(
        "--scale", choices=SCALES, default="quick", help="minutes, or the paper's sizes (default: quick)"
    )
    parser.add_argument("--out", type=Path, help="folder for figures, numbers and runs (default: reproduced/SCALE)")
    parser.add_argument("--seeds", type=number(int, 1), metavar="N", help="seeds 0 to N-1 (default: the figure's own)")
    parser.add_argument(
        "--workers", type=number(int, 1), default=os.cpu_count(), help="runs side by side (default: all cores)"
    )
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

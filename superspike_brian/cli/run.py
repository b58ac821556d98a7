"""``superspike run``: train a network on a task."""

import argparse
import json
from pathlib import Path
from typing import Any

from .. import results
from ..console.progress import reporter
from ..runs.training import start
from ..values.kinds import File, argument_type
from ..values.quantities import measured
from .options import machine, machine_options, make_spec, network_options, run_options

PAGE = "runs"
EXAMPLES = (
    (
        "superspike run spike-timing --hidden 4 --duration 250s",
        "the first run: a minute, results in ./runs",
    ),
    (
        "superspike run xor --hidden 8 --feedback random --duration 500s --seed 2",
        "trials, with an accuracy",
    ),
    (
        "superspike run ras --input in.ras --target out.ras --period 500ms --set beta=0.5/mV --out my_run",
        "your own spikes, and a parameter",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what chooses task, network, course and place."""
    network_options(parser)
    run_options(parser)
    machine_options(parser)
    group = parser.add_argument_group("results")
    group.add_argument(
        "--out",
        type=argument_type(File("results", "DIR")),
        metavar="DIR",
        help="run folder, such as my_run (default: a new one in ./runs)",
    )
    group.add_argument("--overwrite", action="store_true", help="replace a run in --out (default: refuse)")


def command(args: argparse.Namespace) -> None:
    """Train, draw, report."""
    progress = reporter(args.quiet)
    with progress.stage(f"reading the task {args.task}"):
        spec = make_spec(args)
    args.out = out = args.out or _new_folder(args.task)
    report(start(spec, machine(args), out, args.overwrite, progress, args.line), out, args)


def _new_folder(task):
    stem = task.replace(":", "-").replace("/", "-")
    for count in range(1, 100_000):
        path = Path("runs", f"{stem}-{count:03d}")
        if not path.exists():
            return path
    raise ValueError("./runs is full: choose --out")


def report(data: Any, out: Path, args: argparse.Namespace) -> None:
    """Draw a run that has ended, and say what came out."""
    from ..figures.files import draw_run  # here, as matplotlib is slow to import

    with reporter(args.quiet).stage("drawing the figure"):
        figures = draw_run(data, out)
    summary = results.summary(data, out)
    if not args.quiet:
        correct = ""
        if summary.get("accuracy") is not None:
            correct = f"accuracy {summary['accuracy']:.2%} of {summary['n_test']} {results.what_was_tested(summary)}, "
        print(
            f"{correct}cost {measured(summary['cost_hz'], 'Hz')} at {measured(summary['simulated_s'], 's', 6)} "
            f"({measured(summary['wall_s'], 's', 3)} of training)"
        )
        print(f"results {out / 'run.nc'}, figure {figures[0]}")
    if args.json:
        print(json.dumps(summary))

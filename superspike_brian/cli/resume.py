"""``superspike resume``: continue an interrupted run, or extend a finished one."""

import argparse
from pathlib import Path

from ..console.progress import reporter
from ..runs.training import resume
from .options import machine_options, time_value
from .run import report

PAGE = "runs"
EXAMPLES = (
    (
        "superspike resume runs/spike-timing-001",
        "to the end that the run was to have",
    ),
    (
        "superspike resume runs/spike-timing-001 --duration 800s",
        "and beyond it",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which run, and until when."""
    parser.add_argument("dir", type=Path, help="run folder")
    parser.add_argument(
        "--duration",
        type=time_value("800s"),
        metavar="TIME",
        help="new total simulated time, such as 800s (default: the run's)",
    )
    machine_options(parser)


def command(args: argparse.Namespace) -> None:
    """Continue, draw, report."""
    data = resume(
        args.dir,
        duration=args.duration,
        build_dir=args.build_dir,
        threads=args.threads,
        progress=reporter(args.quiet),
        command=args.line,
    )
    report(data, args.dir, args)

"""``superspike plot``: redraw the figure of a run or a sweep."""

import argparse
from pathlib import Path

from .. import results
from ..figures.files import draw_run, draw_sweep
from ..figures.style import recorded_units
from ..sweeps.sweep import is_sweep, load_sweep

PAGE = "runs"
EXAMPLES = (
    (
        "superspike plot runs/spike-timing-001",
        "beside the results",
    ),
    (
        "superspike plot runs/spike-timing-001 --unit 3",
        "of output unit 3",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which run or sweep, and which unit."""
    parser.add_argument("dir", type=Path, help="folder of a run or a sweep")
    parser.add_argument(
        "--unit",
        type=int,
        metavar="N",
        help="output unit to show, such as 3 (default: of those recorded, the one with most targets)",
    )


def command(args: argparse.Namespace) -> None:
    """Redraw the figure."""
    if is_sweep(args.dir):
        print(*draw_sweep(load_sweep(args.dir), args.dir), sep="\n")
        return

    data = results.load(args.dir)
    shown = recorded_units(data).tolist()
    if args.unit is not None and args.unit not in shown:
        first = f"{shown[0]} to {shown[-1]}" if shown == list(range(len(shown))) else ", ".join(map(str, shown))
        raise ValueError(f"--unit {args.unit}: this run recorded the output units {first}")
    for path in draw_run(data, args.dir, args.unit):
        print(path)

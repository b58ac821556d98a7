"""``superspike animate``: the output raster over training, as a GIF."""

import argparse
from pathlib import Path

from .. import results
from ..figures.animation import animate
from .options import number

PAGE = "runs"
EXAMPLES = (
    (
        "superspike animate runs/spike-timing-001 learning.gif",
        "of a run with --probe-every 50s",
    ),
    (
        "superspike animate runs/spike-timing-001 slow.gif --fps 1",
        "a window per second",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add its arguments."""
    parser.add_argument("dir", type=Path, help="run folder; the run needs --probe-every or --probe-at")
    parser.add_argument("out", type=Path, help="file to write, such as learning.gif")
    parser.add_argument("--fps", type=number(float, 0.1), default=2.0, help="windows per second (default: 2)")


def command(args: argparse.Namespace) -> None:
    """Animate, and say what came out."""
    windows = animate(results.load(args.dir), args.out, args.fps)
    print(f"{args.out}: {windows} windows")

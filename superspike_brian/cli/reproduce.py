"""``superspike reproduce``: a figure of the paper, its numbers, and whether they show what the paper says."""

import argparse
import os
import sys
from pathlib import Path

from ..experiments import SCALES, Setting, experiment, names
from ..reproduce import reproduce
from .options import number

PAGE = "gallery"
EXAMPLES = (
    (
        "superspike reproduce fig2",
        "in minutes, at quick scale",
    ),
    (
        "superspike reproduce fig7 --scale full --workers 2",
        "with the paper's sizes",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add its arguments."""
    parser.add_argument("name", metavar="NAME", help=f"{', '.join(names())}, or all")
    parser.add_argument(
        "--scale", choices=SCALES, default="quick", help="minutes, or the paper's sizes (default: quick)"
    )
    parser.add_argument(
        "--out", type=Path, help="folder for figures, numbers and runs, such as figures (default: reproduced/SCALE)"
    )
    parser.add_argument(
        "--seeds", type=number(int, 1), metavar="N", help="seeds 0 to N-1, such as 5 (default: the figure's own)"
    )
    parser.add_argument(
        "--workers",
        type=number(int, 1),
        default=os.cpu_count(),
        help="runs side by side, such as 4 (default: all cores)",
    )
    parser.add_argument(
        "--build-dir",
        type=Path,
        help="where programs are built and kept, such as programs (default: your cache folder)",
    )
    parser.add_argument("--data-dir", type=Path, help="copy of the benchmark suite (default: $SUPERSPIKE_DATA_DIR)")


def command(args: argparse.Namespace) -> None:
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

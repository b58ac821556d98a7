"""``superspike bench``: measure the kernels on this machine, as ratios."""

import argparse
import os
from pathlib import Path

from ..bench import run
from .options import number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how often, and where to."""
    parser.add_argument(
        "--out", type=Path, default=Path("bench"), help="folder for table and figure (default: ./bench)"
    )
    parser.add_argument(
        "--rounds", type=number(int, 1), default=5, metavar="N", help="measurements of each variant (default: 5)"
    )
    parser.add_argument(
        "--data-dir",
        default=os.environ.get("SUPERSPIKE_DATA_DIR"),
        help="copy of the benchmark suite (default: $SUPERSPIKE_DATA_DIR)",
    )
    parser.add_argument("--build-dir", type=Path, help="reuse programs from there (default: build afresh)")


def command(args: argparse.Namespace) -> None:
    """Measure the kernels."""
    run(args.out, args.rounds, args.data_dir, args.build_dir, report=lambda text: print(text, flush=True))

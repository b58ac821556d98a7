"""``superspike bench``: measure the kernels on this machine, as ratios."""

import argparse
import os
from pathlib import Path

from ..bench import own, run
from ..models import Architecture
from .options import load_record, number


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
    parser.add_argument(
        "--network",
        metavar="FILE.py:NAME",
        help="measure a network of your own, an Architecture, on frozen Poisson patterns (default: three chains)",
    )
    parser.add_argument("--build-dir", type=Path, help="reuse programs from there (default: build afresh)")


def command(args: argparse.Namespace) -> None:
    """Measure the kernels."""
    measured = None
    if args.network:
        measured = [own(load_record(args.network, Architecture, "network"), args.network.rpartition(":")[2])]
    run(args.out, args.rounds, args.data_dir, args.build_dir, lambda text: print(text, flush=True), measured)

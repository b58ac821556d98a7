"""``superspike bench``: measure what is fast and slow on this machine; or how well networks learn."""

import argparse
import os
import sys
from pathlib import Path

from .. import learning
from ..bench import felt, kernels, readme
from ..models import Architecture
from .options import load_record, number

PAGE = "kernels"
EXAMPLES = (
    (
        "superspike bench --rounds 3 --readme README.md",
        "everything, each three times, and into the table of a README",
    ),
    (
        "superspike bench --parts start,sweep",
        "how long it takes to start, and what a sweep costs",
    ),
    (
        "superspike bench --learning",
        "how well networks learn, beside earlier versions",
    ),
)

_OF_SPEED, _OF_LEARNING = ("rounds", "network", "parts", "readme"), ("stored", "save", "overwrite", "workers")
PARTS = ("kernels", *felt.PARTS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to measure, how often, and where to."""
    parser.add_argument(
        "--out", type=Path, default=Path("bench"), help="folder for table and figure (default: ./bench)"
    )
    parser.add_argument("--rounds", type=number(int, 1), metavar="N", help="measurements of each variant (default: 5)")
    parser.add_argument(
        "--parts",
        type=_parts,
        metavar="PART,...",
        help=f"what to measure, of {', '.join(PARTS)} (default: all; with --network the kernels)",
    )
    parser.add_argument(
        "--readme",
        type=Path,
        metavar="FILE",
        help="write the tables of --out into this file, such as README.md, between its marks (default: no file)",
    )
    parser.add_argument(
        "--data-dir",
        default=os.environ.get("SUPERSPIKE_DATA_DIR"),
        help="copy of the benchmark suite (default: $SUPERSPIKE_DATA_DIR)",
    )
    parser.add_argument(
        "--network",
        metavar="FILE.py:NAME",
        help="measure a network of your own, such as my_net.py:NET, on frozen Poisson patterns (default: three chains)",
    )
    parser.add_argument(
        "--build-dir",
        type=Path,
        help="reuse programs from there, such as programs (default: build afresh; with --learning your cache folder)",
    )
    group = parser.add_argument_group("quality of learning")
    group.add_argument(
        "--learning",
        action="store_true",
        help="measure how well networks learn, beside earlier versions, in minutes (default: the kernels)",
    )
    group.add_argument(
        "--stored", type=Path, help="file of earlier values, such as learning.json (default: the package's own)"
    )
    group.add_argument(
        "--save", action="store_true", help="add what was measured to the file of earlier values (default: no)"
    )
    group.add_argument(
        "--overwrite", action="store_true", help="replace the values of this version and date there (default: refuse)"
    )
    group.add_argument(
        "--workers", type=number(int, 1), metavar="N", help="runs side by side, such as 4 (default: all cores)"
    )


def command(args: argparse.Namespace) -> None:
    """Measure the kernels, or learning."""
    if wrong := [f"--{name}" for name in (_OF_SPEED if args.learning else _OF_LEARNING) if getattr(args, name)]:
        raise ValueError(f"{', '.join(wrong)} cannot be given {'with' if args.learning else 'without'} --learning")
    if args.learning:
        _learning(args)
        return
    parts = args.parts or (("kernels",) if args.network else PARTS)
    if args.network and "kernels" not in parts:
        raise ValueError("--network is of the part kernels, which --parts leaves out")
    if args.readme:
        readme.check(args.readme)
    args.out.mkdir(parents=True, exist_ok=True)

    def report(text):
        print(text, flush=True)

    if "kernels" in parts:
        measured = None
        if args.network:
            network = load_record(args.network, Architecture, "network")
            measured = [kernels.own(network, args.network.rpartition(":")[2])]
        kernels.run(args.out, args.rounds or 5, args.data_dir, args.build_dir, report, measured)
    if others := tuple(p for p in felt.PARTS if p in parts):
        felt.run(args.out, others, args.rounds or 5, args.data_dir, report)
    if args.readme:
        readme.write(args.readme, args.out)


def _parts(text):
    found = tuple(text.split(","))
    if unknown := [part for part in found if part not in PARTS]:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return found


def _learning(args):
    """Print the table; LearningError where learning is worse than it was."""
    stored = args.stored or learning.STORED
    if args.save:
        learning.check_free(stored, args.overwrite)
    measured, table, worse = learning.run(
        args.out,
        args.data_dir,
        stored,
        args.workers or os.cpu_count() or 1,
        args.build_dir,
        lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(table)
    if args.save:
        learning.save(measured, stored, args.overwrite)
    if worse:
        raise learning.LearningError(f"learning is worse than it was: {'; '.join(worse)}")

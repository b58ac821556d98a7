"""``superspike show``: summarise a run or a sweep."""

import argparse
import json
from pathlib import Path

from .. import results
from ..console.streams import printable
from ..sweeps.sweep import is_sweep, load_sweep
from .sweep import summary_text

PAGE = "runs"
EXAMPLES = (
    (
        "superspike show runs/spike-timing-001",
        "cost, rates, and what kept it from learning",
    ),
    (
        "superspike show runs/spike-timing-001 --json",
        "for a program that reads it",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which run or sweep."""
    parser.add_argument("dir", type=Path, help="folder of a run or a sweep")
    parser.add_argument("--json", action="store_true", help="the results of a run as JSON (default: as text)")


def command(args: argparse.Namespace) -> None:
    """Summarise a run or a sweep."""
    if is_sweep(args.dir):
        if args.json:
            raise ValueError(f"--json: {args.dir} is a sweep; read its sweep.nc, or give one of its runs")
        print(printable(summary_text(load_sweep(args.dir))))
        return
    data = results.load(args.dir)
    if args.json:
        print(json.dumps(results.summary(data, args.dir)))
    else:
        print(printable(results.summary_text(data)))

"""``superspike export``: a run for other programs."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..exchange import nir
from ..exchange.script import export_brian2
from ..values.kinds import Time, argument_type

PAGE = "brian2"
EXAMPLES = (
    (
        "superspike export brian2 runs/spike-timing-001 my_net.py",
        "a script that needs Brian2 alone",
    ),
    (
        "superspike export nir runs/spike-timing-001 net.nir",
        "for other simulators and chips",
    ),
)

# name: function of run, out, at and overwrite, which returns the files that it wrote; and what they are
FORMATS: dict[str, tuple[Callable[..., tuple[Path, ...]], str]] = {
    "brian2": (export_brian2, "one script of plain Brian2, with its arrays beside it"),
    "nir": (nir.export, "a graph for other simulators and chips"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add its arguments."""
    known = "; ".join(f"{name}: {text}" for name, (_, text) in FORMATS.items())
    parser.add_argument("format", choices=[*FORMATS], help=known)
    parser.add_argument("dir", type=Path, help="run folder")
    parser.add_argument("out", type=Path, help="file to write, such as net.py")
    parser.add_argument(
        "--at",
        type=state,
        default="end",
        metavar="STATE",
        help="end, start, or the time of a snapshot, such as 10s (default: end)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist (default: refuse)")


def state(text: str) -> Any:
    """Read which state of a run is meant."""
    return text if text in ("end", "start") else argument_type(Time("10s", zero=True))(text)


def command(args: argparse.Namespace) -> None:
    """Export, and say what was written."""
    export, _ = FORMATS[args.format]
    files = export(args.dir, args.out, args.at, args.overwrite)
    print(", ".join(map(str, files)))

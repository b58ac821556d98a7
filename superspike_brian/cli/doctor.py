"""``superspike doctor``: whether this machine is fit for runs, and what to do if not."""

import argparse
import json
from pathlib import Path

from ..console.streams import printable
from ..doctor import examine
from ..errors import UserError

PAGE = "commands"
EXAMPLES = (
    ("superspike doctor", "Python, packages, compiler, cache, disk and cores"),
    (
        "superspike doctor --build-dir /scratch/programs --json",
        "for a cache elsewhere, and for a program that reads it",
    ),
)


class UnfitMachineError(UserError):
    """Something is wrong that runs need; the message says how many things."""

    code = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where programs are kept, and the form."""
    parser.add_argument(
        "--build-dir",
        type=Path,
        metavar="DIR",
        help="where programs are built and kept, such as /scratch/programs (default: your cache folder)",
    )
    parser.add_argument("--json", action="store_true", help="the findings as JSON (default: as text)")


def command(args: argparse.Namespace) -> None:
    """Look at everything, and say what was found; UnfitMachineError if there is a fault."""
    found = examine(None if args.build_dir is None else args.build_dir.expanduser())
    faults = sum(finding.state == "fault" for finding in found)
    if args.json:
        print(json.dumps({"fit": not faults, "findings": [finding._asdict() for finding in found]}))
    else:
        for finding in found:
            print(printable(f"{finding.state:8} {finding.what:9} {finding.found}"))
            if finding.remedy:
                print(printable(f"{'':18} -> {finding.remedy}"))
    if faults:
        raise UnfitMachineError(f"{faults} thing{'s' if faults > 1 else ''} to mend before a run: see above")

"""``superspike describe``: print the model that would run, as Markdown."""

import argparse
from pathlib import Path

from ..console.streams import printable
from ..figures.network import draw_network
from ..figures.style import SUFFIXES, write_figure
from ..spec.describe import describe_structure
from ..spec.recipe import RECIPES
from ..values.kinds import File, argument_type
from .options import make_spec, network_options

PAGE = "models"
EXAMPLES = (
    (
        "superspike describe spike-timing --hidden 4",
        "equations, parameters, and the schedule of a time step",
    ),
    (
        "superspike describe xor --hidden 4 --feedback random --figure net.png",
        "and a drawing of the network",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what chooses task and network."""
    network_options(parser)
    parser.add_argument(
        "--figure",
        type=argument_type(File("net.png", "FILE")),
        metavar="FILE",
        help=f"also draw populations, projections and feedback, into a file such as net.png: {', '.join(SUFFIXES)} "
        "(default: no drawing)",
    )


def command(args: argparse.Namespace) -> None:
    """Print the model, and draw the network."""
    if args.figure is not None:
        _check_file(args.figure)
    spec = make_spec(args)
    print(printable(describe_structure(spec.structure, spec.task)))
    if spec.recipe in RECIPES:
        print(
            printable(
                f"## Recipe\n\n{spec.recipe}: {RECIPES[spec.recipe]}; where the command line says otherwise, that is in force"
            )
        )
    if args.figure is not None:
        write_figure(draw_network(spec.structure), args.figure)


def _check_file(file: Path) -> None:
    """Refuse a file that cannot be written, before any work."""
    if file.suffix.removeprefix(".") not in SUFFIXES:
        raise ValueError(f"--figure {file}: expected a file that ends in {', '.join('.' + s for s in SUFFIXES)}")
    if not file.parent.is_dir():
        raise ValueError(f"--figure {file}: there is no folder {file.parent}")

"""``superspike describe``: print the model that would run, as Markdown."""

import argparse

from ..console.streams import printable
from ..spec.describe import describe_structure
from .options import make_spec, network_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what chooses task and network."""
    network_options(parser)


def command(args: argparse.Namespace) -> None:
    """Print the model."""
    spec = make_spec(args)
    print(printable(describe_structure(spec.structure, spec.task)))

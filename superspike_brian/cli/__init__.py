"""The `superspike` command: one file a subcommand. Imports everything; nothing imports it."""

from .main import main

__all__ = ["main"]

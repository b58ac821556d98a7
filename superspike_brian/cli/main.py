"""The ``superspike`` command.

Results go to stdout, progress and messages to stderr. What a user can mend ends in one line ``superspike: ...`` and exit
code 2 (1 of `doctor`, if it finds a fault); an interrupted run in 130. What is saved ends in 0, also if stdout is full or
closed.
"""

import argparse
import importlib
import importlib.metadata
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterable
from typing import NoReturn

from .._version import __version__
from ..console.streams import Messages, say, say_warnings, steady_streams
from ..errors import UserError
from ..files.durable import resume_command
from ..lean import quick_start
from ..values.names import nearest

COMMANDS = {  # each is a module here, imported when it is called: Brian2 takes more than a second
    "run": "train a network on a task",
    "sweep": "train under many conditions, with many seeds",
    "describe": "print the model that would run, as Markdown",
    "resume": "continue an interrupted run, or extend a finished one",
    "show": "summarise a run or a sweep",
    "cite": "BibTeX of what a run used",
    "doctor": "whether this machine is fit for runs, and what to do if not",
    "watch": "a page of a run or a sweep, in the browser",
    "plot": "redraw the figure of a run or a sweep",
    "bench": "measure what is fast and slow on this machine; or how well networks learn",
    "convert": "make a raster (.ras) of other files",
    "export": "a run for other programs",
    "animate": "the output raster over training, as a GIF",
    "reproduce": "reproduce a figure of the paper",
}
FIRST = """\
Spiking networks that learn with the rule of SuperSpike. To begin with:

  superspike run spike-timing --hidden 4 --duration 250s   train a network; its figure is in ./runs
  superspike describe spike-timing --hidden 4              its equations, parameters and schedule
  superspike run --help                                    all options, with units, defaults and examples
  superspike doctor                                        whether this machine is fit for it

superspike --help lists all commands; more: {page}"""
PRINTED = ("show", "describe", "cite")  # commands whose output is what they are for; the others leave files


def page(name: str) -> str:
    """Where a page of the documentation is: its address if the package has one, else the file beside the sources."""
    for entry in importlib.metadata.metadata("superspike_brian").get_all("Project-URL") or ():
        label, _, address = entry.partition(", ")
        if label.lower() == "documentation":
            return f"{address.rstrip('/')}/{name}.html"
    return f"docs/{name}.md"


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors suggest the nearest name and exit with 2."""

    def error(self, message: str) -> NoReturn:
        """Print one line, without the usage."""
        words = re.findall(r"invalid choice: '([^']*)'", message)
        known = re.findall(r"'?([\w-]+)'?(?=[,)])", message.split("(choose from")[-1]) if words else ()
        self.refuse(message, words, known)

    def refuse_unknown(self, found: list[str]) -> NoReturn:
        """Refuse arguments that this parser does not have."""
        options = [word.split("=")[0] for word in found if word.startswith("-")]
        self.refuse(f"unrecognized arguments: {' '.join(found)}", options, re.findall(r"--[\w-]+", self.format_help()))

    def refuse(self, message: str, words: Iterable[str], known: Iterable[str]) -> NoReturn:
        """End with a message and the nearest of the names that exist."""
        hints = (nearest(word, known, listed=False) for word in words)
        self.exit(2, f"superspike: {message}{next(filter(None, hints), '')}\n")


def command_parser(name: str) -> Parser:
    """Make the parser of a subcommand; it sets the function that does it."""
    module = importlib.import_module(f"..{name}", __name__)
    examples = "\n".join(f"  {line}\n      {what}" for line, what in module.EXAMPLES)
    parser = Parser(
        prog=f"superspike {name}",
        description=(module.__doc__ or "").partition("``: ")[2].strip().capitalize(),
        epilog=f"examples:\n{examples}\n\nmore: {page(module.PAGE)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    parser.set_defaults(command=name, function=module.command)
    return parser


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(
        prog="superspike",
        description=__doc__.splitlines()[0],
        epilog=FIRST.format(page=page("index")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    first = next((k for k, word in enumerate(argv) if not word.startswith("-")), len(argv))
    chosen, unknown = parser.parse_known_args(argv[: first + 1])
    if unknown:
        parser.refuse_unknown(unknown)
    with quick_start(whole=any(".py:" in word for word in argv)):  # a file of the user's may want all of Brian2
        parser = command_parser(chosen.command)
    args, unknown = parser.parse_known_args(argv[first + 1 :])
    if unknown:
        parser.refuse_unknown(unknown)
    return args


def _stop(signum, frame):
    raise KeyboardInterrupt


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    with steady_streams() as (out, _):
        if not argv:
            print(FIRST.format(page=page("index")))
            return 0
        say_warnings()
        try:
            args = parse(argv)
        except UserError as error:  # of an import: a Brian2 that does not fit
            say(error)
            return 2
        except ImportError as error:
            say(f"a package is missing or broken ({error}): superspike doctor says what to do")
            return 2
        args.line = shlex.join(["superspike", *argv])
        Messages.install()
        for which in (signal.SIGINT, signal.SIGTERM):
            signal.signal(which, _stop)
        code = _run(args)
        out.flush()
        if code == 0 and out.error and not out.broken:
            if args.command in PRINTED:
                say(f"cannot write to stdout: {out.reason}")
                return 2
            say(f"it is done and saved, but stdout cannot be written to: {out.reason}")
        return code


def _run(args):
    """Run the command; return its exit code, whether or not the streams take what it prints."""
    try:
        args.function(args)
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the bar, or what the terminal shows for Ctrl-C, has the line before
        if args.command == "sweep":
            say("interrupted; the same command goes on where it was")
            return 130
        folder = args.dir if args.command == "resume" else getattr(args, "out", None)
        if folder is not None and (folder / "run.json").exists():
            say(f"interrupted; go on with {resume_command(folder)}")
        else:
            say("interrupted")
        return 130
    except (ValueError, OSError, UserError) as error:
        say(error)
        return error.code if isinstance(error, UserError) else 2
    except Exception as error:
        if os.environ.get("SUPERSPIKE_TRACEBACK"):
            raise
        reason = " ".join(str(error).split())
        say(f"unexpected {type(error).__name__}: {reason:.500}; SUPERSPIKE_TRACEBACK=1 shows where it happened")
        return 2
    return 0

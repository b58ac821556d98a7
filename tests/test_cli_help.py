"""The command explains itself: options with help, unit and default; subcommands with examples that are right, and a page."""

import importlib.metadata
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command import superspike

from superspike_brian.cli import options
from superspike_brian.cli.main import COMMANDS, command_parser, page, parse

pytestmark = pytest.mark.usefixtures("surroundings")
DOCS = Path(__file__).parent.parent / "docs"
ACTIONS = [
    (c, a) for c in COMMANDS for a in command_parser(c)._actions if a.dest != "help" and a.help != "==SUPPRESS=="
]
IDS = [f"{c} {a.option_strings[0] if a.option_strings else a.dest}" for c, a in ACTIONS]


def examples(command):
    """Commands and what is said of them, of a help text."""
    shown = command_parser(command).format_help().partition("examples:\n")[2].partition("\n\nmore: ")[0]
    return re.findall(r"^  (superspike .*)\n      (.*)$", shown, re.M)


@pytest.mark.parametrize(("command", "action"), ACTIONS, ids=IDS)
def test_an_argument_says_what_it_does_and_what_it_is_by_default(command, action):
    assert action.help and len(action.help) > 8
    if action.option_strings and not action.required and action.dest not in options.task_options():
        assert "default:" in action.help or "required" in action.help
    takes_a_value = action.nargs is None and not action.choices
    if takes_a_value and action.option_strings:
        shown = re.search(r"default: (.*)\)$", action.help) or re.search(
            r"\((.*: .*|required|optional)\)$", action.help
        )
        value = shown and re.match(r"[-\d.$/~]|.*: [-\d.]", shown[1])
        assert value or "such as" in action.help or "," in (action.metavar or ""), "neither a default nor an example"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_subcommand_has_a_description_examples_and_a_page(command):
    parser, found = command_parser(command), examples(command)
    assert parser.description and parser.description.endswith(".") and parser.description[0].isupper()
    assert 1 <= len(found) <= 3 and all(len(what) > 8 for _, what in found)
    where = parser.format_help().rpartition("more: ")[2].strip()
    assert where == page(where.removeprefix("docs/").removesuffix(".md"))
    assert (DOCS.parent / where).is_file()


@pytest.mark.parametrize(("command", "line"), [(c, line) for c in COMMANDS for line, _ in examples(c)])
def test_an_example_is_what_the_command_takes(command, line):
    name, *arguments = shlex.split(line.partition(" > ")[0])
    args = parse(arguments)
    assert name == "superspike" and args.command == command
    if command in ("run", "sweep", "describe") and args.task != "ras":
        assert options.make_spec(args).n_steps > 1000


@pytest.mark.parametrize("line", [line for c in ("describe", "cite") for line, _ in examples(c) if "runs/" not in line])
def test_a_cheap_example_runs(line):
    found = superspike(*shlex.split(line)[1:])
    assert found.code == 0 and len(found.out) > 500
    if "--figure" in line:
        assert Path("net.png").stat().st_size > 1000


def test_a_documentation_address_is_where_the_pages_are(monkeypatch):
    class Metadata:
        def get_all(self, name):
            return ["Source, https://example.org/code", "Documentation, https://example.org/docs/"]

    monkeypatch.setattr(importlib.metadata, "metadata", lambda name: Metadata())
    assert page("runs") == "https://example.org/docs/runs.html"


@pytest.mark.parametrize("arguments", [["-m", "superspike_brian"], ["-m", "superspike_brian.cli"]])
def test_without_arguments_it_says_what_to_do_first(arguments):
    found = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
    assert len(found.stdout.splitlines()) < 12
    for words in ("superspike run spike-timing", "superspike describe", "--help", "superspike doctor", page("index")):
        assert words in found.stdout
    for line in re.findall(r"^  (superspike .*?)  ", found.stdout, re.M):
        if "--help" not in line:
            assert parse(shlex.split(line)[1:]).command in COMMANDS


def test_help_lists_every_command_and_the_first_steps():
    shown = superspike("--help").out
    assert all(re.search(rf"^    {name} ", shown, re.M) for name in COMMANDS)
    assert "To begin with" in shown

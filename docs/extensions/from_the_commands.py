"""The reference of the command line, as Markdown: every option is a target of its own, and its text wraps on any screen."""

import argparse
import importlib
import re

from superspike_brian.cli.main import COMMANDS, command_parser


def command_reference():
    """Markdown of all subcommands."""
    return "\n\n".join(_command(name, text) for name, text in COMMANDS.items())


def _command(name, text):
    parser, module = command_parser(name), importlib.import_module(f"superspike_brian.cli.{name}")
    examples = "\n".join(f"- `{line}`: {_plain(what)}" for line, what in module.EXAMPLES)
    parts = [
        f"## `superspike {name}`",
        f"{_plain(parser.description or text.capitalize()).rstrip('.')}. [More]({module.PAGE}.md)",
        f"**Examples**\n\n{examples}",
        f"```{{program}} superspike {name}\n```",
        *(_group(parser, group) for group in parser._action_groups),
    ]
    return "\n\n".join(filter(None, parts))


def _group(parser, group):
    """The options of a group, under its title."""
    shown = [a for a in group._group_actions if a.help is not argparse.SUPPRESS and a.dest != "help"]
    if not shown:
        return ""
    about = [_plain(group.description)] if group.description else []
    return "\n\n".join([f"**{group.title.capitalize()}**", *about, *(_option(parser, action) for action in shown)])


def _option(parser, action):
    formatter = parser._get_formatter()
    written = formatter._format_action_invocation(action).replace(" | ", ", ")
    meaning = formatter._expand_help(action) if action.help else ""
    return f"```{{option}} {written}\n{_plain(meaning)}\n```"


def _plain(text):
    """Text in which nothing is markup, save for pairs of backticks."""
    return re.sub(r"([\\*_<>\[\]{}$|])", r"\\\1", text)

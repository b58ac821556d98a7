"""What docstrings and comments say of parameters: their types and meanings have their home there."""

import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", re.M | re.S)
_ENTRY = re.compile(r"^(\w+(?:, \w+)*)(?: : (.*))?\n((?:    .*\n?|\n)*)", re.M)
_COMMENT = re.compile(r'^\s*"(\w+)":.*?,\s*#\s*(.+?)\s*$', re.M)  # beside an entry of a model's `parameters`
_ROW = re.compile(r"^(\w+)\s{2,}\S+\s{2,}(.+?)\s*$", re.M)  # of the table in a model's docstring: symbol, unit, meaning
_LIKE = re.compile(r"As for `(\w+)`")


def parameters(function: Callable[..., Any]) -> dict[str, tuple[str, str]]:
    """Type and meaning of each parameter.

    ``As for `NAME`.`` refers to the parameter of the same name in another object of the function's module.

    Parameters
    ----------
    function : callable
        A function or class with a numpydoc docstring.

    Returns
    -------
    dict of str to (str, str)
        Type and text on one line, without markup.
    """
    section = _SECTION.search(inspect.getdoc(function) or "")
    found = {}
    for names, kind, text in _ENTRY.findall(section[1]) if section else ():
        like = _LIKE.match(text.strip())
        for name in names.split(", "):
            if like:
                found[name] = parameters(vars(inspect.getmodule(function))[like[1]])[name]
            else:
                found[name] = kind, " ".join(text.split()).replace("`", "")
    return found


def meanings(module: ModuleType) -> dict[str, str]:
    """What a file of ``models/`` says of its symbols, in the table of its docstring and beside its parameters."""
    return dict(_ROW.findall(inspect.getdoc(module) or "")) | dict(_COMMENT.findall(inspect.getsource(module)))

"""Names of older versions: they go on working, and a hint says what is called otherwise today.

What is stored keeps the names that it was stored with. A model that has only old ones is complete in itself: it stays as it
is.
"""

import functools
import inspect
import re
import warnings
from collections.abc import Callable, Container
from typing import Any, TypeVar

IN_MODELS = {  # variables and parameters
    "error_impulse": "error_rise",
    "missed": "target_impulse",
    "spurious": "output_impulse",
}
IN_TASKS = {"window": "response_window"}  # arguments of the functions that make tasks, and what tasks have
_WORD = r"(?<![\w.]){}(?=(?:_pre|_post)?(?!\w))|(?<=\bd){}(?=/dt\b)"
_OURS = ("superspike_brian", "dataclasses", "functools", "argparse")  # code between the user's and a hint
T = TypeVar("T", bound=Callable)


def hint(old: str, new: str) -> None:
    """Say that a name is another now, where the user's code has it; once at each place."""
    frame, depth = inspect.currentframe(), 1
    while frame and frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        frame, depth = frame.f_back, depth + 1
    warnings.warn(f"'{old}' is '{new}' now: the old name still works, please use the new one", FutureWarning, depth)


def current(name: str, known: Container[str], names: dict[str, str] = IN_MODELS) -> str:
    """Return today's name of what an older version called `name`, with a hint; names that are `known` stay."""
    new = names.get(name, name)
    if new == name or name in known or new not in known:
        return name
    hint(name, new)
    return new


def uses(code: str, name: str) -> bool:
    """Whether equations or statements have a variable, also as ``NAME_pre`` and ``NAME_post``."""
    return re.search(_WORD.format(name, name), code) is not None


def with_current(code: str, names: dict[str, str] = IN_MODELS) -> str:
    """Return equations or statements with today's names in place of older ones."""
    for old, new in names.items():
        code = re.sub(_WORD.format(old, old), new, code)
    return code


def formerly(names: dict[str, str]) -> Callable[[T], T]:
    """Decorator: a function, or a dataclass, takes old names of its arguments, too; of a dataclass they are properties."""

    def decorate(made: Any) -> Any:
        if not inspect.isclass(made):
            return _translating(made, names)
        setattr(made, "__init__", _translating(made.__init__, names))  # noqa: B010
        for old, new in names.items():
            setattr(made, old, property(_getter(old, new)))
        return made

    return decorate


def _translating(function, names):
    @functools.wraps(function)
    def call(*args, **kwargs):
        for old in names.keys() & kwargs.keys():
            if (new := names[old]) in kwargs:
                raise ValueError(f"{old} is {new} now: give {new} alone.")
            hint(old, new)
            kwargs[new] = kwargs.pop(old)
        return function(*args, **kwargs)

    return call


def _getter(old, new):
    def get(self):
        hint(old, new)
        return getattr(self, new)

    get.__doc__ = f"`{new}`, under the name of older versions."
    return get

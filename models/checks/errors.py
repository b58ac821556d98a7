"""The error of a model that cannot run."""

import difflib
from collections.abc import Iterable


class ModelError(ValueError):
    """A model that cannot run: what is wrong, where, and what would be right."""

    def __init__(self, message: str, symbol: str | None = None, known: Iterable[str] = ()) -> None:
        near = _nearest(symbol, list(known)) if symbol else ()
        super().__init__(message + (f"; did you mean '{near[0]}'?" if near else ""))


def _nearest(symbol: str, known: list[str]) -> list[str]:
    lower = {name.lower(): name for name in known}  # W for w is a slip, too
    alike = difflib.get_close_matches(symbol.lower(), lower, 1)
    return difflib.get_close_matches(symbol, known, 1) or [lower[name] for name in alike]


def first_line(error: BaseException) -> str:
    """First line of an error's message."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def indent(code: str) -> str:
    """Code below a message."""
    lines = (line.strip() for line in code.strip().splitlines())
    return "\n".join("    " + line for line in lines if line)

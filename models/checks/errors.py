"""The error of a model that cannot run."""

from collections.abc import Iterable

from superspike_brian.values.names import nearest


class ModelError(ValueError):
    """A model that cannot run: what is wrong, where, and what would be right."""

    def __init__(self, message: str, symbol: str | None = None, known: Iterable[str] = ()) -> None:
        super().__init__(message + (nearest(symbol, known, listed=False) if symbol else ""))


def first_line(error: BaseException) -> str:
    """First line of an error's message."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def indent(code: str) -> str:
    """Code below a message."""
    lines = (line.strip() for line in code.strip().splitlines())
    return "\n".join("    " + line for line in lines if line)

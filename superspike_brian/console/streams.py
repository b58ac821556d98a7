"""Output that cannot end a run: streams that are closed or full, readers that have gone, terminals without UTF-8."""

import codecs
import errno
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

_SAME = str.maketrans({"µ": "u", "μ": "u", "–": "-", "—": "-", "−": "-", "→": "->", "×": "x", "·": "*", "±": "+-"})
_CONTROL = re.compile(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]")


def _plainly(error):
    """Replace what a terminal cannot show: a letter that means the same, else its number."""
    text = error.object[error.start : error.end].translate(_SAME)
    return text.encode("ascii", "backslashreplace").decode(), error.end


codecs.register_error("superspike-plain", _plainly)


def printable(text: object) -> str:
    """Text from a file, which cannot command the terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", str(text))


class Steady:
    """A stream whose writing never fails: after the first error it drops the rest.

    Parameters
    ----------
    stream : text stream or None
        Where to write; None is a stream that was closed before Python began.

    Attributes
    ----------
    error : Exception or None
        What the first failure was.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.error: OSError | ValueError | None = None

    def write(self, text: str) -> int:
        """Write, or drop the text."""
        self._attempt("write", text)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        if self._stream is not None:
            self._attempt("flush")

    def isatty(self) -> bool:
        """Whether a person looks on."""
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:  # closed
            return False

    @property
    def broken(self) -> bool:
        """Whether its reader has gone, as that of ``| head`` does: no failure."""
        return isinstance(self.error, BrokenPipeError)

    @property
    def reason(self) -> str:
        """Why writing failed, in words."""
        return getattr(self.error, "strerror", None) or str(self.error)

    def _attempt(self, act, *arguments):
        if self.error is not None:
            return
        try:
            if self._stream is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            getattr(self._stream, act)(*arguments)
        except (OSError, ValueError) as error:  # ValueError: closed within Python, or a character that it does not know
            self.error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def steady_streams() -> Iterator[tuple[Steady, Steady]]:
    """Make `sys.stdout` and `sys.stderr` `Steady` for a command; yields the two."""
    for number in range(3):  # else the next file that is opened takes the number, and what is printed goes there
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    before = sys.stdout, sys.stderr
    for stream in before:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="superspike-plain")
    steady = sys.stdout, sys.stderr = Steady(before[0]), Steady(before[1])
    try:
        yield steady
    finally:
        for stream in steady:
            stream.flush()
            if stream.error:
                _let_go(stream)
        sys.stdout, sys.stderr = before


def _let_go(stream):
    """Send what is still buffered nowhere: Python would complain about it when it ends."""
    with suppress(OSError, ValueError, AttributeError):  # no file, or closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say(message: object) -> None:
    """Print a line of ours to stderr."""
    print(f"superspike: {printable(message)}", file=sys.stderr, flush=True)


class Messages(logging.Handler):
    """Shows the log as lines of ours, on what `sys.stderr` is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        say(record.getMessage())

    @classmethod
    def install(cls) -> None:
        """Show warnings of all libraries, once; after Brian2 has been imported, which logs Python's with the line of code."""
        root = logging.getLogger()
        if not any(isinstance(handler, cls) for handler in root.handlers):
            root.addHandler(cls(logging.WARNING))
        logging.captureWarnings(False)
        say_warnings()


def say_warnings() -> None:
    """Show what Python warns of as lines of ours."""
    warnings.showwarning = lambda message, *_, **__: say(message)

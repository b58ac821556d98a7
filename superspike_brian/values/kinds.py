"""Kinds of option values: read from text, checked in Python, shown in help.

An `Option` is declared once, as a field of a record (`setting`) or from the signature of a function. The command line, the help
texts, the arguments of `train`, what a run stores and what a sweep varies are made of it.
"""

import argparse
import dataclasses
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, get_dimensions, have_same_dimensions, second

from .names import nearest
from .quantities import name_of_unit, parse_quantity, readable
from .renamed import hint

REQUIRED = object()


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a value may be; `example` as on the command line."""

    example: str = ""
    metavar: str | None = None

    def parse(self, text: str) -> Any:
        """Read a value from the command line; ValueError says what was expected."""
        raise NotImplementedError

    def check(self, value: Any, name: str) -> Any:
        """Return a value of Python in the form in which it is kept; ValueError names the argument."""
        raise NotImplementedError

    def show(self, value: Any) -> str:
        """A value as on the command line."""
        return str(value)


@dataclasses.dataclass(frozen=True)
class Physical(Kind):
    """A number with a unit (or without, if `unit` is dimensionless)."""

    unit: Any = second

    def parse(self, text: str) -> Quantity:
        """Read ``1.89s`` or ``0.5/mV``."""
        return parse_quantity(text, self.unit, self.example)

    def check(self, value: Any, name: str) -> Quantity:
        """Accept a quantity of the same dimensions."""
        if (
            isinstance(value, Quantity | int | float | np.number)
            and not isinstance(value, bool)
            and np.ndim(value) == 0
            and have_same_dimensions(value, self.unit)
        ):
            return Quantity(float(value), dim=get_dimensions(value))
        raise ValueError(
            f"{name} must be a value in {name_of_unit(self.unit)}, for instance {self.example}, not {value!r}"
        )

    def show(self, value: Any) -> str:
        """In the unit that makes it short."""
        return readable(value)


@dataclasses.dataclass(frozen=True)
class Time(Physical):
    """A positive, finite time."""

    metavar: str | None = "TIME"
    zero: bool = False

    def check(self, value: Any, name: str) -> Quantity:
        """Accept a quantity in seconds."""
        if not isinstance(value, Quantity) or np.ndim(value) or not have_same_dimensions(value, second):
            raise ValueError(f"{name} must be a time with its unit, for instance 20*second, not {value!r}")
        if not (float(value) > 0 or (self.zero and float(value) == 0)) or math.isinf(value):
            raise ValueError(f"{name} must be a positive, finite time, not {readable(value)}")
        return Quantity(float(value), dim=second.dim)


@dataclasses.dataclass(frozen=True)
class Whole(Kind):
    """A whole number of at least `minimum`."""

    metavar: str | None = "N"
    minimum: int | None = None

    def parse(self, text: str) -> int:
        """Read plain digits."""
        try:
            value = int(text.replace("_", "?"))
        except ValueError:
            value = None
        if value is None or (self.minimum is not None and value < self.minimum):
            raise ValueError(f"'{text}' is not a whole number{self._bound()}")
        return value

    def check(self, value: Any, name: str) -> int:
        """Accept integers, NumPy's included."""
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)
        if not whole or (self.minimum is not None and value < self.minimum):
            raise ValueError(
                f"{name} must be a whole number{self._bound()}, for instance {self.example}, not {value!r}"
            )
        return int(value)

    def _bound(self):
        return "" if self.minimum is None else f" of {self.minimum} or more"


@dataclasses.dataclass(frozen=True)
class Number(Kind):
    """A finite number from `minimum` to `maximum`."""

    metavar: str | None = "NUMBER"
    minimum: float = -math.inf
    maximum: float = math.inf
    what: str = "a number"

    def parse(self, text: str) -> float:
        """Read a decimal number."""
        try:
            value = float(text.replace("_", "?"))
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and self.minimum <= value <= self.maximum):
            raise ValueError(f"'{text}' is not {self.what}{self._bounds()}")
        return value

    def check(self, value: Any, name: str) -> float:
        """Accept plain numbers, NumPy's included."""
        plain = isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_ | Quantity)
        if not plain or not (math.isfinite(value) and self.minimum <= value <= self.maximum):
            raise ValueError(f"{name} must be {self.what}{self._bounds()}, for instance {self.example}, not {value!r}")
        return float(value)

    def _bounds(self):
        if math.isfinite(self.maximum):
            return f" from {self.minimum:g} to {self.maximum:g}"
        return f" of {self.minimum:g} or more" if math.isfinite(self.minimum) else ""


@dataclasses.dataclass(frozen=True)
class Flag(Kind):
    """True or false: ``--name`` and ``--no-name``; in a grid yes or no."""

    example: str = "yes"

    def parse(self, text: str) -> bool:
        """Read yes or no."""
        if text not in ("yes", "no"):
            raise ValueError(f"'{text}' is neither yes nor no")
        return text == "yes"

    def check(self, value: Any, name: str) -> bool:
        """Accept booleans, NumPy's included."""
        if isinstance(value, bool | np.bool_):
            return bool(value)
        raise ValueError(f"{name} must be True or False, not {value!r}")

    def show(self, value: Any) -> str:
        """As yes or no."""
        return "yes" if value else "no"


@dataclasses.dataclass(frozen=True)
class Choice(Kind):
    """One of some names."""

    known: tuple[str, ...] = ()

    def parse(self, text: str) -> str:
        """Accept a known name."""
        if text not in self.known:
            raise ValueError(f"invalid choice: '{text}'{nearest(text, self.known)}")
        return text

    def check(self, value: Any, name: str) -> str:
        """Accept a known name."""
        if not isinstance(value, str) or value not in self.known:
            raise ValueError(
                f"{name} {value!r} is unknown; expected one of {', '.join(self.known)}{nearest(value, self.known, False)}"
            )
        return str(value)


@dataclasses.dataclass(frozen=True)
class Text(Kind):
    """A text that is not empty."""

    metavar: str | None = "TEXT"

    def parse(self, text: str) -> str:
        """As it is."""
        if not text:
            raise ValueError(f"expected a text, for instance {self.example}")
        return text

    def check(self, value: Any, name: str) -> str:
        """Accept a string."""
        if isinstance(value, str) and value:
            return str(value)
        raise ValueError(f"{name} must be a text, for instance '{self.example}', not {value!r}")


@dataclasses.dataclass(frozen=True)
class File(Kind):
    """A path of a file or folder; ``~`` is the user's home."""

    metavar: str | None = "PATH"

    def parse(self, text: str) -> Path:
        """As a path."""
        return self.check(text, str(self.metavar))

    def check(self, value: Any, name: str) -> Path:
        """Accept a string or a path."""
        if isinstance(value, str | os.PathLike) and str(value):
            return Path(value).expanduser()
        raise ValueError(f"{name} must be a path, for instance '{self.example}', not {value!r}")


@dataclasses.dataclass(frozen=True)
class Option:
    """One thing that a user may choose.

    Parameters
    ----------
    name : str
        Argument in Python; ``--name`` with dashes on the command line.
    kind : Kind
        What a value may be.
    help : str
        What it does; the default is added.
    default : object
        Value unless given; `REQUIRED` if there is none. None needs `unset`.
    unset : str
        What None means.
    many : bool
        Any number of values: a tuple, on the command line by repetition.
    group : str
        Heading in the help.
    formerly : str
        Name that older versions had for it, which the command line takes with a hint.
    """

    name: str
    kind: Kind
    help: str
    default: Any = REQUIRED
    unset: str = ""
    many: bool = False
    group: str = "run"
    formerly: str = ""

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def help_text(self) -> str:
        """Help with the default, and an example where that is no value."""
        if not self.shown_default:
            return self.help
        unset = self.default is None or self.default == ()
        example = f"such as {self.kind.example}; " if unset and self._needs_example else ""
        return f"{self.help} ({example}default: {self.shown_default})"

    @property
    def _needs_example(self) -> bool:
        taken = not isinstance(self.kind, Flag | Choice) and self.kind.example
        return bool(taken) and "such as" not in self.help

    @property
    def shown_default(self) -> str:
        """The default for a reader."""
        if self.default is REQUIRED:
            return ""
        if self.default is None or self.default == ():
            return self.unset
        return self.kind.show(self.default)

    def check(self, value: Any) -> Any:
        """Return a value of Python in the form in which it is kept.

        Raises
        ------
        ValueError
            Naming the argument, what was found and what was expected.
        """
        if self.default is None and value is None:
            return None
        if not self.many:
            return self.kind.check(value, self.name)
        if value is None:
            return ()
        single = isinstance(value, str | bytes) or np.ndim(value) == 0 or not isinstance(value, Iterable)
        return tuple(self.kind.check(v, self.name) for v in ([value] if single else value))

    def parse(self, text: str) -> Any:
        """Read one value; ValueError names the option."""
        try:
            return self.kind.parse(text)
        except ValueError as error:
            raise ValueError(f"argument {self.flag}: {error}") from None

    def add_to(self, parser: Any) -> None:
        """Add it to a parser or an argument group of argparse; not given means None."""
        arguments: dict[str, Any] = {"dest": self.name, "default": None, "help": self.help_text.replace("%", "%%")}
        if isinstance(self.kind, Flag):
            parser.add_argument(self.flag, action=argparse.BooleanOptionalAction, **arguments)
            return
        if isinstance(self.kind, Choice):
            arguments |= {"choices": self.kind.known}
        else:
            arguments |= {"metavar": self.kind.metavar, "type": argument_type(self.kind)}
        parser.add_argument(self.flag, action="append" if self.many else "store", **arguments)
        if self.formerly:
            old = f"--{self.formerly.replace('_', '-')}"
            parser.add_argument(old, action=_Former, new=self.flag, **arguments | {"help": argparse.SUPPRESS})


class _Former(argparse.Action):
    """An option under the name of older versions."""

    def __init__(self, *args: Any, new: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.new = new

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        hint(str(option_string), self.new)
        setattr(namespace, self.dest, values)


def argument_type(kind: Kind) -> Callable[[str], Any]:
    """Return an argparse type whose message is the kind's own."""

    def convert(text: str) -> Any:
        try:
            return kind.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def setting(kind: Kind, help: str, default: Any = REQUIRED, **more: Any) -> Any:
    """Declare an option as a field of a dataclass (`options_of` finds it)."""
    metadata = {"option": {"kind": kind, "help": help, "default": default, **more}}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default_factory=lambda: default, metadata=metadata)


def options_of(record: type) -> dict[str, Option]:
    """Options that a dataclass declares, those of records in it included, in order."""
    found = {}
    for field in dataclasses.fields(record):
        if "option" in field.metadata:
            found[field.name] = Option(field.name, **field.metadata["option"])
        elif "record" in field.metadata:
            found |= options_of(field.metadata["record"])
    return found


def check_settings(record: Any) -> None:
    """Check the options of a frozen dataclass in place, in its ``__post_init__``."""
    for field in dataclasses.fields(record):
        if "option" in field.metadata:
            value = Option(field.name, **field.metadata["option"]).check(getattr(record, field.name))
            object.__setattr__(record, field.name, value)


def given(arguments: Any, options: Mapping[str, Option]) -> dict[str, Any]:
    """Values that a command line gave, by option; those not given are left out."""
    values = vars(arguments)
    return {name: values[name] for name in options if values.get(name) is not None}

"""What functions of this folder accept as arguments, and what they say about anything else.

Natural types are accepted where the meaning is clear: NumPy's integers, lists of quantities, the variables of a Brian2 monitor,
`~` in a path. A message names the argument, shows what was found, and a right value.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError, Hz, Quantity, have_same_dimensions, second

from ..codegen.brian2_api import VariableView
from ..values.quantities import readable

MOST_UNITS = 2**31 - 1  # Brian2 numbers them with 32 bits
_A_TIME = "a time, such as 500*ms or np.array([1, 2])*ms"
MOST_SPIKES = 10**8  # that are drawn at once: 1.6 GB


def seconds(value: Quantity, name: str) -> np.ndarray:
    """Return times as plain numbers in seconds; refuse what has no unit of time."""
    return np.array(_plain(value, name, second, _A_TIME), dtype=float)


def seconds_as_given(value: Quantity, name: str) -> np.ndarray:
    """Return times as `seconds` does, but not copied if they are floats of 32 or 64 bits."""
    found = np.asarray(_plain(value, name, second, _A_TIME))
    return found if found.dtype in (np.float32, np.float64) else found.astype(float)


def duration(value: Quantity, name: str) -> float:
    """Return one positive, finite time in seconds; refuse anything else."""
    found = seconds(value, name)
    if found.ndim or not 0 < found < np.inf:
        raise ValueError(f"{name} is {found} s; expected one positive, finite time, such as 500*ms.")
    return float(found)


def durations(**values: Quantity) -> None:
    """Refuse, by its name, what is not a positive, finite time: before work that takes long."""
    for name, value in values.items():
        duration(value, name)


def rate(value: Quantity, name: str, example: str = "5*Hz") -> float:
    """Return one firing rate in Hz; refuse anything else."""
    try:
        found = np.array(_plain(value, name, Hz, "a firing rate"), dtype=float)
    except ValueError:
        found = np.array(np.nan)
    if found.ndim or not 0 <= found < np.inf:
        raise ValueError(f"{name} is {shown(value)}; expected a firing rate, such as {example}.")
    return float(found)


def _plain(value, name, unit, expected):
    """Return a quantity; refuse anything else, and one of other dimensions."""
    value = _values(value, name)
    if isinstance(value, list | tuple) and any(isinstance(v, Quantity) for v in value):
        try:
            value = Quantity(value)
        except (DimensionMismatchError, TypeError, ValueError) as error:
            raise ValueError(f"{name} is {shown(value)}; expected {expected} ({error})") from None
    if not isinstance(value, Quantity):
        raise ValueError(f"{name} has no unit: {shown(value)}; expected {expected}.")
    if not have_same_dimensions(value, unit):
        raise ValueError(f"{name} has the dimensions {value.dim}; expected {expected}.")
    if value.dtype.kind not in "iuf":
        raise ValueError(f"{name} holds {value.dtype} values; expected {expected}.")
    return value


def _values(value, name):
    """Return what a variable of a Brian2 object holds now; anything else as it is."""
    if not isinstance(value, VariableView):
        return value
    try:
        return value[:]
    except NotImplementedError as error:  # not simulated yet
        raise ValueError(f"{name} cannot be read: {error}") from None


def count(value: int, name: str, least: int = 1) -> int:
    """Return a number of things, at least `least`; refuse anything else."""
    if whole(value) and least <= value <= MOST_UNITS:
        return int(value)
    raise ValueError(f"{name} is {shown(value)}; expected a whole number, {least} or more{_below(value)}.")


def _below(value):
    return f", at most {MOST_UNITS}" if whole(value) and value > MOST_UNITS else ""


def number(value: float, name: str, least: float = -np.inf) -> float:
    """Return a finite number, at least `least`; refuse anything else."""
    if _plain_number(value) and least <= value < np.inf:
        return float(value)
    raise ValueError(f"{name} is {shown(value)}; expected a number{'' if least == -np.inf else f', {least} or more'}.")


def fraction(value: float, name: str) -> float:
    """Return a number between 0 and 1, neither of them; refuse anything else."""
    if _plain_number(value) and 0 < value < 1:
        return float(value)
    raise ValueError(f"{name} is {shown(value)}; expected a fraction between 0 and 1, such as 0.2.")


def _plain_number(value):
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | complex | np.complexfloating)


def seed(value: int, name: str = "seed") -> int:
    """Return the seed of random numbers; refuse anything else, None too, which would draw others every time."""
    if whole(value) and value >= 0:
        return int(value)
    raise ValueError(f"{name} is {shown(value)}; expected a whole number, 0 or more, such as 1.")


def whole(value: Any) -> bool:
    """Tell whether a value is one integer of Python or NumPy."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def flag(value: bool, name: str) -> bool:
    """Return a truth value; refuse anything else."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ValueError(f"{name} is {shown(value)}; expected True or False.")


def word(value: str, name: str) -> str:
    """Return a text; refuse anything else."""
    if isinstance(value, str):
        return str(value)
    raise ValueError(f"{name} is {shown(value)}; expected a text.")


def file_path(value: str | os.PathLike, name: str) -> Path:
    """Return a path, `~` replaced by the user's folder; refuse what is none."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path or "\0" in path:
        raise ValueError(f"{name} is {shown(value)}; expected the path of a file, such as 'target.ras'.")
    return Path(os.path.expanduser(path))


def units(value: Any, name: str) -> np.ndarray:
    """Return numbers of units as an array of integers; refuse what are none."""
    value = _values(value, name)
    if isinstance(value, Quantity) and not value.is_dimensionless:
        raise ValueError(f"{name} is {shown(value)}; expected integers without unit, such as [0, 3, 1].")
    try:
        found = np.asarray(value)
    except ValueError:  # lists of different lengths
        raise ValueError(f"{name} is {shown(value)}; expected integers, such as [0, 3, 1].") from None
    if found.size and found.dtype.kind == "f" and np.all((abs(found) < 2**53) & (found == np.rint(found))):
        return found.astype(int)
    if found.size and found.dtype.kind not in "iu":
        first = shown(found.flat[0])
        raise ValueError(f"{name} hold {found.dtype} values, first {first}; expected integers, such as [0, 3, 1].")
    return found


def drawn(number: float, names: str) -> None:
    """Refuse to draw more random spikes than memory holds."""
    if not number <= MOST_SPIKES:
        raise ValueError(f"{names} mean {number:.3g} spikes; expected at most {MOST_SPIKES:.0e}.")


def shown(value: Any) -> str:
    """Show a value in a message, cut short."""
    text = repr(value)
    if isinstance(value, Quantity):
        text = str(value) if np.ndim(value) else readable(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."

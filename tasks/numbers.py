"""What is a time and what is a unit, in every file: text and arrays alike.

A time is a finite decimal number, 0 or more, with a decimal point or without. A unit is a whole number from 0; in text it is
written with digits alone. Python and NumPy would read more (1_0, nan, digits of other scripts, 2**64 - 1 as -1).
"""

import re
from decimal import Decimal

import numpy as np

from .arguments import MOST_UNITS, units

_TIME = re.compile(r"([+-]?)(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_UNIT = re.compile("0*([0-9]{1,10})")
_NO_NUMBER = re.compile("[+-]?(nan|inf|infinity)", re.IGNORECASE)


def read_time(text: str, scale: float = 1.0, what: str = "a time") -> float:
    """Return the time in seconds that a text says in units of `scale` seconds; an error says what was expected."""
    found = _TIME.fullmatch(text)
    if not found and not _NO_NUMBER.fullmatch(text):
        raise ValueError(f"{what}, with a decimal point, instead of {text[:40]!r}")
    value = float(text) if found else np.inf
    if value == np.inf or (found and found[1] == "-" and re.search("[1-9]", re.split("[eE]", text)[0])):
        raise ValueError(f"a finite time of 0 s or more instead of {text[:40]!r}; remove the spike or shift them all")
    if value == 0 or scale == 1:
        return abs(value)
    return float(Decimal(text) * Decimal(repr(scale)))  # as one would write it: 83.7 ms are 0.0837 s


def read_unit(text: str) -> int:
    """Return the unit that a text says; an error says what was expected."""
    found = _UNIT.fullmatch(text)
    if not found or int(found[1]) >= MOST_UNITS:
        limit = f" and below {MOST_UNITS}" if found else ""
        raise ValueError(
            f"a whole number, 0 or more{limit}, as unit id instead of {text[:40]!r}; time first, id second"
        )
    return int(found[1])


def time_array(values: np.ndarray, name: str) -> np.ndarray:
    """Return an array of times as floats; an error names the array and says what was expected."""
    if values.dtype.kind not in "iuf" or values.ndim != 1:
        raise ValueError(f"{_kind(values, name)}; expected times as a row of integers or floats")
    values = values.astype(float)
    _refuse(~((values >= 0) & (values < np.inf)), values, name, "finite times of 0 or more")
    return values


def unit_array(values: np.ndarray, name: str) -> np.ndarray:
    """Return an array of units as integers; an error names the array and says what was expected."""
    if values.dtype.kind not in "iuf" or values.ndim != 1:
        raise ValueError(f"{_kind(values, name)}; expected units as a row of integers")
    found = units(values, f"the values of {name}")
    _refuse((found < 0) | (found >= MOST_UNITS), values, name, f"units from 0 to {MOST_UNITS - 1}")
    return found.astype(int)


def _kind(values, name):
    return f"the array {name} holds {values.dtype} values in the shape {values.shape}"


def _refuse(bad, values, name, expected):
    if bad.any():
        k = int(bad.argmax())
        raise ValueError(f"the array {name} holds {values[k]} at index {k}; expected {expected}")

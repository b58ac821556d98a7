"""Quantities as text: read from the command line, and written for a reader."""

import difflib
import math
import re
from numbers import Number

import brian2
import numpy as np
from brian2 import Hz, Quantity, get_dimensions, have_same_dimensions, kHz, ms, mV, second, us, uvolt, volt

_UNITS = {"s": second, "ms": ms, "us": us, "min": 60 * second, "h": 3600 * second}
_UNITS |= {"V": volt, "mV": mV, "uV": uvolt, "Hz": Hz, "kHz": kHz}
_UNITS |= {name: getattr(brian2, name) for name in ("second", "msecond", "usecond", "volt", "mvolt", "hertz")}
_UNUSUAL = {"us": ("ms", ms), "ks": ("s", second)}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*\*?\s*([A-Za-z]*)")


def parse_quantity(text, unit, example):
    """Read '1.89s' as a quantity.

    Parameters
    ----------
    text : str
        What the user wrote.
    unit : Unit
        The expected unit, or one of the same dimensions.
    example : str
        A good value, for the message.

    Returns
    -------
    Quantity

    Raises
    ------
    ValueError
        If the text is no finite number, has no unit, an unknown one, or one of another kind.
    """
    found = _NUMBER.fullmatch(text.strip())
    if not found:
        raise ValueError(f"'{text}' is not a number with a unit; expected for instance {example}")
    number, name = found.groups()
    if not name:
        raise ValueError(f"'{text}' has no unit; expected {unit.dispname}, for instance {example}")
    if name not in _UNITS:
        near = difflib.get_close_matches(name, _UNITS, 1)
        raise ValueError(
            f"'{name}' in '{text}' is no unit known here"
            + (f"; did you mean '{near[0]}'?" if near else f", as in {example}")
        )
    if not math.isfinite(float(number)):
        raise ValueError(f"'{text}' is not finite; expected for instance {example}")
    value = Quantity(float(number) * _UNITS[name])
    if not have_same_dimensions(value, unit):
        raise ValueError(f"'{text}' is in {name}; expected {unit.dispname}, for instance {example}")
    return value


def readable(value):
    """Return a value in the unit that makes it short: ``10 ms``, not ``0.01 s``."""
    if not isinstance(value, Number | np.ndarray):
        return type(value).__name__
    if np.size(value) != 1:
        return f"{np.size(value)} values"
    number, dim = np.asarray(value).item(), get_dimensions(value)
    if dim.is_dimensionless:
        return f"{number:.6g}"
    value = Quantity(number, dim=dim)
    number, _, unit = value.in_best_unit(precision=12).partition(" ")
    if unit in _UNUSUAL:
        unit, number = _UNUSUAL[unit][0], value / _UNUSUAL[unit][1]
    return f"{float(number):.6g} {unit}"

"""Quantities as text: read from the command line, and written for a reader."""

import itertools
import math
import re
from numbers import Number

import numpy as np
from brian2 import (
    Hz,
    Mohm,
    Quantity,
    amp,
    farad,
    get_dimensions,
    get_unit,
    have_same_dimensions,
    ms,
    mV,
    nA,
    nS,
    ohm,
    pF,
    second,
    siemens,
    volt,
)

from ..codegen.brian2_api import Dimension, all_units, exponents_of
from .names import nearest

# Brian2's units under their names and symbols (mV and mvolt), and what people write besides
_UNITS = {name: unit for unit in all_units if (name := unit.name).isalpha()}
_UNITS |= {unit.dispname: unit for unit in all_units if unit.dispname.isalpha() and unit.dispname.isascii()}
_UNITS |= {"s": second, "min": 60 * second, "h": 3600 * second}
_LEAST = 1e-6  # of what is measured: below, only that it is so little is said
_WRITTEN = {"ms": ms, "second": second, "mV": mV, "volt": volt, "Hz": Hz, "nA": nA, "nS": nS, "Mohm": Mohm, "pF": pF}
_SI = {"volt": volt, "Hz": Hz, "second": second, "amp": amp, "siemens": siemens, "ohm": ohm, "farad": farad}
_BASE = ("metre", "kilogram", "second", "amp", "kelvin", "mole", "candle")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)")
_FACTOR = re.compile(r"\s*([*/]?)\s*([A-Za-z]+)(?:\s*(?:\*\*|\^)\s*([+-]?\d))?")


def parse_quantity(text: str, unit: Quantity, example: str) -> Quantity:
    """Read '1.89s' or '0.5/mV' as a quantity.

    Parameters
    ----------
    text : str
        What the user wrote: a number, and units joined by ``*`` and ``/``, with whole powers.
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
    scale = _unit(text, name, example)
    if scale is None and not have_same_dimensions(unit, 1):
        raise ValueError(f"'{text}' has no unit; expected {name_of_unit(unit)}, for instance {example}")
    value = Quantity(float(number) * (1 if scale is None else scale))
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is not finite; expected for instance {example}")
    if not have_same_dimensions(value, unit):
        raise ValueError(f"'{text}' is in {name}; expected {name_of_unit(unit)}, for instance {example}")
    return value


def _unit(text, name, example):
    """Product of units, None if there is none."""
    at, scale = 0, None
    while at < len(name):
        factor = _FACTOR.match(name, at)
        if not factor or (at and not factor[1]):
            raise ValueError(f"'{text}' is not a number with a unit; expected for instance {example}")
        sign, symbol, power = factor.groups()
        if symbol not in _UNITS:
            hint = nearest(symbol, _UNITS, listed=False) or f", as in {example}"
            raise ValueError(f"'{symbol}' in '{text}' is no unit known here{hint}")
        exponent = int(power or 1) * (-1 if sign == "/" else 1)
        scale, at = (1 if scale is None else scale) * _UNITS[symbol] ** exponent, factor.end()
    return scale


def name_of_unit(unit: Quantity) -> str:
    """Return how a unit is written on the command line; 'a number without unit' if there is none."""
    if have_same_dimensions(unit, 1):
        return "a number without unit"
    return getattr(unit, "dispname", None) or str(get_unit(get_dimensions(unit)))


def readable(value: Quantity) -> str:
    """Return a value in the unit that makes it short: ``10 ms``, not ``0.01 s``."""
    if not isinstance(value, Number | np.ndarray):
        return type(value).__name__
    numbers = np.asarray(value)
    if numbers.size != 1:
        return f"{numbers.size} values"
    number, dim = numbers.item(), get_dimensions(value)
    if dim.is_dimensionless:
        return f"{number:.6g}"
    if dim is (1 / volt).dim:
        unit = mV if 1 <= abs(number) < 1e9 else volt
        return f"{plain(number * float(unit), 6)}/{unit.dispname}"
    name, scale = _usual(abs(number), dim)
    if name:
        return f"{plain(number / scale, 6)} {name}"
    number, _, unit = Quantity(number, dim=dim).in_best_unit(precision=12).partition(" ")
    return f"{plain(float(number), 6)} {unit}"


def _usual(size, dim):
    """Unit and its size that people use for a time or a rate of this size; None where Brian2 says which is the best."""
    if dim is second.dim and (size >= 1 or size == 0):
        return "s", 1
    if dim is second.dim and 1e-6 <= size < 1e-3:
        return "ms", 1e-3
    if dim is Hz.dim and (1e-6 <= size < 1e4 or size == 0):
        return "Hz", 1
    return None, 1


def plain(number: float, digits: int = 4) -> str:
    """Return a number with some digits, in positional notation unless it is very large or small: ``0.000019``, ``12346``."""
    if not math.isfinite(number) or (number and not 1e-9 <= abs(number) < 1e15):
        return f"{number:.{digits}g}"
    precision = max(digits, math.ceil(math.log10(max(abs(number), 1))))
    return np.format_float_positional(number, precision, unique=False, fractional=False, trim="-")


def measured(number: float, unit: str, digits: int = 4) -> str:
    """Return something measured, as a cost or a rate: ``1.82 Hz``, and ``< 1e-6 Hz`` for the tail of an exponential.

    Parameters
    ----------
    number : float
        In `unit`; NaN: unknown.
    unit : str
        What follows the number.
    digits : int
        Significant ones.
    """
    if math.isnan(number):
        return "unknown"
    if 0 < abs(number) < _LEAST:
        return f"< {_LEAST:.0e} {unit}".replace("e-0", "e-")
    return f"{plain(number, digits)} {unit}"


def unit_name(dim: Dimension) -> str:
    """Return the SI unit of some dimensions as equations have it: ``volt``, ``1/volt``, ``Hz**2``, ``1``."""
    if dim.is_dimensionless:
        return "1"
    for (name, unit), power in itertools.product(_SI.items(), (1, 2, -1, -2)):
        if dim is (unit**power).dim:
            return f"{'1/' * (power < 0)}{name}{'**2' * (abs(power) == 2)}"
    return _of_base_units(Quantity(1.0, dim=dim))


def _of_base_units(value):
    powers = zip(_BASE, exponents_of(value), strict=True)
    return "*".join(f"{name}**{p:g}" if p != 1 else name for name, p in powers if p)


def as_python(value: Quantity | float) -> str:
    """Return a value as Python, with Brian2's units, that gives the very same number: ``10*ms``, ``0.5/mV``."""
    number, dim = np.asarray(value).item(), get_dimensions(value)
    if dim.is_dimensionless:
        return repr(number)
    found = []
    for (name, unit), power in itertools.product(_WRITTEN.items(), (1, -1, 2)):
        if get_dimensions(unit**power) != dim or (power < 0 and dim == Hz.dim):  # in Hz
            continue
        scale = float(unit) ** abs(power)
        plain = number / scale if power > 0 else number * scale
        for digits in (f"{plain:.15g}", repr(plain)):
            if number == (float(digits) * scale if power > 0 else float(digits) / scale):
                found.append(f"{digits}{'/' if power < 0 else '*'}{name}{'**2' * (power == 2)}")
    if found:
        return min(found, key=lambda text: len(re.split("[*/]", text)[0]))
    return f"{number!r}*{_of_base_units(Quantity(1.0, dim=dim))}"

"""Quantities and values of options as JSON: numbers, exponents and text, so that reading them executes nothing."""

from functools import lru_cache
from typing import Any

import numpy as np
from brian2 import Quantity, get_dimensions, get_or_create_dimension, get_unit

from ..codegen.brian2_api import DIMENSIONLESS, exponents_of


def quantity_to_json(value: Quantity | float) -> list[Any]:
    """``[value in SI units, exponents of the base units, text]``."""
    quantity = Quantity(value)
    text = _text(float(quantity), quantity.dim) if isinstance(value, Quantity) and not np.ndim(value) else str(value)
    return [float(quantity), exponents_of(quantity), text]


@lru_cache(maxsize=10_000)
def _text(value, dim):
    """A quantity in its best unit, for which Brian2 tries them all."""
    return str(Quantity(value, dim=dim))


def quantity_from_json(stored: list[Any]) -> Quantity:
    """Inverse of `quantity_to_json`."""
    value, exponents, _ = stored
    return Quantity(value, dim=get_or_create_dimension(exponents))


def unit_text(value: Quantity | float) -> str:
    """Name of the SI unit of a value, '1' if it has none."""
    dim = get_dimensions(value)
    return "1" if dim is DIMENSIONLESS else str(get_unit(dim))


def value_to_json(value: Any) -> Any:
    """An option's value: a quantity, several values, or plain."""
    if isinstance(value, tuple):
        return {"list": [value_to_json(v) for v in value]}
    return quantity_to_json(value) if isinstance(value, Quantity) else value


def value_from_json(stored: Any) -> Any:
    """Inverse of `value_to_json`."""
    if isinstance(stored, dict):
        return tuple(value_from_json(v) for v in stored["list"])
    return quantity_from_json(stored) if isinstance(stored, list) else stored

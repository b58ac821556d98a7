"""Quantities and values of options as JSON: numbers, exponents and text, so that reading them executes nothing."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from brian2 import Quantity, get_dimensions, get_or_create_dimension, get_unit

from ..codegen.brian2_api import DIMENSIONLESS, exponents_of
from .quantities import readable


def quantity_to_json(value: Quantity | float) -> list[Any]:
    """``[value in SI units, exponents of the base units, text]``; the text is for people."""
    quantity = Quantity(value)
    return [float(quantity), exponents_of(quantity), _text(float(quantity), quantity.dim)]


@lru_cache(maxsize=10_000)
def _text(value, dim):
    """A quantity in its best unit, for which Brian2 tries them all."""
    return readable(Quantity(value, dim=dim))


def without_texts(stored: Any, string: Callable[[str], str] = str) -> Any:
    """JSON without the texts of quantities, whose wording makes no difference; `string` says what becomes of other texts."""
    if isinstance(stored, dict):
        return {k: without_texts(v, string) for k, v in stored.items()}
    if isinstance(stored, list):
        is_quantity = len(stored) == 3 and isinstance(stored[1], list) and isinstance(stored[2], str)
        return stored[:2] if is_quantity else [without_texts(v, string) for v in stored]
    return string(stored) if isinstance(stored, str) else stored


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

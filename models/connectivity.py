"""Which pairs of units a projection connects, and values of its synapses, in the form in which records keep them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from brian2 import Quantity, get_dimensions, second

from .checks.errors import ModelError

_EXPECTED = "expected 'all', a fraction above 0 and up to 1, pairs of units, or a sparse matrix"


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of units in ascending order, each once.

    Parameters
    ----------
    units : ndarray of int
        Presynaptic and postsynaptic unit of each, shape (2, pairs).
    shape : tuple of int, optional
        Of the matrix that they are the entries of.

    Raises
    ------
    ModelError
        If they are no such pairs.
    """

    units: np.ndarray
    shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        units = np.asarray(self.units)
        if units.ndim != 2 or len(units) != 2 or not np.issubdtype(units.dtype, np.integer):
            raise ModelError(
                f"pairs of units are whole numbers of shape (2, pairs), not {units.shape} of {units.dtype}"
            )
        if units.size and (units.min() < 0 or units.max() >= 2**31):
            raise ModelError("numbers of units must be whole numbers from 0 on")
        step = np.diff(units.astype(np.int64), axis=1)
        same = (step == 0).all(axis=0)
        if same.any():
            raise ModelError(f"the pair {tuple(units[:, np.flatnonzero(same)[0]].tolist())} is there twice")
        if ((step[0] < 0) | ((step[0] == 0) & (step[1] < 0))).any():
            raise ModelError("pairs of units must be in ascending order")
        if self.shape is not None and units.size and (units.max(axis=1) >= self.shape).any():
            raise ModelError(f"a matrix of shape {self.shape} has no entry at {tuple(units.max(axis=1).tolist())}")
        object.__setattr__(self, "units", units.astype(np.int32))

    def __len__(self) -> int:
        return self.units.shape[1]

    def __repr__(self) -> str:
        return f"<{len(self)} pairs of units>" if self.shape is None else f"<matrix of shape {self.shape}>"


def connectivity(connect: Any, where: str) -> tuple[str | float | Pairs, np.ndarray | None]:
    """Connectivity as it is kept: 'all', a fraction, or `Pairs`; and the order in which pairs that were given come there.

    Parameters
    ----------
    connect : 'all', float, sequence of pairs, sparse matrix or Pairs
        As a user gives it.
    where : str
        What messages call it.

    Raises
    ------
    ModelError
        If it is none of these.
    """
    if isinstance(connect, Pairs) or (isinstance(connect, str) and connect == "all"):
        return connect, None
    if isinstance(connect, str | bool | np.bool_) or connect is None:
        raise ModelError(f"{where}: {connect!r}; {_EXPECTED}")
    if hasattr(connect, "tocsr"):
        rows = connect.tocsr().copy()
        rows.sum_duplicates()
        rows.eliminate_zeros()
        entries = rows.tocoo()
        return _pairs(np.stack([entries.row, entries.col]), where, tuple(entries.shape))
    if np.ndim(connect) == 0:
        if not isinstance(connect, int | float | np.number) or not 0 < connect <= 1:
            raise ModelError(f"{where}: {connect!r}; {_EXPECTED}")
        return float(connect), None
    pairs = np.array(list(connect))
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
        raise ModelError(f"{where}: {connect!r:.80}; {_EXPECTED}")
    return _pairs(pairs.T, where)


def _pairs(units, where, shape=None):
    order = np.lexsort(units[::-1])
    try:
        return Pairs(units[:, order], shape), order
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error


def values(value: Any, unit: Any, where: str) -> str | np.ndarray | None:
    """Values of synapses as they are kept: None, an expression, or an array of SI values.

    Parameters
    ----------
    value : str, Quantity or array
        As a user gives it; a single Quantity becomes an expression.
    unit : Unit
        ``volt`` or ``second``; arrays may be without it.
    where : str
        What messages call it.

    Raises
    ------
    ModelError
        If it has another unit, or is not finite.
    """
    if value is None or isinstance(value, str):
        return value
    dimensions = get_dimensions(value)
    if np.ndim(value) == 0:
        if not isinstance(value, Quantity) or dimensions is not unit.dim or not np.isfinite(float(value)):
            raise ModelError(f"{where}: expected a value in {unit.dim}, an expression or an array, not {value!r}")
        return f"{float(value)!r}*{'second' if unit is second else 'volt'}"
    array = np.array(value, float)
    if not np.isfinite(array).all() or (isinstance(value, Quantity) and dimensions is not unit.dim):
        raise ModelError(f"{where}: expected finite values in {unit.dim}")
    return array

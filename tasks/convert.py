"""Spike patterns from files of other programs: CSV and NumPy's npz."""

import csv
import os
from pathlib import Path

import numpy as np
from brian2 import Quantity, second

from .pattern import SpikePattern, seconds
from .raster import did_you_mean


def read_csv(
    path: str | os.PathLike, period: Quantity, n: int | None = None, time_unit: Quantity = 1 * second
) -> SpikePattern:
    """Read a spike a row: time and unit, unit numbers from 0.

    Parameters
    ----------
    path : path
        Comma-separated. A first row without numbers names the columns: then ``time`` and ``unit`` are read, wherever they
        are; else the first two.
    period : Quantity
        Length of the loop (second).
    n : int, optional
        Number of units; default: the largest number plus one.
    time_unit : Quantity
        What a time of 1 means (second).

    Returns
    -------
    SpikePattern

    Raises
    ------
    ValueError
        With file, line, what was found and what was expected.
    """
    path = _existing(path)
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)]
    columns = 0, 1
    if rows and not _is_number(rows[0][1][0]):
        names = [cell.strip() for cell in rows.pop(0)[1]]
        for name in ("time", "unit"):
            if name not in names:
                raise ValueError(f"{path}: its columns are {', '.join(names)}; expected two named time and unit.")
        columns = names.index("time"), names.index("unit")
    times, units = [], []
    for number, row in rows:
        try:
            times.append(float(row[columns[0]]))
            units.append(int(row[columns[1]]))
        except (ValueError, IndexError):
            raise ValueError(
                f"{path}, line {number}: {','.join(row)[:80]!r}: expected a time and a whole unit number, such as 0.083,4"
            ) from None
    return _pattern(path, times, units, period, n, time_unit)


def read_npz(
    path: str | os.PathLike, period: Quantity, n: int | None = None, time_unit: Quantity = 1 * second
) -> SpikePattern:
    """Read the arrays ``times`` and ``units`` of a NumPy archive; parameters as for `read_csv`."""
    path = _existing(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name in ("times", "units")}
            names = archive.files
    except (ValueError, OSError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read as a NumPy archive (.npz) of plain arrays: {error}") from error
    if len(arrays) < 2:
        raise ValueError(f"{path} holds {', '.join(names) or 'no arrays'}; expected the arrays times and units.")
    return _pattern(path, arrays["times"], arrays["units"], period, n, time_unit)


def _existing(path):
    path = Path(path)
    if not path.is_file():
        siblings = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        raise FileNotFoundError(f"{path} is not a file. {did_you_mean(path.name, siblings)}")
    return path


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pattern(path, times, units, period, n, time_unit):
    times, units = np.asarray(times, float), np.asarray(units)
    if not times.size:
        raise ValueError(f"{path} holds no spikes.")
    try:
        return SpikePattern(
            int(units.max()) + 1 if n is None else n, units, times * seconds(time_unit, "time_unit") * second, period
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error

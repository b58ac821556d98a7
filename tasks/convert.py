"""Spike patterns from files of other programs: tables in text (CSV, NEST's recordings) and NumPy's npz."""

import io
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, second

from .arguments import count, duration
from .columns import by_name, listed, read_rows
from .files import existing
from .numbers import read_time, read_unit, time_array, unit_array
from .pattern import SpikePattern
from .raster import check_implied, check_times

_MOST_BYTES = 2**30  # of an array in an archive: 134 million numbers


def read_csv(
    path: str | os.PathLike, period: Quantity, n: int | None = None, time_unit: Quantity | None = None
) -> SpikePattern:
    """Read a spike per row: time and unit, unit numbers from 0.

    Numbers have a decimal point. A table without names of columns has two, the time first; it is refused if all times are
    whole numbers, as they might be the units. NEST's files are read, too: `.dat` of NEST 3 has names, and of a `.gdf` it is
    known that the unit comes first and that times are in ms.

    Parameters
    ----------
    path : path
        Separated by tabs, semicolons, commas or blanks. A first row without numbers (or a comment before the first row)
        names the columns: then ``time`` and ``unit`` are read, wherever they are, or ``t``, ``time_ms``, ``id``, ``i``,
        ``sender`` and the like.
    period : Quantity
        Length of the loop (second).
    n : int, optional
        Number of units; default: the largest number plus one.
    time_unit : Quantity, optional
        What a time of 1 means (second); default: what the name of its column says (``time_ms``), else a second.

    Returns
    -------
    SpikePattern

    Raises
    ------
    FileNotFoundError, ValueError
        With file, line, what was found and what was expected.
    """
    given = _given(n, period, time_unit)
    path = existing(path)
    columns, rows = read_rows(path)
    scale = _scale(path, given, columns)
    times, ids = [], []
    for row in rows:
        try:
            times.append(read_time(row.cells[columns.time], scale))
            ids.append(read_unit(row.cells[columns.unit]))
        except ValueError as error:
            raise ValueError(
                f"{path}, line {row.number}: {row.line[:80]!r}: expected {error}. A row is a time and a whole unit number, "
                "such as 0.083,4, unless a first line names the columns."
            ) from None
    return _pattern(path, lambda k: f"line {rows[k].number}", np.array(times), np.array(ids, int), period, n)


def read_npz(
    path: str | os.PathLike, period: Quantity, n: int | None = None, time_unit: Quantity | None = None
) -> SpikePattern:
    """Read the arrays ``times`` and ``units`` of a NumPy archive; parameters and other names as for `read_csv`."""
    given = _given(n, period, time_unit)
    path = existing(path)
    names = from_archive(path, lambda archive: [info.filename for info in arrays_in(archive)])
    names = [name.removesuffix(".npy") for name in names]
    try:
        columns = by_name(names, ("times", "units"))
    except ValueError as error:
        raise ValueError(
            f"{path} holds {listed(names) or 'no arrays'}; expected the arrays times and units: {error}."
        ) from None
    wanted = columns.time, columns.unit
    times, ids = from_archive(path, lambda archive: [read_array(archive, arrays_in(archive)[k]) for k in wanted])
    try:
        times, ids = time_array(times, names[columns.time]), unit_array(ids, names[columns.unit])
    except ValueError as error:
        raise ValueError(f"{path}: {error}.") from None
    if times.shape != ids.shape:
        raise ValueError(f"{path}: it holds {len(times)} times and {len(ids)} units; expected one of each per spike.")
    return _pattern(path, lambda k: f"spike {k}", times * _scale(path, given, columns), ids, period, n)


def _pattern(path, place, times, ids, period, n):
    """Make a pattern of what a file holds; `place` says where a spike stands, from its index."""
    if not len(times):
        raise ValueError(f"{path} holds no spikes; expected a time and a unit for each.")
    check_times(path, place, times, period)
    high = int(ids.max())
    if n is None:
        check_implied(path, ids)
    elif high >= n:
        k = int((ids >= n).argmax())
        raise ValueError(f"{path}, {place(k)}: unit {ids[k]}; expected 0 to {n - 1}, as n is {n}.")
    return SpikePattern(high + 1 if n is None else n, ids, times * second, period)


def from_archive(
    path: Path, read: Callable[[zipfile.ZipFile], Any], example: str = "np.savez(path, times=times, units=units)"
) -> Any:
    """Return what `read` finds in an archive; whatever a damaged file makes zipfile and NumPy raise becomes one error."""
    try:
        with warnings.catch_warnings(), zipfile.ZipFile(path) as archive:
            warnings.simplefilter("ignore")  # NumPy's, of headers that Python 2 wrote
            return read(archive)
    except Exception as error:
        with open(path, "rb") as file:
            single = file.read(6) == b"\x93NUMPY"
        found = "a single array (.npy)" if single else " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ValueError(
            f"{path} cannot be read as a NumPy archive (.npz) of plain arrays: {found}; {example} writes one."
        ) from error


def arrays_in(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return where the arrays of an archive are."""
    return [info for info in archive.infolist() if info.filename.endswith(".npy")]


def read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """Return an array, its checksum verified; `np.load` would trust the size that it claims."""
    if info.file_size > _MOST_BYTES:
        raise ValueError(f"{info.filename} is said to hold {info.file_size} bytes, more than {_MOST_BYTES}")
    return np.lib.format.read_array(io.BytesIO(archive.read(info)), allow_pickle=False)


def _given(n, period, time_unit):
    """Check the arguments before the file is opened; return the unit of time in seconds if one is given."""
    duration(period, "period")
    if n is not None:
        count(n, "n")
    return None if time_unit is None else duration(time_unit, "time_unit")


def _scale(path, given, columns):
    """Return what a time of 1 means in seconds; refuse an argument that contradicts the file."""
    named = None if columns.time_unit is None else float(columns.time_unit)
    if None not in (given, named) and abs(given / named - 1) > 1e-9:
        raise ValueError(
            f"{path} says that its times are in units of {named:g} s, but time_unit is {given:g} s; expected the same, or "
            "no time_unit."
        )
    return next(each for each in (given, named, 1.0) if each is not None)

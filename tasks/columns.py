"""Which column is the time and which the unit: the names that say so, in text tables and NumPy archives alike.

The names are those of CSV files as people write them, of Brian2's monitors (`i`, `t`), and of NEST, whose recordings have the
unit first (NEST 3: a header `sender time_ms`; NEST 2: none, in files called `.gdf`).
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from brian2 import Quantity, ms, second, us

from .files import read_text

TIMES = ("time", "times", "t", "spike_time", "spike_times")
UNITS = (
    "unit",
    "units",
    "i",
    "id",
    "ids",
    "unit_id",
    "unit_ids",
    "neuron",
    "neurons",
    "neuron_id",
    "sender",
    "senders",
)
TIME_UNITS = {"s": second, "sec": second, "second": second, "seconds": second}
TIME_UNITS |= {"ms": ms, "msec": ms, "us": us, "µs": us, "μs": us}

_NAME = re.compile(rf"({'|'.join(TIMES)})(?:(?:[ _/]+[(\[]?|[(\[])({'|'.join(TIME_UNITS)})[)\]]?)?")
_NUMBER_LIKE = re.compile(r"[+-]?[.,]?\d|[+-]?(nan|inf)", re.IGNORECASE)


@dataclass(frozen=True)
class Columns:
    """Places of time and unit among the columns, and the unit of time (second) if its name says one."""

    time: int
    unit: int
    time_unit: Quantity | None = None


def by_name(names: Sequence[str], wanted: tuple[str, str]) -> Columns:
    """Find time and unit among names of columns or arrays.

    Parameters
    ----------
    names : sequence of str
        Names as found.
    wanted : tuple of str
        The two names that are taken before others of the same meaning.

    Raises
    ------
    ValueError
        If a name is missing, or two mean the same.
    """
    names = [" ".join(name.split()).lower() for name in names]
    time = _one(names, wanted[0], _NAME.fullmatch)
    unit = _one(names, wanted[1], lambda name: name.replace(" ", "_") in UNITS)
    found = _NAME.fullmatch(names[time])
    return Columns(time, unit, TIME_UNITS[found[2]] if found and found[2] else None)


def _one(names, wanted, means):
    """Return the place of the one name that is meant."""
    alike = [k for k, name in enumerate(names) if name == wanted] or [k for k, name in enumerate(names) if means(name)]
    if len(alike) > 1:
        raise ValueError(f"{' and '.join(names[k] for k in alike)} both say {wanted}; expected one of them")
    if not alike:
        known = TIMES if means("t") else UNITS
        raise ValueError(f"none says {wanted}; these do: {', '.join(known)}{' (also time_ms)' if means('t') else ''}")
    return alike[0]


def listed(names: Sequence[str]) -> str:
    """List the names that a file gives, in one line whatever they hold."""
    return ", ".join(name if name.isprintable() else ascii(name) for name in names)[:200]


@dataclass(frozen=True)
class Row:
    """A line of a table: its number, and its cells as text without blanks around."""

    number: int
    line: str
    cells: list[str]


def read_rows(path: Path) -> tuple[Columns, list[Row]]:
    """Read a table of spikes: where its columns are, and its rows without the one that names them.

    The cells of a row are separated by tabs, else semicolons, else commas, else blanks, as in the first row. Empty lines and
    those that begin with `#` are skipped; the last of these before the first row may name the columns, too.

    Raises
    ------
    ValueError
        With the file and the line.
    """
    rows: list[Row] = []
    comment, separator = "", None
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.lstrip().startswith("#"):
            comment = comment if rows else line.strip().lstrip("# \t")
        elif line.strip():
            separator = separator if rows else _separator(line)
            cells = _split(path, number, line, separator)
            if any(cells):
                rows.append(Row(number, line.strip(), cells))
    if not rows:
        return Columns(0, 1), []
    first = rows[0]
    columns = _columns(path, rows, comment)  # takes the header off
    for row in rows:
        if len(row.cells) != len(first.cells):
            raise ValueError(
                f"{path}, line {row.number}: {row.line[:80]!r}: expected {len(first.cells)} columns, as in line "
                f"{first.number}, but found {len(row.cells)}; numbers have a decimal point, not a comma, such as 0.083,4"
            )
    return columns, rows


def _separator(line):
    return next((each for each in "\t;," if each in line), None)


def _split(path, number, line, separator):
    """Return the cells of a line."""
    if separator is None:
        return line.split()
    try:
        (cells,) = csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}, line {number}: {line[:80]!r}: expected a row of a table ({error}).") from None
    return [cell.strip() for cell in cells]


def _columns(path, rows, comment):
    """Find the columns of a table, and take the row that names them off it."""
    first = rows[0].cells
    if _says(first) or not any(_NUMBER_LIKE.match(cell) for cell in first):
        rows.pop(0)
        try:
            return by_name(first, ("time", "unit"))
        except ValueError as error:
            raise ValueError(
                f"{path}: its columns are {listed(first)}; expected two named time and unit: {error}."
            ) from None
    named = [name.strip() for name in comment.split(_separator(comment))]
    if len(named) == len(first) and _says(named):
        return by_name(named, ("time", "unit"))
    if len(first) != 2:
        raise ValueError(
            f"{path}, line {rows[0].number}: {rows[0].line[:80]!r}: expected two columns, time and unit, but found "
            f"{len(first)}. Numbers have a decimal point, not a comma, such as 0.083,4; of more columns a first line must "
            "say the names, such as trial,time,unit."
        )
    if path.suffix.lower() == ".gdf":
        return Columns(1, 0, ms)
    if all(cell.isdigit() for row in rows for cell in row.cells):
        raise ValueError(
            f"{path}, line {rows[0].number}: {rows[0].line[:80]!r}: all numbers are whole, so that either column may be the "
            "time; expected a first line with the names of the columns: time,unit or unit,time."
        )
    return Columns(0, 1)


def _says(names):
    """Tell whether names of columns say which is the time and which the unit."""
    try:
        by_name(names, ("time", "unit"))
    except ValueError:
        return False
    return True

"""Spike rasters on disk: `.ras` files, one `time_in_seconds unit_id` a line, `#` begins a comment.

Source of the format: the rasters of Auryn (https://fzenke.net/auryn) and of the SuperSpike benchmark suite
(https://github.com/fzenke/ssbm). Lines come in any order; units are numbered from 0, in some files from 1.
"""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from brian2 import Quantity, second

from superspike_brian.files.durable import replace_file

from .arguments import count, duration, file_path, flag
from .files import existing, read_text
from .numbers import read_time, read_unit
from .pattern import SpikePattern, Task, check_pattern

logger = logging.getLogger(__name__)
SPARSE = 1000  # so many units for one that spikes are hardly meant


def read_ras(path: str | os.PathLike, period: Quantity, n: int | None = None) -> SpikePattern:
    """Read a spike raster.

    Parameters
    ----------
    path : path
        Text file, a time (second) and a unit id per line.
    period : Quantity
        Length of the loop (second), which the file does not say; every time lies below it.
    n : int, optional
        Number of units. Without it, the number that the ids imply; a warning is logged if hardly any of them spike.

    Returns
    -------
    SpikePattern
        Spikes in the file's order, units numbered from 0. The file is taken as numbered from 1 if its ids
        lie in 1...n and reach n or, without `n`, if the smallest is 1: a guess, so it is logged as a warning.

    Raises
    ------
    FileNotFoundError, ValueError
        With the file, the line, what was found, what was expected and how to mend it.
    """
    return _read(path, period, n)


def _read(path, period, n, name="path", n_name="n", sparse=logger.warning):
    """Read a raster given as the arguments `name` and `n_name`; `sparse` is told of units that are hardly meant."""
    duration(period, "period")
    n = n if n is None else count(n, n_name)
    path = existing(path, name)
    lines, times, ids = [], [], []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if columns := line.partition("#")[0].split():
            try:
                time, unit = _spike(columns)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {line.strip()[:80]!r}: expected {error}.") from None
            lines.append(number)
            times.append(time)
            ids.append(unit)
    if not lines:
        raise ValueError(f"{path} holds no spikes; expected lines such as '0.083 0': time in seconds, unit id.")
    seconds = np.array(times)
    check_times(path, lambda k: f"line {lines[k]}", seconds, period)
    n_units, numbers = _from_zero(path, lines, np.array(ids), n)
    if n is None:
        check_implied(path, numbers, n_name, sparse)
    return SpikePattern(n_units, numbers, seconds * second, period)


def check_times(path: Path, place: Callable[[int], str], times: np.ndarray, period: Quantity) -> None:
    """Refuse spikes of a file beyond the end of the loop; `place` says where one stands, from its index."""
    loop = duration(period, "period")
    if (times >= loop).any():
        k, last = int((times >= loop).argmax()), times.max()
        raise ValueError(
            f"{path}, {place(k)}: a spike at {times[k]} s; expected times below the period, {loop} s. "
            f"The file's last spike has the time {last} s: is the period {np.floor(last * 100 + 1) / 100:g} s, or are the "
            "times in another unit, such as ms? (A spike at the very end of the loop is written as one at 0 s.)"
        )


def check_implied(path: Path | str, ids: np.ndarray, n_name: str = "n", say: Callable = logger.warning) -> None:
    """Say, as to a logger, if the ids of a file imply so many units that hardly any of them spikes."""
    high, spiking = int(ids.max()), len(np.unique(ids))
    if high >= SPARSE * spiking:
        message = "%s: unit %d implies %d units, of which only %d spike; renumber them, or give %s if it is meant."
        say(message, path, high, high + 1, spiking, n_name)


def _spike(columns: list[str]) -> tuple[float, int]:
    """Return time (second) and unit id of one line; an error says what was expected instead."""
    if len(columns) != 2:
        raise ValueError(
            f"two columns, time in seconds and unit id, separated by spaces, but found {len(columns)}; "
            "np.savetxt(path, spikes, fmt='%.6f %d') writes them"
        )
    time, unit = columns
    return read_time(time, what="a time in seconds"), read_unit(unit)


def _from_zero(path: Path, lines: Sequence[int], ids: np.ndarray, n: int | None) -> tuple[int, np.ndarray]:
    """Return the number of units and the ids numbered from 0; refuse ids that do not fit `n` units."""
    low, high = int(ids.min()), int(ids.max())
    message = "%s: unit ids %d to %d are taken as numbered from 1"
    if n is None and low == 1:
        logger.warning(message + "; give n if unit 0 is just silent.", path, low, high)
        return high, ids - 1
    if low >= 1 and high == n:
        logger.info(message + ".", path, low, high)
        return high, ids - 1
    if n is None or high < n:
        return n or high + 1, ids
    k = int((ids >= n).argmax())
    raise ValueError(
        f"{path}, line {lines[k]}: unit id {ids[k]}; expected 0 to {n - 1}, or 1 to {n}, for {n} units. "
        f"The ids run from {low} to {high}{', so the file looks numbered from 1' if low == 1 else ''}: "
        f"give n={high + (low != 1)} if it is the right file."
    )


def write_ras(path: str | os.PathLike, pattern: SpikePattern, overwrite: bool = False) -> None:
    """Write a spike raster, whole or not at all.

    `read_ras` gives the very pattern back if it is told the same period and number of units.

    Parameters
    ----------
    path : path
        File to write, in a folder that exists.
    pattern : SpikePattern
        At least one spike.
    overwrite : bool
        Replace a file that exists.
    """
    path = file_path(path, "path")
    overwrite = flag(overwrite, "overwrite")
    if not len(check_pattern(pattern, "pattern")):
        raise ValueError(f"{path}: the pattern holds no spikes, and a raster without spikes cannot be read back.")
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(f"{path} exists; give overwrite=True to replace it, or another name.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; create it first.")
    rows = zip(np.asarray(pattern.times).tolist(), pattern.ids.tolist(), strict=True)
    text = f"# units: {pattern.n}, period: {float(pattern.period)} s\n" + "".join(f"{t} {i}\n" for t, i in rows)
    replace_file(path, text.encode())


def ras(
    input: str | os.PathLike,
    target: str | os.PathLike,
    period: Quantity,
    n_inputs: int | None = None,
    n_outputs: int | None = None,
) -> Task:
    """Make a task of two raster files.

    Parameters
    ----------
    input : path
        Raster (.ras) of the inputs, a line per spike: time in seconds, unit.
    target : path
        Raster (.ras) of the targets.
    period : Quantity
        Length of the loop (second).
    n_inputs, n_outputs : int, optional
        Numbers of units; default: what the files imply, unless hardly any of the units then spikes.

    Raises
    ------
    FileNotFoundError, ValueError
        With file, line, what was found and what was expected.
    """
    inputs = _read(input, period, n_inputs, "input", "n_inputs", _refuse)
    targets = _read(target, period, n_outputs, "target", "n_outputs", _refuse)
    return Task("ras", inputs, targets, f"rasters {os.fspath(input)} and {os.fspath(target)}")


def _refuse(message, *values):
    raise ValueError(message % values)

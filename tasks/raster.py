"""Spike rasters on disk: `.ras` files, one `time_in_seconds unit_id` a line, `#` begins a comment.

Source of the format: the rasters of Auryn (https://fzenke.net/auryn) and of the SuperSpike benchmark suite
(https://github.com/fzenke/ssbm). Lines come in any order; units are numbered from 0, in some files from 1.
"""

import logging
import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from brian2 import Quantity, second

from .pattern import SpikePattern, Task, count, duration

logger = logging.getLogger(__name__)


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Suggest the names nearest to a misspelt word, or list what there is."""
    names = sorted(names)
    if close := get_close_matches(word, names):
        return f"Did you mean {' or '.join(map(repr, close))}?"
    return f"There are: {', '.join(names[:20]) or 'none'}."


def read_ras(path: str | os.PathLike, period: Quantity, n: int | None = None) -> SpikePattern:
    """Read a spike raster.

    Parameters
    ----------
    path : path
        Text file, a time (second) and a unit id a line.
    period : Quantity
        Length of the loop (second), which the file does not say; every time lies below it.
    n : int, optional
        Number of units. Without it, the number that the ids imply.

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
    path, loop, n = Path(path), duration(period, "period"), n if n is None else count(n, "n")
    spikes = []
    for number, line in enumerate(_text(path).split("\n"), 1):
        if columns := line.partition("#")[0].split():
            try:
                spikes.append((number, *_spike(columns)))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {line.strip()[:80]!r}: expected {error}.") from None
    if not spikes:
        raise ValueError(f"{path} holds no spikes; expected lines such as '0.083 0': time in seconds, unit id.")
    lines, times, ids = map(np.array, zip(*spikes, strict=True))
    if (times >= loop).any():
        k, last = int((times >= loop).argmax()), times.max()
        raise ValueError(
            f"{path}, line {lines[k]}: a spike at {times[k]} s; expected times below the period, {loop} s. "
            f"The file's last spike is at {last} s: is the period {np.floor(last * 100 + 1) / 100:g} s, "
            "or are the times in ms? (A spike at the very end of the loop is written as one at 0 s.)"
        )
    n, ids = _from_zero(path, lines, ids, n)
    return SpikePattern(n, ids, times * second, period)


def _text(path: Path) -> str:
    """Return a text file's content, with the usual kinds of line end turned into newlines."""
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {folder}.")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file. {did_you_mean(path.name, os.listdir(folder))}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: byte {error.start} is not UTF-8.") from None
    if "\0" in text:
        raise ValueError(f"{path} is not a text file: it holds a zero byte.")
    return text


def _spike(columns: list[str]) -> tuple[float, int]:
    """Return time (second) and unit id of one line; an error says what was expected instead."""
    if len(columns) != 2:
        raise ValueError(
            f"two columns, time in seconds and unit id, separated by spaces, but found {len(columns)}; "
            "np.savetxt(path, spikes, fmt='%.6f %d') writes them"
        )
    time, unit = columns
    try:
        seconds = float(time.replace("_", "?"))  # Python alone would read 1_0 as 10
    except ValueError:
        raise ValueError(f"a time in seconds, with a decimal point, instead of {time!r}") from None
    if not 0 <= seconds < np.inf:
        raise ValueError(f"a finite time of 0 s or more instead of {time!r}; remove the spike or shift them all")
    if not re.fullmatch("[0-9]{1,9}", unit):
        raise ValueError(f"a whole number, 0 or more, as unit id instead of {unit!r}; time first, id second")
    return seconds, int(unit)


def _from_zero(path: Path, lines: np.ndarray, ids: np.ndarray, n: int | None) -> tuple[int, np.ndarray]:
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
    path = Path(path)
    if not len(pattern):
        raise ValueError(f"{path}: the pattern holds no spikes, and a raster without spikes cannot be read back.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; give overwrite=True to replace it, or another name.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; create it first.")
    rows = zip(np.asarray(pattern.times).tolist(), pattern.ids.tolist(), strict=True)
    text = f"# units: {pattern.n}, period: {float(pattern.period)} s\n" + "".join(f"{t} {i}\n" for t, i in rows)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_text(text, encoding="utf-8", newline="\n")
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


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
        Raster (.ras) of the inputs; see `read_ras`.
    target : path
        Raster (.ras) of the targets.
    period : Quantity
        Length of the loop (second).
    n_inputs, n_outputs : int, optional
        Number of units, if the file does not show them all.
    """
    inputs, targets = read_ras(input, period, n_inputs), read_ras(target, period, n_outputs)
    return Task("ras", inputs, targets, f"rasters {os.fspath(input)} and {os.fspath(target)}")

"""Spikes as other programs hold them, as one pattern: Brian2, Neo, tonic, NEST, plain arrays and files.

Neo, tonic and NEST are not imported: what has their form is taken.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from brian2 import EventMonitor, Quantity, second

from .arguments import MOST_UNITS, count, duration, file_path, seconds, shown, units, whole
from .columns import listed
from .convert import read_csv, read_npz
from .image import FORMATS, picture
from .numbers import time_array
from .pattern import SpikePattern
from .raster import check_implied, read_ras
from .recordings import in_seconds, of_events

ANY_PERIOD = 1e9 * second  # readers of files want one
_ROUNDING = 1e-9  # s; a spike so close to the end of a window lies at it
_PICTURES = (".jpg", ".tif", *(f".{kind.lower()}" for kind in FORMATS))
_EXPECTED = (
    "a SpikeMonitor, (ids, times), a list of the times of each unit, neo.SpikeTrain, a neo.Segment, events of tonic, "
    "{'senders': ..., 'times': ...} of NEST, or the path of a file"
)


class Spikes(NamedTuple):
    """What a source holds."""

    times: np.ndarray  #  s
    ids: np.ndarray
    n: int | None = None  # units; None if the source does not say
    begin: float = 0.0  # s; when the recording began
    first: int = 0  #     number of the first unit


def pattern_of(
    source: Any,
    period: Quantity,
    n: int | None,
    start: Quantity | None,
    first: int | None,
    time_unit: Quantity | None,
    sensor_size: Sequence[int] | None,
) -> SpikePattern:
    """Make a pattern, as of `SpikePattern.of`."""
    loop, n = duration(period, "period"), None if n is None else count(n, "n")
    origin = None if start is None else _one_time(start)
    if first is not None and not (whole(first) and 0 <= first < MOST_UNITS):
        raise ValueError(f"first is {shown(first)}; expected the number of the first unit, 0 or more.")
    is_file = isinstance(source, str | os.PathLike)
    _check_only("time_unit", time_unit, source, is_file, "a file")
    _check_only("sensor_size", sensor_size, source, _is_events(source), "events of tonic")
    found = _of_file(source, period, n, origin, first, time_unit) if is_file else _of_object(source, sensor_size)
    ids = found.ids - (found.first if first is None else first)
    if (ids < 0).any():
        low = found.ids.min()
        raise ValueError(f"source has a unit {low}; expected {low - ids.min()} or more, as of first: give first={low}.")
    times, inside = _window(found, loop, origin)
    return SpikePattern(_number(found, n, ids[inside]), ids[inside], times[inside] * second, period)


def _check_only(name, value, source, fits, what):
    if value is not None and not fits:
        raise ValueError(f"{name} is {shown(value)}, and source is {_kind(source)}; expected {name} only for {what}.")


def _window(found, loop, origin):
    """Return times from the start of the window, and which of them are in it."""
    if origin is None:
        times = found.times - found.begin
        if (times >= loop).any():
            raise ValueError(
                f"source has its last spike at {times.max():g} s; expected times below the period, {loop:g} s. Give "
                "start=0*ms, or another time, for a window of one period of it."
            )
        return times, slice(None)
    times = found.times - origin
    return np.maximum(times, 0), (times >= -_ROUNDING) & (times < loop - _ROUNDING)


def _number(found, n, ids):
    """Return the number of units: what was asked for, what the source says, or what the ids imply."""
    if n is not None or found.n is not None:
        return found.n if n is None else n
    if not len(ids):
        raise ValueError("source has no spikes there, so that it does not say how many units there are: give n.")
    check_implied("source", ids)
    return int(ids.max()) + 1


def _of_object(source, sensor_size):
    if isinstance(source, EventMonitor):
        return _of_monitor(source)
    if isinstance(source, Mapping):
        return _of_nest(source)
    if _is_events(source):
        samples, n = of_events([source], sensor_size)
        return Spikes(samples.times, samples.units, n)
    if _is_train(source):
        return _of_trains([source])
    try:
        parts = list(getattr(source, "spiketrains", source))
    except TypeError:
        parts = []
    if not parts:
        raise ValueError(f"source is {_kind(source)}: {shown(source)}; expected {_EXPECTED}.")
    if all(map(_is_train, parts)):
        return _of_trains(parts)
    if len(parts) == 2 and not _has_unit(parts[0]) and (_has_unit(parts[1]) or np.size(parts[0])):
        return _of_pair(*parts)
    times = [_times(part, f"unit {k} of source") if np.size(part) else np.zeros(0) for k, part in enumerate(parts)]
    for k, each in enumerate(times):
        if each.ndim != 1:
            raise ValueError(
                f"unit {k} of source has times of the shape {each.shape}; expected a list with the times of each unit."
            )
    return _joined(times)


def _of_pair(ids, times):
    ids, times = np.atleast_1d(units(ids, "ids of source"), _times(times, "times of source"))
    if ids.ndim != 1 or ids.shape != times.shape:
        raise ValueError(
            f"source has ids of the shape {ids.shape}, times of {times.shape}; expected one of each per spike."
        )
    return Spikes(times, ids.astype(int))


def _joined(times, begin=0.0):
    return Spikes(np.concatenate(times), np.repeat(np.arange(len(times)), list(map(len, times))), len(times), begin)


def _of_monitor(monitor):
    try:
        ids, times = units(monitor.i, "source.i"), seconds(monitor.t, "source.t")
    except AttributeError:
        raise ValueError(f"source, {monitor.name}, records no spikes; expected a monitor with record=True.") from None
    return Spikes(times, ids.astype(int), len(monitor.source))


def _of_nest(events):
    names = listed([str(name) for name in events])
    if not {"senders", "times"} <= events.keys():
        raise ValueError(
            f"source has the entries {names or 'of an empty dict'}; expected senders and times (ms) of NEST."
        )
    if "offsets" in events:
        raise ValueError(
            f"source has the entries {names}: times in steps; expected ms, so time_in_steps=False in NEST."
        )
    ids, times = units(events["senders"], "senders of source"), events["times"]
    times = _times(times, "times of source") if _has_unit(times) else time_array(np.asarray(times), "times") / 1e3
    if ids.ndim != 1 or ids.shape != times.shape:
        raise ValueError(f"source has {ids.size} senders and {times.size} times; expected one of each per spike.")
    return Spikes(times, ids.astype(int), first=1)


def _of_trains(trains):
    begin = min(float(in_seconds(train.t_start)) for train in trains)
    return _joined([np.atleast_1d(in_seconds(train.times)) for train in trains], begin)


def _of_file(source, period, n, origin, first, time_unit):
    path = file_path(source, "source")
    suffix = path.suffix.lower()
    if suffix in _PICTURES:
        if (origin, first, time_unit) != (None, None, None):
            raise ValueError(f"source is {path}, a picture; expected neither start, nor first, nor time_unit.")
        found, _ = picture(path, period=period, n_outputs=n)
        return Spikes(np.asarray(found.times), found.ids, found.n)
    if suffix == ".ras" and time_unit is not None:
        raise ValueError(f"source is {path}, whose times are in seconds; expected no time_unit.")
    if suffix in (".h5", ".hdf5", ".gz"):
        raise ValueError(f"source is {path}, which holds labelled samples; expected a spike pattern: see read_samples.")
    read, more = (read_ras, ()) if suffix == ".ras" else (read_npz if suffix == ".npz" else read_csv, (time_unit,))
    window = period if origin is None else ANY_PERIOD
    if first is not None:  # then ids are taken as they are: from which number on is known
        found = read(path, window, MOST_UNITS, *more)
        return Spikes(np.asarray(found.times), found.ids)
    found = read(path, window, n, *more)
    return Spikes(np.asarray(found.times), found.ids, found.n)


def _times(value, name):
    """Return times with a unit, of Brian2 or of Neo, as seconds."""
    if not hasattr(value, "rescale"):
        return seconds(value, name)
    try:
        return in_seconds(value)
    except ValueError as error:
        raise ValueError(f"{name} is {shown(value)}; expected times ({error}).") from None


def _has_unit(value):
    try:
        _times(value, "source")
    except ValueError:
        return False
    return True


def _is_train(value):
    return all(hasattr(value, name) for name in ("t_start", "times", "rescale"))


def _is_events(value):
    return bool(getattr(getattr(value, "dtype", None), "names", None))


def _one_time(value):
    found = seconds(value, "start")
    if found.ndim or not np.isfinite(found):
        raise ValueError(f"start is {shown(value)}; expected one time, such as 0*ms.")
    return float(found)


def _kind(value):
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"

"""Samples one after another in flat arrays: joined, checked, and rounded to time steps, however many spikes there are.

What grows with the number of spikes is done block by block, so that it needs little memory besides the arrays themselves.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from brian2 import second

from .arguments import seconds_as_given, shown, units
from .pattern import MOST_STEPS, counted

BLOCK = 2**22  # spikes that are worked on at once


class Samples(NamedTuple):
    """Spikes of some samples: times (second) or steps, units, and where each sample begins; the last offset ends the last."""

    times: np.ndarray
    units: np.ndarray
    offsets: np.ndarray


def blocks(offsets: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Cut samples into blocks of about `BLOCK` spikes and at most `most` samples: numbers of the first, and past the last."""
    first, n = 0, len(offsets) - 1
    while first < n:
        fitting = int(np.searchsorted(offsets, offsets[first] + BLOCK, "right")) - 1
        last = min(max(fitting, first + 1), first + most)
        yield first, last
        first = last


def below(times: np.ndarray, end: float | np.ndarray) -> np.ndarray:
    """Move what is not before the end of its stimulus to the last number before it."""
    return np.minimum(times, np.nextafter(np.asarray(end, times.dtype), times.dtype.type(0)))


def listed(values: Any, name: str) -> list:
    """Return a list with an entry per sample; refuse what is none, or empty."""
    try:
        found = [] if isinstance(values, str | bytes | dict) else list(values)
    except TypeError:
        found = []
    if not found:
        raise ValueError(f"{name} is {shown(values)}; expected a list with an entry per sample.")
    return found


def join(times: Any, ids: Any) -> Samples:
    """Put samples one after another: lists with the times (Quantity) and the units of each."""
    times, ids = listed(times, "times"), listed(ids, "units")
    if len(times) != len(ids):
        raise ValueError(
            f"times and units are of {len(times)} and {counted(len(ids), 'sample')}; expected one of each per sample."
        )
    found = []
    for k, (t, i) in enumerate(zip(times, ids, strict=True)):
        t = seconds_as_given([] * second if isinstance(t, list) and not t else t, f"times of sample {k}")
        i = units(i, f"units of sample {k}")
        if t.ndim != 1 or t.shape != i.shape:
            raise ValueError(
                f"sample {k}: times and units of the shapes {t.shape} and {i.shape}; expected one per spike."
            )
        found.append((t, i))
    offsets = np.cumsum([0, *(len(t) for t, _ in found)])
    with_units = [i for _, i in found if len(i)]  # without the others, whose type is that of an empty list
    return Samples(
        np.concatenate([t for t, _ in found]), np.concatenate(with_units) if with_units else found[0][1], offsets
    )


def check(
    name: str, n: int, samples: Samples, labels: np.ndarray, lengths: np.ndarray, n_classes: int
) -> tuple[Samples, np.ndarray]:
    """Return samples and labels in small types, which cannot be written to; refuse what is out of its range.

    Parameters
    ----------
    name : str
        Of the data, for messages.
    n, n_classes : int
        Numbers of units and classes.
    samples : Samples
        Times, units and offsets as they were given.
    labels : array, shape (samples,)
        Class of each sample.
    lengths : array, shape (samples,) or ()
        Of the stimuli (second).
    """
    labels = units(labels, "labels")
    if labels.ndim != 1 or not len(labels):
        raise ValueError(f"{name}: labels has the shape {labels.shape}; expected one label per sample, and a sample.")
    _refuse((labels < 0) | (labels >= n_classes), labels, name, "label", f"a class from 0 to {n_classes - 1}")
    if lengths.shape not in ((), labels.shape):
        raise ValueError(
            f"{name}: lengths has the shape {lengths.shape}; expected one, or {len(labels)} for the samples."
        )
    _refuse(~((lengths > 0) & (lengths < np.inf)), lengths, name, "length (s)", "a positive, finite time in lengths")
    offsets, ids, times = units(samples.offsets, "offsets"), samples.units, samples.times
    if times.ndim != 1 or times.shape != ids.shape:
        raise ValueError(
            f"{name}: times and units have the shapes {times.shape} and {ids.shape}; expected one of each per spike."
        )
    if offsets.shape != (len(labels) + 1,) or offsets[0] != 0 or offsets[-1] != len(times):
        ends = f", {offsets[0]} to {offsets[-1]}" if offsets.ndim == 1 and len(offsets) else ""
        raise ValueError(
            f"{name}: offsets has the shape {offsets.shape}{ends}; expected {len(labels) + 1}, for {len(labels)} samples, "
            f"from 0 to the number of spikes, {len(times)}."
        )
    _refuse(offsets[1:] < offsets[:-1], offsets[1:], name, "end in offsets", "one that is not before its begin")
    offsets = offsets.astype(np.int64, copy=False)
    _check_spikes(name, n, Samples(times, ids, offsets), lengths)
    found = (times, ids.astype(np.int32, copy=False), offsets, labels.astype(np.int32, copy=False))
    times, ids, offsets, labels = (array.view() for array in found)
    for array in (times, ids, offsets, labels):
        array.setflags(write=False)
    return Samples(times, ids, offsets), labels


def _refuse(bad, values, name, what, expected):
    """Refuse the first sample that is bad."""
    if bad.any():
        k = int(bad.argmax())
        which = f"sample {k}: " if bad.ndim else ""
        raise ValueError(f"{name}: {which}{what} {values[k] if bad.ndim else values}; expected {expected}.")


def _check_spikes(name, n, samples, lengths):
    """Refuse the first spike of which unit or time is out of its range."""
    times, ids, offsets = samples
    for first, last in blocks(offsets, len(offsets)):
        inside = slice(offsets[first], offsets[last])
        t, i = times[inside], ids[inside]
        end = np.repeat(lengths[first:last], np.diff(offsets[first : last + 1])) if lengths.ndim else lengths
        bad_unit, bad_time = (i < 0) | (i >= n), ~((t >= 0) & (t < end))
        for bad in (bad_unit, bad_time):
            if bad.any():
                k = int(bad.argmax()) + int(offsets[first])
                sample = int(np.searchsorted(offsets, k, "right")) - 1
                end = lengths[sample] if lengths.ndim else lengths
                expected = f"a unit from 0 to {n - 1}, as n is {n}"
                if bad is bad_time:
                    expected = f"a time of at least 0 s and below the length of the stimulus, {end} s"
                raise ValueError(
                    f"{name}: sample {sample}, spike {k - offsets[sample]} (unit {ids[k]}, time {times[k]} s): "
                    f"expected {expected}."
                )


def rounded(samples: Samples, n: int, longest: float, dt: float) -> Samples:
    """Round spikes to time steps: the distinct ones by sample, step and unit.

    Parameters
    ----------
    samples : Samples
        Times in seconds.
    n : int
        Number of units.
    longest : float
        No spike is later (second).
    dt : float
        Time step (second).
    """
    if not longest / dt < MOST_STEPS:
        raise ValueError(
            f"a stimulus of {longest} s is {longest / dt:.3g} time steps of {dt} s, dt; expected below {MOST_STEPS}."
        )
    times, ids, offsets = samples
    n_steps = round(longest / dt) + 1
    found_steps, found_ids = (np.empty(len(times), np.int32) for _ in range(2))
    counts, end = np.zeros(len(offsets) - 1, np.int64), 0
    for first, last in blocks(offsets, (2**63 - 1) // (n_steps * n)):  # so many that keys are numbers of 64 bits
        inside = slice(offsets[first], offsets[last])
        key = np.repeat(np.arange(last - first), np.diff(offsets[first : last + 1]))
        key *= n_steps
        key += np.rint(times[inside] / np.float64(dt)).astype(np.int64)
        key *= n
        key += ids[inside]
        if (key[1:] < key[:-1]).any():
            key.sort()
        new = np.append(True, key[1:] != key[:-1])[: len(key)]
        key = key if new.all() else key[new]
        place = key // n
        key -= place * n
        sample = place // n_steps
        place -= sample * n_steps
        found_steps[end : end + len(key)], found_ids[end : end + len(key)] = place, key
        counts[first:last] = np.bincount(sample, minlength=last - first)
        end += len(key)
    for array in (found_steps, found_ids):
        array.setflags(write=False)
    return Samples(found_steps[:end], found_ids[:end], np.concatenate([[0], np.cumsum(counts)]))


def rounded_up(latest: float) -> float:
    """Return the first whole millisecond (second) after a time."""
    k = int(np.floor(latest * 1000)) + 1
    return k / 1000 if k / 1000 > latest else (k + 1) / 1000

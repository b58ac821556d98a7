"""Samples as other Python packages hold them: events of tonic, spike trains of Neo. Neither is imported."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arguments import shown, units
from .samples import Samples, below, listed


def of_events(events: Any, sensor_size: Sequence[int] | None) -> tuple[Samples, int]:
    """Return samples, and the number of their units, as of `LabelledSpikes.from_events`."""
    fields = [_fields(each, k) for k, each in enumerate(listed(events, "events"))]
    t, x, y, p = (np.concatenate([each[name] for each in fields]) for name in "txyp")
    offsets = np.cumsum([0, *(len(each["t"]) for each in fields)])
    size = None if sensor_size is None else np.atleast_1d(units(sensor_size, "sensor_size")).tolist()
    if size is not None and (len(size) != 3 or min(size) < 1):
        raise ValueError(f"sensor_size is {shown(sensor_size)}; expected (width, height, polarities), from 1 on.")
    if (size is None or size[2] == 1) and (p == p[:1]).all():
        p = np.zeros_like(p)  # the one of all events of tonic's SHD is 1
    if size is None:
        size = [int(values.max(initial=0)) + 1 for values in (x, y, p)]
    for name, values, n in (("x", x, size[0]), ("y", y, size[1]), ("p", p, size[2])):
        bad = (values < 0) | (values >= n)
        if bad.any():
            k = int(bad.argmax())
            sample = int(np.searchsorted(offsets, k, "right")) - 1
            raise ValueError(
                f"events: sample {sample}, event {k - offsets[sample]}: {name} is {values[k]}; expected 0 to {n - 1}, as of "
                f"sensor_size {tuple(size)}."
            )
    return Samples(t / 1e6, x + size[0] * (y + size[1] * p), offsets), size[0] * size[1] * size[2]


def _fields(events, k):
    """Return the fields of one sample as numbers; y and p are 0 if it has none."""
    names = getattr(getattr(events, "dtype", None), "names", None) or ()
    if not {"t", "x"} <= set(names) or np.ndim(events) != 1:
        has = f"the fields {', '.join(names)}" if names else shown(events)
        raise ValueError(
            f"events: sample {k} has {has}; expected a structured array with the fields t (us), x, y and p."
        )
    absent = np.zeros(len(events), np.int64)
    found = {name: events[name].astype(np.int64) if name in names else absent for name in "xyp"}
    return {"t": events["t"].astype(float), **found}


def of_neo(trains: Any) -> tuple[Samples, int, np.ndarray]:
    """Return samples, the number of their units, and their lengths (second), as of `LabelledSpikes.from_neo`."""
    all_trains = [listed(each, f"trains: sample {k}") for k, each in enumerate(listed(trains, "trains"))]
    n = len(all_trains[0])
    times, ids, lengths = [], [], []
    for k, sample in enumerate(all_trains):
        if len(sample) != n:
            raise ValueError(
                f"trains: sample {k} has {len(sample)} spike trains, the first {n}; expected one per unit."
            )
        try:
            start = min(in_seconds(each.t_start) for each in sample)
            length = max(in_seconds(each.t_stop) for each in sample) - start
            spikes = [np.atleast_1d(in_seconds(each.times)) - start for each in sample]
        except AttributeError as error:
            raise ValueError(f"trains: sample {k}: {error}; expected a list of neo.SpikeTrain, one per unit.") from None
        times.append(below(np.concatenate(spikes), length))  # one may lie at t_stop itself
        ids.append(np.repeat(np.arange(n), [len(each) for each in spikes]))
        lengths.append(length)
    offsets = np.cumsum([0, *map(len, times)])
    return Samples(np.concatenate(times), np.concatenate(ids), offsets), n, np.array(lengths)


def in_seconds(value: Any) -> np.ndarray:
    """Return what has a unit as Neo's arrays have (`rescale`) as numbers in seconds."""
    return np.asarray(value.rescale("s").magnitude, dtype=float)

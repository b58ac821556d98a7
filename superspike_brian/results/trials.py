"""The part of a run's dataset that a classification adds: its patterns, and tables of trials."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..analysis import false_alarm_rate, score
from ..network.structure import Structure
from ..network.trials import MOVING, trial_source
from ..tasks import Classification, Task, Trials
from ..values.hints import Array, Floats

if TYPE_CHECKING:
    import xarray as xr


Labelled: TypeAlias = tuple[Any, Array, dict[str, str]]  # dimensions, values, attributes


def labelled(dims: str | tuple[str, ...], values: ArrayLike, units: str, long_name: str) -> Labelled:
    """A variable of a dataset."""
    return dims, np.asarray(values), {"units": units, "long_name": long_name}


def pattern_table(task: Classification) -> dict[str, Labelled]:
    """Spikes and class of each pattern."""
    times = np.concatenate([np.asarray(p.times) for p in task.patterns])
    numbers = np.repeat(np.arange(len(task.patterns)), [len(p) for p in task.patterns])
    ids = np.concatenate([p.ids for p in task.patterns])
    return {
        "pattern_time": labelled("pattern_spike", times, "s", "spike time after the onset"),
        "pattern_unit": labelled("pattern_spike", ids.astype(np.int32), "1", "input unit"),
        "pattern_number": labelled("pattern_spike", numbers.astype(np.int32), "1", "pattern of the spike"),
        "pattern_class": labelled("pattern", np.array(task.classes, np.int32), "1", "class of the pattern"),
    }


def trial_tables(
    task: Task | Classification,
    structure: Structure,
    seed: int,
    variables: Mapping[str, Labelled],
    windows: Sequence[Mapping[str, Any]],
    step: int,
) -> dict[str, Labelled]:
    """Tables of the trials in training up to `step`, in the probe windows and in the test; none for frozen patterns."""
    mine = trial_source(task, structure, seed)
    if mine is None:
        return {}
    dt = float(structure.dt)
    spikes = variables["watched_time"][1], variables["watched_unit"][1]
    tables = _table("trial", mine.trials(step), *spikes, dt)
    probes = [_window(w, "probe") for w in windows]
    number = np.repeat(np.arange(len(probes)), [len(p) for p, _, _ in probes])
    times, units = (np.concatenate([p[k] for p in probes]) for k in (1, 2))
    tables |= _table("probe_trial", Trials.join(p[0] for p in probes), times, units, dt)
    tables["probe_trial_probe"] = labelled("probe_trial", number.astype(np.int32), "1", "probe window, from 0")
    tested = [_window(w, "test") for w in windows if "test/spikes_output.t" in w]
    if tested:
        trials, times, units = tested[-1]
        tables |= _table("test", trials, times, units, dt)
        tables["test_start"] = labelled((), step * dt, "s", "start of the test")
    return tables


def _window(record, what):
    """Trials, spike times and units of a probe window or of the test."""
    trials = Trials(*(record[f"{what}/trials.{f.name}"] for f in dataclasses.fields(Trials)))
    return trials, record[f"{what}/spikes_output.t"], record[f"{what}/spikes_output.i"]


def _table(name, trials, times, units, dt):
    correct, false_alarms = score(trials, np.rint(np.asarray(times) / dt).astype(int), np.asarray(units))
    rows = {
        "onset": (trials.onset * dt, "s", "onset of the stimulus"),
        "deadline": (trials.deadline * dt, "s", "end of the window of opportunity"),
        "pattern": (trials.pattern.astype(np.int32), "1", "number of the pattern"),
        "class": (trials.label.astype(np.int32), "1", "class: the output unit that should spike"),
        "correct": (correct.astype(np.int8), "1", "1: the right unit spiked in the window, and no other"),
        "false_alarms": (false_alarms.astype(np.int32), "1", "output spikes since the deadline before"),
    }
    return {f"{name}_{row}": labelled(name, *what) for row, what in rows.items()}


def moving_accuracy(data: xr.Dataset, n: int = MOVING) -> tuple[Floats, Floats]:
    """Accuracy over the last `n` trials (fewer at the start), at each trial's deadline: times (s) and fractions."""
    correct = np.cumsum(np.r_[0, data.trial_correct.values.astype(int)])
    last = np.arange(1, len(correct))
    first = np.maximum(last - n, 0)
    return data.trial_deadline.values, (correct[last] - correct[first]) / (last - first)


def accuracy(data: xr.Dataset) -> dict[str, Any]:
    """Key figures of a classification as plain numbers; none for frozen patterns, None before the test."""
    if "trial_onset" not in data:
        return {}
    if "test_onset" not in data:
        return {"accuracy": None, "n_test": 0, "false_alarms_hz": None} | _course(data)
    rate = false_alarm_rate(
        data.test_onset.values, data.test_deadline.values, data.test_false_alarms.values, float(data.test_start)
    )
    found = {"accuracy": float(data.test_correct.mean()), "n_test": int(data.sizes["test"]), "false_alarms_hz": rate}
    return found | _course(data)


def _course(data):
    return {"time_to_95_s": time_to(data, 0.95), "criterion_met": bool(data.attrs.get("criterion_met", False))}


def time_to(data: xr.Dataset, level: float) -> float | None:
    """Simulated time (s) at which the moving accuracy first reaches `level` over a full window; None if it never does."""
    times, fractions = moving_accuracy(data)
    reached = np.flatnonzero(fractions[MOVING - 1 :] >= level)
    return float(times[MOVING - 1 :][reached[0]]) if reached.size else None

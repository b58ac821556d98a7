"""What kept a run from learning, judged from its results alone: so runs of the past can be judged, too.

=============  ==========================================================================================
kind           what is noted
=============  ==========================================================================================
burn-in        the run ends before learning begins
no update      no weight update falls between the end of burn-in and the end of the run
no input       no input unit spikes
no target      no output unit has a target spike
silent         output units that have targets did not spike in the last periods of learning
saturated      output units spiked at the limit of their refractory period there
hidden silent  no unit of a hidden layer spikes in the last probe window
unchanged      no weight of a plastic group has changed
at bound       many weights of a plastic group are at their bound
not finite     a variable in a probe window is
=============  ==========================================================================================

The notes of a run are in its log, in ``superspike show`` (also as ``--json``), and in the attribute `notes` of ``run.nc``: a
JSON list of objects with the fields of `Note`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from brian2 import volt

from ..values.quantities import measured, readable
from .network import populations, projections

if TYPE_CHECKING:
    import xarray as xr

PERIODS = 10  #      of the task, at the end of learning, in which outputs are looked at
NEAR_LIMIT = 0.95  # of the highest rate that the refractory period allows
MANY = 0.1  #        fraction of a group's weights at their bound


class Note(NamedTuple):
    """Something that kept a run from learning: `count` of `of` units or weights of `where`."""

    kind: str
    where: str
    count: int  # type: ignore[assignment]  # instead of a tuple's method
    of: int
    text: str


def judge(data: xr.Dataset) -> list[Note]:
    """Notes on a run.

    Parameters
    ----------
    data : xarray.Dataset
        Its results, finished or not.

    Returns
    -------
    list of Note
        Empty if nothing is noted.
    """
    notes = [*_task(data), *_schedule(data)]
    if not any(note.kind in ("burn-in", "no update") for note in notes):
        notes += [*_outputs(data), *_hidden(data), *_weights(data)]
    return notes + list(_windows(data))


def at_bound(data: xr.Dataset) -> dict[str, float]:
    """Fraction of weights at their bound at the end, for each plastic group whose optimiser has a `w_max`."""
    ends = {name: np.abs(data[f"weights_{found.label}_end"].values) for name, found in _plastic(data).items()}
    bounds = {name: _bound(data, found) for name, found in _plastic(data).items()}
    return {name: float((end >= bounds[name] * (1 - 1e-6)).mean()) for name, end in ends.items() if bounds[name]}


def _bound(data, projection):
    """Bound (volt) of the absolute weights of a projection; 0 or None without one."""
    return _parameter(data, "w_max") if projection.w_max is None else projection.w_max


def _task(data):
    n_in, n_out = populations(data)["inputs"], populations(data)["output"]
    names = ("pattern_time", "input_time", "spikes_inputs_time")  # the last: a classification has its background
    if not any(data[name].size for name in names if name in data):
        yield Note("no input", "inputs", n_in, n_in, "no input unit spikes: there is nothing to learn from")
    if "target_time" in data and not data.target_time.size:
        text = "no output unit has a target spike: all that can be learned is silence"
        yield Note("no target", "output", n_out, n_out, text)


def _schedule(data):
    duration, burn_in = _protocol(data)
    n = int(data.attrs["n_synapses"])
    if burn_in >= duration:
        text = f"nothing is learned: the run of {_s(duration)} lies within the burn-in of {_s(burn_in)} (--burn-in)"
        yield Note("burn-in", "run", n, n, text)
        return
    every = _parameter(data, _equations(data)["optimizer"]["interval"])
    if every and np.ceil(max(burn_in, every) / every - 1e-9) * every >= duration - 1e-9:
        text = (
            f"nothing is learned: weights change every {_s(every)}, and no such time lies between the end of burn-in at "
            f"{_s(burn_in)} and the end at {_s(duration)}"
        )
        yield Note("no update", "run", n, n, text)


def _outputs(data):
    """Silent and saturated output units over the last blocks of learning that make up `PERIODS`."""
    ends = data.time.values
    begins = np.r_[0, ends[:-1]]
    learning = begins >= _protocol(data)[1] - 1e-9
    if not learning.any():
        return
    late = learning & (ends > ends[-1] - PERIODS * data.attrs["period_s"] + 1e-9)
    since, rates, n = float(begins[late][0]), data.rate.values[late], populations(data)["output"]
    when = f"from {_s(since)} to {_s(ends[-1])}"
    wanted = _wanted(data, since, float(ends[-1]))
    silent = [unit for unit in wanted if not rates[:, unit].any()]
    if silent:
        text = f"{len(silent)} of {len(wanted)} output units that have targets did not spike {when}: {_some(silent)}"
        yield Note("silent", "output", len(silent), len(wanted), text)
    refractory = _parameter(data, _equations(data)["neuron"]["refractory"])
    if refractory is None:
        return
    limit = 1 / (refractory + time_step(data))
    full = np.flatnonzero((rates >= NEAR_LIMIT * limit).all(axis=0))
    if full.size:
        at_limit = f"spiked at their refractory limit, {measured(limit, 'Hz', 3)}, {when}"
        text = f"{full.size} of {n} output units {at_limit}: {_some(full)}"
        yield Note("saturated", "output", int(full.size), n, text)


def _wanted(data, since, until):
    """Output units that should have spiked."""
    if "trial_potential" in data or "target_signal" in data:  # the answer is no spike
        return []
    if "target_unit" in data:
        return np.unique(data.target_unit.values).tolist()
    shown = (data.trial_onset.values >= since) & (data.trial_deadline.values <= until)
    return np.unique(data.trial_class.values[shown]).tolist()


def _hidden(data):
    beside = np.flatnonzero(~_while_learning(data))
    period = (
        data.probe_time.size * time_step(data) >= data.attrs["period_s"] - 1e-9
    )  # in a part of it silence may be right
    if not period or not beside.size or float(data.probe_start[beside[-1]]) <= _protocol(data)[1]:
        return
    for name, n in list(populations(data).items())[1:-1]:
        if not (data[f"spikes_{name}_probe"].values == beside[-1]).any():
            text = f"{_words(name)} is silent: none of its {n} units spikes in the last probe window"
            yield Note("hidden silent", name, n, n, text)


def _weights(data):
    learned = data.time.values > _protocol(data)[1] + 1e-9
    if not learned.any():
        return
    rate = "" if data.r0.values[learned].any() else ": the learning rate r0 is 0"
    fractions = at_bound(data)
    for group, found in _plastic(data).items():
        end = data[f"weights_{found.label}_end"].values
        start = data[f"weights_{found.label}_start"].values.astype(end.dtype)
        path = f"from {_words(found.source)} to {_words(found.target)}"
        if np.array_equal(start, end):
            text = f"none of the {end.size} weights {path} has changed{rate}"
            yield Note("unchanged", group, end.size, end.size, text)
        elif fractions.get(group, 0) >= MANY:
            bound = _bound(data, found)
            text = f"{fractions[group]:.0%} of the weights {path} are at their bound, {readable(bound * volt)}"
            yield Note("at bound", group, round(fractions[group] * end.size), end.size, text)


def _windows(data):
    # windows that are part of the run may end with it
    ends = data.probe_start.values[:, None] + data.probe_time.values
    known = ~_while_learning(data)[:, None] | (ends < data.attrs["simulated_s"] - time_step(data) / 2)
    for name, values in data.data_vars.items():
        if values.dims[:2] == ("probe", "probe_time"):
            points = values.values[known]
            if n := int(np.count_nonzero(~np.isfinite(points))):
                text = f"{name} is not finite at {n} of {points.size} points of the probe windows"
                yield Note("not finite", str(name), n, int(points.size), text)


def _while_learning(data):
    """Which probe windows are part of the run."""
    return data.probe_learning.values.astype(bool) if "probe_learning" in data else np.zeros(data.sizes["probe"], bool)


def _protocol(data):
    stored = json.loads(data.attrs["protocol"])
    return stored["duration"][0], stored["burn_in"][0]


def _equations(data):
    return json.loads(data.attrs["equations"])


def _parameter(data, name):
    """Value of a parameter (SI units); None if the model has none of the name."""
    found = np.flatnonzero(data.parameter_name.values == name)
    return float(data.parameter_value.values[found[0]]) if found.size else None


def time_step(data: xr.Dataset) -> float:
    """Time step of a run (s)."""
    return float(data.attrs["dt_s"]) if "dt_s" in data.attrs else float(data.probe_time[1] - data.probe_time[0])


def _words(population):
    """A population as texts call it."""
    if population in ("inputs", "output", "targets"):
        return f"the {population}"
    return f"hidden layer {population[7:]}" if re.fullmatch(r"hidden_\d+", population) else f"population {population}"


def _plastic(data):
    """Projections that learn."""
    return {name: found for name, found in projections(data).items() if found.plastic}


def _some(units, n=5):
    return f"unit{'s' * (len(units) > 1)} {', '.join(map(str, units[:n]))}{', ...' * (len(units) > n)}"


def _s(seconds):
    return measured(seconds, "s", 6)

"""The part of a run's dataset that its probe windows make: spikes, and the state of some units and synapses."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..network.probes import recorded, variables_of
from ..network.structure import Structure
from ..network.synapses import ends_of
from ..network.trials import trial_source
from ..spec.run import RunSpec
from ..values.as_json import unit_text
from ..values.hints import State
from .trials import Labelled, labelled

_LONG = {  # names of well-known variables; their units are those of the equations
    "U": "membrane potential",
    "U_target": "target of the membrane potential",
    "error": "error signal",
    "sigma_prime": "surrogate derivative",
    "eligibility": "eligibility trace",
    "m": "accumulated gradient",
    "w": "synaptic weight",
}


def probe_windows(records: Sequence[State], last: State | None, spec: RunSpec, step: int) -> list[dict[str, Any]]:
    """Probe windows of a run in the order of their start, as `superspike_brian.runs.loop` recorded them.

    Parameters
    ----------
    records : list of dict
        Of the start and of every block up to `step`.
    last : dict, optional
        Window after the last block.
    spec : RunSpec
        What the run is.
    step : int
        Last time step that is known.

    Returns
    -------
    list of dict
        ``probe/MONITOR.VARIABLE``; ``learning``: whether it is part of the run.
    """
    apart = [r for r in records if any(k.startswith("probe/probe_") for k in r)] + ([last] if last else [])
    windows: list[dict[str, Any]] = [{**w, "learning": False} for w in apart]
    windows += _while_learning(records, spec, step)
    return sorted(windows, key=lambda w: (_times(w)[0], w["learning"]))


def _while_learning(records, spec, step):
    mine, dt = trial_source(spec.task, spec.structure, spec.seed), float(spec.dt)
    pieces = [r for r in records if any(k.startswith("learning/") for k in r)]
    keys = [k for k in pieces[0] if k.startswith("learning/")] if pieces else []
    joined = {k: np.concatenate([r[k] for r in pieces]) for k in keys}
    for start, stop in spec.protocol.learning_windows(spec.dt, spec.task.period):
        window = {"learning": True}
        for key, values in joined.items():
            steps = np.rint(joined[f"{key.rpartition('.')[0]}.t"] / dt).astype(int)
            rows = values.reshape(len(steps), values.size // max(len(steps), 1))
            window[key.replace("learning", "probe", 1)] = rows[(steps >= start) & (steps < stop)].ravel()
        if mine:
            trials = mine.trials(min(stop, step))
            trials = trials.select(trials.onset >= start)
            window |= {f"probe/trials.{k}": v for k, v in dataclasses.asdict(trials).items()}
        if start < step:
            yield window


def _times(window):
    return next(v for k, v in window.items() if k.startswith("probe/probe_") and k.endswith(".t"))


def probe_variables(structure: Structure, windows: Sequence[dict[str, Any]], seed: int) -> dict[str, Labelled]:
    """Variables of the dataset for all probe windows; those that the run's end has cut short are filled up with NaN."""
    found = {}
    for name in ("inputs", "targets", *structure.populations[1:]):
        dim = f"spikes_{name}"
        none = np.zeros(0)  # of targets that are a signal
        times, units = ([w.get(f"probe/{dim}.{v}", none) for w in windows] for v in "ti")
        probe = np.repeat(np.arange(len(windows)), [len(t) for t in times])
        found[f"{dim}_time"] = labelled(dim, np.concatenate(times), "s", f"spike time of {name} in a probe window")
        found[f"{dim}_unit"] = labelled(dim, np.concatenate(units).astype(np.int32), "1", f"unit of {name}")
        found[f"{dim}_probe"] = labelled(dim, probe.astype(np.int32), "1", "probe window, from 0")
    times = [_times(w) for w in windows]
    longest = max(times, key=len)
    learning = np.array([w["learning"] for w in windows], np.int8)
    found["probe_start"] = labelled("probe", [t[0] for t in times], "s", "start of the probe window")
    found["probe_learning"] = labelled("probe", learning, "1", "1: part of the run; 0: beside it, without plasticity")
    found["probe_time"] = labelled("probe_time", longest - longest[0], "s", "time in the probe window")
    variables = variables_of(structure)
    for group, (watched, numbers) in recorded(structure).items():
        kind = "synapse" if group in structure.projections else "unit"
        dim = f"probed_{kind}_{group}"
        for variable in sorted(watched):
            if any(f"probe/probe_{group}.{variable}" not in w for w in windows):  # read in part
                continue
            rows = [w[f"probe/probe_{group}.{variable}"].reshape(-1, len(numbers)) for w in windows]
            unit = unit_text(variables[group][variable])
            text = "volt" if unit == "V" else unit, _LONG.get(variable, f"{variable} of {group}")
            stacked = np.stack([_filled(r, len(longest)) for r in rows])
            found[f"{variable}_{group}"] = labelled(("probe", "probe_time", dim), stacked, *text)
        if kind == "unit":
            found[dim] = labelled(dim, numbers.astype(np.int32), "1", f"unit of {group}")
    return found | _probed_synapses(structure, seed)


def _filled(rows, n):
    if len(rows) == n:
        return rows
    missing = np.full((n - len(rows), rows.shape[1]), np.nan, np.result_type(rows, np.float32))
    return np.concatenate([rows, missing])


def _probed_synapses(structure, seed):
    found = {}
    for group, projection in structure.projections.items():
        if group in recorded(structure):
            numbers = structure.probed_synapses(group)
            for side, units in zip(("pre", "post"), ends_of(structure, group, numbers, seed), strict=True):
                text, name = f"{side}synaptic unit of a probed synapse", f"probed_{side}_{projection.label}"
                found[name] = labelled(f"probed_synapse_{group}", units.astype(np.int32), "1", text)
    return found

"""Models, architectures and tasks as JSON and arrays: text and numbers only, so that reading them executes nothing.

Labelled samples are not among the arrays: a task names them by their key (`superspike_brian.results.samples`).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import numpy as np
from brian2 import Hz, Quantity, second, volt

from ..models import Architecture, Component, Model, Pathway, Population, Projection, specification
from ..models.connectivity import Pairs
from ..tasks import Classification, LabelledSpikes, LabelledTask, Signal, SpikePattern, Task
from ..values.as_json import quantity_from_json, quantity_to_json
from ..values.hints import Array
from ..values.renamed import IN_TASKS

_TRIALS = {"background": Hz, "response_window": second, "pause_min": second, "pause_mean": second, "period": second}
_KINDS = get_type_hints(specification.Model)
_RECORDS: dict[str, Any] = {"populations": Population, "projections": Projection, "pathways": Pathway}


def model_to_json(model: Model) -> dict[str, dict[str, Any]]:
    """Equation strings, parameters and sources of every component."""
    return {kind: _component_to_json(component) for kind, component in model.components.items()}


def model_from_json(stored: Mapping[str, Mapping[str, Any]]) -> Model:
    """Inverse of `model_to_json`; the model checks itself again."""
    return specification.Model(**{kind: _component_from_json(kind, text) for kind, text in stored.items()})


def _component_to_json(component):
    return {
        "name": component.name,
        "source": component.source,
        "strings": component.strings,
        "parameters": {k: quantity_to_json(v) for k, v in component.parameters.items()},
    }


def _component_from_json(kind, text):
    parameters = {k: quantity_from_json(v) for k, v in text["parameters"].items()}
    return _KINDS[kind](text["name"], parameters=parameters, source=text["source"], **text["strings"])


def architecture_to_json(architecture: Architecture) -> tuple[dict[str, Any], dict[str, Any]]:
    """Populations, projections and pathways as JSON, which names the arrays, and the arrays."""
    arrays: dict[str, Any] = {}

    def plain(record, field, key):
        value = getattr(record, field)
        if isinstance(value, Component):
            return {"component": _component_to_json(value)}
        if isinstance(value, Quantity):
            return {"quantity": quantity_to_json(value)}
        if isinstance(value, Pairs):
            arrays[key] = value.units
            return {"pairs": key, "shape": None if value.shape is None else list(value.shape)}
        if isinstance(value, np.ndarray):
            arrays[key] = value
            return {"array": key}
        return value

    records = {
        kind: [
            {f.name: plain(r, f.name, f"{kind}_{n}_{f.name}") for f in dataclasses.fields(r)}
            for n, r in enumerate(getattr(architecture, kind))
        ]
        for kind in _RECORDS
    }
    return records, arrays


def architecture_from_json(stored: Mapping[str, Any], arrays: Mapping[str, Array]) -> Architecture:
    """Inverse of `architecture_to_json`; the records check themselves again."""

    def value(field, entry):
        if not isinstance(entry, dict):
            return entry
        if "component" in entry:
            return _component_from_json(field, entry["component"])
        if "quantity" in entry:
            return quantity_from_json(entry["quantity"])
        if "pairs" in entry:
            return Pairs(arrays[entry["pairs"]], None if entry["shape"] is None else tuple(entry["shape"]))
        return arrays[entry["array"]]

    return Architecture(
        **{
            kind: [record(**{name: value(name, entry) for name, entry in found.items()}) for found in stored[kind]]
            for kind, record in _RECORDS.items()
        }
    )


def task_to_arrays(task: Task | Classification | LabelledTask) -> dict[str, Any]:
    """Return a task as a dict of arrays."""
    arrays = {"name": np.array(task.name), "source": np.array(task.source)}
    if isinstance(task, LabelledTask):
        return arrays | _labelled_to_arrays(task)
    if isinstance(task, Task):
        return arrays | _pattern_to_arrays("inputs", task.inputs) | _targets_to_arrays(task.targets)
    for k, pattern in enumerate(task.patterns):
        arrays |= _pattern_to_arrays(f"pattern_{k}", pattern)
    return arrays | {"classes": np.array(task.classes)} | {name: float(getattr(task, name)) for name in _TRIALS}


def _labelled_to_arrays(task):
    found: dict[str, Any] = {name: float(getattr(task, name)) for name in ("response_window", "pause")}
    for part, samples in samples_of(task).items():
        found |= {f"{part}_{field}": np.array(getattr(samples, field)) for field in ("key", "name", "source")}
    return found


def samples_of(task: Task | Classification | LabelledTask) -> dict[str, LabelledSpikes]:
    """Labelled samples of a task, by what they are for."""
    if not isinstance(task, LabelledTask):
        return {}
    return {part: s for part in ("training", "test") if (s := getattr(task, part)) is not None}


def _targets_to_arrays(targets):
    if isinstance(targets, Signal):
        return {"targets_values": np.asarray(targets.values), "targets_step": float(targets.step)}
    return _pattern_to_arrays("targets", targets)


def _targets_from_arrays(arrays):
    if "targets_values" in arrays:
        return Signal(arrays["targets_values"] * volt, float(arrays["targets_step"]) * second)
    return _pattern_from_arrays("targets", arrays)


def _pattern_to_arrays(name, pattern):
    return {
        f"{name}_n": pattern.n,
        f"{name}_ids": pattern.ids,
        f"{name}_times": np.asarray(pattern.times),
        f"{name}_period": float(pattern.period),
    }


def _pattern_from_arrays(name, arrays):
    period, times = (float(arrays[f"{name}_period"]) * second, arrays[f"{name}_times"] * second)
    return SpikePattern(int(arrays[f"{name}_n"]), arrays[f"{name}_ids"], times, period)


def task_from_arrays(
    arrays: Mapping[str, Array], samples: Callable[[str, str, str], LabelledSpikes]
) -> Task | Classification | LabelledTask:
    """Inverse of `task_to_arrays`; `samples` gets labelled ones from key, name and source."""
    arrays = {IN_TASKS.get(key, key): value for key, value in arrays.items()}  # as older versions stored them
    name, source = str(arrays["name"]), str(arrays["source"])
    if "training_key" in arrays:
        parts = {
            part: samples(*(str(arrays[f"{part}_{field}"]) for field in ("key", "name", "source")))
            for part in ("training", "test")
            if f"{part}_key" in arrays
        }
        times = {field: float(arrays[field]) * second for field in ("response_window", "pause")}
        return LabelledTask(name, **parts, **times)
    if "classes" not in arrays:
        return Task(name, _pattern_from_arrays("inputs", arrays), _targets_from_arrays(arrays), source)
    classes: Any = arrays["classes"]  # checked where the task is made
    patterns = [_pattern_from_arrays(f"pattern_{k}", arrays) for k in range(len(classes))]
    timing = {name: float(arrays[name]) * unit for name, unit in _TRIALS.items()}
    return Classification(name, patterns, classes, source=source, **timing)

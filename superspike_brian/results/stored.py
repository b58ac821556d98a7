"""What a run folder holds, read back as objects. It may come from anybody: everything is checked, nothing is executed.

Each function raises `RunFolderError` with the name of the file, what is wrong in it, and what to do.
"""

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import get_dimensions, second

from ..files.durable import RunFolderError
from ..models.architecture import MAX_SYNAPSES
from ..network.structure import Structure
from ..spec.protocol import Protocol
from ..spec.run import PLAIN, RunSpec
from ..spec.serialize import task_from_arrays
from ..values.as_json import quantity_from_json, value_from_json
from ..values.hints import State
from ..values.quantities import readable
from . import samples
from .folder import RunFolder

TEXT = 20_000  #        characters of an equation string or a citation, at most
NAME = 200  #           of a name
BLOCKS = 10_000_000
_FAULTS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)


def stored_request(folder: RunFolder) -> dict:
    """Return what ``run.json`` holds, its form checked; RunFolderError if it is damaged or not this program's."""
    return request(folder, PLAIN)


def stored_spec(folder: RunFolder) -> RunSpec:
    """Return the spec of a run folder; RunFolderError, naming the file, if what it holds is none."""
    found, arrays = stored_request(folder), folder.task_arrays
    with reading(folder.path / "task.npz"):
        learned = task_from_arrays(arrays, partial(samples.get, folder.path.absolute().parent))
    with reading(folder.path / "run.json"):
        course = Protocol(**{name: value_from_json(value) for name, value in found["protocol"].items()})
        check_length(course, found["dt"][0])
        return RunSpec.from_json(found, learned, arrays)


@contextmanager
def reading(path: Path | str, remedy: str = "put a copy of it back") -> Iterator[None]:
    """Turn whatever the content of a file leads to into a message about the file."""
    try:
        yield
    except _FAULTS as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        reason = " ".join(str(error).split())
        raise RunFolderError(f"{path} cannot be used ({kind}{reason:.500}): {remedy}") from error


def request(folder: RunFolder, options: Collection[str]) -> dict[str, Any]:
    """What was asked for, as a dict whose entries have the right form; `options`: names that it may have besides."""
    found = folder.request
    with reading(folder.path / "run.json"):
        if unknown := sorted(found.keys() - FORMS.keys() - set(options)):
            raise ValueError(f"it has an entry {unknown[0]!r:.80}, which this version does not know")
        if missing := [name for name in ALWAYS if name not in found]:
            raise ValueError(f"it has no entry {missing[0]!r}")
        for name, value in found.items():
            FORMS.get(name, _value)(name, value)
    return found


def check_length(course: Protocol, dt: float) -> None:
    """Raise ValueError if a protocol has more blocks or steps (of `dt` seconds) than any machine can do."""
    times = (course.block, course.snapshot_every, course.probe_every)
    shortest = min(float(time) for time in times if time is not None)
    if not float(course.duration) / max(shortest, dt) < BLOCKS or not float(course.duration) / dt < 2**53:
        raise ValueError(f"{readable(course.duration)} in blocks of {shortest:g} s and steps of {dt:g} s are too many")


def check_state(state: State, network: Structure) -> None:
    """Raise ValueError unless the state of a checkpoint fits the network: what would write outside its arrays.

    Parameters
    ----------
    state : dict of str to ndarray
        What a checkpoint holds.
    network : Structure
        What the run simulates.
    """
    for name in network.projections:
        if state[f"{name}.w"].size != network.n_synapses_of(name):
            raise ValueError(
                f"{name}.w has {state[f'{name}.w'].size} weights, and the network {network.n_synapses_of(name)} of "
                f"{network.shape(name)} units"
            )
    for name in network.generators:
        if f"{name}.neuron_index" not in state:  # at the start of trials
            continue
        ids, size = state[f"{name}.neuron_index"], network.size(name)
        if ids.shape != state[f"{name}._timebins"].shape or (ids.size and not (ids.min() >= 0 and ids.max() < size)):
            raise ValueError(f"{name}.neuron_index has spikes of other units than its {size}")
    for name, flat in state.items():
        if name.endswith(".queue"):
            _check_queue(name, flat, _connections(name, network))


def _connections(pathway, network):
    """Number of synapses (of a source's units, for axons) that spikes in flight of a pathway can be at."""
    group = pathway.removesuffix("_pre.queue")
    if group in network.projections:
        return network.n_synapses_of(group)
    for projection in network.projections.values():
        if group == f"axons_{projection.label}":
            own_delays = network.has_delays(projection.name)
            return network.n_synapses_of(projection.name) if own_delays else network.size(projection.source)
    for way in network.pathways.values():
        if group in network.feedback_groups(way):
            return network.size(way.target) * network.sizes[-1]
    return network.sizes[-1]


def _check_queue(name, flat, limit):
    """Refuse spikes in flight (format: ``codegen/superspike.h``) that lead outside the queue or the network."""
    if flat.ndim != 1 or not np.issubdtype(flat.dtype, np.integer):
        raise ValueError(f"{name} is no list of whole numbers")
    at = 0
    while at < flat.size:
        stop = at + 1 + int(flat[at])
        spikes = flat[at + 1 : stop]
        if stop <= at or stop > flat.size or (spikes.size and not (spikes.min() >= 0 and spikes.max() < limit)):
            raise ValueError(f"{name} has spikes that the network cannot have")
        at = stop


# the form of each entry of run.json


def _text(limit):
    def check(name, value):
        if not isinstance(value, str) or len(value) > limit or "\0" in value:
            raise ValueError(f"{name} is {value!r:.80}; expected text of at most {limit} characters")

    return check


def _number(name, value):
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r:.80}; expected a finite number")


def _whole(name, value):
    if type(value) is not int or not 0 <= value < 2**128:
        raise ValueError(f"{name} is {value!r:.80}; expected a whole number from 0 on")


def check_quantity(name: str, value: Any) -> None:
    """Raise ValueError unless a value has the form that `serialize.quantity_to_json` gives it."""
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[1], list) or len(value[1]) != 7:
        raise ValueError(f"{name} is {value!r:.80}; expected a value, exponents of the seven base units, and a text")
    if type(value[0]) not in (int, float):  # whether it makes sense is the model's to say
        raise ValueError(f"{name} is {value[0]!r:.80}; expected a number")
    for exponent in value[1]:
        _number(name, exponent)
    if any(abs(exponent) > 100 for exponent in value[1]):
        raise ValueError(f"{name} has a unit without meaning: exponents {value[1]}")
    _text(NAME)(name, value[2])


def _step(name, value):
    check_quantity(name, value)
    if get_dimensions(quantity_from_json(value)) is not second.dim or not 0 < value[0] < math.inf:
        raise ValueError(f"{name} is {value[2]!r}; expected a time above 0")


def _sizes(name, value):
    if not isinstance(value, list) or not 2 <= len(value) <= 1000:
        raise ValueError(f"{name} is {value!r:.80}; expected the sizes of at least two layers")
    for size in value:
        if type(size) is not int or not 1 <= size <= MAX_SYNAPSES:
            raise ValueError(f"{name} has a layer of {size!r:.80} units; expected a whole number from 1 on")


def _model(name, value):
    _mapping(name, value)
    for kind, component in value.items():
        _mapping(f"{name} {kind}", component)
        if component.keys() != {"name", "source", "strings", "parameters"}:
            raise ValueError(f"{name} {kind} has {sorted(component)!r:.80}; expected name, parameters, source, strings")
        _text(NAME)(f"the name of {kind}", component["name"])
        _text(TEXT)(f"the source of {kind}", component["source"])
        _mapping(f"strings of {kind}", component["strings"])
        for field, code in component["strings"].items():
            _text(TEXT)(f"{field} of {kind}", code)
        _mapping(f"parameters of {kind}", component["parameters"])
        for symbol, quantity in component["parameters"].items():
            check_quantity(f"{symbol} of {kind}", quantity)


def _network(name, value):
    _mapping(name, value)
    if value.keys() != {"populations", "projections", "pathways"}:
        raise ValueError(f"{name} has {sorted(value)!r:.80}; expected populations, projections and pathways")
    for kind, records in value.items():
        if not isinstance(records, list) or len(records) > 1000:
            raise ValueError(f"{kind} of the network: expected a list of records, not {records!r:.80}")
        for record in records:
            _mapping(f"{kind} of the network", record)
            for field, entry in record.items():
                _entry(f"{field} of {kind}", field, entry)


def _entry(name, field, entry):
    """The form of a field of an architecture's record; what it may be, the record says."""
    if not isinstance(entry, dict):
        _text(TEXT)(name, entry) if isinstance(entry, str) else _value(name, entry)
    elif entry.keys() == {"component"}:
        _model(name, {field: entry["component"]})
    elif entry.keys() == {"quantity"}:
        check_quantity(name, entry["quantity"])
    elif entry.keys() == {"array"}:
        _text(NAME)(name, entry["array"])
    elif entry.keys() == {"pairs", "shape"}:
        _text(NAME)(name, entry["pairs"])
        for size in entry["shape"] or []:
            _whole(name, size)
    else:
        raise ValueError(f"{name} is {entry!r:.80}; expected a value, a component or an array")


def _mapping(name, value):
    if not isinstance(value, dict) or len(value) > 1000:
        raise ValueError(f"{name:.80} is {value!r:.80}; expected names and values")
    for key in value:
        if not key.isidentifier() or len(key) > NAME:
            raise ValueError(f"{name:.80} has an entry {key!r:.80}, which is no name")


def _protocol(name, value):
    _mapping(name, value)
    for field, entry in value.items():
        _value(field, entry)


def _value(name, value, depth=3):
    """The form of an option's value (see `serialize.value_to_json`); what it may be, `RunSpec` says."""
    if isinstance(value, dict) and value.keys() == {"list"} and isinstance(value["list"], list) and depth:
        for part in value["list"]:
            _value(name, part, depth - 1)
    elif isinstance(value, list):
        check_quantity(name, value)
    elif isinstance(value, str):
        _text(NAME)(name, value)
    elif value is not None and not isinstance(value, bool):
        _number(name, value)


def _provenance(name, value):
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name} is {value!r:.80}; expected what was run, when and where")
    for entry in value:
        _mapping(name, entry)
        for key in ("date", "command", "machine"):
            _text(TEXT)(key, entry[key])


FORMS = {
    "format": _whole,
    "model": _model,
    "sizes": _sizes,
    "network": _network,
    "dt": _step,
    "protocol": _protocol,
    "provenance": _provenance,
    "identity": _text(NAME),
    "task_checksum": _text(NAME),
}
ALWAYS = ("model", "sizes", "protocol", "provenance", "dt", "seed", "hidden_learning", "device", "precision")

"""A graph of NIR becomes a model and a network that `train` takes: weights of other simulators come over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity, second, volt

from ..models import (
    RANDOM,
    READOUT,
    SUPERSPIKE,
    Architecture,
    Model,
    ModelError,
    Pathway,
    Population,
    Projection,
)
from ..network.structure import DT
from ..values.kinds import Choice, Time
from .constants import check_seconds, jump, neuron, units
from .graph import SOFTWARE, package
from .wiring import CELLS, Connection, check_nodes, connections, flattened, in_order, kind, shape

if TYPE_CHECKING:
    import nir


def from_nir(
    source: Path | str | nir.NIRGraph,
    *,
    unit: Quantity | None = None,
    time_unit: Quantity | None = None,
    dt: Quantity | None = None,
    w_in: str | None = None,
    sparse: bool | None = None,
) -> tuple[Model, Architecture]:
    """Make a model and a network of a graph of NIR, as ``train(task, *from_nir("net.nir"))`` takes them.

    Parameters
    ----------
    source : path or nir.NIRGraph
        A file of NIR, or a graph. What is None below, a graph of `to_nir` says itself.
    unit : Quantity, optional
        What a potential of 1 in the graph is (volt). Where thresholds are 1 and leaks 0, 10 mV suits the learning rule, whose
        neurons have it from rest to threshold.
    time_unit : Quantity, optional
        What a time of 1 in the graph is (second). Default: a second.
    dt : Quantity, optional
        Time step (second) of the simulator that `w_in` is for. Default: 0.1 ms.
    w_in : {'step', 'impulse', 'ignored'}, optional
        What a spike adds to the current: ``w_in*weight*dt/tau_syn``, as it is 1 for one time step; ``w_in*weight/tau_syn``, as
        a Dirac impulse; or the weight, whatever `w_in` is. Default: 'step'.
    sparse : bool, optional
        Whether a weight of 0 is no synapse. Default: it is one, which learns.

    Returns
    -------
    Model, Architecture
        `SUPERSPIKE`, or `READOUT` where the output is a `CubaLI`, with the graph's constants of neurons, and the refractory
        period that its metadata say (0 if they say none). Projections have the graph's weights as initial ones, and are
        plastic; errors come by symmetric feedback to populations with one projection to the output, by random feedback to
        others. ``w_max`` is at least the largest weight.

    Raises
    ------
    MissingPackageError
        If the package nir is not installed.
    ValueError
        If the graph has a node or parameters without a counterpart, by name; or does not say its unit.
    """
    graph = _read(source)
    said = graph.metadata if str(graph.metadata.get("software", "")).startswith(SOFTWARE) else {}
    scale = units(said, unit, time_unit)
    step = float(said.get("dt", DT)) if dt is None else float(Time("0.1ms").check(dt, "dt"))
    meaning = Choice("step", known=("step", "impulse", "ignored")).check("step" if w_in is None else w_in, "w_in")
    check_nodes(graph)
    names = _names(graph, said)
    cells = {node: graph.nodes[node] for node in names if kind(graph.nodes[node]) in CELLS}
    if time_unit is None and not said:
        check_seconds(cells)
    neurons = {names[node]: neuron(node, cell, scale, said) for node, cell in cells.items()}
    projections = []
    for way in connections(graph):
        weights = way.weights * jump(cells[way.target], step / scale.time, meaning) * scale.potential
        zeros = bool(said.get("sparse", {}).get(way.name, not way.name)) if sparse is None else bool(sparse)
        projections.append(_projection(way, weights, way.delays * scale.time, names, zeros))
    sizes = {name: shape(graph.nodes[node])[0] for node, name in names.items() if name != "targets"}
    readout = kind(cells[next(node for node, name in names.items() if name == "output")]) == "CubaLI"
    return _assembled(READOUT if readout else SUPERSPIKE, neurons, sizes, projections)


def _read(source):
    if not isinstance(source, str | os.PathLike):
        if kind(source) != "NIRGraph":
            raise ValueError(f"expected the path of a file of NIR, or a nir.NIRGraph, not {source!r:.80}")
        return flattened(source)
    path = Path(source).expanduser()
    nir = package()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    try:
        return flattened(nir.read(path))
    except Exception as error:  # whatever a file of another form leads to
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} cannot be read as NIR ({type(error).__name__}: {reason:.300})") from error


def _names(graph, said):
    """What inputs and populations are called here, by node."""
    nodes = {name: kind(graph.nodes[name]) for name in in_order(graph)}
    inputs = [n for n in nodes if nodes[n] == "Input" and n != "targets"]
    outputs = [a for a, b in graph.edges if nodes[b] == "Output"]
    if len(inputs) != 1 or len(outputs) != 1 or nodes[outputs[0]] not in CELLS:
        raise ValueError(
            f"expected one Input (besides 'targets') and one population before one Output; there are the inputs "
            f"{', '.join(inputs) or 'none'}, and before outputs {', '.join(outputs) or 'nothing'}"
        )
    known, found = said.get("populations", {}), {inputs[0]: "inputs", outputs[0]: "output"}
    for number, node in enumerate(n for n in nodes if n not in found and nodes[n] in (*CELLS, "Input")):
        if nodes[node] == "CubaLI":
            raise ValueError(f"the node '{node}' is a CubaLI, which never spikes: only the output can be one")
        name = str(known.get(node, node))
        free = name not in found.values() and (name == "targets" or _fits(Population, name=name, size=1))
        found[node] = name if free else f"population_{number + 1}"
    return found


def _fits(record, **fields):
    """Whether a record takes a name."""
    try:
        record(**fields)
    except ModelError:
        return False
    return True


def _projection(way: Connection, weights, delays, names, sparse):
    """The projection of a connection, with its weights (V) and delays (s)."""
    source, target = names[way.source], names[way.target]
    delay: Any = delays if np.ptp(delays) else float(delays.flat[0]) * second
    chosen: dict[str, Any] = {"self_connections": source == target, "initial": weights * volt}
    if sparse:
        pairs = np.argwhere(weights)
        chosen = {"connect": pairs, "initial": weights[tuple(pairs.T)] * volt}
    free = way.name not in names.values() and _fits(Projection, source=source, target=target, name=way.name)
    return Projection(source, target, delay=delay, name=way.name if free else "", **chosen)


def _assembled(base, neurons, sizes, projections):
    """Model and network; the model's neuron is that of the output."""
    mine = neurons["output"]
    largest = max(float(np.max(np.abs(p.initial))) for p in projections)
    model = base.replace(neuron=mine, w_max=max(float(base.parameters["w_max"]), largest) * volt)
    own = {name: None if other == mine else other for name, other in neurons.items()}
    populations = [Population(name, n, neuron=own.get(name)) for name, n in sizes.items()]
    back = [p.source for p in projections if p.target == "output"]
    ways = [
        Pathway("output", p, None if back.count(p) == 1 else RANDOM) for p in sizes if p not in ("inputs", "output")
    ]
    return model, Architecture(populations, projections, ways)

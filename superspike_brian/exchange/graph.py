"""A network as a graph of NIR.

===================  ======================================================================================================
here                 there
===================  ======================================================================================================
inputs, targets      `Input`
population           `CubaLIF`; `CubaLI` where the output is read by its potential
projection           `Linear` of the population's weights [post, pre], behind a `Delay` unless that is 0
output               its population's way to the one `Output`
===================  ======================================================================================================

NIR does not say what a spike is to a `CubaLIF`. Here it is 1 for one time step, as for most simulators that read it: the
current then grows by ``w_in * weight * dt/tau_syn``, and ``w_in = tau_syn/dt`` makes that the weight.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..errors import MissingPackageError
from ..network.structure import Structure
from ..network.synapses import delays, pairs
from ..values.hints import Floats, State
from .membrane import Membrane, current_of, membrane

if TYPE_CHECKING:
    import nir

SOFTWARE = "superspike_brian"
W_IN = "tau_syn/dt: a spike is 1 for one time step dt, and adds its weight to the current"


def package() -> Any:
    """The package nir; MissingPackageError, saying how to get it, if it is not installed."""
    try:
        import nir
    except ImportError as error:
        raise MissingPackageError(
            f"NIR needs the package nir, which cannot be imported ({error}): pip install 'superspike_brian[nir]'"
        ) from None
    return nir


def graph(structure: Structure, state: State, seed: int, scaled: bool = False) -> nir.NIRGraph:
    """Make the graph of a network.

    Parameters
    ----------
    structure : Structure
        The network.
    state : dict of str to ndarray
        Its weights (V), as ``forward_1.w``.
    seed : int
        Of sparse pairs and of delays.
    scaled : bool
        As for `superspike_brian.exchange.nir.to_nir`, which has the same errors.

    Returns
    -------
    nir.NIRGraph
    """
    nir, dt = package(), float(structure.dt)
    names = {"inputs": "input", "targets": "targets", **{p: p for p in structure.hidden}, "output": "output_units"}
    cells = {p: membrane(structure.models[p], f"Population({p!r})", p == "output") for p in structure.populations[1:]}
    scales = {p: c.threshold - c.rest if scaled else 1.0 for p, c in cells.items()}
    nodes: dict[str, Any] = {"input": nir.Input(np.array([structure.sizes[0]]))}
    edges: list[tuple[str, str]] = []
    sparse: dict[str, int] = {}
    if any(p.source == "targets" for p in structure.projections.values()):
        nodes["targets"] = nir.Input(np.array([structure.sizes[-1]]))
    for p, cell in cells.items():
        _put(nodes, names[p], _neurons(nir, cell, structure.size(p), dt, scales[p], scaled))
    for name, projection in structure.projections.items():
        _check_input(structure, name)
        weights, delay = _weights(structure, name, state, seed), _delay(structure, name, seed)
        way = [names[projection.source], name, names[projection.target]]
        _put(nodes, name, nir.Linear(weights.T / scales[projection.target]))
        if delay.any():
            way.insert(1, f"{name}_delay")
            _put(nodes, way[1], nir.Delay(delay))
        edges += itertools.pairwise(way)
        if not structure.is_dense(name):
            sparse[name] = 1
    nodes["output"] = nir.Output(np.array([structure.sizes[-1]]))
    edges.append((names["output"], "output"))
    about = {
        "software": f"{SOFTWARE} {__version__}",
        "time_unit": "s",
        "unit": "theta - U_rest" if scaled else "V",
        "volt": scales["output"],  # what a potential of 1 is
        "theta": 1.0 if scaled else cells["output"].threshold,
        "dt": dt,
        "w_in": W_IN,
        "populations": {node: population for population, node in names.items() if population != "targets"},
        "refractory": {names[p]: c.refractory for p, c in cells.items() if c.refractory},
        "sparse": sparse,
    }
    return nir.NIRGraph(nodes, edges, about)


def _put(nodes, name, node):
    if name in nodes:
        raise ValueError(
            f"two nodes of the graph would be called '{name}': give the population or projection another name"
        )
    nodes[name] = node


def _neurons(nir, cell: Membrane, n: int, dt: float, scale: float, scaled: bool) -> nir.NIRNode:
    """The node of a population: every unit has the same constants."""
    origin = cell.rest if scaled else 0.0
    constants = {
        "tau_syn": cell.tau_syn,
        "tau_mem": cell.tau_mem,
        "r": cell.resistance,
        "v_leak": (cell.rest - origin) / scale,
        "w_in": cell.tau_syn / dt,
    }
    if cell.spikes:
        constants |= {"v_threshold": (cell.threshold - origin) / scale, "v_reset": (cell.reset - origin) / scale}
    arrays = {name: np.full(n, value, float) for name, value in constants.items()}
    return nir.CubaLIF(**arrays) if cell.spikes else nir.CubaLI(**arrays)


def _check_input(structure, name):
    """Refuse a projection whose spikes act on another variable than those of its target's own neuron."""
    projection = structure.projections[name]
    neurons = structure.models[name].neuron, structure.models[projection.target].neuron
    here, there = (current_of(neuron, projection.where) for neuron in neurons)
    if here != there:
        raise ValueError(
            f"{projection.where}, on_input: its spikes change '{here}', and those of {projection.target} '{there}'; "
            "a neuron of NIR has one current: leave on_input out"
        )


def _weights(structure: Structure, name: str, state: State, seed: int) -> Floats:
    """Weights (V) of a projection, of shape (pre, post); 0 where there is no synapse."""
    w = np.asarray(state[f"{name}.w"], float).ravel()
    if structure.is_dense(name):
        return w.reshape(structure.shape(name))
    whole = np.zeros(structure.shape(name))
    np.add.at(whole, pairs(structure, name, seed), w)
    return whole


def _delay(structure: Structure, name: str, seed: int) -> Floats:
    """Delay (s) of each presynaptic unit of a projection."""
    n_pre, _ = structure.shape(name)
    each = delays(structure, name, seed)
    if each is None:
        return np.full(n_pre, float(structure.models[name].delay))
    pre, _ = pairs(structure, name, seed)
    found = np.zeros(n_pre)
    found[pre] = each
    if not np.array_equal(found[pre], each):
        raise ValueError(
            f"{structure.projections[name].where}, delay: its synapses have delays of their own, {each.min():.4g} s to "
            f"{each.max():.4g} s, and NIR one per presynaptic unit: train with one delay for the projection"
        )
    return found

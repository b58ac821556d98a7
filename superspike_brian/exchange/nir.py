"""A run as a graph of NIR, the Neuromorphic Intermediate Representation, which other simulators and chips read.

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

import io
import itertools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity

from .._version import __version__
from ..errors import MissingPackageError
from ..files.durable import replace_file
from ..network.structure import Structure
from ..network.synapses import delays, pairs
from ..runs.loaded import stored_state
from ..values.hints import Floats, State
from ..values.quantities import readable
from .membrane import Membrane, current_of, membrane

if TYPE_CHECKING:
    import nir

logger = logging.getLogger(__name__)
SOFTWARE = "superspike_brian"
W_IN = "tau_syn/dt: a spike is 1 for one time step dt, and adds its weight to the current"


def to_nir(run: Path | str, at: str | Quantity = "end", *, scaled: bool = False) -> nir.NIRGraph:
    """Make a graph of NIR of a run's network.

    Parameters
    ----------
    run : path
        A run folder, or the ``run.nc`` in it.
    at : {'end', 'start'} or Quantity
        Which weights: those at the end, at the start, or of a snapshot, by its time (second).
    scaled : bool
        Give potentials and weights in units of theta - U_rest, and potentials from U_rest on: leaks are then 0 and thresholds
        1, which some readers ask for. Otherwise they are in volt.

    Returns
    -------
    nir.NIRGraph
        Times in second. Nodes have the names of populations and projections, delays such as ``forward_1_delay``; the `Input`
        is ``input``, the `Output` ``output``, and the population before it ``output_units``. The ``metadata`` say what units
        there are, ``dt``, what ``w_in`` means, the refractory period of each population (second), which NIR does not have,
        and which projections are sparse: their weights are 0 where no synapse is. Plasticity and feedback are left out.

    Raises
    ------
    MissingPackageError
        If the package nir is not installed.
    ValueError
        If NIR cannot say the network: another neuron, delays of single synapses, input to another variable; naming the
        population or projection.
    RunFolderError
        If there is no run.
    """
    spec, step, state = stored_state(run, at)
    found = graph(spec.structure, state, spec.seed, scaled)
    about = {"task": spec.task.name, "seed": str(spec.seed), "simulated": step * float(spec.dt)}
    found.metadata = found.metadata | about
    return found


def export(
    run: Path | str, out: Path | str, at: str | Quantity = "end", overwrite: bool = False, *, scaled: bool = False
) -> None:
    """Write a run's network as a file of NIR, whole or not at all.

    Parameters
    ----------
    run, at, scaled
        As for `to_nir`.
    out : path
        File to write, such as ``net.nir``, in a folder that exists.
    overwrite : bool
        Replace a file that exists.

    Raises
    ------
    FileExistsError, FileNotFoundError
        If `out` exists, or its folder does not.
    MissingPackageError, ValueError, RunFolderError
        As by `to_nir`.
    """
    out = Path(out).expanduser()
    if os.path.lexists(out) and not overwrite:
        raise FileExistsError(f"{out} exists; give overwrite=True to replace it, or another name.")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"{out}: there is no folder {out.parent}; create it first.")
    found, file = to_nir(run, at, scaled=scaled), io.BytesIO()
    package().write(file, found)
    replace_file(out, file.getvalue())


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
    """Make the graph of a network with the weights of a state; arguments and errors are those of `to_nir`."""
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
    refractory = {names[p]: c.refractory for p, c in cells.items() if c.refractory}
    _warn(structure, refractory)
    about = _about(dt, names, sparse, refractory) | {"theta": cells["output"].threshold / scales["output"]}
    about |= (
        {"unit": "theta - U_rest", "volt": scales["output"], "theta": 1.0} if scaled else {"unit": "V", "volt": 1.0}
    )
    return nir.NIRGraph(nodes, edges, about)


def _about(dt, names, sparse, refractory):
    return {
        "software": f"{SOFTWARE} {__version__}",
        "time_unit": "s",
        "dt": dt,
        "w_in": W_IN,
        "populations": {node: population for population, node in names.items() if population != "targets"},
        "refractory": refractory,
        "sparse": sparse,
    }


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
    return (nir.CubaLIF if cell.spikes else nir.CubaLI)(
        **{name: np.full(n, value) for name, value in constants.items()}
    )


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
            f"{each.max():.4g} s, and NIR one a presynaptic unit: train with one delay for the projection"
        )
    return found


def _warn(structure, refractory):
    if not refractory:
        return
    periods = ", ".join(f"{name} {readable(Quantity(t, dim=structure.dt.dim))}" for name, t in refractory.items())
    logger.warning(
        f"NIR has no refractory period ({periods} here): other simulators let neurons spike again at once, and spikes will "
        "differ. Train with tau_ref = 0*ms (--set tau_ref=0ms), or let the reader hold neurons at their reset for the times in "
        "the graph's metadata, under 'refractory'"
    )

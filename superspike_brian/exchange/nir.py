"""A run as a graph of NIR, the Neuromorphic Intermediate Representation, which other simulators and chips read."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from brian2 import Quantity, second

from ..files.durable import replace_file
from ..runs.loaded import load_state
from ..tasks.arguments import file_path, flag
from ..values.quantities import readable
from .graph import graph, package

if TYPE_CHECKING:
    import nir


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
        Times in second. Nodes have the names of populations and projections, delays those of their projections with
        ``delay`` behind; the `Input` is ``input``, the `Output` ``output``, and the population before it ``output_units``.
        The ``metadata`` say what units there are, ``dt``, what ``w_in`` means, the refractory period of each population
        (second), which NIR does not have, and which projections are sparse: their weights are 0 where no synapse is.
        Plasticity and feedback are left out.

    Raises
    ------
    MissingPackageError
        If the package nir is not installed.
    ValueError
        If NIR cannot say the network: another neuron, delays of single synapses, input to another variable; naming the
        population or projection.
    RunFolderError
        If there is no run.

    Warns
    -----
    UserWarning
        If there are refractory periods.
    """
    scaled = flag(scaled, "scaled")
    loaded = load_state(run, at)
    spec = loaded.spec
    found = graph(spec.structure, loaded.state, spec.seed, scaled)
    about = {"task": spec.task.name, "seed": str(spec.seed), "simulated": loaded.step * float(spec.dt)}
    found.metadata = found.metadata | about
    if periods := [f"{name} {readable(t * second)}" for name, t in found.metadata["refractory"].items()]:
        warnings.warn(
            f"NIR has no refractory period ({', '.join(periods)} here): other simulators let neurons spike again at once, and "
            "spikes will differ. Train with tau_ref = 0*ms (--set tau_ref=0ms), or let the reader hold neurons at their reset "
            "for the times in the graph's metadata, under 'refractory'",
            stacklevel=2,
        )
    return found


def export(
    run: Path | str, out: Path | str, at: str | Quantity = "end", overwrite: bool = False, *, scaled: bool = False
) -> tuple[Path]:
    """Write a run's network as a file of NIR, whole or not at all.

    Parameters
    ----------
    run, at, scaled
        As for `to_nir`.
    out : path
        File to write, such as ``net.nir``, in a folder that exists.
    overwrite : bool
        Replace a file that exists.

    Returns
    -------
    tuple of Path
        The file.

    Raises
    ------
    FileExistsError, FileNotFoundError
        If `out` exists, or its folder does not.
    MissingPackageError, ValueError, RunFolderError
        As by `to_nir`.
    """
    path = file_path(out, "out")
    if os.path.lexists(path) and not flag(overwrite, "overwrite"):
        raise FileExistsError(f"{path} exists; give overwrite=True to replace it, or another name.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; create it first.")
    found, file = to_nir(run, at, scaled=scaled), io.BytesIO()
    package().write(file, found)
    replace_file(path, file.getvalue())
    return (path,)

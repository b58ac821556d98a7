"""The populations and projections of a run, read off its dataset; runs of older versions are chains."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from ..network.structure import Structure


class Connection(NamedTuple):
    """A projection: its ends, whether it learns, what its variables in the dataset are called by, and its optimiser's bound.

    `w_max` is in volt, 0 if there is none, and None in runs of older versions, whose projections had that of the model.
    """

    source: str
    target: str
    plastic: bool
    label: str
    w_max: float | None = None


def network(structure: Structure) -> str:
    """What `populations` and `projections` read, as text."""
    bounds = {name: float(structure.models[name].parameters.get("w_max", 0)) for name in structure.projections}
    found = {
        p.name: Connection(p.source, p.target, p.plastic, p.label, bounds[p.name])
        for p in structure.projections.values()
    }
    sizes = dict(zip(structure.populations, structure.sizes, strict=True))
    return json.dumps({"populations": sizes, "projections": {name: list(c) for name, c in found.items()}})


def populations(data: xr.Dataset) -> dict[str, int]:
    """Units of each population, from inputs to output."""
    if "network" in data.attrs:
        return {str(name): int(n) for name, n in json.loads(data.attrs["network"])["populations"].items()}
    sizes = [int(n) for n in np.atleast_1d(data.attrs["sizes"])]
    return dict(zip(["inputs", *(f"hidden_{k}" for k in range(1, len(sizes) - 1)), "output"], sizes, strict=True))


def projections(data: xr.Dataset) -> dict[str, Connection]:
    """Projections by name."""
    if "network" in data.attrs:
        return {name: Connection(*c) for name, c in json.loads(data.attrs["network"])["projections"].items()}
    last = len(populations(data)) - 1
    ends = enumerate(itertools.pairwise(populations(data)), start=1)
    return {
        f"forward_{k}": Connection(a, b, bool(data.attrs["hidden_learning"]) or k == last, str(k)) for k, (a, b) in ends
    }

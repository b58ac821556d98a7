"""Which variables of a run's dataset are coordinates, so that xarray alone plots against times and selects by names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

_COORDINATES = re.compile(
    "time|(snapshot|tests|target_signal)_time|probe_(start|learning)|(trial|test|probe_trial)_(onset|deadline|class)"
    "|parameter_(name|unit|component)|probed_(pre|post)_.*"
)


def with_coordinates(data: xr.Dataset) -> xr.Dataset:
    """Return the dataset of a run, of any version, with its coordinates marked as such; no value changes.

    Parameters
    ----------
    data : xarray.Dataset
        Variables as `superspike_brian.results.dataset` describes them; older versions have none of the marks.

    Returns
    -------
    xarray.Dataset
        ``parameter`` is an index of names. Times (s), classes, and the ends of synapses lie beside their dimensions, without an
        index: those of different runs are never aligned.
    """
    names = {name for name in map(str, data.data_vars) if _COORDINATES.fullmatch(name)}
    labels = [str(dim).removeprefix("synapse_") for dim in data.dims if str(dim).startswith("synapse_")]
    names |= {f"{side}_{label}" for side in ("pre", "post") for label in labels}  # of projections without all pairs
    if "parameter_name" in data and "parameter" not in data:
        data = data.assign_coords(parameter=("parameter", data["parameter_name"].values))
    return data.set_coords(names)

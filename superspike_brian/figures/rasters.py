"""Rasters: spikes of a population in a probe window, drawn by brian2tools."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from brian2 import Quantity, second
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..results.network import populations
from ..values.hints import Floats, Integers
from .style import BLACK

if TYPE_CHECKING:
    import xarray as xr

with warnings.catch_warnings():  # brian2tools 0.2.1.1 imports pkg_resources, which says that it is old
    warnings.filterwarnings("ignore", "pkg_resources is deprecated")
    from brian2tools import plot_raster


def raster(
    axis: Axes, times: Floats, units: Integers, n: int, margin: float = 0.01, unit: Quantity = second, **style: Any
) -> None:
    """Draw spikes as dots on a matplotlib axis that shows all units of a population.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Where to draw.
    times, units : ndarray
        Spike times (s), and the unit of each.
    n : int
        Units of the population.
    margin : float
        Room above and below, as a fraction of n.
    unit : Quantity
        Unit of the time axis.
    **style
        As of `matplotlib.axes.Axes.plot`.
    """
    with warnings.catch_warnings():  # brian2tools names a marker, too
        warnings.filterwarnings("ignore", "marker is redundantly defined")
        plot_raster(units, times * second, time_unit=unit, axes=axis, **{"color": BLACK, "markersize": 2} | style)
    axis.set(xlabel="", ylabel="", ylim=(-0.5 - margin * n, n - 0.5 + margin * n))
    axis.yaxis.set_major_locator(MaxNLocator(n if 3 < n <= 10 else 3, integer=True))


def layers(data: xr.Dataset) -> tuple[list[int], list[str]]:
    """Units of every population, and names of the hidden ones."""
    found = populations(data)
    return list(found.values()), list(found)[1:-1]


def window(data: xr.Dataset, name: str, probe: int) -> tuple[Floats, Integers]:
    """Spike times in the window (s from its start) and units of a population."""
    index = range(data.sizes["probe"])[probe]
    mine = data[f"spikes_{name}_probe"].values == index
    start = float(data.probe_start[index])
    return data[f"spikes_{name}_time"].values[mine] - start, data[f"spikes_{name}_unit"].values[mine]


def looped(data: xr.Dataset, name: str, probe: int) -> tuple[Floats, Integers]:
    """Like `window`, but with times in the task's period, wherever the window begins."""
    times, units = window(data, name, probe)
    return (times + float(data.probe_start[probe])) % data.attrs["period_s"], units

"""Rasters: spikes of a population in a probe window, drawn by brian2tools."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity, second
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator

from ..results.network import populations
from ..values.hints import Floats, Integers
from .palette import BLACK, OUTPUT, TARGET
from .style import above

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
    few = n <= 4
    axis.yaxis.set_major_locator(FixedLocator(range(n)) if few else MaxNLocator(3, integer=True, min_n_ticks=1))


def on_target(
    axis: Axes, target: tuple[Floats, Integers], output: tuple[Floats, Integers], n: int, unit: Quantity = second
) -> None:
    """Draw the spikes of all outputs on those that are wanted of them, with a legend over the panel.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Where to draw.
    target, output : tuple of ndarray
        Times (s) and units of spikes.
    n : int
        Units.
    unit : Quantity
        Unit of the time axis.
    """
    size = float(np.clip(150 / n, 0.8, 3))
    shade: dict[str, Any] = {"marker": "o", "color": TARGET, "alpha": 0.45, "markeredgewidth": 0, "zorder": 1}
    raster(axis, *target, n, unit=unit, markersize=2 * size, **shade)
    spike: dict[str, Any] = {"color": OUTPUT, "markeredgewidth": 0, "zorder": 3, "rasterized": True}
    raster(axis, *output, n, 0.02, unit=unit, markersize=size, **spike)
    axis.plot([], [], linestyle="", markersize=4, label="target", **shade)
    axis.plot([], [], ".", color=OUTPUT, markersize=3, label="output")
    above(axis, 2, handletextpad=0.1)


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

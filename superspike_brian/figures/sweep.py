"""Figures of a sweep: learning curves with median and quartiles, and what every run came to in the end."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from brian2 import Quantity, mV
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ..sweeps.sweep import label
from ..values.quantities import readable
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION, letter, styled

if TYPE_CHECKING:
    import xarray as xr

COLOURS = (BLUE, VERMILION, GREEN, ORANGE, "#CC79A7", "#56B4E9", BLACK)


def conditions(
    data: xr.Dataset, dims: Sequence[Hashable] | None = None, what: str = "cost"
) -> Iterator[tuple[dict[str, Any], xr.DataArray]]:
    """Go through the conditions of a sweep: (dict of name to value, a variable over seed and perhaps block)."""
    dims = [d for d in data.cost.dims if d not in ("seed", "block")] if dims is None else dims
    for index in itertools.product(*(range(data.sizes[d]) for d in dims)):
        values = {str(d): _value(data, d, i) for d, i in zip(dims, index, strict=True)}
        yield values, data[what].isel(dict(zip(dims, index, strict=True)))


def _value(data, dim, index):
    value = data[dim].values[index]
    if data[dim].attrs.get("units") == "V":
        return Quantity(float(value), dim=mV.dim)
    return value.item() if isinstance(value, np.generic) else value


def plot_sweep(data: xr.Dataset) -> Figure:
    """Draw a sweep: a row of panels for the last condition's values in each combination of the others.

    Parameters
    ----------
    data : xarray.Dataset
        What `load_sweep` returns.

    Returns
    -------
    matplotlib.figure.Figure
    """
    dims = [d for d in data.cost.dims if d not in ("seed", "block")]
    panels = list(conditions(data, dims[:-1]))
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    with styled():
        figure = plt.figure(figsize=(7.2, 2.1 * rows + 2.4), layout="constrained")
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=[2.1 * rows, 2.2])[:, 0]
        axes = upper.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        colours = _colours(data.sizes[dims[-1]] if dims else 1)
        for axis, (condition, costs) in zip(axes.flat, panels, strict=False):
            for colour, (value, cost) in zip(colours, conditions(data.assign(cost=costs)), strict=True):
                median_and_quartiles(axis, data.time, cost, colour, text(value))
            axis.set(xlim=(0, None), title=text(condition))
            axis.xaxis.set_tick_params(labelbottom=True)
        axes[0, 0].set_ylim(bottom=0)  # of all panels, once everything is drawn
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        for axis in axes[-1]:
            axis.set_xlabel("simulated time (s)")
        for axis in axes[:, 0]:
            axis.set_ylabel("cost (Hz)")
        if dims:
            axes[0, min(columns, len(panels)) - 1].legend(loc="upper left", bbox_to_anchor=(1, 1))
        letter(axes[0, 0], "a")
        final = lower.subplots()
        final_figures(final, data, colours)
        letter(final, "b")
    return figure


def median_and_quartiles(
    axis: Axes, time: xr.DataArray, cost: xr.DataArray, colour: str, name: str | None = None, line: Any = "-"
) -> None:
    """Draw a learning curve over the seeds that have come so far: cost has the dimensions seed and block."""
    there = cost.notnull().any("seed").values
    if not there.any():  # every run of the condition failed, or none has begun
        axis.plot([], [], color=colour, label=name, linestyle=line)
        return
    low, middle, high = cost.isel(block=there).quantile([0.25, 0.5, 0.75], "seed").values
    axis.fill_between(time.values[there], low, high, color=colour, alpha=0.2, linewidth=0)
    axis.plot(time.values[there], middle, color=colour, label=name, linestyle=line)


def in_the_end(data: xr.Dataset) -> str:
    """Name of the variable that says how well a run has learned: accuracy of a classification, else the final cost."""
    return "accuracy" if "accuracy" in data else "final_cost"


def final_figures(axis: Axes, data: xr.Dataset, colours: Sequence[Any]) -> None:
    """Draw what every run came to, and the median of each condition."""
    what = in_the_end(data)
    names, every = [], list(conditions(data, what=what))
    for k, (condition, figures) in enumerate(every):
        last = figures.dropna("seed").values
        colour = colours[k % len(colours)]
        spread = np.linspace(-0.25, 0.25, last.size) if last.size > 1 else np.zeros(last.size)
        size = 4 if last.size <= 10 else 2.5
        axis.plot(
            k + spread, last, "o", color=colour, markersize=size, alpha=0.6, markeredgewidth=0, zorder=4, clip_on=False
        )
        if last.size:
            axis.hlines(np.median(last), k - 0.32, k + 0.32, color=BLACK, linewidth=1.2, zorder=3)
        names.append("\n".join(map(printed, condition.values())) or "all runs")
    crowded = len(names) * max(len(line) for name in names for line in name.split("\n")) > 110  # letters in a line
    axis.set_xticks(range(len(names)), names, rotation=90 if crowded else 0, fontsize=6 if crowded else 7)
    unit = data[what].attrs["units"]
    axis.set(ylabel=data[what].attrs["long_name"] + (f" ({unit})" if unit != "1" else ""))
    axis.set(ylim=(0, None), xlim=(-0.6, len(names) - 0.4))
    if unit == "1":
        axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel(", ".join(every[0][0]).replace("_", " "))
    axis.axhline(0, color=GREY, linewidth=0.5)


def text(condition: Mapping[str, Any]) -> str:
    """Name a condition for a reader."""
    return ", ".join(f"{name.replace('_', ' ')} = {printed(value)}" for name, value in condition.items())


def printed(value: Any) -> str:
    """A value as it is printed: 200 µV where a folder is called 200uV."""
    return readable(value).replace(" u", " µ") if isinstance(value, Quantity) else label(value)


def _colours(n):
    return COLOURS[:n] if n <= len(COLOURS) else [plt.get_cmap("viridis")(x) for x in np.linspace(0, 0.9, n)]

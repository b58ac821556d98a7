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
from ..values.hints import Floats
from ..values.quantities import readable
from .palette import BLACK, GREY, Look, looks_of
from .style import letter, styled

if TYPE_CHECKING:
    import xarray as xr

DECADES = 1.5  # between the highest and the lowest, from which on an axis is logarithmic
SHOWN = 3  # decades below the highest that it has


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
        looks, floor = _looks(data, dims), floor_of(data.final_cost.values)
        for axis, (condition, costs) in zip(axes.flat, panels, strict=False):
            for drawn, (_, cost) in zip(looks, conditions(data.assign(cost=costs)), strict=True):
                median_and_quartiles(axis, data.time, cost, drawn.color, drawn.label, drawn.line)
            axis.set(xlim=(0, None), title=text(condition))
            axis.xaxis.set_tick_params(labelbottom=True)
        axes[0, 0].set(yscale="log" if floor else "linear")
        axes[0, 0].set_ylim(bottom=floor)  # of all panels, once everything is drawn
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
        final_figures(final, data, looks)
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


def final_figures(axis: Axes, data: xr.Dataset, looks: Sequence[Look]) -> None:
    """Draw what every run came to, and the median of each condition."""
    what = in_the_end(data)
    names, every = [], list(conditions(data, what=what))
    floor = floor_of(data[what].values) if data[what].attrs["units"] != "1" else 0
    for k, (condition, figures) in enumerate(every):
        last, drawn = np.maximum(figures.dropna("seed").values, floor), looks[k % len(looks)]
        spread = np.linspace(-0.25, 0.25, last.size) if last.size > 1 else np.zeros(last.size)
        size = 4 if last.size <= 10 else 2.5
        style: dict[str, Any] = {
            "color": drawn.color,
            "markersize": size,
            "alpha": 0.6,
            "markeredgewidth": 0,
            "clip_on": False,
        }
        axis.plot(k + spread, last, drawn.marker, zorder=4, **style)
        if last.size:
            axis.hlines(np.median(last), k - 0.32, k + 0.32, color=BLACK, linewidth=1.2, zorder=3)
        names.append("\n".join(map(printed, condition.values())) or "all runs")
    crowded = len(names) * max(len(line) for name in names for line in name.split("\n")) > 110  # letters in a line
    axis.set_xticks(range(len(names)), names, rotation=90 if crowded else 0, fontsize=6 if crowded else 7)
    unit = data[what].attrs["units"]
    least = f",\nat least {floor:.2g}" if floor else ""
    axis.set(ylabel=data[what].attrs["long_name"] + least + (f" ({unit})" if unit != "1" else ""))
    axis.set(yscale="log" if floor else "linear", xlim=(-0.6, len(names) - 0.4))
    axis.set_ylim(bottom=floor)
    if unit == "1":
        axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel(", ".join(every[0][0]).replace("_", " "))
    if not floor:
        axis.axhline(0, color=GREY, linewidth=0.5)


def floor_of(values: Floats) -> float:
    """Lower end of an axis for costs: 0, or that of a logarithmic axis where they differ by decades.

    Once a run has converged its cost is the tail of an exponential, which may be anything.
    """
    found = values[np.isfinite(values) & (values > 0)]
    if not found.size or np.log10(found.max() / found.min()) < DECADES:
        return 0.0
    return float(max(found.min() / 1.5, found.max() / 10**SHOWN))


def text(condition: Mapping[str, Any]) -> str:
    """Name a condition for a reader."""
    return ", ".join(f"{name.replace('_', ' ')} = {printed(value)}" for name, value in condition.items())


def printed(value: Any) -> str:
    """A value as it is printed: 200 µV where a folder is called 200uV."""
    return readable(value).replace(" u", " µ") if isinstance(value, Quantity) else label(value)


def _looks(data, dims):
    """How the values of the last condition are drawn."""
    if not dims:
        return looks_of(["all"], ["all runs"])
    values = [condition[dims[-1]] for condition, _ in conditions(data, dims[-1:])]
    return looks_of(values, [text({dims[-1]: v}) for v in values], conditions=dims[-1] == "feedback")

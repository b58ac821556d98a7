"""What the experiments that compare networks draw: learning curves of conditions, and where they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from ..figures.palette import GREY, Look
from ..figures.style import NOTE, reference_line
from . import Runs, final_cost

if TYPE_CHECKING:
    import xarray as xr

Looks = Mapping[str, Look]  # of conditions, by name


def curves(axis: Axes, runs: Runs, looks: Looks) -> None:
    """Cost against simulated time: every seed, thin, and their mean; and the phases of learning."""
    for name, of_seeds in runs.items():
        look, run = looks[name], of_seeds[0]
        costs = [r.cost.mean("output").values for r in of_seeds]
        for cost in costs:
            axis.plot(run.time, cost, color=look.color, alpha=0.35, linewidth=0.5)
        axis.plot(run.time, np.mean(costs, axis=0), label=look.label, **look.curve)
    phases(axis, run)
    axis.set(xlabel="simulated time (s)", ylabel="cost (Hz)", xlim=(0, float(run.time[-1])))


def phases(axis: Axes, run: xr.Dataset) -> None:
    """Grey before learning; dotted where the learning rate is divided."""
    start = float(run.time[np.argmax(run.r0.values > 0) - 1])
    axis.axvspan(0, start, color=GREY, alpha=0.2, linewidth=0)
    axis.text(start, 1, "learning on", transform=axis.get_xaxis_transform(), va="bottom", **NOTE)
    for k in np.flatnonzero(run.r0.values[1:] < run.r0.values[:-1] / 5):
        ratio = run.r0.values[k] / run.r0.values[k + 1]
        reference_line(axis, f"$r_0$ / {ratio:.3g}", x=float(run.time[k]), linestyle=":")


def ends(axis: Axes, runs: Runs, looks: Looks, heights: Sequence[int] | None = None) -> None:
    """Cost at the end: a bar at the mean, a dot per seed; at `heights`, or one below the other."""
    heights = range(len(runs)) if heights is None else heights
    for y, (name, of_seeds) in zip(heights, runs.items(), strict=True):
        costs, color = [final_cost(r) for r in of_seeds], looks[name].color
        axis.barh(y, np.mean(costs), height=0.6, color=color, alpha=0.35)
        axis.plot(costs, [y] * len(costs), "o", color=color, markersize=3.5, markeredgewidth=0)
    axis.set(yticks=heights, yticklabels=[looks[name].label for name in runs])
    axis.set(xlabel="cost at the end (Hz)", xlim=(0, None))
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)

"""What the experiments that compare networks draw: learning curves of conditions, and where they end."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from ..figures.style import GREY
from . import Runs, final_cost

Labels = Mapping[str, tuple[str, str]]  # label and colour of a condition


def curves(axis: Axes, runs: Runs, labels: Labels) -> None:
    """Cost against simulated time: every seed, thin, and their mean; grey before learning, dotted where its rate is divided."""
    for name, of_seeds in runs.items():
        (label, color), run = labels[name], of_seeds[0]
        costs = [r.cost.mean("output").values for r in of_seeds]
        for cost in costs:
            axis.plot(run.time, cost, color=color, alpha=0.35, linewidth=0.5)
        axis.plot(run.time, np.mean(costs, axis=0), color=color, label=label)
    axis.axvspan(0, float(run.time[np.argmax(run.r0.values > 0) - 1]), color=GREY, alpha=0.2, linewidth=0)
    for k in np.flatnonzero(run.r0.values[1:] < run.r0.values[:-1] / 5):
        axis.axvline(float(run.time[k]), ymax=0.75, color=GREY, linestyle=":", linewidth=0.8)
    axis.set(xlabel="simulated time (s)", ylabel="cost (Hz)", xlim=(0, float(run.time[-1])))


def ends(axis: Axes, runs: Runs, labels: Labels, heights: Sequence[int] | None = None) -> None:
    """Cost at the end: a bar at the mean, a dot per seed; at `heights`, or one below the other."""
    heights = range(len(runs)) if heights is None else heights
    for y, (name, of_seeds) in zip(heights, runs.items(), strict=True):
        costs, color = [final_cost(r) for r in of_seeds], labels[name][1]
        axis.barh(y, np.mean(costs), height=0.6, color=color, alpha=0.35)
        axis.plot(costs, [y] * len(costs), "o", color=color, markersize=3.5, markeredgewidth=0)
    axis.set(yticks=heights, yticklabels=[labels[name][0] for name in runs])
    axis.set(xlabel="cost at the end (Hz)", xlim=(0, None))
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)

"""The benchmark "oxford": the Radcliffe Camera drawn in spikes by 200 output units behind 256 hidden ones.

Set "oxford" of the benchmark suite (F. Zenke 2017, https://github.com/fzenke/ssbm): 200 inputs, 200 outputs, a loop of 1.89 s;
symmetric feedback, learning rate 1 mV, divided by ten at 420 s; the first 20 s without learning. The building becomes readable
in the output raster.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ..figures.palette import BLUE
from ..figures.rasters import looped, raster
from ..figures.style import above, learning_curve, letter, plain_log, reference_line, styled
from ..sweeps.jobs import Job
from ..tasks import ssbm
from . import Condition, Finding, Runs, Setting, Table, final_cost
from ._pictures import SYMMETRIC, is_full, options

SEEDS = {"quick": 1, "full": 3}
REFERENCE = 4.2870  # Hz; pub2018superspike on Auryn 8.3 (Zenke & Ganguli's C++ extension), one seed, at 1000 s
NAME = "oxford-symmetric-256"


def jobs(setting: Setting) -> list[Job]:
    """Train 200-256-200 for 1000 s, or 200 s."""
    task = ssbm("oxford", setting.data_dir)
    return setting.jobs({NAME: Condition(task, SYMMETRIC, (256,), options(setting))})


def table(runs: Runs) -> Table:
    """Cost at the end of burn-in and at the end, a row per run."""
    return [
        {
            "condition": NAME,
            "seed": run.attrs["seed"],
            "simulated_s": run.attrs["simulated_s"],
            "cost_start_hz": float(run.cost.values[run.r0.values == 0][-1].mean()),
            "cost_end_hz": final_cost(run),
        }
        for run in runs[NAME]
    ]


def findings(rows: Table) -> list[Finding]:
    """The cost falls to that of the authors' implementation (1000 s), or at least below half (shorter runs)."""
    start, end = (float(np.mean([r[f"cost_{k}_hz"] for r in rows])) for k in ("start", "end"))
    if is_full(rows):
        expected = f"mean cost at 1000 s at most 1.1 times the {REFERENCE:.3g} Hz of the authors' implementation"
        bound = 1.1 * REFERENCE
    else:
        expected, bound = "the cost falls below half", start / 2
    return [
        Finding("c", expected, f"{end:.3g} Hz, from {start:.3g} Hz before learning (n = {len(rows)})", end <= bound)
    ]


def draw(runs: Runs) -> Figure:
    """Target, output raster after learning, learning curve."""
    run = runs[NAME][0]
    with styled():
        figure, axes = plt.subplot_mosaic("ab;cc", figsize=(7.2, 5.4), height_ratios=[2.2, 1], layout="constrained")
        for panel, name, title in (("a", "targets", "target"), ("b", "output", "output after learning")):
            times, units = looped(run, name, -1)
            style = {"markersize": 1.3, "markeredgewidth": 0, "rasterized": True}
            raster(axes[panel], times, units, run.sizes["output"], **style)
            axes[panel].set(title=title, xlabel="time (s)", xlim=(0, run.attrs["period_s"]))
        axes["a"].set_ylabel("output unit")
        learning_curve(axes["c"], run, label="mean over outputs, seed 0")
        axes["c"].plot([], [], color=BLUE, alpha=0.3, linewidth=0.5, label="single outputs, seed 0")
        for each in runs[NAME][1:]:
            label = "mean, other seeds" if each is runs[NAME][1] else None
            axes["c"].plot(each.time, each.cost.mean("output"), color=BLUE, linestyle=":", linewidth=0.8, label=label)
        if run.attrs["simulated_s"] >= 1000:
            reference_line(axes["c"], "authors'\nimplementation\nat 1000 s", y=REFERENCE)
        plain_log(axes["c"])
        axes["c"].set_ylim(bottom=1)
        above(axes["c"], 3)
        for name, axis in axes.items():
            letter(axis, name)
    return figure

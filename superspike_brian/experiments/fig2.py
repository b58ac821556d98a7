"""Figure 2: a single neuron learns five precise spike times.

Source: Zenke & Ganguli (2018), Figure 2: 100 frozen Poisson inputs in a loop of 0.5 s, one output, five equidistant target
spikes. The output is silent at first; in 20 runs of 800 s all converge to a cost near zero.
"""

import numpy as np
from brian2 import second
from matplotlib.figure import Figure

from ..figures.palette import BLACK, BLUE
from ..figures.run import plot_run
from ..figures.style import above, styled
from ..models import SUPERSPIKE
from ..sweeps.jobs import Job
from ..tasks import spike_timing
from . import Condition, Finding, Runs, Setting, Table, final_cost

SEEDS = {"quick": 5, "full": 20}
NAME = "single-neuron"


def jobs(setting: Setting) -> list[Job]:
    """Train 100-1 for 800 s; every seed has its own pattern and weights."""
    options = {"duration": 800 * second, "burn_in": 20 * second}
    return setting.jobs({NAME: Condition(_task, SUPERSPIKE, (), options)})


def _task(seed):
    return spike_timing(seed=seed)


def table(runs: Runs) -> Table:
    """Cost and rate at the end of burn-in and at the end, a row per run."""
    rows = []
    for run in runs[NAME]:
        burn_in = int(np.flatnonzero(run.r0.values == 0)[-1])
        rows.append(
            {
                "seed": run.attrs["seed"],
                "cost_start_hz": float(run.cost[burn_in].mean()),
                "cost_end_hz": final_cost(run, 5),
                "rate_start_hz": float(run.rate[burn_in].mean()),
                "rate_end_hz": float(run.rate[-1].mean()),
            }
        )
    return rows


def findings(rows: Table) -> list[Finding]:
    """All runs converge near zero, from a silent start."""
    end, start = ([r[f"cost_{k}_hz"] for r in rows] for k in ("end", "start"))
    return [
        Finding(
            "a",
            "the output starts almost silent (target: 10 Hz)",
            f"median rate {np.median([r['rate_start_hz'] for r in rows]):.3g} Hz",
            np.median([r["rate_start_hz"] for r in rows]) < 1,
        ),
        Finding(
            "d",
            "all runs end near zero: below a tenth of the cost before learning",
            f"{sum(e < s / 10 for e, s in zip(end, start, strict=True))} of {len(rows)}; median {np.median(end):.3g} Hz, "
            f"worst {max(end):.3g} Hz, from {np.median(start):.3g} Hz",
            all(e < s / 10 for e, s in zip(end, start, strict=True)),
        ),
    ]


def draw(runs: Runs) -> Figure:
    """One run before and after learning, its spike times over trials; the learning curves of all, and their mean."""
    figure = plot_run(runs[NAME][0])
    with styled():
        _all_curves(figure.axes[-1], runs[NAME])
    return figure


def _all_curves(axis, group):
    axis.lines[0].remove()
    curves = np.array([run.cost.mean("output").values for run in group])
    axis.plot(group[0].time, curves.T, color=BLUE, alpha=0.4, linewidth=0.6)
    axis.plot([], [], color=BLUE, linewidth=0.6, label="single runs")
    axis.plot(group[0].time, curves.mean(axis=0), color=BLACK, linewidth=1.5, label=f"mean of {len(group)} runs")
    axis.set_ylim(0, 1.05 * curves.max())
    above(axis, 2)

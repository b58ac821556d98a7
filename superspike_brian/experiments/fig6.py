"""Figure 6: a network with a hidden layer learns to emit a complex pattern of spikes.

Zenke & Ganguli (2018), Fig. 6, on the set "auryn" of the benchmark suite (100 inputs, 100 outputs, a loop of 3.5 s) with
symmetric feedback. The paper shows that the output raster becomes the target's, and that the hidden units fire sparsely
and irregularly: at about 10 to 20 Hz, with nearly exponential intervals and coefficients of variation near 1.
"""

import numpy as np
from matplotlib.figure import Figure

from ..analysis import coefficients_of_variation, firing_rates
from ..figures.activity import plot_activity
from ..figures.rasters import window
from ..sweeps.jobs import Job
from ..tasks import ssbm
from ..values.hints import Floats, Integers
from . import Condition, Finding, Runs, Setting, Table, final_cost
from ._pictures import SYMMETRIC, options

SEEDS = {"quick": 1, "full": 1}
N_HIDDEN = 128
NAME = f"auryn-symmetric-{N_HIDDEN}"


def jobs(setting: Setting) -> list[Job]:
    """Train 100-128-100 for 1000 s, or 200 s."""
    task = ssbm("auryn", setting.data_dir)
    return setting.jobs({NAME: Condition(task, SYMMETRIC, (N_HIDDEN,), options(setting))})


def table(runs: Runs) -> Table:
    """Cost, matched spikes, hidden rates and variability after learning, a row per run."""
    return [_row(run) for run in runs[NAME]]


def _row(run):
    times, units = window(run, "hidden_1", -1)
    rates = firing_rates(times, units, N_HIDDEN, run.attrs["period_s"])
    variation = coefficients_of_variation(times, units, N_HIDDEN)
    return {
        "condition": NAME,
        "seed": run.attrs["seed"],
        "simulated_s": run.attrs["simulated_s"],
        "cost_start_hz": float(run.cost.values[run.r0.values == 0][-1].mean()),
        "cost_end_hz": final_cost(run),
        "targets_hit": hits(window(run, "targets", -1), window(run, "output", -1), 0.005),
        "hidden_rate_mean_hz": float(rates.mean()),
        "hidden_rate_p95_hz": float(np.percentile(rates, 95)),
        "hidden_cv_mean": float(np.nanmean(variation)),
    }


def hits(targets: tuple[Floats, Integers], outputs: tuple[Floats, Integers], tolerance: float) -> float:
    """Fraction of target spikes with an output spike of the same unit within `tolerance` (s); ``(times, units)`` each."""
    found = 0
    for unit in np.unique(targets[1]):
        wanted, emitted = (np.sort(times[units == unit]) for times, units in (targets, outputs))
        if emitted.size:
            later = np.searchsorted(emitted, wanted)
            gaps = (np.abs(emitted[np.clip(k, 0, emitted.size - 1)] - wanted) for k in (later - 1, later))
            found += int((np.minimum(*gaps) <= tolerance).sum())
    return found / len(targets[0])


def findings(rows: Table) -> list[Finding]:
    """The pattern is emitted; hidden units fire sparsely and irregularly."""

    def mean(key):
        return float(np.mean([r[key] for r in rows]))

    return [
        Finding(
            "a",
            "the output raster is visibly the target: most target spikes hit within 5 ms",
            f"{mean('targets_hit'):.0%} hit; cost {mean('cost_end_hz'):.3g} Hz, from {mean('cost_start_hz'):.3g} Hz",
            mean("targets_hit") > 0.5 and mean("cost_end_hz") < mean("cost_start_hz") / 2,
        ),
        Finding(
            "b",
            "hidden units fire at about 10 to 20 Hz in the mean",
            f"mean {mean('hidden_rate_mean_hz'):.3g} Hz, 95th percentile {mean('hidden_rate_p95_hz'):.3g} Hz",
            10 <= mean("hidden_rate_mean_hz") <= 20,
        ),
        Finding(
            "d",
            "intervals vary as in a Poisson process: mean CV near 1 (taken as 0.8 to 1.2)",
            f"mean CV {mean('hidden_cv_mean'):.3g}",
            0.8 <= mean("hidden_cv_mean") <= 1.2,
        ),
    ]


def draw(runs: Runs) -> Figure:
    """Rasters with the target behind, hidden statistics, learning curve."""
    return plot_activity(runs[NAME][0])

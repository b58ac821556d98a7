"""Figure 5 over the number of hidden units: what random feedback needs in order to learn temporal XOR without a regulariser.

Zenke & Ganguli (2018), Figure 5, has four hidden units, and its random feedback a regulariser. Here 4 to 100 hidden units learn
the same task (`tasks.xor`) with random feedback, with the regulariser of Figure 5 and without any, for 2000 s: learning rate
0.5 mV, divided by ten at 1200 s, the other parameters those of the paper. No run ends early. The constant rate and the
criterion of Figure 5 itself are in `fig5`.

Twenty seeds where the statement is made, at 32 hidden units without a regulariser; three elsewhere, as the table says.
"""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
from brian2 import mV, second
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

from ..figures.style import BLUE, GREEN, GREY, letter, styled
from ..models import CLASSIFIER, NO_DECAY, RANDOM
from ..results.trials import accuracy, moving_accuracy
from ..sweeps.jobs import Job
from ..tasks import xor
from . import Condition, Finding, Runs, Setting, Table

SIZES = (4, 8, 16, 32, 100)
CLAIMED = 32  # hidden units
SEEDS = {"quick": 2, "full": 20}
FEWER = 3  # seeds of the other conditions, unless the user asks for less
FULL = 2000  # simulated seconds
LEVEL = 0.99  # accuracy on fresh noise
RULES = {"free": ("no regulariser", BLUE), "regularised": ("regulariser of Figure 5", GREEN)}


def jobs(setting: Setting) -> list[Job]:
    """Train 100-n-2 for 2000 s, or 4, 8 and 32 hidden units for 600 s."""
    duration, sizes = (FULL, SIZES) if setting.full else (600, (4, 8, 32))
    options = {"duration": duration * second, "r0_decay_at": [0.6 * duration * second]}
    regularised = CLASSIFIER.replace(r0=0.5 * mV, feedback=RANDOM)
    models = {"free": regularised.replace(regularizer=NO_DECAY), "regularised": regularised}
    conditions = {
        f"{name}-{n}": Condition(_task, model, (n,), options) for name, model in models.items() for n in sizes
    }
    chosen = {k: c for k, c in conditions.items() if k == f"free-{CLAIMED}"}
    others = dataclasses.replace(setting, seeds=min(setting.seeds, FEWER))
    return [*setting.jobs(chosen), *others.jobs({k: c for k, c in conditions.items() if k not in chosen})]


def _task(seed):
    return xor(seed=seed)


def table(runs: Runs) -> Table:
    """Accuracy on fresh noise, false alarms and time to 95 %, a row a run."""
    rows = []
    for condition, datasets in runs.items():
        name, _, n = condition.partition("-")
        for run in datasets:
            row = {"regulariser": name, "hidden": int(n), "seed": run.attrs["seed"]}
            rows.append(row | {"simulated_s": run.attrs["simulated_s"]} | accuracy(run))
    return sorted(rows, key=lambda r: (r["regulariser"], r["hidden"], r["seed"]))


def findings(rows: Table) -> list[Finding]:
    """32 hidden units learn in nine of ten runs without a regulariser, more than 4 do."""
    free = {n: _accuracies(rows, "free", n) for n in sorted({r["hidden"] for r in rows})}

    def reached(n, name="free"):
        values = _accuracies(rows, name, n)
        return f"{sum(values >= LEVEL)} of {len(values)} runs, mean {values.mean():.2%}"

    return [
        Finding(
            "a",
            f"random feedback, no regulariser, {CLAIMED} hidden units: {LEVEL:.0%} correct on fresh noise in 90 % of the runs",
            reached(CLAIMED),
            np.mean(free[CLAIMED] >= LEVEL) >= 0.9,
        ),
        Finding(
            "a",
            f"{CLAIMED} hidden units are better on average than 4",
            f"{free[CLAIMED].mean():.2%}, against {free[4].mean():.2%}",
            free[CLAIMED].mean() > free[4].mean(),
        ),
        Finding(
            "a",
            f"the regulariser is not what decides at {CLAIMED} hidden units: with it no more runs reach {LEVEL:.0%}",
            f"{reached(CLAIMED, 'regularised')}, without it {reached(CLAIMED)}",
            np.mean(_accuracies(rows, "regularised", CLAIMED) >= LEVEL) <= np.mean(free[CLAIMED] >= LEVEL),
        ),
    ]


def _accuracies(rows, name, n):
    return np.array([r["accuracy"] for r in rows if (r["regulariser"], r["hidden"]) == (name, n)])


def draw(runs: Runs) -> Figure:
    """Accuracy on fresh noise over the number of hidden units; over time without a regulariser, the mean of each size."""
    rows = table(runs)
    sizes = sorted({r["hidden"] for r in rows})
    with styled():
        figure, (ends, times) = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
        for shift, (name, (label, color)) in zip((0.93, 1.07), RULES.items(), strict=True):
            for n in sizes:
                values = _accuracies(rows, name, n)
                jitter = shift * np.geomspace(0.96, 1.04, len(values)) if len(values) > 1 else [shift]
                ends.plot(n * np.array(jitter), values, "o", color=color, markersize=2.5, alpha=0.6, markeredgewidth=0)
            ends.plot(sizes, [_accuracies(rows, name, n).mean() for n in sizes], color=color, label=label)
        ends.axhline(LEVEL, color=GREY, linestyle="--", linewidth=0.6)
        ends.set(xscale="log", xlabel="hidden units", ylabel="correct on fresh noise", ylim=(None, 1.01))
        ends.set_xticks(sizes, [str(n) for n in sizes])
        ends.xaxis.set_minor_locator(NullLocator())
        ends.legend(loc="lower right", title="random feedback")
        for n, color in zip(sizes, plt.get_cmap("viridis_r")(np.linspace(0.1, 1, len(sizes))), strict=True):
            _course(times, runs[f"free-{n}"], color, f"{n}")
        times.legend(loc="lower right", title="hidden units", ncols=2)
        for axis, name in ((ends, "a"), (times, "b")):
            axis.yaxis.set_major_formatter(PercentFormatter(1))
            letter(axis, name)
    return figure


def _course(axis, of_seeds, color, label):
    end = of_seeds[0].attrs["simulated_s"]
    grid = np.geomspace(30, end, 400)
    mean = np.mean([np.interp(grid, *moving_accuracy(run)) for run in of_seeds], axis=0)
    axis.plot(grid, mean, color=color, label=label)
    axis.set(xlabel="simulated time (s)", ylabel="correct trials", xscale="log", xlim=(30, end), ylim=(0, 1.03))
    for k in np.flatnonzero(np.diff(of_seeds[0].r0.values) < 0):
        axis.axvline(float(of_seeds[0].time[k]), color=GREY, linestyle=":", linewidth=0.8)

"""Figure 5: temporal XOR in noise, and how the error reaches four hidden units.

Zenke & Ganguli (2018), Figure 5: 100 inputs, 4 hidden and 2 output units, 20 runs each. With random and with symmetric feedback
they learn to classify perfectly, with uniform feedback they do worse on average, and without a hidden layer they fail.

Chosen here, as the paper leaves it open: sets of 33 inputs and 50 ms, on average 80 ms, between trials (`tasks.xor`); a
learning rate of 0.5 mV; and training to a criterion, 500 correct trials in a row, for 8000 s at most. Errors are the only cause
of weight changes here. So weights rest where the criterion is met; later a rare error, and the jump that RMaxProp makes of it
when the largest gradient is long forgotten, may undo what was learned. For the same reason tau_rms is 300 s, ten times the
paper's. Two more settings show what hinges on that: tau_rms 100 s, and in addition weight updates every 0.25 s.

Hidden layers are regularised by the error-gated term and decay (`models.ERROR_GATED_DECAY`), with rho = 0.1, or 10 for
symmetric feedback, whose errors are smaller by the forward weights of some 30 mV. The control without it has random feedback.
"""

import matplotlib.pyplot as plt
import numpy as np
from brian2 import mV, second
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ..figures.palette import look
from ..figures.style import letter, reference_line, styled
from ..models import CLASSIFIER, NO_DECAY, RANDOM, SYMMETRIC, UNIFORM
from ..results.trials import accuracy, moving_accuracy
from ..sweeps.jobs import Job
from ..tasks import xor
from . import Condition, Finding, Runs, Setting, Table, mean_by

SEEDS = {"quick": 3, "full": 20}
FULL = 8000  # simulated seconds
LEVEL = 0.99  # accuracy on fresh noise
CHANCE = 0.5  # one answer in every trial; silence, or two answers, are wrong, so that networks may be below
LOOKS = {
    "symmetric": look("symmetric"),
    "random": look("regularised"),
    "uniform": look("uniform"),
    "free": look("random"),
    "none": look("none"),
    "random-100s": look("regularised").named(r"same, $\tau_{rms}$ = 100 s"),
    "random-100s-250ms": look("regularised").named(r"and $t_b$ = 0.25 s"),
}
OTHER_SETTINGS = {
    "random-100s": {"tau_rms": 100 * second},
    "random-100s-250ms": {"tau_rms": 100 * second, "t_b": 0.25 * second},
}


def jobs(setting: Setting) -> list[Job]:
    """Train every condition to the criterion, for 8000 s or 2000 s at most."""
    options = {
        "duration": (FULL if setting.full else FULL // 4) * second,
        "criterion": 1.0,
        "criterion_trials": 500,
        "precision": "double",
    }
    model = CLASSIFIER.replace(r0=0.5 * mV, tau_rms=300 * second)
    random = model.replace(feedback=RANDOM)
    models = {
        "symmetric": model.replace(feedback=SYMMETRIC, rho=10),
        "random": random,
        "uniform": model.replace(feedback=UNIFORM),
        "free": random.replace(regularizer=NO_DECAY),
        "none": model,
    } | {name: random.replace(**changes) for name, changes in OTHER_SETTINGS.items()}
    return setting.jobs(
        {name: Condition(_task, m, () if name == "none" else (4,), options) for name, m in models.items()}
    )


def _task(seed):
    return xor(seed=seed)


def table(runs: Runs) -> Table:
    """Accuracy on fresh noise, false alarms and time to 95 %, a row per run."""
    rows = []
    for condition, datasets in runs.items():
        for run in datasets:
            row = {"condition": condition, "seed": run.attrs["seed"], "simulated_s": run.attrs["simulated_s"]}
            if "feedback_1" in run:
                row["outputs_with_positive_feedback"] = int((run.feedback_1.values > 0).any(axis=0).sum())
            rows.append(row | accuracy(run))
    return rows


def findings(rows: Table) -> list[Finding]:
    """Random and symmetric feedback reach 99 % in nine of ten runs, the others do not.

    A hidden unit can become active for a class only if a miss of that class's output excites it.
    """
    reached = {c: [r["accuracy"] >= LEVEL for r in rows if r["condition"] == c] for c in LOOKS}
    mean, found = mean_by(rows, "condition", "accuracy"), []
    for name in ("symmetric", "random", "free"):
        n, of = sum(reached[name]), len(reached[name])
        times = [r["time_to_95_s"] for r in rows if r["condition"] == name and r["time_to_95_s"] is not None]
        median = f"{np.median(times):.0f} s to 95 % (median of {len(times)})" if times else "none came to 95 %"
        expected = f"{LOOKS[name].label} feedback: {LEVEL:.0%} correct on fresh noise in 90 % of the runs"
        text = f"{n} of {of} runs, mean {mean[name]:.1%}; {median}"
        if name != "symmetric":
            able = [r for r in rows if r["condition"] == name and r["outputs_with_positive_feedback"] == 2]
            text += f"; {sum(r['accuracy'] >= LEVEL for r in able)} of the {len(able)} with positive feedback from both outputs"
        found.append(Finding("a", expected, text, n >= 0.9 * of))
    others = [sum(reached[name]) for name in OTHER_SETTINGS]
    expected = "random feedback: the same in other settings"
    text = ", ".join(f"{n} with {name.removeprefix('random-')}" for n, name in zip(others, OTHER_SETTINGS, strict=True))
    found.append(Finding("b", expected, f"{text}, of {of}", min(others) >= 0.9 * of))
    none = [r["accuracy"] for r in rows if r["condition"] == "none"]
    expected = "without a hidden layer at most 80 % correct in every run"
    found.append(Finding("a", expected, f"{min(none):.1%} to {max(none):.1%}", max(none) <= 0.8))
    text = f"{mean['uniform']:.1%}, against {mean['random']:.1%}"
    found.append(
        Finding("b", "uniform feedback is worse on average than random", text, mean["uniform"] < mean["random"])
    )
    return found


def draw(runs: Runs) -> Figure:
    """Accuracy over time, a panel per condition: every run and the mean; accuracy on fresh noise.

    A run that meets the criterion ends with a dot, and stays in the mean with its last value.
    """
    with styled():
        figure, axes = plt.subplots(2, 3, figsize=(7.2, 4.6), layout="constrained", sharey=True)
        *curves, last = axes.flat
        end = max(run.attrs["simulated_s"] for of_seeds in runs.values() for run in of_seeds)
        for axis, name in zip(curves, [name for name in LOOKS if name not in OTHER_SETTINGS], strict=True):
            _curves(axis, runs[name], LOOKS[name].color, end)
            axis.set_title(LOOKS[name].label)
        for k, (name, shown) in enumerate(LOOKS.items()):
            values = [accuracy(run)["accuracy"] for run in runs[name]]
            spread = np.linspace(-0.25, 0.25, len(values)) if len(values) > 1 else [0]
            style = {"color": shown.color, "alpha": 0.6, "markeredgewidth": 0, "clip_on": False}
            last.plot(k + np.array(spread), values, shown.marker, markersize=2.5, **style)
            last.plot([k - 0.35, k + 0.35], [np.mean(values)] * 2, color=shown.color, linewidth=2)
        reference_line(last, f"{LEVEL:.0%}", y=LEVEL)
        labels = [shown.label for shown in LOOKS.values()]
        last.set_xticks(range(len(LOOKS)), labels, rotation=90, fontsize=6)
        last.set(title="fresh noise, after learning", xlim=(-0.6, len(LOOKS) - 0.4))
        for axis in axes.flat:
            reference_line(axis, "chance", y=CHANCE, linestyle=":", color="#555555", zorder=5)
            axis.yaxis.set_major_formatter(PercentFormatter(1))
            axis.set_ylim(0, 1.03)
        for axis in axes[:, 0]:
            axis.set_ylabel("correct trials")
        letter(axes[0, 0], "a")
        letter(last, "b")
    return figure


def _curves(axis, runs, color, end):
    grid, rows = np.geomspace(30, end, 400), []
    for run in runs:
        times, fractions = moving_accuracy(run)
        rows.append(np.interp(grid, times, fractions))
        there = grid <= run.attrs["simulated_s"]
        axis.plot(grid[there], rows[-1][there], color=color, alpha=0.3, linewidth=0.5)
        if run.attrs["criterion_met"]:
            axis.plot(run.attrs["simulated_s"], fractions[-1], "o", color=color, markersize=2.5, clip_on=False)
    axis.plot(grid, np.mean(rows, axis=0), color=color, linewidth=1.8)
    axis.set(xlabel="simulated time (s)", xlim=(30, end), xscale="log")

"""Figure 4: a small hidden layer learns with symmetric, random and uniform feedback.

Source: Zenke & Ganguli (2018), Figure 4: the task of Figure 2 with 4 hidden units, and 8; 20 runs of at least 250 s each. All
solve it, save runs with random feedback whose feedback weights are all negative: then no unit learns to excite the output. With
8 units that is rare.
"""

import matplotlib.pyplot as plt
import numpy as np
from brian2 import second
from matplotlib.figure import Figure

from ..figures.palette import BLACK, GREY, look
from ..figures.style import above, letter, reference_line, styled
from ..figures.sweep import median_and_quartiles
from ..models import FEEDBACKS, SUPERSPIKE
from ..sweeps.jobs import Job
from ..tasks import spike_timing
from . import Condition, Finding, Runs, Setting, Table, final_cost

SEEDS = {"quick": 5, "full": 20}
HIDDEN = (4, 8)
LOOKS = {name: look(name) for name in ("random", "symmetric", "uniform")}
SILENT = 10  # Hz: the cost of an output that never spikes, five targets in 0.5 s
SOLVED = 2.5  # Hz, a quarter of the cost of silence


def jobs(setting: Setting) -> list[Job]:
    """Train 100-4-1 and 100-8-1 with each feedback for 500 s, or 250 s; every seed has its own pattern and weights."""
    options = {"duration": (500 if setting.full else 250) * second, "burn_in": 20 * second}
    return setting.jobs(
        {
            f"{name}-{n}": Condition(_task, SUPERSPIKE.replace(feedback=FEEDBACKS[name]), (n,), options)
            for n in HIDDEN
            for name in LOOKS
        }
    )


def _task(seed):
    return spike_timing(seed=seed)


def table(runs: Runs) -> Table:
    """Cost at the end, and whether random feedback has a positive weight, a row per run."""
    return [
        {
            "feedback": name.split("-")[0],
            "hidden": int(name.split("-")[1]),
            "seed": run.attrs["seed"],
            "cost_end_hz": final_cost(run, 5),
            "all_feedback_negative": bool("feedback_1" in run and (run.feedback_1 < 0).all()),
        }
        for name, group in runs.items()
        for run in group
    ]


def findings(rows: Table) -> list[Finding]:
    """All solve the task, but for random feedback that is negative throughout."""
    found = []
    for n in HIDDEN:
        for name in LOOKS:
            mine = [r for r in rows if r["hidden"] == n and r["feedback"] == name]
            hopeless = [r for r in mine if r["all_feedback_negative"]]
            able = [r for r in mine if not r["all_feedback_negative"]]
            solved = sum(r["cost_end_hz"] < SOLVED for r in able)
            text = f"{solved} of {len(able)}, median {np.median([r['cost_end_hz'] for r in mine]):.3g} Hz"
            expected = f"{name}, {n} hidden units: runs end below {SOLVED:g} Hz"
            if name == "random":
                expected += " if any feedback weight is positive"
                despite = sum(r["cost_end_hz"] < SOLVED for r in hopeless)
                text += f"; {len(hopeless)} with negative weights only, {despite} below"
            found.append(Finding("ab"[HIDDEN.index(n)], expected, text, solved == len(able)))
    return found


def draw(runs: Runs) -> Figure:
    """Learning curves with 4 and 8 hidden units, final costs, and forward against feedback weights."""
    import xarray as xr

    rows = table(runs)
    with styled():
        figure, axes = plt.subplot_mosaic("ab;cd", figsize=(7.2, 5), layout="constrained")
        for panel, n in zip("ab", HIDDEN, strict=True):
            for name, drawn in LOOKS.items():
                group = runs[f"{name}-{n}"]
                costs = xr.concat([run.cost.mean("output") for run in group], "seed")
                median_and_quartiles(axes[panel], group[0].time, costs, drawn.color, f"{name} feedback", drawn.line)
            reference_line(axes[panel], "silent", y=SILENT)
            axes[panel].set(xlabel="simulated time (s)", ylabel="cost (Hz)", xlim=(0, None), ylim=(0, 14))
            axes[panel].text(0.98, 0.95, f"{n} hidden units", transform=axes[panel].transAxes, ha="right", va="top")
        figure.legend(*axes["a"].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        _final(axes["c"], rows)
        _sorted(axes["d"], runs)
        for name, axis in axes.items():
            letter(axis, name)
    return figure


def _final(axis, rows):
    """Every run; of those that fail it is said which, and why."""
    names = [(name, n) for n in HIDDEN for name in LOOKS]
    negative = [r for r in rows if r["all_feedback_negative"]]
    for k, (name, n) in enumerate(names):
        mine = [r for r in rows if (r["feedback"], r["hidden"]) == (name, n)]
        for r, x in zip(mine, np.linspace(-0.25, 0.25, len(mine)), strict=True):
            cross = {"marker": "x", "color": BLACK} if r in negative else {"marker": LOOKS[name].marker}
            style = {"color": LOOKS[name].color, "markersize": 3, "linestyle": "", "clip_on": False} | cross
            axis.plot(k + x, r["cost_end_hz"], **style)
            if r["cost_end_hz"] >= SOLVED:
                axis.text(k + x, r["cost_end_hz"] - 0.4, f"seed {r['seed']}", fontsize=6, ha="center", va="top")
    if negative:
        text = "random, all feedback weights negative:\nan error never excites a hidden unit"
        axis.plot([], [], "x", color=BLACK, markersize=3, label=text)
        above(axis, 1)
    reference_line(axis, "solved", y=SOLVED)
    reference_line(axis, "silent", y=SILENT)
    axis.set_xticks(range(len(names)), [f"{name}\n{n} hidden" for name, n in names], fontsize=6)
    axis.set(ylabel="cost at the end (Hz)", ylim=(0, None), xlim=(-0.6, len(names) - 0.4))


def _sorted(axis, runs):
    """Forward weights against random feedback, before and after."""
    for end, word, colour, marker in (("start", "before", GREY, "o"), ("end", "after", LOOKS["random"].color, "s")):
        pairs = [(run.feedback_1.values[:, 0], run[f"weights_2_{end}"].values[:, 0]) for run in runs["random-8"]]
        b, w = (np.concatenate(v) for v in zip(*pairs, strict=True))
        label = f"{word} learning: {100 * np.mean(np.sign(b) == np.sign(w)):.0f} % of signs agree"
        axis.plot(b, w * 1e3, marker, color=colour, markersize=2.5, markeredgewidth=0, label=label)
    axis.axhline(0, color=GREY, linewidth=0.5)
    axis.axvline(0, color=GREY, linewidth=0.5)
    axis.set(xlabel="random feedback weight, 8 hidden units", ylabel="forward weight (mV)")
    above(axis, 1, handletextpad=0.2)

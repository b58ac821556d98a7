"""Figure 8: heterosynaptic weight decay helps random feedback, if it grows with the unit's rate.

Source: Zenke & Ganguli (2018), Figure 8: the task of Figure 7 (set "auryn" of the benchmark suite: 100 inputs, 100 outputs, a
loop of 3.5 s) with random feedback; strength rho over decades, exponent a. For a > 0 some rho is best; a = 0, a decay that
knows nothing of the rate, is always worse. The decay holds the rates of hidden units down.

Our rho counts as a gradient of rho Hz for a weight of 1 V in a unit at a steady 10 Hz: its scale is not the paper's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from brian2 import second
from matplotlib.figure import Figure

from ..analysis import firing_rates
from ..figures.palette import OTHERS, Look, look, shades
from ..figures.rasters import window
from ..figures.style import letter, reference_line, styled
from ..models import HETEROSYNAPTIC, RANDOM, SUPERSPIKE
from ..sweeps.jobs import Job
from ..tasks import ssbm
from ..values.hints import Floats
from . import Condition, Finding, Runs, Setting, Table, final_cost

if TYPE_CHECKING:
    import xarray as xr

SEEDS = {"quick": 1, "full": 3}
STRENGTHS = {"quick": (0.01, 1.0, 10.0, 100.0, 1000.0), "full": (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)}
EXPONENTS = {"quick": (0, 4), "full": (0, 1, 2, 4)}
BASE = "none"
LOOKS = {  # of exponents, and of what has no decay
    f"a{a}": Look(f"a = {a}", color, drawn.line, drawn.marker)
    for a, color, drawn in zip((0, 1, 2, 4), shades(4), OTHERS, strict=False)
} | {BASE: look("random")}


def jobs(setting: Setting) -> list[Job]:
    """Train 100-256-100 for 1000 s (100-32-100 for 150 s) without decay, and with every strength and exponent."""
    options = {"duration": 1000 * second, "burn_in": 20 * second, "r0_decay_at": [400 * second, 700 * second]}
    if not setting.full:
        options |= {"duration": 150 * second, "r0_decay_at": []}
    task, hidden = ssbm("auryn", setting.data_dir), (256 if setting.full else 32,)
    plain = SUPERSPIKE.replace(feedback=RANDOM)
    conditions = {BASE: Condition(task, plain, hidden, options)}
    for a in EXPONENTS[setting.scale]:
        for rho in STRENGTHS[setting.scale]:
            model = plain.replace(regularizer=HETEROSYNAPTIC.replace(rho=rho, a=a))
            conditions[f"a{a}-rho{rho:g}"] = Condition(task, model, hidden, options)
    return setting.jobs(conditions)


def table(runs: Runs) -> Table:
    """Cost at the end, and the mean rate of hidden units, a row per run."""
    return [
        {
            "a": None if name == BASE else int(name.split("-")[0][1:]),
            "rho": None if name == BASE else float(name.split("-rho")[1]),
            "seed": run.attrs["seed"],
            "cost_end_hz": final_cost(run, 3),
            "hidden_rate_hz": hidden_rate(run),
        }
        for name, group in runs.items()
        for run in group
    ]


def hidden_rate(run: xr.Dataset) -> float:
    """Mean rate of hidden units in the last period (Hz)."""
    times, units = window(run, "hidden_1", -1)
    return float(firing_rates(times, units, int(np.atleast_1d(run.attrs["sizes"])[1]), run.attrs["period_s"]).mean())


def curve(rows: Table, a: int, value: str) -> tuple[list[float], Floats]:
    """Strengths of an exponent, and the mean of a column for each."""
    mine = [r for r in rows if r["a"] == a]
    strengths = sorted({r["rho"] for r in mine})
    return strengths, np.array([np.mean([r[value] for r in mine if r["rho"] == rho]) for rho in strengths])


def findings(rows: Table) -> list[Finding]:
    """For a > 0 there is an optimum of rho that beats no decay; with a = 0 the best is worse."""
    base = float(np.mean([r["cost_end_hz"] for r in rows if r["a"] is None]))
    best = {}
    found = []
    for a in sorted({r["a"] for r in rows} - {None}):
        strengths, cost = curve(rows, a, "cost_end_hz")
        best[a] = cost.min()
        if a > 0:
            inside = 0 < np.argmin(cost) < len(cost) - 1
            text = f"best {cost.min():.3g} Hz at rho = {strengths[int(np.argmin(cost))]:g}; without decay {base:.3g} Hz"
            expected = f"a = {a}: some rho between the ends is best, and better than no decay"
            found.append(Finding("a", expected, text, bool(inside and cost.min() < base)))
    positive = min(v for a, v in best.items() if a > 0)
    text = f"best with a = 0: {best[0]:.3g} Hz, with a > 0: {positive:.3g} Hz"
    found.append(Finding("a", "a = 0 is worse than a > 0", text, bool(best[0] > positive)))
    a = max(best)
    strengths, rate = curve(rows, a, "hidden_rate_hz")
    text = f"{rate[0]:.3g} Hz at rho = {strengths[0]:g}, {rate[-1]:.3g} Hz at rho = {strengths[-1]:g}"
    found.append(Finding("b", f"a = {a}: hidden rates fall as rho grows", text, bool(rate[-1] < rate[0])))
    return found


def draw(runs: Runs) -> Figure:
    """Final cost and hidden rate against the strength, a curve an exponent: every seed, and means."""
    rows = table(runs)
    with styled():
        figure, axes = plt.subplots(1, 2, figsize=(7.2, 3), layout="constrained")
        labels = {"cost_end_hz": "cost at the end (Hz)", "hidden_rate_hz": "mean hidden rate (Hz)"}
        for axis, (value, label) in zip(axes, labels.items(), strict=True):
            for a in sorted({r["a"] for r in rows} - {None}):
                mine, shown = [r for r in rows if r["a"] == a], LOOKS[f"a{a}"]
                style = {"color": shown.color, "markersize": 3, "alpha": 0.5, "markeredgewidth": 0}
                axis.plot([r["rho"] for r in mine], [r[value] for r in mine], shown.marker, **style)
                axis.plot(*curve(rows, a, value), label=shown.label, **shown.curve)
            base = np.mean([r[value] for r in rows if r["a"] is None])
            reference_line(axis, "no decay", y=base, **LOOKS[BASE].curve)
            axis.set(xscale="log", xlabel=r"strength $\rho$", ylabel=label, ylim=(0, None))
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, handlelength=4)
        letter(axes[0], "a")
        letter(axes[1], "b")
    return figure

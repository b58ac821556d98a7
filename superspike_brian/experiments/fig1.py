"""Figure 1: learning rates for every weight make learning robust against the choice of r0.

Source: Zenke & Ganguli (2018), Figure 1: 100 inputs, 4 hidden units, one output, symmetric feedback. With the best learning
rate r0 all optimisers learn; the fixed rate does so only in a narrow band of r0, RMaxProp is the least sensitive. Each
optimiser has eight rates, half a decade apart and wide enough for its band; runs of one seed start from the same weights.

The fixed rate multiplies the gradient itself, the other two its size relative to the past: so their rates differ by decades.
Costs below 0.1 Hz, one unmatched spike in a hundred, count as 0.1 Hz: once a run has converged, the rest is the tail of an
exponential, and twice the best of it says nothing about learning.
"""

import matplotlib.pyplot as plt
import numpy as np
from brian2 import mV, second, volt
from matplotlib.figure import Figure

from ..figures.palette import other, shades
from ..figures.style import above, letter, reference_line, styled
from ..figures.sweep import median_and_quartiles, printed
from ..models import OPTIMIZERS, SUPERSPIKE
from ..sweeps.jobs import Job
from ..tasks import spike_timing
from ..values.hints import Floats
from . import Condition, Finding, Runs, Setting, Table, final_cost

SEEDS = {"quick": 3, "full": 20}
STEPS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
RATES = {"fixed": np.array(STEPS) * volt, "rmsprop": np.array(STEPS) * mV, "rmaxprop": np.array(STEPS) * mV}
SOLVED = 0.1  # Hz
SILENT = 10  # Hz: the cost of an output that never spikes, five targets in 0.5 s
LOOKS = {"fixed": other(0, "fixed rate"), "rmsprop": other(1, "RMSProp"), "rmaxprop": other(2, "RMaxProp")}


def jobs(setting: Setting) -> list[Job]:
    """Train with every optimiser and rate for 800 s, or 200 s."""
    options = {"duration": (800 if setting.full else 200) * second, "burn_in": 10 * second}
    return setting.jobs(
        {
            f"{name}-{float(r0) * 1e3:g}mV": Condition(
                _task, SUPERSPIKE.replace(optimizer=OPTIMIZERS[name], r0=r0), (4,), options
            )
            for name, rates in RATES.items()
            for r0 in rates
        }
    )


def _task(seed):
    return spike_timing(seed=seed)


def table(runs: Runs) -> Table:
    """Cost over the last fifth of each run."""
    return [
        {
            "optimizer": name.split("-")[0],
            "r0_mV": float(name.split("-")[1].removesuffix("mV")),
            "seed": run.attrs["seed"],
            "cost_end_hz": final_cost(run, run.sizes["block"] // 5),
        }
        for name, group in runs.items()
        for run in group
    ]


def costs(rows: Table, optimizer: str) -> tuple[Floats, Floats]:
    """Rates of an optimiser (mV) and the median of the final costs, at least `SOLVED` (Hz)."""
    mine = [r for r in rows if r["optimizer"] == optimizer]
    rates = np.unique([r["r0_mV"] for r in mine])
    cost = [np.median([r["cost_end_hz"] for r in mine if r["r0_mV"] == r0]) for r0 in rates]
    return rates, np.maximum(cost, SOLVED)


def band(rates: Floats, cost: Floats, factor: float = 2) -> float:
    """Decades of the rate around the best in which the cost stays within `factor` of the best.

    Between rates, the logarithm of the cost is taken as linear in that of the rate; a band that reaches the end of the rates
    ends there.
    """
    x, y = np.log10(rates), np.log10(cost / (factor * cost.min()))
    best, ends = int(np.argmin(cost)), []
    for step in (-1, 1):
        k = best
        while 0 <= k + step < len(x) and y[k + step] <= 0:
            k += step
        inside = x[k]
        if 0 <= k + step < len(x):
            inside += (x[k + step] - x[k]) * -y[k] / (y[k + step] - y[k])
        ends.append(inside)
    return float(ends[1] - ends[0])


def findings(rows: Table) -> list[Finding]:
    """All learn at their best rate; RMaxProp has the widest band, the fixed rate the narrowest."""
    found = {name: costs(rows, name) for name in RATES}
    best = {name: cost.min() for name, (_, cost) in found.items()}
    width = {name: band(*f) for name, f in found.items()}
    text = ", ".join(f"{name} {width[name]:.2f}" for name in width)
    return [
        Finding(
            "a-c",
            "at their best rate all optimisers end below 2 Hz (10 Hz: silent)",
            ", ".join(f"{name} {cost:.3g} Hz" for name, cost in best.items()),
            max(best.values()) < 2,
        ),
        Finding(
            "d",
            "RMaxProp is the least sensitive: most decades of r0 within twice its best cost",
            f"{text} decades",
            width["rmaxprop"] == max(width.values()),
        ),
        Finding(
            "d",
            "the fixed rate learns in the narrowest band",
            f"{text} decades",
            width["fixed"] == min(width.values()),
        ),
    ]


def draw(runs: Runs) -> Figure:
    """Learning curves of each optimiser with its rates; final cost against the rate."""
    rows = table(runs)
    with styled():
        figure, axes = plt.subplot_mosaic("abc;ddd", figsize=(7.2, 5), layout="constrained")
        for panel, name in zip("abc", RATES, strict=True):
            _curves(axes[panel], runs, name)
            letter(axes[panel], panel)
        top = max(a.get_ylim()[1] for k, a in axes.items() if k in "abc")
        for panel in "abc":
            axes[panel].set_ylim(0, min(top, 20))
            reference_line(axes[panel], "silent", y=SILENT)
        axes["a"].set_ylabel("cost (Hz)")
        for name, shift in zip(RATES, (1, 0.94, 1.06), strict=True):
            rates, cost = costs(rows, name)
            mine = [r for r in rows if r["optimizer"] == name]
            where = {"color": LOOKS[name].color, "markersize": 3, "alpha": 0.5, "markeredgewidth": 0}
            ends = [max(r["cost_end_hz"], SOLVED) for r in mine]
            axes["d"].loglog([r["r0_mV"] * shift for r in mine], ends, LOOKS[name].marker, **where)
            text = f"{LOOKS[name].label}: {band(rates, cost):.1f} decades"
            axes["d"].loglog(rates, cost, label=text, **LOOKS[name].curve)
        reference_line(axes["d"], "silent", y=SILENT)
        reference_line(axes["d"], "solved", y=SOLVED, linestyle=":")
        axes["d"].set(xlabel="learning rate $r_0$ (mV)", ylabel=f"final cost, at least {SOLVED:g} (Hz)")
        axes["d"].yaxis.set_major_formatter("{x:g}")
        axes["d"].xaxis.set_major_formatter("{x:g}")
        above(axes["d"], 3, title="within twice the best cost")
        letter(axes["d"], "d")
    return figure


def _curves(axis, runs, optimizer):
    import xarray as xr

    names = [n for n in runs if n.startswith(f"{optimizer}-")]
    for name, color in zip(names, shades(len(names)), strict=True):
        costs = xr.concat([run.cost.mean("output") for run in runs[name]], "seed")
        median_and_quartiles(axis, runs[name][0].time, costs, color, _label(name))
    axis.set(title=LOOKS[optimizer].label, xlabel="simulated time (s)", xlim=(0, None))
    where = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.25), "borderpad": 0, "labelspacing": 0.2}
    axis.legend(fontsize=6, ncols=4, handlelength=1, columnspacing=0.8, handletextpad=0.4, **where)


def _label(name):
    return printed(float(name.split("-")[1].removesuffix("mV")) * mV)

"""Figure 7: which feedback can teach a hidden layer to draw a picture in spikes.

Zenke & Ganguli (2018), Fig. 7, on the set "auryn" of the benchmark suite (100 inputs, 100 outputs, a loop of 3.5 s). The paper
shows that a hidden layer of 256 units helps when the feedback is symmetric; that with random feedback the network ends
worse than without a hidden layer, which heterosynaptic regularisation mends in part; and that the surrogate derivative and
plasticity of the hidden layer are both needed. Learning rate 1 mV, divided by ten at 420 s; the first 20 s without learning.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ..analysis import firing_rates
from ..figures.rasters import looped, window
from ..figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION, letter, styled
from ..models import HETEROSYNAPTIC, LINEAR, RANDOM, UNIFORM
from ..sweeps.jobs import Job
from ..tasks import ssbm
from . import Condition, Finding, Runs, Setting, Table, final_cost, mean_by
from ._pictures import SYMMETRIC as SYMMETRIC_RULE
from ._pictures import is_full, options

SEEDS = {"quick": 1, "full": 3}
SIZES = {"quick": (32, 256), "full": (8, 16, 32, 64, 128, 256)}  # hidden units
REFERENCE = {  # Hz at 1000 s; pub2018superspike on Auryn 8.3 (Zenke & Ganguli's C++ extension), same schedule, one seed
    "auryn-nohidden": 1.4095,
    "auryn-symmetric-32": 2.3302,
    "auryn-symmetric-256": 0.4881,
    "auryn-random-regularised-32": 4.5648,
    "auryn-random-regularised-256": 3.0782,
}
LABELS = {  # and colours
    "auryn-symmetric-256": ("symmetric", BLUE),
    "auryn-linear-256": ("symmetric, σ' = 1", "#CC79A7"),
    "auryn-fixed-hidden-256": ("hidden layer fixed", "#56B4E9"),
    "auryn-uniform-256": ("uniform", ORANGE),
    "auryn-random-256": ("random", VERMILION),
    "auryn-random-regularised-256": ("random + regulariser", GREEN),
    "auryn-nohidden": ("no hidden layer", BLACK),
}
SYMMETRIC, LINEAR_RULE, FIXED_HIDDEN, UNIFORM_FEEDBACK, RANDOM_FEEDBACK, REGULARISED, NO_HIDDEN = LABELS


def jobs(setting: Setting) -> list[Job]:
    """Seven networks of 256 hidden units or none, three also with fewer; for 1000 s, or 200 s with an earlier decay."""
    task = ssbm("auryn", setting.data_dir)
    schedule = options(setting)
    random = SYMMETRIC_RULE.replace(feedback=RANDOM)
    regularised = random.replace(regularizer=HETEROSYNAPTIC.replace(rho=1.0))
    conditions = {
        NO_HIDDEN: Condition(task, SYMMETRIC_RULE, (), schedule),
        UNIFORM_FEEDBACK: Condition(task, SYMMETRIC_RULE.replace(feedback=UNIFORM), (256,), schedule),
        LINEAR_RULE: Condition(task, SYMMETRIC_RULE.replace(surrogate=LINEAR), (256,), schedule),
        FIXED_HIDDEN: Condition(task, SYMMETRIC_RULE, (256,), schedule | {"hidden_learning": False}),
    }
    sized = {"auryn-symmetric": SYMMETRIC_RULE, "auryn-random-regularised": regularised, "auryn-random": random}
    for n in SIZES[setting.scale]:
        conditions |= {f"{name}-{n}": Condition(task, model, (n,), schedule) for name, model in sized.items()}
    return setting.jobs(conditions)


def table(runs: Runs) -> Table:
    """Cost at the end and mean hidden rate after learning, a row a run."""
    return [
        {
            "condition": name,
            "n_hidden": _n_hidden(run),
            "seed": run.attrs["seed"],
            "simulated_s": run.attrs["simulated_s"],
            "cost_hz": final_cost(run),
            "hidden_rate_hz": float(_hidden_rates(run).mean()) if _n_hidden(run) else "",
            "reference_hz": REFERENCE.get(name, ""),
        }
        for name, of_seeds in runs.items()
        for run in of_seeds
    ]


def _n_hidden(run):
    return sum(run.attrs["sizes"][1:-1])


def _hidden_rates(run):
    return firing_rates(*window(run, "hidden_1", -1), _n_hidden(run), run.attrs["period_s"])


def findings(rows: Table) -> list[Finding]:
    """The paper's order of costs; at the full duration also the authors' numbers."""
    cost = mean_by(rows, "condition", "cost_hz")

    def order(panel, expected, *conditions):
        costs = [cost[c] for c in conditions]
        found = " < ".join(f"{LABELS[c][0]} {cost[c]:.3g} Hz" for c in sorted(conditions, key=lambda c: cost[c]))
        return Finding(panel, expected, found, costs == sorted(costs))

    found = [
        order("a", "symmetric feedback ends better than no hidden layer", SYMMETRIC, NO_HIDDEN),
        order("a", "no hidden layer < random + regulariser < random", NO_HIDDEN, REGULARISED, RANDOM_FEEDBACK),
        order("a", "without the surrogate derivative symmetric feedback is worse", SYMMETRIC, LINEAR_RULE),
        order("a", "with a fixed hidden layer it is worse", SYMMETRIC, FIXED_HIDDEN),
    ]
    rates = mean_by([r for r in rows if r["n_hidden"]], "condition", "hidden_rate_hz")
    lower, higher = rates[REGULARISED], rates[RANDOM_FEEDBACK]
    text = f"{lower:.3g} Hz with, {higher:.3g} Hz without"
    found.append(Finding("d", "the regulariser lowers hidden rates under random feedback", text, lower < higher))
    if is_full(rows):
        for name, reference in REFERENCE.items():
            expected = f"{name}: mean at most 1.1 times the {reference:.3g} Hz of the authors' implementation"
            text = f"{cost[name]:.3g} Hz, {cost[name] / reference:.2f} times"
            found.append(Finding("b", expected, text, cost[name] <= 1.1 * reference))
    return found


def draw(runs: Runs) -> Figure:
    """Learning curves, cost against hidden units, output rasters, hidden rates."""
    with styled():
        figure = plt.figure(figsize=(7.2, 7.4), layout="constrained")
        axes = figure.subplot_mosaic([["a", "a", "b"], ["symmetric", "random", "d"]], height_ratios=[1.2, 1])
        _curves(axes["a"], runs)
        _sizes(axes["b"], runs)
        _raster(axes["symmetric"], runs[SYMMETRIC][0], "symmetric")
        _raster(axes["random"], runs[RANDOM_FEEDBACK][0], "random")
        axes["symmetric"].set_ylabel("output unit")
        _rates(axes["d"], runs)
        for name, axis in zip("abcd", (axes["a"], axes["b"], axes["symmetric"], axes["d"]), strict=True):
            letter(axis, name)
    return figure


def _curves(axis, runs):
    for name, (label, color) in LABELS.items():
        time, cost = runs[name][0].time, np.stack([r.cost.mean("output").values for r in runs[name]])
        axis.plot(time, cost.mean(0), color=color, label=label)
        if len(cost) > 1:
            axis.fill_between(time, cost.min(0), cost.max(0), color=color, alpha=0.2, linewidth=0)
    learning = runs[NO_HIDDEN][0].r0.values
    axis.axvspan(0, float(time[np.argmax(learning > 0) - 1]), color=GREY, alpha=0.2, linewidth=0)
    for k in np.flatnonzero(np.diff(learning) < 0):
        axis.axvline(float(time[k]), color=GREY, linestyle=":", linewidth=0.8)
    axis.set(xlabel="simulated time (s)", ylabel="cost (Hz)", yscale="log", xlim=(0, float(time[-1])))
    axis.set_ylim(top=1.8 * axis.get_ylim()[1])
    _plain_ticks(axis)
    axis.legend(loc="upper right", ncols=3)


def _sizes(axis, runs):
    groups: dict[str, list[tuple[int, list[float]]]] = {}
    for name, of_seeds in runs.items():
        kind = name.rpartition("-")[0] if _n_hidden(of_seeds[0]) else name
        groups.setdefault(kind, []).append((_n_hidden(of_seeds[0]), [final_cost(r) for r in of_seeds]))
    for kind, points in groups.items():
        _, color = LABELS[kind if kind == NO_HIDDEN else f"{kind}-256"]
        axis.plot([n for n, _ in points], [np.mean(c) for _, c in points], "o-", color=color, markersize=4)
        for n, costs in points:
            axis.plot([n] * len(costs), costs, ".", color=color, markersize=3, alpha=0.5)
    axis.axhline(np.mean(groups[NO_HIDDEN][0][1]), color=BLACK, linestyle="--", linewidth=0.6)
    axis.set(xlabel="hidden units", ylabel="cost at the end (Hz)", yscale="log", xticks=[0, 32, 256], xlim=(-12, 275))
    _plain_ticks(axis)


def _plain_ticks(axis):
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_locator(NullLocator())


def _raster(axis, run, title):
    for name, color, size, alpha in (("targets", VERMILION, 3, 0.45), ("output", BLACK, 1.2, 1)):
        times, units = looped(run, name, -1)
        axis.plot(times, units, "o", color=color, markersize=size, alpha=alpha, markeredgewidth=0, rasterized=True)
    axis.set(title=title, xlabel="time (s)", xlim=(0, run.attrs["period_s"]), ylim=(-2, 101))


def _rates(axis, runs):
    shown = {c: np.concatenate([_hidden_rates(r) for r in runs[c]]) for c in (SYMMETRIC, REGULARISED, RANDOM_FEEDBACK)}
    bins = np.linspace(0, max(r.max() for r in shown.values()), 41)
    for name, rates in shown.items():
        label, color = LABELS[name]
        axis.hist(rates, bins, histtype="step", color=color, label=label, weights=np.full(rates.size, 1 / rates.size))
    axis.set(xlabel="hidden rate (Hz)", ylabel="fraction of units", yscale="log", ylim=(2e-4, 2))
    axis.legend(loc="upper right")

"""Figure 7: which feedback can teach a hidden layer to draw a picture in spikes.

Zenke & Ganguli (2018), Fig. 7, on the set "auryn" of the benchmark suite (100 inputs, 100 outputs, a loop of 3.5 s). The paper
shows that a hidden layer of 256 units helps when the feedback is symmetric; that with random feedback the network ends
worse than without a hidden layer, which heterosynaptic regularisation mends in part; and that the surrogate derivative and
plasticity of the hidden layer are both needed. Learning rate 1 mV, divided by ten at 420 s; the first 20 s without learning.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ..analysis import firing_rates
from ..figures.palette import BLACK, OUTPUT, TARGET, look, other
from ..figures.rasters import looped, window
from ..figures.style import letter, plain_log, reference_line, styled
from ..models import HETEROSYNAPTIC, LINEAR, RANDOM, UNIFORM
from ..sweeps.jobs import Job
from ..tasks import ssbm
from . import Condition, Finding, Runs, Setting, Table, final_cost, mean_by
from ._conditions import phases
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
LOOKS = {
    "auryn-symmetric-256": look("symmetric"),
    "auryn-linear-256": other(1, "symmetric, σ' = 1"),
    "auryn-fixed-hidden-256": look("fixed"),
    "auryn-uniform-256": look("uniform"),
    "auryn-random-256": look("random"),
    "auryn-random-regularised-256": look("regularised"),
    "auryn-nohidden": look("none"),
}
SYMMETRIC, LINEAR_RULE, FIXED_HIDDEN, UNIFORM_FEEDBACK, RANDOM_FEEDBACK, REGULARISED, NO_HIDDEN = LOOKS


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
    """Cost at the end and mean hidden rate after learning, a row per run."""
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


def kind_of(name: str) -> str:
    """Which of `LOOKS` a condition is, whatever its number of hidden units."""
    return name if name in LOOKS else f"{name.rpartition('-')[0]}-256"


def _n_hidden(run):
    return sum(run.attrs["sizes"][1:-1])


def _hidden_rates(run):
    return firing_rates(*window(run, "hidden_1", -1), _n_hidden(run), run.attrs["period_s"])


def findings(rows: Table) -> list[Finding]:
    """The paper's order of costs; at the full duration also the authors' numbers."""
    cost = mean_by(rows, "condition", "cost_hz")

    def order(panel, expected, *conditions):
        costs = [cost[c] for c in conditions]
        found = " < ".join(f"{LOOKS[c].label} {cost[c]:.3g} Hz" for c in sorted(conditions, key=lambda c: cost[c]))
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
        figure = plt.figure(figsize=(7.2, 7.6), layout="constrained")
        axes = figure.subplot_mosaic([["a", "a", "b"], ["symmetric", "random", "d"]], height_ratios=[1.2, 1])
        _curves(axes["a"], runs)
        _sizes(axes["b"], runs)
        for name, shown in (("symmetric", SYMMETRIC), ("random", RANDOM_FEEDBACK)):
            _raster(axes[name], runs[shown][0], LOOKS[shown].label)
        axes["symmetric"].set_ylabel("output unit")
        axes["random"].legend(loc="lower right", bbox_to_anchor=(1, 1.06), ncols=2, borderpad=0, handletextpad=0.1)
        _rates(axes["d"], runs)
        figure.legend(*axes["b"].get_legend_handles_labels(), loc="outside upper center", ncols=4, handlelength=4)
        for name, axis in zip("abcd", (axes["a"], axes["b"], axes["symmetric"], axes["d"]), strict=True):
            letter(axis, name)
    return figure


def _curves(axis, runs):
    for name, shown in LOOKS.items():
        time, cost = runs[name][0].time, np.stack([r.cost.mean("output").values for r in runs[name]])
        axis.plot(time, cost.mean(0), **shown.curve)
        if len(cost) > 1:
            axis.fill_between(time, cost.min(0), cost.max(0), color=shown.color, alpha=0.2, linewidth=0)
    plain_log(axis)
    phases(axis, runs[NO_HIDDEN][0])
    axis.set(xlabel="simulated time (s)", ylabel="cost (Hz)", xlim=(0, float(time[-1])))


def _sizes(axis, runs):
    """Every seed, and means joined by a line; what has one size is a mark."""
    for shown in LOOKS:
        of_kind = [r for name, r in runs.items() if kind_of(name) == shown]
        sized = {_n_hidden(of_seeds[0]): [final_cost(run) for run in of_seeds] for of_seeds in of_kind}
        sizes, drawn = sorted(sized), LOOKS[shown]
        mark = {"marker": drawn.marker, "markeredgewidth": 0}
        axis.plot(sizes, [np.mean(sized[n]) for n in sizes], label=drawn.label, markersize=4.5, **mark, **drawn.curve)
        for n, costs in sized.items():
            axis.plot([n] * len(costs), costs, color=drawn.color, linestyle="", markersize=2.5, alpha=0.5, **mark)
    if is_full(table(runs)):
        known = [(_n_hidden(runs[name][0]), cost) for name, cost in REFERENCE.items()]
        style = {"linestyle": "", "marker": "o", "markersize": 7, "markerfacecolor": "none", "markeredgewidth": 0.8}
        axis.plot(*zip(*known, strict=True), color=BLACK, label="authors' implementation", **style)
    reference_line(axis, "none", y=float(np.mean([final_cost(run) for run in runs[NO_HIDDEN]])))
    axis.set_xscale("symlog", base=2, linthresh=8, linscale=0.7)
    numbers = sorted({_n_hidden(r[0]) for r in runs.values()})
    axis.set_xticks(numbers, [str(n) for n in numbers])
    plain_log(axis)
    axis.set(xlabel="hidden units", ylabel="cost at the end (Hz)", xlim=(-2, 330))


def _raster(axis, run, title):
    for name, color, size, alpha in (("targets", TARGET, 3, 0.45), ("output", OUTPUT, 1.2, 1)):
        times, units = looped(run, name, -1)
        style = {"color": color, "markersize": size, "alpha": alpha, "markeredgewidth": 0}
        axis.plot(times, units, "o", label=name.rstrip("s"), rasterized=True, **style)
    axis.set_title(title, loc="left")
    axis.set(xlabel="time (s)", xlim=(0, run.attrs["period_s"]), ylim=(-2, 101))


def _rates(axis, runs):
    shown = {c: np.concatenate([_hidden_rates(r) for r in runs[c]]) for c in (SYMMETRIC, REGULARISED, RANDOM_FEEDBACK)}
    bins = np.linspace(0, max(r.max() for r in shown.values()), 41)
    for name, rates in shown.items():
        weights = np.full(rates.size, 1 / rates.size)
        axis.hist(rates, bins, histtype="step", weights=weights, **LOOKS[name].curve)
    axis.set(xlabel="hidden rate (Hz)", ylabel="fraction of units", yscale="log", ylim=(2e-4, 1), xlim=(0, None))

"""How far the update of SuperSpike is from the gradient, layer by layer, and what each of its approximations costs.

Zenke & Ganguli (2018) derive the rule from the surrogate gradient of the van Rossum cost, and leave out of it what a synapse
could not know; how much that is they do not measure. Here the update that the rule accumulates in one presentation, with its
weights held, is compared with the exact gradient of the same network, differentiated backwards through time (`ss.gradient`):
before, during and after learning.

60 inputs and 10 outputs, frozen Poisson spikes at 10 Hz, a loop of 0.5 s; 30 hidden units, or none. Another pattern each seed.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from brian2 import Hz, ms, mV, second
from matplotlib.figure import Figure

from ..baselines.reference import SLOPE, Reference
from ..figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION, letter, styled
from ..models import RANDOM, SUPERSPIKE, UNIFORM, Projection, chain
from ..spec.run import Machine
from ..sweeps.jobs import Job
from ..tasks import Task
from ..tasks.spike_timing import frozen_poisson
from . import Condition, Finding, Runs, Setting, Table
from ._ladder import RUNGS
from ._measured import MOMENTS, RULE, SHUFFLED, SILENT, SLOPES, WRONG_SIGN, comparisons

SEEDS = {"quick": 2, "full": 5}
LABELS = {  # and colours
    "none": ("no hidden layer", BLACK),
    "symmetric": ("symmetric", BLUE),
    "random": ("random", ORANGE),
    "uniform": ("uniform", GREEN),
    "recurrent": ("symmetric, output to output", VERMILION),
}
NONE, SYMMETRIC, RANDOM_FEEDBACK, UNIFORM_FEEDBACK, RECURRENT = LABELS
RECURRENCE = "output to output"
INPUTS, HIDDEN, OUTPUTS, PERIOD = 60, 30, 10, 500 * ms


def task(seed: int) -> Task:
    """Frozen Poisson inputs and targets."""
    inputs, targets = (frozen_poisson(n, 10 * Hz, PERIOD, k) for n, k in ((INPUTS, 2 * seed), (OUTPUTS, 2 * seed + 1)))
    return Task("frozen Poisson spikes", inputs, targets, f"inputs and targets at 10 Hz, seed {seed}")


def conditions(full: bool) -> dict[str, Condition]:
    """Networks and feedback; each learns 300 s, or 60 s, and "during" is after a fifth of it."""
    duration = 300 if full else 60
    options = {
        "duration": duration * second,
        "burn_in": 0 * second,
        "snapshot_every": duration / 5 * second,
        "precision": "double",
    }
    layered, rule = chain([HIDDEN]), SUPERSPIKE.replace(r0=1 * mV)
    itself = Projection("output", "output", self_connections=True, initial="0*volt")
    return {
        NONE: Condition(task, rule, chain([]), options),
        SYMMETRIC: Condition(task, rule, layered, options),
        RANDOM_FEEDBACK: Condition(task, rule.replace(feedback=RANDOM), layered, options),
        UNIFORM_FEEDBACK: Condition(task, rule.replace(feedback=UNIFORM), layered, options),
        RECURRENT: Condition(task, rule, layered.add(itself), options),
    }


def jobs(setting: Setting) -> list[Job]:
    """Train every network, with snapshots of its weights."""
    return setting.jobs(conditions(setting.full))


def measure(runs: Runs, setting: Setting) -> Runs:
    """Add to every run how its updates compare with gradients: variables of the dimension ``comparison``."""
    import xarray as xr

    machine, made = Machine(setting.build_dir, threads=1), conditions(setting.full)
    found: dict[str, list[xr.Dataset]] = {}
    for name, of_seeds in runs.items():
        found[name], any_seed = [], made[name].spec(0).structure  # seeds differ in numbers alone
        reference_of = cache(partial(Reference.of, any_seed, 0))
        for run in of_seeds:
            seed = int(run.attrs["seed"])
            spec = made[name].spec(seed)
            more = {
                "approximations": name in (NONE, SYMMETRIC, RECURRENT),
                "ladder": name == SYMMETRIC,
                "slopes": {NONE: "attached", SYMMETRIC: "attached", RECURRENT: "detached"}.get(name, ""),
                "controls": name == SYMMETRIC,
            }
            if seed and not setting.full:
                more |= {"slopes": "", "controls": False}
            rows = list(comparisons(spec, run, reference_of, machine, **more))
            columns = {k: xr.Variable("comparison", [row[k] for row in rows]) for k in rows[0]}
            found[name].append(run.assign(columns))
    return found


def table(runs: Runs) -> Table:
    """Cosine and norm ratio, a row a comparison: of what is named with the gradient whose resets are detached."""
    return [
        {
            "condition": name,
            "seed": run.attrs["seed"],
            "moment": str(run.moment.values[k]),
            "layer": _layer(name, str(run.projection.values[k])),
            "compared": str(run.what.values[k]),
            "slope_hz_per_mv": float(run.slope.values[k]),
            "cosine": _number(run.cosine.values[k]),
            "norm_ratio": _number(run.norm_ratio.values[k]),
            "cost_hz": float(run.cost_hz.values[k]),
            "output_spikes": int(run.spikes.values[k]),
        }
        for name, of_seeds in runs.items()
        for run in of_seeds
        for k in range(run.sizes["comparison"])
    ]


def _layer(name, projection):
    if projection == "output_to_output":
        return RECURRENCE
    return "hidden" if projection == "forward_1" and name != NONE else "output"


def _number(value):
    return float(value) if np.isfinite(value) else ""


def chosen(rows: Table, value: str = "cosine", **wanted: Any) -> list[float]:
    """Numbers of the rows that have the wanted entries, those that are defined."""
    wanted = {"compared": RULE, "slope_hz_per_mv": SLOPE} | wanted
    return [r[value] for r in rows if all(r[k] == v for k, v in wanted.items()) and r[value] != ""]


def findings(rows: Table) -> list[Finding]:
    """What the derivation of the rule leads one to expect, and what the controls have to show."""

    def mean(**wanted):
        return float(np.mean(chosen(rows, **wanted) or [np.nan]))

    def above(panel, expected, high, low, what="cosine"):
        return Finding(panel, expected, f"{what} {high:.3g}, {low:.3g}", bool(high > low))

    onto = [c for name in LABELS for m in MOMENTS for c in chosen(rows, condition=name, moment=m, layer="output")]
    hidden = {name: mean(condition=name, moment="end", layer="hidden") for name in LABELS if name != NONE}
    steps = [mean(condition=SYMMETRIC, moment="end", layer="hidden", compared=r) for r in RUNGS]
    costs = dict(zip(RUNGS, -np.diff([1, *steps]), strict=True))
    worst = max(costs, key=lambda rung: costs[rung])
    control = {w: chosen(rows, condition=SYMMETRIC, compared=w) for w in (WRONG_SIGN, SHUFFLED, SILENT)}
    start = mean(condition=RANDOM_FEEDBACK, moment="start", layer="hidden")
    return [
        Finding(
            "b", "onto outputs the update is nearly the gradient", f"lowest cosine {min(onto):.3g}", min(onto) > 0.9
        ),
        above("a", "hidden units: symmetric is closer than random", hidden[SYMMETRIC], hidden[RANDOM_FEEDBACK]),
        above("a", "hidden units: random is closer than uniform", hidden[RANDOM_FEEDBACK], hidden[UNIFORM_FEEDBACK]),
        above("a", "random feedback: closer after learning than before", hidden[RANDOM_FEEDBACK], start),
        Finding(
            "d",
            "what costs most is what the error passes on its way back, not resets and delays",
            f"{worst}, {costs[worst]:.3g} of the cosine; resets and delays {costs[RUNGS[0]] + costs[RUNGS[1]]:.3g}",
            worst in RUNGS[2:],
        ),
        Finding(
            "f", "a wrong sign climbs", f"highest cosine {max(control[WRONG_SIGN]):.3g}", max(control[WRONG_SIGN]) < 0
        ),
        above("f", "a shuffled error loses the direction", hidden[SYMMETRIC], max(control[SHUFFLED])),
        Finding(
            "f", "a silent network has no gradient", f"{len(control[SILENT])} cosines defined", not control[SILENT]
        ),
    ]


def draw(runs: Runs) -> Figure:
    """Cosines and norm ratios by layer and moment; what approximations cost; slopes; controls."""
    rows = table(runs)
    with styled():
        figure = plt.figure(figsize=(7.2, 7.4), layout="constrained")
        axes = figure.subplot_mosaic("ab;cd;ef")
        _moments(axes["a"], rows, "cosine", "hidden")
        _moments(axes["b"], rows, "cosine", "output")
        _moments(axes["c"], rows, "norm_ratio", "hidden")
        _ladder(axes["d"], rows)
        _slopes(axes["e"], rows)
        _controls(axes["f"], rows)
        handles, labels = axes["b"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
        for name, axis in axes.items():
            letter(axis, name)
    return figure


def _moments(axis, rows, value, layer):
    """Every seed, and means joined by a line, before, during and after learning."""
    shown = [(name, layer, label, color, "o-") for name, (label, color) in LABELS.items()]
    if layer == "output":
        shown.append((RECURRENT, RECURRENCE, RECURRENCE, "#56B4E9", "s--"))
    for k, (name, which, label, color, style) in enumerate(shown):
        columns = [chosen(rows, value, condition=name, moment=m, layer=which) for m in MOMENTS]
        if not any(columns):
            continue
        place = np.arange(3) + 0.09 * (k - 2)
        for x, values in zip(place, columns, strict=True):
            axis.plot([x] * len(values), values, style[0], color=color, markersize=2.5, alpha=0.45, markeredgewidth=0)
        middle = np.exp if value == "norm_ratio" else np.asarray
        means = [middle(np.mean(np.log(v) if value == "norm_ratio" else v)) if v else np.nan for v in columns]
        axis.plot(place, means, style, color=color, markersize=4, label=label)
    axis.set(xticks=range(3), xticklabels=["before", "during", "after"], xlabel="learning", xlim=(-0.4, 2.4))
    title = "weights onto hidden units" if layer == "hidden" else "weights onto outputs"
    axis.set(title=title, ylabel="cosine with the gradient" if value == "cosine" else "norm of update / gradient")
    if value == "norm_ratio":
        axis.set_yscale("log")
    elif layer == "hidden":
        axis.axhline(0, color=GREY, linewidth=0.6)
        axis.set_ylim(-0.6, 1.05)


def _ladder(axis, rows):
    """Cosine of directions with ever more approximations, up to the rule."""
    names = ["reset attached", *RUNGS, RULE]
    labels = [
        "reset differentiated",
        "+ reset ignored",
        "+ delay dropped",
        "+ no surrogate of output",
        "+ no PSP",
        "rule",
    ]
    for layer, color in (("hidden", BLUE), ("output", BLACK)):
        columns = [chosen(rows, condition=SYMMETRIC, moment="end", layer=layer, compared=n) for n in names]
        for y, values in enumerate(columns):
            axis.plot(values, [y] * len(values), "o", color=color, markersize=2.5, alpha=0.45, markeredgewidth=0)
        means = [np.mean(v) for v in columns]
        axis.plot(means[1:], range(1, len(names)), "o-", color=color, markersize=4, label=f"onto {layer} units")
        axis.plot(means[0], 0, "o", color=color, markersize=4)
    axis.set(yticks=range(len(names)), yticklabels=labels, xlabel="cosine with the gradient", xlim=(0.5, 1.01))
    axis.set(title="symmetric, after learning")
    axis.invert_yaxis()
    axis.legend(loc="upper left")


def _slopes(axis, rows):
    """Cosine of the rule with gradients in which spikes act back on what makes them."""
    shown = (
        (SYMMETRIC, "rule, attached", "hidden", BLUE, "-", "hidden, reset differentiated"),
        (SYMMETRIC, "rule, attached", "output", BLACK, "-", "output, reset differentiated"),
        (RECURRENT, "rule, detached", "hidden", BLUE, "--", "hidden, recurrent outputs"),
        (RECURRENT, "rule, detached", "output", BLACK, "--", "output, recurrent outputs"),
    )
    for name, what, layer, color, style, label in shown:
        wanted = {"condition": name, "compared": what, "layer": layer}
        means = [np.mean(chosen(rows, slope_hz_per_mv=s, **wanted) or [np.nan]) for s in SLOPES]
        axis.plot(SLOPES, means, style, marker="o", color=color, markersize=3, label=label)
    axis.axhline(0, color=GREY, linewidth=0.6)
    axis.set(
        xscale="log", xlabel="slope of the surrogate (Hz/mV)", ylabel="cosine with the gradient", ylim=(-0.4, 1.05)
    )
    axis.set_title("spikes that act back, after learning")
    axis.legend(loc="center left", bbox_to_anchor=(0.02, 0.5))


def _controls(axis, rows):
    """The rule, and what has to look bad."""
    names = (RULE, SHUFFLED, WRONG_SIGN, SILENT)
    for x, name in enumerate(names):
        for layer, color, shift in (("hidden", BLUE, -0.18), ("output", BLACK, 0.18)):
            values = chosen(rows, condition=SYMMETRIC, moment="end", layer=layer, compared=name)
            if values:
                label = f"onto {layer} units" if name == RULE else None
                axis.bar(x + shift, np.mean(values), 0.32, color=color, alpha=0.35, label=label)
                axis.plot([x + shift] * len(values), values, "o", color=color, markersize=2.5, markeredgewidth=0)
    if not chosen(rows, condition=SYMMETRIC, compared=SILENT):
        axis.text(len(names) - 1, 0.05, "none", ha="center", va="bottom", fontsize=7)
    axis.axhline(0, color=GREY, linewidth=0.6)
    axis.set(xticks=range(len(names)), xticklabels=["rule", "shuffled\nerror", "wrong\nsign", "silent\nnetwork"])
    axis.set(ylabel="cosine with the gradient", ylim=(-1.1, 1.1), title="controls, symmetric")
    axis.legend(loc="lower left")

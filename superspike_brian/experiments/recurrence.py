"""Outputs that hear themselves and each other: what recurrence in the output layer adds to a network that draws in spikes.

Set "auryn" of the benchmark suite (100 inputs, 100 outputs, a loop of 3.5 s; F. Zenke 2017, https://github.com/fzenke/ssbm)
under SuperSpike (Zenke & Ganguli 2018) with symmetric feedback, as in Figure 7; the paper has no recurrent network. Plastic
synapses from output to output start at 0, and are to their target inputs like others; the control spends as many weights on
hidden units. Learning rate 1 mV, divided by ten at 420 s; the first 20 s without learning.

Two more conditions take the recurrent synapses apart: those from each output to itself, 100 weights, and those to the others.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ..figures.palette import BLACK, look, other
from ..figures.style import above, letter, plain_log, styled
from ..models import Projection, chain
from ..sweeps.jobs import Job
from ..tasks import ssbm
from . import Condition, Finding, Runs, Setting, Table, final_cost, mean_by
from ._conditions import curves, ends
from ._pictures import SYMMETRIC, is_full, options

SEEDS = {"quick": 1, "full": 3}
LOOKS = {
    "feedforward": look("symmetric").named("nothing"),
    "wider": other(1, "50 hidden units"),
    "others": other(3, "output to others"),
    "itself": other(2, "output to itself"),
    "recurrent": other(0, "output to output"),
    "recurrent-skip": other(4, "inputs, output to output"),
}
FEEDFORWARD, WIDER, OTHERS, ITSELF, RECURRENT, BOTH = LOOKS
PROTOTYPE = {  # Hz at 1000 s, of one or two seeds; a prototype of this package
    FEEDFORWARD: (0.484, 0.531),
    WIDER: (0.464,),
    RECURRENT: (0.324, 0.315),
    BOTH: (0.306,),
}
BOUNDS = {RECURRENT: 0.36, BOTH: 0.34}  # Hz, of the mean at 1000 s


def jobs(setting: Setting) -> list[Job]:
    """Train 100-256-100 and what is added to it for 1000 s; or 100-32-100 for 200 s with an earlier decay."""
    task, schedule, n = ssbm("auryn", setting.data_dir), options(setting), 256 if setting.full else 32

    def recurrent(**which):
        return Projection("output", "output", initial="0*volt", **which)

    skip = Projection("inputs", "output", initial="0*volt")
    itself = [(k, k) for k in range(task.n_outputs)]
    networks = {
        FEEDFORWARD: chain([n]),
        WIDER: chain([n + 50]),
        OTHERS: chain([n]).add(recurrent()),
        ITSELF: chain([n]).add(recurrent(connect=itself)),
        RECURRENT: chain([n]).add(recurrent(self_connections=True)),
        BOTH: chain([n]).add(recurrent(self_connections=True), skip),
    }
    return setting.jobs({name: Condition(task, SYMMETRIC, network, schedule) for name, network in networks.items()})


def table(runs: Runs) -> Table:
    """Weights, cost at the end, and the mean weight of an output onto itself, a row per run."""
    return [
        {
            "condition": name,
            "weights": run.attrs["n_synapses"],
            "seed": run.attrs["seed"],
            "simulated_s": run.attrs["simulated_s"],
            "cost_hz": final_cost(run),
            "self_weight_mv": float(_to_itself(run).mean()) if name in (ITSELF, RECURRENT, BOTH) else "",
            "prototype_hz": round(float(np.mean(PROTOTYPE[name])), 4) if name in PROTOTYPE else "",
        }
        for name, of_seeds in runs.items()
        for run in of_seeds
    ]


def _to_itself(run):
    """Weights (mV) of outputs onto themselves."""
    w = 1000 * run.weights_output_to_output_end.values
    return np.diag(w) if w.ndim == 2 else w


def findings(rows: Table) -> list[Finding]:
    """Recurrence helps, by what outputs do to themselves; at the full duration also the prototype's numbers."""
    cost = mean_by(rows, "condition", "cost_hz")

    def below(panel, expected, better, worse):
        text = f"{LOOKS[better].label} {cost[better]:.3g} Hz, {LOOKS[worse].label} {cost[worse]:.3g} Hz"
        return Finding(panel, expected, text, cost[better] < cost[worse])

    found = [
        below("b", "recurrent outputs end better than without", RECURRENT, FEEDFORWARD),
        below("b", "an output's weight onto itself is enough for that", ITSELF, FEEDFORWARD),
        below("b", "without those onto themselves they end worse", RECURRENT, OTHERS),
    ]
    onto = mean_by([r for r in rows if r["condition"] == RECURRENT], "condition", "self_weight_mv")[RECURRENT]
    found.append(Finding("c", "outputs inhibit themselves", f"mean weight {onto:.3g} mV", onto < 0))
    if is_full(rows):
        found.append(below("b", "they also end better than with as many weights of hidden units", RECURRENT, WIDER))
        for name, bound in BOUNDS.items():
            expected = f"{name}: mean at most {bound} Hz (prototype: {np.mean(PROTOTYPE[name]):.3g} Hz)"
            found.append(Finding("b", expected, f"{cost[name]:.3g} Hz", cost[name] <= bound))
    return found


def draw(runs: Runs) -> Figure:
    """Learning curves, cost at the end beside the prototype's, recurrent weights after learning."""
    with styled():
        figure = plt.figure(figsize=(7.2, 5), layout="constrained")
        axes = figure.subplot_mosaic("aa;bc", height_ratios=[1.15, 1], width_ratios=[1.25, 1])
        curves(axes["a"], runs, LOOKS)
        plain_log(axes["a"])
        handles = axes["a"].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=6, title="added to the network", columnspacing=1)
        ends(axes["b"], runs, LOOKS)
        if is_full(table(runs)):
            _prototype(axes["b"], runs)
        _weights(axes["c"], runs[RECURRENT])
        for name, axis in axes.items():
            letter(axis, name)
    return figure


def _prototype(axis, runs):
    for y, name in enumerate(runs):
        if name in PROTOTYPE:
            label = {"label": "prototype"} if name == FEEDFORWARD else {}
            axis.plot(PROTOTYPE[name], [y + 0.42] * len(PROTOTYPE[name]), "^", color=BLACK, markersize=3, **label)
    above(axis, 1)


def _weights(axis, of_seeds):
    w = 1000 * np.stack([r.weights_output_to_output_end.values for r in of_seeds])
    itself = np.eye(w.shape[1], dtype=bool)
    bins = np.linspace(-80, 40, 41)
    for label, name, shown in (("others", OTHERS, w[:, ~itself]), ("itself", ITSELF, w[:, itself])):
        weights = np.full(shown.size, 1 / shown.size)
        axis.hist(shown.ravel(), bins, weights=weights, histtype="step", label=f"onto {label}", **LOOKS[name].curve)
    axis.set(xlabel="weight after learning (mV)", ylabel="fraction of weights", xlim=(-80, 40))
    above(axis, 2)

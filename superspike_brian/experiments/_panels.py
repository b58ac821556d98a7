"""Panels of the figure on the gradient, and how its table is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..baselines.reference import SLOPE
from ..figures.palette import GREY, look, other
from ..figures.style import above
from . import Table
from ._ladder import RUNGS
from ._measured import MOMENTS, RULE, SHUFFLED, SILENT, SLOPES, WRONG_SIGN

LOOKS = {name: look(name) for name in ("none", "symmetric", "random", "uniform")} | {
    "recurrent": other(0, "symmetric, recurrent outputs")
}
NONE, SYMMETRIC, RANDOM_FEEDBACK, UNIFORM_FEEDBACK, RECURRENT = LOOKS
LAYERS = {"hidden": other(1, "onto hidden units"), "output": other(3, "onto output units")}
RECURRENCE = "output to output"


def chosen(rows: Table, value: str = "cosine", **wanted: Any) -> list[float]:
    """Numbers of the rows that have the wanted entries, those that are defined."""
    wanted = {"compared": RULE, "slope_hz_per_mv": SLOPE} | wanted
    return [r[value] for r in rows if all(r[k] == v for k, v in wanted.items()) and r[value] != ""]


def moments(axis: Axes, rows: Table, value: str, layer: str) -> None:
    """Every seed, and means joined by a line, before, during and after learning."""
    shown = [(name, layer, drawn) for name, drawn in LOOKS.items()]
    if layer == "output":
        shown.append((RECURRENT, RECURRENCE, other(2, "weights of recurrent outputs")))
    for k, (name, which, drawn) in enumerate(shown):
        columns = [chosen(rows, value, condition=name, moment=m, layer=which) for m in MOMENTS]
        if not any(columns):
            continue
        place = np.arange(3) + 0.09 * (k - 2)
        mark: dict[str, Any] = {"marker": drawn.marker, "markeredgewidth": 0}
        for x, values in zip(place, columns, strict=True):
            axis.plot([x] * len(values), values, color=drawn.color, linestyle="", markersize=2.5, alpha=0.45, **mark)
        means = [_middle(values, value) for values in columns]
        axis.plot(place, means, label=drawn.label, markersize=4, **mark, **drawn.curve)
    axis.set(xticks=range(3), xticklabels=["before", "during", "after"], xlabel="learning", xlim=(-0.4, 2.4))
    title = "weights onto hidden units" if layer == "hidden" else "weights onto outputs"
    axis.set(title=title, ylabel="cosine with the gradient" if value == "cosine" else "norm of update / gradient")
    if value == "norm_ratio":
        axis.set_yscale("log")
    elif layer == "hidden":
        axis.axhline(0, color=GREY, linewidth=0.6)
        axis.set_ylim(-0.6, 1.05)


def _middle(values, value):
    """Mean of cosines, geometric mean of norm ratios."""
    if not values:
        return np.nan
    return np.exp(np.mean(np.log(values))) if value == "norm_ratio" else np.mean(values)


def ladder(axis: Axes, rows: Table) -> None:
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
    for layer, drawn in LAYERS.items():
        columns = [chosen(rows, condition=SYMMETRIC, moment="end", layer=layer, compared=n) for n in names]
        for y, values in enumerate(columns):
            style: dict[str, Any] = {
                "color": drawn.color,
                "marker": drawn.marker,
                "linestyle": "",
                "markeredgewidth": 0,
            }
            axis.plot(values, [y] * len(values), markersize=2.5, alpha=0.45, **style)
        means = [np.mean(v) for v in columns]
        axis.plot(means[1:], range(1, len(names)), marker=drawn.marker, markersize=4, label=drawn.label, **drawn.curve)
        axis.plot(means[0], 0, markersize=4, **style)
    axis.set(yticks=range(len(names)), yticklabels=labels, xlabel="cosine with the gradient", xlim=(0.4, 1.01))
    axis.set_title("symmetric, after learning", pad=14)
    axis.invert_yaxis()
    above(axis, 2)


def slopes(axis: Axes, rows: Table) -> None:
    """Cosine of the rule with gradients in which spikes act back on what makes them."""
    shown = (
        (SYMMETRIC, "rule, attached", "hidden", "-", "hidden, reset differentiated"),
        (SYMMETRIC, "rule, attached", "output", "-", "output, reset differentiated"),
        (RECURRENT, "rule, detached", "hidden", ":", "hidden, recurrent outputs"),
        (RECURRENT, "rule, detached", "output", ":", "output, recurrent outputs"),
    )
    for name, what, layer, line, label in shown:
        wanted = {"condition": name, "compared": what, "layer": layer}
        means = [np.mean(chosen(rows, slope_hz_per_mv=s, **wanted) or [np.nan]) for s in SLOPES]
        drawn = LAYERS[layer]
        axis.plot(SLOPES, means, linestyle=line, marker=drawn.marker, color=drawn.color, markersize=3, label=label)
    axis.axhline(0, color=GREY, linewidth=0.6)
    axis.set(xscale="log", xlabel="slope of the surrogate (Hz/mV)", ylabel="cosine with the gradient", ylim=(-1.1, 1.1))
    axis.set_title("spikes that act back, after learning")
    axis.legend(loc="lower left")  # no cosine is that low


def controls(axis: Axes, rows: Table) -> None:
    """The rule, and what has to look bad."""
    names = (RULE, SHUFFLED, WRONG_SIGN, SILENT)
    for x, name in enumerate(names):
        for (layer, drawn), shift in zip(LAYERS.items(), (-0.18, 0.18), strict=True):
            values = chosen(rows, condition=SYMMETRIC, moment="end", layer=layer, compared=name)
            if values:
                label = drawn.label if name == RULE else None
                axis.bar(x + shift, np.mean(values), 0.32, color=drawn.color, alpha=0.35, label=label)
                axis.plot([x + shift] * len(values), values, "o", color=drawn.color, markersize=2.5, markeredgewidth=0)
    if not chosen(rows, condition=SYMMETRIC, compared=SILENT):
        axis.text(len(names) - 1, 0.05, "none", ha="center", va="bottom", fontsize=7)
    axis.axhline(0, color=GREY, linewidth=0.6)
    axis.set(xticks=range(len(names)), xticklabels=["rule", "shuffled\nerror", "wrong\nsign", "silent\nnetwork"])
    axis.set(ylabel="cosine with the gradient", ylim=(-1.1, 1.1))
    axis.set_title("controls, symmetric", pad=14)
    above(axis, 2)

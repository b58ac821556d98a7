"""Figure 5 of the paper for any classification: the last trials, spike by spike, and accuracy and error while it learned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ..results.trials import moving_accuracy
from .rasters import layers, raster, window
from .style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    learning_curve,
    letter,
    output_state,
    reference_line,
    styled,
    window_length,
)

if TYPE_CHECKING:
    import xarray as xr

SHADES = ("#56B4E9", ORANGE, "#009E73", "#CC79A7", "#F0E442", BLUE, VERMILION)  # of classes; Okabe & Ito
LINES = (BLUE, "#B25A00", "#006B4F", "#8F4470", BLACK)  # the same hues, darker, for thin lines


def plot_trials(data: xr.Dataset, probe: int = -1) -> Figure:
    """Draw input, hidden and output spikes and the output error in successive trials; accuracy and cost while learning.

    Parameters
    ----------
    data : xarray.Dataset
        Results of a classification.
    probe : int
        Probe window to show; the last is the one after learning.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Source: Zenke & Ganguli 2018, Figure 5 b and c.
    """
    sizes, hidden = layers(data)
    names = ["inputs", *hidden, "output"]
    with styled():
        figure = plt.figure(figsize=(7.2, 5.2 + 0.5 * len(hidden)), layout="constrained")
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=[3.6 + 0.5 * len(hidden), 1.6])[:, 0]
        heights = [1.5, *(0.5 + 0.02 * n for n in sizes[1:-1]), 0.5 + 0.05 * sizes[-1], 0.8]
        axes = upper.subplots(len(names) + 1, 1, sharex=True, height_ratios=heights)
        for name, n, axis in zip(names, sizes, axes, strict=False):
            draw_raster(axis, data, name, n, probe)
        _verdicts(axes[len(names) - 1], data, sizes[-1], probe)
        _error(axes[-1], data, probe)
        for axis in axes:
            _shade(axis, data, probe)
        upper.align_ylabels(axes)
        letter(axes[0], "a")
        right, cost = lower.subplots(1, 2)
        accuracy_curve(right, data)
        learning_curve(cost, data)
        letter(right, "b")
        letter(cost, "c")
    return figure


def accuracy_curve(axis: Axes, data: xr.Dataset, color: str = BLUE, **style: Any) -> None:
    """Fraction of correct trials in a moving window against simulated time."""
    times, fractions = moving_accuracy(data)
    axis.plot(times, fractions, color=color, **style)
    axis.set(xlabel="simulated time (s)", ylabel="correct trials", ylim=(0, 1.02), xlim=(0, None))
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    if not any(text.get_text() == "chance" for text in axis.texts):  # by another curve
        reference_line(axis, "chance", y=1 / data.sizes["output"], linestyle=":")


def draw_raster(axis: Axes, data: xr.Dataset, name: str, n: int, probe: int) -> None:
    """Draw the spikes of a population in a probe window."""
    times, units = window(data, name, probe)
    few = n <= 10
    raster(axis, times, units, n, marker="|" if few else ".", markersize=5 if few else 1.5, markeredgewidth=0.9)
    label = {"inputs": "input\nunit", "output": "output\nunit"}.get(name, "hidden\nunit")
    axis.set(ylabel=label, ylim=(-0.6, n - 0.4))


def trials_of(data: xr.Dataset, probe: int) -> Iterator[tuple[Any, ...]]:
    """Onset and deadline (s from the start of a probe window), class, answer and verdict of its trials."""
    index = range(data.sizes["probe"])[probe]
    mine = data.probe_trial_probe.values == index
    start = float(data.probe_start[index])
    times = (data[f"probe_trial_{v}"].values[mine] - start for v in ("onset", "deadline"))
    classes, correct = (data[f"probe_trial_{v}"].values[mine] for v in ("class", "correct"))
    answers = data.probe_trial_prediction.values[mine] if "probe_trial_prediction" in data else classes
    return zip(*times, classes, answers, correct, strict=True)


def _shade(axis, data, probe):
    for onset, deadline, label, _, _ in trials_of(data, probe):
        axis.axvspan(onset, deadline, color=SHADES[label % len(SHADES)], alpha=0.35, linewidth=0)


def _verdicts(axis, data, n, probe):
    for onset, deadline, _, _, correct in trials_of(data, probe):
        mark, color = ("✓", "#006B4F") if correct else ("✗", VERMILION)
        axis.text((onset + deadline) / 2, n - 0.4, mark, color=color, ha="center", va="bottom", fontsize=8)
    for label in range(n):
        axis.fill_between([], [], color=SHADES[label % len(SHADES)], alpha=0.35, label=f"class {label}")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1.1), borderpad=0, handlelength=1)


def _error(axis, data, probe):
    time, error = data.probe_time.values, output_state(data, "error", probe)
    for unit in range(error.shape[1]):
        axis.plot(time, error[:, unit], color=LINES[unit % len(LINES)], linewidth=0.8)
    axis.axhline(0, color=GREY, linewidth=0.5)
    top = 1.05 * np.nanmax([np.abs(error).max(), 10])
    axis.set(xlabel="time (s)", ylabel="error\n(Hz)", xlim=(0, window_length(data)), ylim=(-top, top))

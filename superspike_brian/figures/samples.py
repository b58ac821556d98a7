"""A run on labelled samples: some of them, spike by spike, accuracy while it learned, and what was taken for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ..results.trials import moving_accuracy
from .rasters import layers
from .style import (
    BLACK,
    BLUE,
    GREY,
    VERMILION,
    above,
    letter,
    output_state,
    recorded_units,
    reference_line,
    styled,
    window_length,
)
from .trials import draw_raster, trials_of

if TYPE_CHECKING:
    import xarray as xr


def plot_samples(data: xr.Dataset, probe: int = -1) -> Figure:
    """Draw samples with the spikes of all layers and the potentials of the output; learning curves; confusion matrix.

    Parameters
    ----------
    data : xarray.Dataset
        Results of a run on labelled samples.
    probe : int
        Probe window to show; the last is the one after learning.

    Returns
    -------
    matplotlib.figure.Figure
    """
    sizes, hidden = layers(data)
    spiking = "probe_trial_potential" not in data
    names = ["inputs", *hidden, *(["output"] if spiking else [])]
    with styled():
        figure = plt.figure(figsize=(7.2, 5.6 + 0.7 * len(hidden)), layout="constrained")
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=[2.8 + 0.7 * len(hidden), 2.8])[:, 0]
        rows = len(names) + (not spiking)
        axes = upper.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        for name, n, axis in zip(names, sizes, axes, strict=False):
            draw_raster(axis, data, name, n, probe)
        if not spiking:
            _potentials(axes[-1], data, probe)
        for axis in axes:
            for onset, deadline, _, _, _ in trials_of(data, probe):
                axis.axvspan(onset, deadline, color=GREY, alpha=0.2, linewidth=0)
        _verdicts(axes[0], data, probe)
        axes[-1].set(xlabel="time (s)", xlim=(0, window_length(data)))
        upper.align_ylabels(axes)
        letter(axes[0], "a")
        curve, matrix = lower.subplots(1, 2, width_ratios=[1.2, 1])
        _accuracy(curve, data)
        letter(curve, "b")
        if "test_confusion" in data:
            _confusion(matrix, data)
            letter(matrix, "c")
        else:
            matrix.axis("off")
    return figure


def _potentials(axis, data, probe):
    time, units = data.probe_time.values, list(recorded_units(data))
    potential = output_state(data, "U", probe) * 1e3
    axis.plot(time, potential, color=GREY, linewidth=0.5)
    trials = list(trials_of(data, probe))
    ends = [*(onset for onset, *_ in trials[1:]), time[-1]]
    for (onset, deadline, label, _, _), end in zip(trials, ends, strict=True):
        if label in units:
            mine, slot = potential[:, units.index(label)], (time >= onset) & (time < end)
            axis.plot(time[slot], mine[slot], color=BLUE, linewidth=1)
            axis.plot(deadline, np.interp(deadline, time, mine), "o", color=BLUE, markersize=3)
    reference_line(axis, "threshold", y=data.attrs["theta_V"] * 1e3)
    axis.plot([], [], "o-", color=BLUE, markersize=3, label="unit of the class, judged at the deadline")
    axis.plot([], [], color=GREY, label="others")
    above(axis, 2)
    axis.set(ylabel="output\n$U$ (mV)")


def _verdicts(axis, data, probe):
    """Over each sample its class, and what the network said if that was something else."""
    for onset, deadline, label, prediction, correct in trials_of(data, probe):
        said = "–" if prediction < 0 else prediction
        text, color = (f"{label}", BLACK) if correct else (f"{label}→{said}", VERMILION)
        where = {"ha": "center", "va": "bottom", "fontsize": 7, "transform": axis.get_xaxis_transform()}
        axis.text((onset + deadline) / 2, 1.02, text, color=color, **where)


def _accuracy(axis, data):
    times, fractions = moving_accuracy(data)
    axis.plot(times, fractions, color=BLUE, linewidth=0.7, alpha=0.7, label="training, last 100 trials")
    if "tests_accuracy" in data:
        style = {"color": VERMILION, "marker": "o", "markersize": 3}
        axis.plot(data.tests_time, data.tests_accuracy, label="held-out samples", **style)
        final = float(data.tests_accuracy[-1])
        place = {"textcoords": "offset points", "xytext": (0, -12), "ha": "right", "fontsize": 7}
        axis.annotate(f"{final:.1%}", (float(data.tests_time[-1]), final), color=VERMILION, **place)
    reference_line(axis, "chance", y=1 / data.sizes["output"], linestyle=":")
    axis.set(xlabel="simulated time (s)", ylabel="accuracy", ylim=(0, 1.02), xlim=(0, None))
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    above(axis, 2)


def _confusion(axis, data):
    counts = data.test_confusion.values
    n = len(counts)
    if not counts[:, n].any():  # every sample was answered
        counts = counts[:, :n]
    image = axis.imshow(counts / np.maximum(counts.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    ticks = [k for k in range(counts.shape[1]) if k % max(1, -(-n // 10)) == 0 or k == n]
    axis.set_xticks(ticks, ["none" if k == n else str(k) for k in ticks])
    axis.set_yticks([k for k in ticks if k < n])
    axis.spines[["top", "right"]].set_visible(True)
    if n <= 12:
        for i, j in zip(*np.nonzero(counts), strict=True):
            dark = counts[i, j] > counts[i].sum() / 2
            axis.text(j, i, counts[i, j], ha="center", va="center", fontsize=6, color="white" if dark else BLACK)
    axis.set(xlabel="answer", ylabel="class")
    axis.figure.colorbar(image, ax=axis, shrink=0.8, format=PercentFormatter(1), label="of the samples of a class")

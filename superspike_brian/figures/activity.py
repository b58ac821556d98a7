"""Figure 6 of the paper for any run: rasters against the target, and the statistics of hidden spike trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ..analysis import coefficients_of_variation, firing_rates, inter_spike_intervals
from .palette import BLUE
from .rasters import layers, looped, on_target, raster, window
from .style import learning_curve, letter, reference_line, styled, window_length

if TYPE_CHECKING:
    import xarray as xr

_LABELS = {"inputs": "input unit", "output": "output unit", "hidden_1": "hidden unit"}


def plot_activity(data: xr.Dataset, probe: int = -1) -> Figure:
    """Draw input, hidden and output rasters with the target behind, hidden rates, intervals and their variability.

    Parameters
    ----------
    data : xarray.Dataset
        Results of a run.
    probe : int
        Probe window to show; the last is the one after learning.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Source: Zenke & Ganguli 2018, Figure 6.
    """
    sizes, hidden = layers(data)
    names = ["inputs", *hidden, "output"]
    with styled():
        figure = plt.figure(figsize=(7.2, 5.6 + 0.6 * len(hidden)), layout="constrained")
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=[4.2, 1.5])[:, 0]
        heights = [1] * (len(names) - 1) + [1.6]
        axes = upper.subplots(len(names), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for name, n, axis in zip(names, sizes, axes, strict=True):
            _raster(axis, data, name, n, probe)
            axis.set_ylabel(_LABELS.get(name, name.replace("_", " ")))
        axes[-1].set_xlabel("time in the period (s)")
        letter(axes[0], "a")
        panels = lower.subplots(1, 4 if hidden else 1, squeeze=False)[0]
        if hidden:
            _statistics(panels[:3], data, hidden, sizes[1:-1], probe)
        learning_curve(panels[-1], data)
        for axis, name in zip(panels, "bcde", strict=False):
            letter(axis, name)
    return figure


def _raster(axis, data, name, n, probe):
    if name == "output":
        on_target(axis, looped(data, "targets", probe), looped(data, name, probe), n)
    else:
        size = float(np.clip(150 / n, 2, 3))
        raster(axis, *looped(data, name, probe), n, 0.02, markersize=size, markeredgewidth=0, rasterized=True)
    axis.set_xlim(0, data.attrs["period_s"])


def _statistics(axes, data, hidden, sizes, probe):
    found = []
    for name, n in zip(hidden, sizes, strict=True):
        times, units = window(data, name, probe)
        intervals, _ = inter_spike_intervals(times, units)
        rates, variation = (
            firing_rates(times, units, n, window_length(data)),
            coefficients_of_variation(times, units, n),
        )
        found.append((rates, intervals, variation))
    rates, intervals, variation = (np.concatenate(v) for v in zip(*found, strict=True))
    axes[0].hist(rates, bins=20, color=BLUE)
    axes[0].set(xlabel="hidden rate (Hz)", ylabel="units")
    if intervals.size:
        top = float(max(1.5 * np.median(intervals), np.percentile(intervals, 98)))
        counts, edges = np.histogram(intervals * 1e3, bins=25, range=(0, top * 1e3))
        axes[1].semilogy(edges[:-1] + np.diff(edges) / 2, np.where(counts > 0, counts, np.nan), ".", color=BLUE)
    axes[1].set(xlabel="interval (ms)", ylabel="count")
    axes[2].hist(variation[np.isfinite(variation)], bins=20, color=BLUE)
    reference_line(axes[2], "Poisson", x=1)
    axes[2].set(xlabel="CV of intervals", ylabel="units")

"""Figures from results: readable in print, colour-blind safe, units on every axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from brian2 import ms
from matplotlib.figure import Figure

from ..results.network import populations
from ..values.quantities import measured, plain
from .palette import BLUE, GREY, OUTPUT, TARGET
from .rasters import on_target, raster, window
from .style import (
    above,
    learning_curve,
    letter,
    output_state,
    recorded_units,
    reference_line,
    styled,
    window_length,
)

if TYPE_CHECKING:
    import xarray as xr


def plot_run(data: xr.Dataset, unit: int | None = None) -> Figure:
    """Draw a run as in the paper's Figure 2: activity before and after learning, spike times over trials, learning curve.

    Parameters
    ----------
    data : xarray.Dataset
        Results of a run.
    unit : int, optional
        Output unit to show, one of those that are recorded. Default: the one of them with the most target spikes.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Source: Zenke & Ganguli 2018, Figure 2 a-d.
    """
    unit = _busiest(data) if unit is None else unit
    layers = list(populations(data))[1:-1]
    many = data.sizes["output"] > 1 and "target_signal" not in data  # then all of them are shown, too
    rows = ["inputs", *layers, *(["outputs"] if many else []), "potential", "error"]
    heights = [1.2] + [0.5] * len(layers) + ([1.2] if many else []) + [1.2, 0.7]
    with styled():
        figure = plt.figure(figsize=(7.2, 3.6 + 0.4 * len(layers) + 1.2 * many + 2.2), layout="constrained")
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=[sum(heights), 1.9])[:, 0]
        axes = upper.subplots(len(rows), 2, sharex="col", sharey="row", height_ratios=heights, squeeze=False)
        titles = _window_titles(data)
        for side, probe in enumerate((0, data.sizes["probe"] - 1)):
            column = dict(zip(rows, axes[:, side], strict=True))
            for name in ("inputs", *layers):
                _raster(column[name], data, name, probe)
            if many:
                target, output = (window(data, name, probe) for name in ("targets", "output"))
                on_target(column["outputs"], target, output, data.sizes["output"], ms)
            _potential(column["potential"], data, probe, unit)
            _error(column["error"], data, probe, unit)
            column["inputs"].set_title(titles[side])
            letter(column["inputs"], "ab"[side])
        of = f"output {unit}\n" if data.sizes["output"] > 1 else ""
        labels = [*_raster_labels(layers), *(["output unit"] if many else []), f"{of}$U$ (mV)", f"{of}error (Hz)"]
        for label, axis in zip(labels, axes[:, 0], strict=True):
            axis.set_ylabel(label)
        upper.align_ylabels(axes[:, 0])
        trials, curve = lower.subplots(1, 2)
        (_signal if "target_signal" in data else _trials)(trials, data, unit)
        learning_curve(curve, data)
        if data.sizes["output"] > 1:
            curve.plot([], [], color=BLUE, alpha=0.3, linewidth=0.5, label="single outputs")
            above(curve, 2)
        letter(trials, "c")
        letter(curve, "d")
    return figure


def _busiest(data):
    """The recorded output with the most target spikes; the first of them where these are as many, or there are none."""
    units = recorded_units(data)
    if "target_unit" not in data:
        return int(units[0])
    return int(units[np.argmax([(data.target_unit.values == unit).sum() for unit in units])])


def _window_titles(data):
    start, length = data.probe_start.values, window_length(data)
    return [
        f"{word} learning, t = {plain(t, 6)}–{measured(t + length, 's', 6)}"
        for word, t in zip(("before", "after"), start[[0, -1]], strict=True)
    ]


def _raster_labels(layers):
    return ["input unit", *("hidden" if layers == ["hidden_1"] else name.replace("_", " ") for name in layers)]


def _raster(axis, data, name, probe):
    n = populations(data)[name]
    size = float(np.clip(120 / n, 0.8, 2))  # many units have small dots
    raster(axis, *window(data, name, probe), n, unit=ms, markersize=size, rasterized=n > 50)


def _window_spikes(data, name, probe, unit):
    times, units = window(data, name, probe)
    return times[units == unit] * 1e3


def _potential(axis, data, probe, unit):
    time = data.probe_time.values * 1e3
    potential = output_state(data, "U", probe)[:, recorded_units(data) == unit]
    axis.plot(time, potential * 1e3, color=OUTPUT, linewidth=0.8, label="potential")
    if "target_signal" in data:
        target = output_state(data, "U_target", probe)[:, recorded_units(data) == unit]
        axis.plot(time[1:-1], target[1:-1] * 1e3, color=TARGET, linewidth=0.8, label="target")
        if probe:
            above(axis, 2)
        return
    reference_line(axis, "threshold" if probe else r"$\vartheta$", y=data.attrs["theta_V"] * 1e3)
    top = data.attrs["theta_V"] * 1e3 + 4
    for name, color, height, label in (("targets", TARGET, top + 5, "target"), ("output", OUTPUT, top, "output spike")):
        spikes = _window_spikes(data, name, probe, unit)
        axis.plot(
            spikes, np.full(len(spikes), height), "|", color=color, markersize=6, markeredgewidth=1.5, label=label
        )
    if probe:
        above(axis, 3, handletextpad=0.4)


def _error(axis, data, probe, unit):
    error = output_state(data, "error", probe)[:, recorded_units(data) == unit]
    axis.plot(data.probe_time.values * 1e3, error, color=BLUE, linewidth=0.8)
    axis.axhline(0, color=GREY, linewidth=0.5)
    axis.set(xlabel="time (ms)", xlim=(0, window_length(data) * 1e3))


def _signal(axis, data, unit):
    """Target and output potential in the period, before and after learning."""
    time = data.target_signal_time.values
    axis.plot(time, data.target_signal.values[:, unit] * 1e3, color=TARGET, linewidth=1.2, label="target")
    shown = recorded_units(data) == unit
    for probe, color, label in ((0, GREY, "before"), (data.sizes["probe"] - 1, BLUE, "after")):
        inside = (data.probe_start.values[probe] + data.probe_time.values) % data.attrs["period_s"]
        order = np.argsort(inside)
        potential = output_state(data, "U", probe)[:, shown]
        axis.plot(inside[order], potential[order] * 1e3, color=color, linewidth=0.8, label=label)
    axis.set(xlabel="time in the period (s)", ylabel=f"output {unit}: $U$ (mV)", xlim=(0, data.attrs["period_s"]))
    above(axis, 3)


def _trials(axis, data, unit):
    period = data.attrs["period_s"]
    mine = data.watched_unit.values == unit
    times = data.watched_time.values[mine]
    axis.plot(times, times % period * 1e3, ".", color=OUTPUT, markersize=1.5, rasterized=True)
    for target in data.target_time.values[data.target_unit.values == unit]:
        axis.axhline(target * 1e3, color=TARGET, linewidth=0.6, zorder=3)  # over the outputs, which end on it
    end = float(data.time[-1]) if data.sizes["block"] else None
    axis.set(xlabel="simulated time (s)", ylabel="spike time in trial (ms)", ylim=(0, period * 1e3), xlim=(0, end))
    if data.sizes["output"] > 1:
        none = "" if (data.target_unit.values == unit).any() else ", which has no target"
        axis.set_title(f"output {unit}{none}", loc="left")
    axis.plot([], [], ".", color=OUTPUT, markersize=3, label="output")
    axis.plot([], [], color=TARGET, linewidth=0.8, label="target")
    above(axis, 2)

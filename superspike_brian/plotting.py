"""Figures from results: readable in print, colour-blind safe, units on every axis."""

import warnings
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from brian2 import ms, second
from matplotlib.ticker import MaxNLocator

from .runfolder import write_durably

# Okabe & Ito's palette
BLACK, ORANGE, BLUE, GREEN, VERMILION, GREY = "#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#999999"
LEARNING_ON = "learning on"
STYLE = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "lines.linewidth": 1,
    "figure.dpi": 150,
    "pdf.fonttype": 42,
}


@contextmanager
def styled():
    """Draw in our style.

    Unlike `plt.rc_context` it keeps what loading the backend sets, at the first figure: else Jupyter shows no later one.
    """
    before = {name: plt.rcParams[name] for name in STYLE}
    plt.rcParams.update(STYLE)
    try:
        yield
    finally:
        plt.rcParams.update(before)


def plot_run(data, unit=None):
    """Draw a run as in the paper's Figure 2: activity before and after learning, spike times over trials, learning curve.

    Parameters
    ----------
    data : xarray.Dataset
        Results of a run.
    unit : int, optional
        Output unit to show, one of those that are recorded. Default: the first of them.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Source: Zenke & Ganguli 2018, Figure 2 a-d.
    """
    unit = int(recorded_units(data)[0]) if unit is None else unit
    layers = [d.removeprefix("spikes_") for d in data.sizes if str(d).startswith("spikes_hidden")]
    rows = ["inputs", *layers, "potential", "error"]
    heights = [1.2] + [0.5] * len(layers) + [1.2, 0.7]
    with styled():
        figure = plt.figure(figsize=(7.2, 3.6 + 0.4 * len(layers) + 2.2), layout="constrained")
        upper, lower = figure.subfigures(2, 1, height_ratios=[sum(heights), 1.9])
        axes = upper.subplots(len(rows), 2, sharex="col", sharey="row", height_ratios=heights, squeeze=False)
        titles = _window_titles(data)
        for side, probe in enumerate((0, data.sizes["probe"] - 1)):
            column = dict(zip(rows, axes[:, side], strict=True))
            for name in ("inputs", *layers):
                _raster(column[name], data, name, probe)
            _potential(column["potential"], data, probe, unit)
            _error(column["error"], data, probe, unit)
            column["inputs"].set_title(titles[side])
            letter(column["inputs"], "ab"[side])
        for label, axis in zip([*_raster_labels(layers), "output $U$ (mV)", "error (Hz)"], axes[:, 0], strict=True):
            axis.set_ylabel(label)
        upper.align_ylabels(axes[:, 0])
        trials, curve = lower.subplots(1, 2)
        _trials(trials, data, unit)
        learning_curve(curve, data)
        letter(trials, "c")
        letter(curve, "d")
    return figure


def learning_curve(axis, data, color=BLUE, label=None):
    """Cost against simulated time: mean over output units, single units behind it (at most 100)."""
    time, cost = data.time.values, data.cost.values
    if cost.shape[1] > 1:
        axis.plot(time, cost[:, :100], color=color, alpha=0.15, linewidth=0.5)
    axis.plot(time, cost.mean(axis=1), color=color, label=label or "mean over outputs")
    learning = np.flatnonzero(data.r0.values)
    marked = any(text.get_text() == LEARNING_ON for text in axis.texts)  # by another curve
    if learning.size and learning[0] > 0 and not marked:
        axis.axvspan(0, time[learning[0] - 1], color=GREY, alpha=0.2, linewidth=0)
        where = {"transform": axis.get_xaxis_transform(), "va": "bottom", "fontsize": 7, "color": "#555555"}
        axis.text(time[learning[0] - 1], 1.0, LEARNING_ON, **where)
    axis.set(xlabel="simulated time (s)", ylabel="cost (Hz)", ylim=(0, None), xlim=(0, None))


def _window_titles(data):
    start, length = data.probe_start.values, window_length(data)
    return [
        f"{word} learning, t = {t:g}–{t + length:g} s"
        for word, t in zip(("before", "after"), start[[0, -1]], strict=True)
    ]


def window_length(data):
    """Length of the probe windows (s)."""
    return data.attrs.get("probe_length_s", data.attrs["period_s"])


def recorded_units(data):
    """Numbers of the output units whose state is recorded; the first ones where a file of old does not say which."""
    return data["probed_unit_output"].values if "probed_unit_output" in data.dims else np.array([0])


def output_state(data, variable, probe):
    """State of the recorded output units in a probe window (steps, units), NaN where it was not recorded."""
    nothing = np.full((data.sizes["probe_time"], len(recorded_units(data))), np.nan)
    return data[f"{variable}_output"].values[probe] if f"{variable}_output" in data else nothing


def _raster_labels(layers):
    return ["input unit", *(f"hidden {name.rsplit('_', 1)[1]}" if len(layers) > 1 else "hidden" for name in layers)]


def _raster(axis, data, name, probe):
    with warnings.catch_warnings():  # brian2tools 0.2.1.1 imports pkg_resources, which says that it is old
        warnings.filterwarnings("ignore", "pkg_resources is deprecated")
        from brian2tools import plot_raster

    mine = data[f"spikes_{name}_probe"].values == probe
    units = data[f"spikes_{name}_unit"].values[mine]
    times = data[f"spikes_{name}_time"].values[mine] - float(data.probe_start[probe])
    plot_raster(units, times * second, time_unit=ms, axes=axis, color=BLACK, markersize=2)
    sizes = np.atleast_1d(data.attrs["sizes"])
    n = sizes[0] if name == "inputs" else sizes[-1] if name == "output" else sizes[int(name.rsplit("_", 1)[1])]
    axis.set(xlabel="", ylabel="", ylim=(-0.5 - 0.01 * n, n - 0.5 + 0.01 * n))
    axis.yaxis.set_major_locator(MaxNLocator(3, integer=True))


def _window_spikes(data, name, probe, unit):
    mine = (data[f"spikes_{name}_probe"].values == probe) & (data[f"spikes_{name}_unit"].values == unit)
    return (data[f"spikes_{name}_time"].values[mine] - float(data.probe_start[probe])) * 1e3


def _potential(axis, data, probe, unit):
    time = data.probe_time.values * 1e3
    potential = output_state(data, "U", probe)[:, recorded_units(data) == unit]
    axis.plot(time, potential * 1e3, color=BLACK, linewidth=0.8)
    axis.axhline(data.attrs["theta_V"] * 1e3, color=GREY, linestyle="--", linewidth=0.8)
    top = data.attrs["theta_V"] * 1e3 + 4
    for name, color, height, label in (("targets", VERMILION, top + 5, "target"), ("output", BLUE, top, "output")):
        spikes = _window_spikes(data, name, probe, unit)
        axis.plot(
            spikes, np.full(len(spikes), height), "|", color=color, markersize=6, markeredgewidth=1.5, label=label
        )
    if probe:
        axis.legend(loc="lower right", ncols=2, bbox_to_anchor=(1, 1), borderpad=0, handletextpad=0.2)


def _error(axis, data, probe, unit):
    error = output_state(data, "error", probe)[:, recorded_units(data) == unit]
    axis.plot(data.probe_time.values * 1e3, error, color=GREEN, linewidth=0.8)
    axis.axhline(0, color=GREY, linewidth=0.5)
    axis.set(xlabel="time (ms)", xlim=(0, window_length(data) * 1e3))


def _trials(axis, data, unit):
    period = data.attrs["period_s"]
    mine = data.watched_unit.values == unit
    times = data.watched_time.values[mine]
    axis.plot(times, times % period * 1e3, ".", color=BLUE, markersize=1.5, rasterized=True)
    for target in data.target_time.values[data.target_unit.values == unit]:
        axis.axhline(target * 1e3, color=VERMILION, linewidth=0.5, zorder=0)
    axis.set(xlabel="simulated time (s)", ylabel="spike time in trial (ms)", ylim=(0, period * 1e3), xlim=(0, None))
    axis.plot([], [], color=VERMILION, linewidth=0.8, label="target")
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)


def letter(axis, name):
    """Mark a panel."""
    where = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (-36, 6), "textcoords": "offset points"}
    axis.annotate(name, fontsize=10, fontweight="bold", **where)


def save_figure(figure, path):
    """Write ``path.png`` and ``path.pdf``; return their paths."""
    from io import BytesIO

    paths = []
    for suffix in ("png", "pdf"):
        buffer = BytesIO()
        metadata = {"CreationDate": None} if suffix == "pdf" else {"Software": None}
        figure.savefig(buffer, format=suffix, dpi=200, metadata=metadata)
        paths.append(Path(f"{path}.{suffix}"))
        write_durably(paths[-1], buffer.getvalue())
    plt.close(figure)
    return paths

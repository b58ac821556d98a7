"""What figures share: palette, style, panel letters, the learning curve, files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ..files.durable import write_durably
from ..values.hints import Floats, Integers
from .palette import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "STYLE",
    "VERMILION",
    "above",
    "learning_curve",
    "letter",
    "output_state",
    "plain_log",
    "recorded_units",
    "reference_line",
    "save_figure",
    "styled",
    "window_length",
    "write_figure",
]
NOTE: dict[str, Any] = {"fontsize": 6, "color": "#555555"}  # text that says what a line or an area is
LEARNING_ON = "learning on"
SUFFIXES: dict[str, Any] = {  # kinds of files, and what keeps them free of dates
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
STYLE: dict[Any, Any] = {
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
def styled() -> Iterator[None]:
    """Draw in our style.

    Unlike `plt.rc_context` it keeps what loading the backend sets, at the first figure: else Jupyter shows no later one.
    """
    before = {name: plt.rcParams[name] for name in STYLE}
    plt.rcParams.update(STYLE)
    try:
        yield
    finally:
        plt.rcParams.update(before)


def learning_curve(axis: Axes, data: xr.Dataset, color: str = BLUE, label: str | None = None) -> None:
    """Cost against simulated time: mean over output units, single units behind it (at most 100)."""
    time, cost = data.time.values, data.cost.values
    if cost.shape[1] > 1:
        axis.plot(time, cost[:, :100], color=color, alpha=0.15, linewidth=0.5)
    axis.plot(time, cost.mean(axis=1), color=color, label=label or "mean over outputs")
    learning = np.flatnonzero(data.r0.values)
    marked = any(text.get_text() == LEARNING_ON for text in axis.texts)  # by another curve
    if learning.size and learning[0] > 0 and not marked:
        axis.axvspan(0, time[learning[0] - 1], color=GREY, alpha=0.2, linewidth=0)
        early = time[learning[0] - 1] < time[-1] / 5  # else a legend over the panel may reach as far
        where: dict[str, Any] = {"va": "bottom"} if early else {"va": "top", "ha": "right"}
        axis.text(time[learning[0] - 1], 1.0, LEARNING_ON, transform=axis.get_xaxis_transform(), **where, **NOTE)
    axis.set(xlabel="simulated time (s)", ylabel="cost (Hz)", ylim=(0, None), xlim=(0, None))


def reference_line(axis: Axes, text: str, x: float | None = None, y: float | None = None, **style: Any) -> None:
    """Draw a line that results are compared with, across a panel, and say outside of it what it is.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Panel.
    text : str
        What the line is: at its right end, or over its upper end.
    x, y : float
        Where it is: one of them.
    **style
        As of `matplotlib.axes.Axes.plot`; grey and dashed by default.
    """
    line: dict[str, Any] = {
        "color": GREY,
        "linestyle": "--",
        "linewidth": 0.8,
        "zorder": 1,
        "label": f"_{text}",
    } | style
    where: dict[str, Any] = {"textcoords": "offset points", "annotation_clip": False, **NOTE}
    if y is not None:
        axis.axhline(y, **line)
        axis.annotate(text, (1, y), xycoords=("axes fraction", "data"), xytext=(2, 0), va="center", **where)
    if x is not None:
        axis.axvline(x, **line)
        axis.annotate(
            text, (x, 1), xycoords=("data", "axes fraction"), xytext=(0, 1), ha="center", va="bottom", **where
        )


def above(axis: Axes, columns: int, **style: Any) -> None:
    """Put the legend over a panel, where no data are."""
    where: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderpad": 0, "columnspacing": 1}
    axis.legend(**where | {"ncols": columns} | style)


def plain_log(axis: Axes, which: str = "y") -> None:
    """Make the vertical axis, or the one that `which` names, logarithmic, with ticks such as 0.5, 1, 2."""
    axis.set(**{f"{which}scale": "log"})
    line = axis.xaxis if which == "x" else axis.yaxis
    line.set_major_locator(LogLocator(subs=(1, 2, 5)))
    line.set_major_formatter("{x:g}")
    line.set_minor_locator(NullLocator())


def window_length(data: xr.Dataset) -> float:
    """Length of the probe windows (s)."""
    return data.attrs.get("probe_length_s", data.attrs["period_s"])


def recorded_units(data: xr.Dataset) -> Integers:
    """Numbers of the output units whose state is recorded; the first ones where a file of old does not say which."""
    return data["probed_unit_output"].values if "probed_unit_output" in data.dims else np.array([0])


def output_state(data: xr.Dataset, variable: str, probe: int) -> Floats:
    """State of the recorded output units in a probe window (steps, units), NaN where it was not recorded."""
    nothing = np.full((data.sizes["probe_time"], len(recorded_units(data))), np.nan)
    return data[f"{variable}_output"].values[probe] if f"{variable}_output" in data else nothing


def letter(axis: Axes, name: str) -> None:
    """Mark a panel."""
    where: dict[str, Any] = {
        "xy": (0, 1),
        "xycoords": "axes fraction",
        "xytext": (-36, 6),
        "textcoords": "offset points",
    }
    axis.annotate(name, fontsize=10, fontweight="bold", **where)


def save_figure(figure: Figure, path: Path | str) -> list[Path]:
    """Write ``path.png`` and ``path.pdf``; return their paths."""
    paths = [Path(f"{path}.{suffix}") for suffix in ("png", "pdf")]
    for each in paths:
        write_figure(figure, each)
    plt.close(figure)
    return paths


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure to a file whose suffix is one of `SUFFIXES`."""
    buffer, suffix = BytesIO(), path.suffix.removeprefix(".")
    figure.savefig(buffer, format=suffix, dpi=200, metadata=SUFFIXES[suffix])
    write_durably(path, buffer.getvalue())

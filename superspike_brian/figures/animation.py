"""The output raster over training, a frame a probe window."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from ..files.durable import write_durably
from ..values.quantities import measured

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


def animate(data: xr.Dataset, path: Path | str, frames_per_second: float = 2.0) -> int:
    """Write a GIF: the output spikes of each probe window over the target, and where on the learning curve it is.

    Parameters
    ----------
    data : xarray.Dataset
        Results of a run with at least three probe windows.
    path : path
        File to write; its name ends in .gif.
    frames_per_second : float
        Speed; the last frame stays four times as long.

    Returns
    -------
    int
        Probe windows shown.

    Raises
    ------
    ValueError
        If the run has too few windows, or the name ends otherwise.
    """
    from matplotlib import pyplot as plt
    from matplotlib.animation import PillowWriter

    from .rasters import looped
    from .style import styled

    path, windows = Path(path), data.sizes["probe"]
    if path.suffix != ".gif":
        raise ValueError(f"{path}: expected a name that ends in .gif")
    if windows < 3:
        raise ValueError(
            f"the run recorded {windows} windows, at its start and its end; an animation needs more in between: "
            f"`superspike run ... --probe-every {max(1, round(data.attrs['simulated_s'] / 20))}s`"
        )
    if "target_signal" in data:
        raise ValueError(
            "an animation shows output spikes, and the outputs of this run do not spike: their target is a signal"
        )
    with styled():
        figure, dots, line = stage(data)
        writer = PillowWriter(fps=frames_per_second)  # type: ignore[arg-type]  # it takes fractions
        with TemporaryDirectory() as scratch:
            made = Path(scratch, "made.gif")
            with writer.saving(figure, str(made), dpi=110):
                for probe in np.repeat(np.arange(windows), np.where(np.arange(windows) == windows - 1, 4, 1)):
                    now = float(data.probe_start[probe])
                    dots.set_data(*looped(data, "output", probe))
                    figure.axes[0].set_title(f"after {measured(now, 's', 3)}", loc="left")
                    line.set_xdata([max(now, float(data.time[0]))] * 2)
                    writer.grab_frame()
            write_durably(path, made.read_bytes())
        plt.close(figure)
    return windows


def stage(data: xr.Dataset) -> tuple[Figure, Line2D, Line2D]:
    """What the frames have in common: the figure; the output spikes, which change; the line that shows where learning is."""
    from matplotlib import pyplot as plt

    from .palette import BLUE, GREY
    from .rasters import looped, on_target
    from .style import learning_curve, plain_log

    figure, (spikes, curve) = plt.subplots(2, 1, figsize=(5, 4.5), height_ratios=[2.6, 1], layout="constrained")
    on_target(spikes, looped(data, "targets", 0), looped(data, "output", 0), data.sizes["output"])
    dots = max(spikes.lines, key=lambda drawn: drawn.get_zorder())  # the outputs, over their targets
    spikes.set(xlabel="time in the period (s)", ylabel="output unit", xlim=(0, data.attrs["period_s"]))
    spikes.set_title("after 0 s", loc="left")
    learning_curve(curve, data, color=BLUE)
    first = float(data.time[0])
    plain_log(curve, "x")  # most is learned early
    curve.set_xlim(first, float(data.time[-1]))
    return figure, dots, curve.axvline(first, color=GREY)

"""Figures of runs and sweeps. Imports results, sweeps and what is below them; needs matplotlib."""

from .activity import plot_activity
from .network import draw_network
from .palette import CONDITIONS, Look, look, other, shades
from .rasters import looped, raster
from .run import plot_run
from .samples import plot_samples
from .style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    STYLE,
    VERMILION,
    learning_curve,
    letter,
    save_figure,
    styled,
)
from .sweep import median_and_quartiles, plot_sweep
from .trials import plot_trials

__all__ = [
    "BLACK",
    "BLUE",
    "CONDITIONS",
    "GREEN",
    "GREY",
    "ORANGE",
    "STYLE",
    "VERMILION",
    "Look",
    "draw_network",
    "learning_curve",
    "letter",
    "look",
    "looped",
    "median_and_quartiles",
    "other",
    "plot_activity",
    "plot_run",
    "plot_samples",
    "plot_sweep",
    "plot_trials",
    "raster",
    "save_figure",
    "shades",
    "styled",
]

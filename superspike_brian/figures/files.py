"""The figures that belong to a run or a sweep, drawn and written beside its results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..files.durable import RunFolderError
from .activity import plot_activity
from .run import plot_run
from .samples import plot_samples
from .style import save_figure
from .sweep import plot_sweep
from .trials import plot_trials

if TYPE_CHECKING:
    import xarray as xr


def draw_run(data: xr.Dataset, out: Path, unit: int | None = None) -> list[Path]:
    """Draw what suits a run into its folder; return the paths.

    Parameters
    ----------
    data : xarray.Dataset
        Results of a run.
    out : Path
        Run folder, or a dataset in it.
    unit : int, optional
        Output unit to show. Default: as `plot_run`.
    """
    where = out if out.is_dir() else out.parent
    if "test_confusion" in data or ("trial_onset" in data and "pattern_time" not in data):
        return save_figure(plot_samples(data), where / "figure")
    if "trial_onset" in data:
        return save_figure(plot_trials(data), where / "figure")
    paths = save_figure(plot_run(data, unit), where / "figure")
    if data.sizes["output"] > 1 and "target_signal" not in data:
        paths += save_figure(plot_activity(data), where / "activity")
    return paths


def draw_sweep(data: xr.Dataset, path: Path) -> list[Path]:
    """Draw a sweep into its folder; return the paths; RunFolderError if no run has a result yet."""
    if "cost" not in data:
        raise RunFolderError(f"{path}: no run of the sweep has a result yet")
    return save_figure(plot_sweep(data), (path if path.is_dir() else path.parent) / "figure")

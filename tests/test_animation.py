"""An animation has a frame a probe window, with the spikes in the task's period."""

import numpy as np
import pytest
from brian2 import second
from matplotlib import pyplot as plt
from PIL import Image
from superspike_brian.models import SUPERSPIKE

import superspike_brian as ss
from superspike_brian.figures.animation import animate, stage
from superspike_brian.figures.rasters import looped


@pytest.fixture(scope="module")
def run(poisson_task, build_dir):
    """Probe windows at 0, 0.5, 1.1 and 2 s; the loop of 0.2 s is in mid-course at two of them."""
    return ss.train(
        poisson_task(12, 3, 1),
        SUPERSPIKE,
        duration=2 * second,
        burn_in=0.2 * second,
        probe_at=[0.5 * second, 1.1 * second],
        build_dir=build_dir,
        progress=False,
    )


def test_a_frame_a_window(run, tmp_path):
    assert animate(run, tmp_path / "a.gif", 2) == 4
    with Image.open(tmp_path / "a.gif") as gif:
        durations = []
        for frame in range(gif.n_frames):
            gif.seek(frame)
            durations.append(gif.info["duration"])
    assert sum(durations) == 500 * (4 + 3)  # the last window is shown four times as long
    assert len(durations) >= 4


def test_targets_lie_at_the_same_times_of_the_period_in_every_window(run):
    first = sorted(zip(*(a.tolist() for a in looped(run, "targets", 0)), strict=True))
    for probe in range(1, 4):
        found = sorted(zip(*(a.tolist() for a in looped(run, "targets", probe)), strict=True))
        np.testing.assert_allclose(found, first, atol=1e-9)


def test_too_few_windows_and_other_names_are_refused(run, tmp_path):
    with pytest.raises(ValueError, match=r"recorded 2 windows.*--probe-every"):
        animate(run.isel(probe=[0, 3]), tmp_path / "a.gif")
    with pytest.raises(ValueError, match=r"ends in \.gif"):
        animate(run, tmp_path / "a.mp4")


def test_outputs_lie_over_their_targets_and_learning_is_on_a_logarithmic_axis_of_time(run):
    figure, dots, line = stage(run)
    spikes, curve = figure.axes
    times, units = looped(run, "targets", 0)
    (targets,) = (drawn for drawn in spikes.lines if drawn is not dots and len(drawn.get_xdata()))
    assert sorted(targets.get_ydata()) == sorted(units) and len(targets.get_xdata()) == len(times)
    assert targets.get_zorder() < dots.get_zorder() and targets.get_markersize() > dots.get_markersize()
    assert [tick for tick in spikes.get_yticks() if -0.5 < tick < 2.5] == [0, 1, 2]
    assert curve.get_xscale() == "log" and curve.get_xlim() == (float(run.time[0]), float(run.time[-1]))
    assert curve.get_xlim()[0] <= line.get_xdata()[0] <= curve.get_xlim()[1]
    plt.close(figure)

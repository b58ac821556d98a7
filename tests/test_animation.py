"""An animation has a frame a probe window, with the spikes in the task's period."""

import numpy as np
import pytest
from brian2 import second
from PIL import Image
from superspike_brian.models import SUPERSPIKE

import superspike_brian as ss
from superspike_brian.figures.animation import animate
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

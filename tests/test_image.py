"""Pictures as target rasters: what is dark spikes, in its row and in its time."""

import matplotlib.image
import numpy as np
import pytest
from brian2 import Hz, ms, second
from superspike_brian.tasks import image, task


@pytest.fixture
def stripes(tmp_path):
    """A picture of 4 by 8 pixels: row 1 black, row 3 black in its right half, the rest white."""
    pixels = np.ones((4, 8, 3))
    pixels[1] = 0
    pixels[3, 4:] = 0
    matplotlib.image.imsave(tmp_path / "stripes.png", pixels)
    return tmp_path / "stripes.png"


def test_dark_pixels_become_spikes_of_their_row_within_their_time(stripes):
    found = image(image=stripes, period=400 * ms, max_rate=20 * Hz).targets
    assert found.n == 4
    times = np.asarray(found.times)
    # the uppermost row is the last unit; 0.4 s at 20 Hz are 8 columns of 50 ms
    assert np.array_equal(np.sort((times[found.ids == 2] / 0.05).astype(int)), np.arange(8))
    assert np.array_equal(np.sort((times[found.ids == 0] / 0.05).astype(int)), np.arange(4, 8))
    assert set(found.ids) == {0, 2}


def test_spikes_are_jittered_from_the_seed(stripes):
    first, again, other = (image(image=stripes, seed=s).targets.times for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_resampling_keeps_the_share_of_dark():
    found = image(n_outputs=30, period=3 * second).targets
    whole = image(period=3 * second).targets
    assert found.n == 30
    assert len(found) / found.n == pytest.approx(len(whole) / whole.n, rel=0.1)


def test_text_and_embedded_picture_are_tasks():
    assert task("pattern").targets.n == 45
    assert len(task("pattern", text="HI").targets) > 50


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": "nowhere.png"}, "nowhere.png is not a file"),
        ({"image": "a.png", "text": "b"}, "not both"),
        ({"text": "  "}, "empty"),
    ],
)
def test_what_is_no_picture_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        image(**options)


def test_a_file_that_is_no_picture_and_a_white_one_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match="cannot be read as a picture"):
        image(image=tmp_path / "text.png")
    matplotlib.image.imsave(tmp_path / "white.png", np.ones((5, 5, 3)))
    with pytest.raises(ValueError, match="nothing to draw"):
        image(image=tmp_path / "white.png")

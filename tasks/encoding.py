"""Images as spikes: how bright a pixel is becomes how often it spikes, or how early.

A unit beyond the pixels spikes at the onset of every sample: without it, times could be told only relative to each other.
Nothing is random, so that the same image has always the same spikes.
"""

from typing import Any

import numpy as np

from .arguments import number, shown
from .samples import Samples, below

CODES = ("rate", "latency", "on-off")
MOST_IN_TRAIN = 7  # spikes of the brightest pixels in the code "rate"


def intensities(images: Any, brightest: float | None) -> np.ndarray:
    """Return images as numbers from 0 to 1, shape (samples, pixels)."""
    try:
        found = np.asarray(images)
    except ValueError:  # lists of different lengths
        found = np.array(None)
    if found.dtype.kind not in "biuf" or found.ndim not in (2, 3) or not found.size:
        raise ValueError(
            f"X holds {found.dtype} values in the shape {found.shape}; expected numbers in the shape (samples, pixels) "
            "or (samples, height, width)."
        )
    found = found.reshape(len(found), -1).astype(float)
    high = float(found.max()) if brightest is None else number(brightest, "brightest", 0)
    if not 0 < high < np.inf:
        raise ValueError(f"the brightest pixel of X is {high}; expected a positive, finite number.")
    bad = ~((found >= 0) & (found <= high))
    if bad.any():
        sample, pixel = np.unravel_index(int(bad.argmax()), bad.shape)
        raise ValueError(f"X: sample {sample}, pixel {pixel}: {found[sample, pixel]}; expected 0 to {high}.")
    return found / high


def check_code(code: str) -> None:
    """Refuse what is no code."""
    if not isinstance(code, str) or code not in CODES:
        raise ValueError(f"code is {shown(code)}; expected one of {', '.join(CODES)}.")


def encode(intensity: np.ndarray, code: str, stimulus: float) -> Samples:
    """Turn intensities into spikes of (pixels + 1) units.

    Parameters
    ----------
    intensity : array of float, shape (samples, pixels)
        From 0 to 1.
    code : {'rate', 'latency', 'on-off'}
        As for `LabelledSpikes.from_images`.
    stimulus : float
        Its length (second).
    """
    check_code(code)
    if code == "rate":
        counts = np.rint(MOST_IN_TRAIN * intensity).astype(int)
    else:
        counts = ((intensity > 0) | (code == "on-off")).astype(int)
    counts = np.pad(counts, ((0, 0), (0, 1)), constant_values=1)  # the unit that marks the onset
    flat = counts.ravel()
    ids = np.repeat(np.tile(np.arange(counts.shape[1]), len(counts)), flat)
    if code == "rate":
        place = np.arange(flat.sum()) - np.repeat(np.cumsum(flat) - flat, flat)  # of a spike in its train
        times = (place + 0.5) / np.repeat(flat, flat) * stimulus
    else:
        late = np.pad(1 - intensity, ((0, 0), (0, 1))).ravel()
        times = below(np.repeat(late, flat) * stimulus, stimulus)
    times[ids == counts.shape[1] - 1] = 0
    return Samples(times, ids, np.concatenate([[0], np.cumsum(counts.sum(1))]))

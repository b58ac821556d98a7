"""A picture to be drawn in spikes: one row of pixels per output unit, from left to right in time.

Source: the idea of the complex patterns of Zenke & Ganguli (2018), doi:10.1162/neco_a_01086, Figs 6 and 7, whose targets are
made of pictures too. Here a dark pixel is one spike of its row's unit, at a random time within the pixel's time.
"""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, second

from superspike_brian.values.quantities import readable

from . import arguments
from .arguments import count, duration, shown, word
from .files import existing
from .pattern import SpikePattern, Task
from .spike_timing import frozen_poisson

# letters of five by seven pixels, for the embedded default: no font, no file
_FONT = {
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "I": "01110 00100 00100 00100 00100 00100 01110",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "E": "11111 10000 10000 11110 10000 10000 11111",
}
EMBEDDED = "SPIKE"
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")  # none that would start another program
MOST_PIXELS = 5 * 10**7  # of a picture; a quarter of these for its spikes
MOST_CHARACTERS = 1000


def image(
    image: str | os.PathLike | None = None,
    text: str | None = None,
    period: Quantity = 2 * second,
    n_inputs: int = 100,
    rate: Quantity = 5 * Hz,
    n_outputs: int | None = None,
    max_rate: Quantity = 40 * Hz,
    seed: int = 0,
) -> Task:
    """Make a target raster from a picture or a text, with frozen Poisson inputs.

    Parameters
    ----------
    image : path, optional
        A picture (PNG, JPEG, GIF, BMP, TIFF or WEBP). Without it and without `text`: a small embedded one.
    text : str, optional
        Drawn with matplotlib's own font.
    period : Quantity
        Time from the picture's left to its right edge (second).
    n_inputs : int
        Frozen Poisson inputs.
    rate : Quantity
        Their rate (Hz).
    n_outputs : int, optional
        Output units, so rows of pixels; default: the picture's, at most 100.
    max_rate : Quantity
        Rate of a unit in a black line (Hz): sets how many columns of pixels there are.
    seed : int
        Of the inputs and of the spikes' times within their pixels.

    Returns
    -------
    Task

    Raises
    ------
    ValueError
        If there is no such picture, it cannot be read, or nothing in it is dark.
    """
    targets, what = picture(image, text, period, n_outputs, max_rate, seed)
    source = f"{what}, frozen Poisson inputs of {readable(rate)}, seed {seed}"
    return Task("pattern", frozen_poisson(n_inputs, rate, period, seed), targets, source)


def picture(
    image: str | os.PathLike | None,
    text: str | None = None,
    period: Quantity = 2 * second,
    n_outputs: int | None = None,
    max_rate: Quantity = 40 * Hz,
    seed: int = 0,
) -> tuple[SpikePattern, str]:
    """Make the raster of a picture or a text, and say what it is; arguments and errors are those of `image`."""
    length = duration(period, "period")
    if image is not None and text is not None:
        raise ValueError("give an image or a text, not both")
    darkness = read_image(image) if image is not None else draw_text(text) if text is not None else embedded_picture()
    rows = min(darkness.shape[0], 100) if n_outputs is None else count(n_outputs, "n_outputs")
    columns = _columns(length * arguments.rate(max_rate, "max_rate"), rows)
    rng = np.random.default_rng([arguments.seed(seed), 1])
    row, column = np.nonzero(resample(darkness, rows, columns) > 0.5)
    if not row.size:
        drawn = f"image {image}" if image is not None else f"text {shown(text)}"
        raise ValueError(f"{drawn}: no pixel is darker than half, so there is nothing to draw (is it inverted?)")
    times = (column + rng.uniform(0, 1, row.size)) * length / columns
    targets = SpikePattern(rows, rows - 1 - row, np.minimum(times, np.nextafter(length, 0)) * second, period)
    what = Path(image).name if image is not None else f"text '{text or EMBEDDED}'"
    return targets, f"{what}, {rows} by {columns} pixels"


def _columns(wanted, rows):
    """Return the number of columns of pixels; refuse more than memory holds."""
    if not wanted * rows <= MOST_PIXELS / 4:
        raise ValueError(
            f"period, max_rate and n_outputs mean {wanted * rows:.3g} pixels; expected at most {MOST_PIXELS / 4:.3g}."
        )
    return max(1, round(wanted))


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read a picture as darkness from 0 to 1, shape (rows, columns); transparent counts as white."""
    import PIL.Image
    from matplotlib.image import imread

    try:
        path = existing(path, "image")
    except FileNotFoundError as error:
        raise ValueError(str(error)) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of odd metadata; what matters raises
            with PIL.Image.open(path, formats=FORMATS) as picture:
                kind, mode, (width, height) = picture.format, picture.mode, picture.size
            if width * height > MOST_PIXELS:
                raise PIL.Image.DecompressionBombError
            if mode in ("I", "F") and kind != "PNG":
                raise ValueError("its pixels have 32 bits, without a known white; save it with 8 or 16 bits")
            pixels = imread(path, format=str(kind).lower())
    except PIL.Image.DecompressionBombError:
        raise ValueError(f"{path} has more than {MOST_PIXELS} pixels; expected a smaller picture.") from None
    except Exception as error:
        reason = " ".join(f"{error or type(error).__name__}".split())
        raise ValueError(f"{path} cannot be read as a picture ({reason}); expected PNG or JPEG") from error
    pixels = pixels / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else pixels.astype(float)
    if pixels.ndim == 2:
        return 1 - pixels
    brightness = pixels[..., :3].mean(axis=2) if pixels.shape[2] >= 3 else pixels[..., 0]
    opacity = pixels[..., -1] if pixels.shape[2] in (2, 4) else 1
    return (1 - brightness) * opacity


def draw_text(text: str) -> np.ndarray:
    """Draw a text as darkness, shape (48, columns)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not word(text, "text").strip():
        raise ValueError("the text is empty")
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"the text has {len(text)} characters; expected at most {MOST_CHARACTERS}.")
    figure = Figure(figsize=(0.6 * len(text) + 0.2, 1), dpi=64)
    font: dict[str, Any] = {"fontsize": 48, "fontfamily": "DejaVu Sans Mono", "fontweight": "bold"}
    figure.text(0.5, 0.5, text, ha="center", va="center", parse_math=False, usetex=False, **font)
    canvas = FigureCanvasAgg(figure)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # a character that the font lacks would become a box
            canvas.draw()
    except (UserWarning, ValueError) as error:
        raise ValueError(f"text {shown(text)} cannot be drawn: {' '.join(str(error).split())}") from None
    return 1 - np.asarray(canvas.buffer_rgba())[..., :3].mean(axis=2) / 255


def embedded_picture() -> np.ndarray:
    """Return the letters of `EMBEDDED` as darkness, five pixels a pixel, with a margin."""
    letters = [np.array([[int(p) for p in row] for row in _FONT[c].split()]) for c in EMBEDDED]
    line = np.concatenate([np.pad(letter, ((1, 1), (1, 0))) for letter in letters], axis=1)
    return np.kron(np.pad(line, ((0, 0), (0, 1))), np.ones((5, 5)))


def resample(darkness: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Mean darkness of each of `rows` by `columns` equal boxes.

    Pillow's box filter counts whole pixels, in or out: its darkness differs from the mean by up to a half, and every tenth
    spike of the embedded picture would change.
    """
    found = darkness
    for axis, size in ((0, rows), (1, columns)):
        n = found.shape[axis]
        cumulative = np.insert(np.cumsum(found, axis=axis), 0, 0, axis=axis)
        edges = np.linspace(0, n, size + 1)
        lower = np.minimum(edges.astype(int), n - 1)
        take = np.take(cumulative, lower, axis=axis)
        slope = np.take(found, lower, axis=axis)
        weights = (edges - lower).reshape((-1, 1) if axis == 0 else (1, -1))
        found = np.diff(take + slope * weights, axis=axis) * size / n
    return found

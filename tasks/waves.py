"""A sum of sine waves from frozen noise: the regression task of e-prop.

Source: Bellec et al. (2020), Nature Communications 11:3625, doi:10.1038/s41467-020-17236-y, and NEST's test of its e-prop
models, which has its own draws: `waves_of` makes the task from those, `waves` from a seed of this package.
"""

import numpy as np
from brian2 import Hz, Quantity, ms, second, volt

from superspike_brian.values.quantities import readable

from . import arguments
from .arguments import count, duration
from .pattern import SpikePattern, Task
from .signal import Signal

STEP = 1 * ms  # of the target and of the inputs
PERIODS = (1, 2, 3, 5)  # sequences are this many times as long as the waves, rounded down to whole steps


def waves(
    n_inputs: int = 100, outputs: int = 1, length: Quantity = 1 * second, rate: Quantity = 50 * Hz, seed: int = 0
) -> Task:
    """Draw frozen inputs, and a target signal for each output.

    Parameters
    ----------
    n_inputs : int
        Number of independent inputs.
    outputs : int
        Number of readouts, each with waves of its own.
    length : Quantity
        Of a sequence (second): whole milliseconds.
    rate : Quantity
        Rate of each input (Hz), at most 1 kHz.
    seed : int
        The same seed gives the same task.
    """
    steps = round(duration(length, "length") / float(STEP))
    if steps < 2 or abs(steps * float(STEP) - float(length)) > 1e-9:
        raise ValueError(f"length is {length}; expected whole milliseconds, at least 2.")
    chance = arguments.rate(rate, "rate", "50*Hz") * float(STEP)
    if chance > 1:
        raise ValueError(f"rate is {readable(rate)}; expected at most 1 kHz: one spike a millisecond.")
    rng = np.random.default_rng(arguments.seed(seed))
    raster = rng.random((steps, count(n_inputs, "n_inputs"))) < chance
    size = (count(outputs, "outputs"), len(PERIODS))
    amplitudes, phases = rng.uniform(0.5, 2, size), rng.uniform(0, 2 * np.pi, size)
    return waves_of(
        raster, amplitudes, phases, f"frozen noise of {readable(rate)}, seed {seed}; after Bellec et al. (2020)"
    )


def waves_of(raster: np.ndarray, amplitudes: np.ndarray, phases: np.ndarray, source: str) -> Task:
    """Make the task from what was drawn for it.

    The loop has one more step than the sequence, without a target: what a step brings about is read in the next.

    Parameters
    ----------
    raster : array of bool, shape (steps, units)
        Input spikes; those of the first step are left out. A spike acts in the step of its row.
    amplitudes, phases : array, shape (outputs, waves)
        Of the waves.
    source : str
        Where they come from.
    """
    n = len(raster)
    target = np.stack(
        [_sum(n, *each) for each in zip(np.atleast_2d(amplitudes), np.atleast_2d(phases), strict=True)], 1
    )
    steps, units = np.nonzero(raster[1:])  # emitted a step before
    inputs = SpikePattern(raster.shape[1], units, steps * STEP, (n + 1) * STEP)
    pause = np.full((1, target.shape[1]), np.nan)
    return Task("waves", inputs, Signal(np.concatenate([target, pause]) * volt, STEP), source)


def _sum(n, amplitudes, phases):
    """A sum of waves that begins at 0 and comes as far as 1."""
    total = np.zeros(n)
    for parts, amplitude, phase in zip(PERIODS, amplitudes, phases, strict=True):
        length = n // parts
        total += amplitude * np.sin(np.linspace(phase, phase + 2 * np.pi * (n // length), n))
    total -= total[0]
    return total / np.abs(total).max()

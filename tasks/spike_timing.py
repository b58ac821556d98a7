"""The paper's first task: one output learns five spike times from frozen Poisson inputs.

Source: Zenke & Ganguli (2018), doi:10.1162/neco_a_01086, Fig. 2. The published pattern itself is
`ssbm("poisson")`; this one needs no data. Deviations from it: the seed; the target spikes lie at k/6 of the
loop (83.33 ms, ...) instead of multiples of 83 ms; times are continuous, not on the 0.1 ms grid.
"""

import numpy as np
from brian2 import Hz, Quantity, ms, second

from superspike_brian.values.quantities import readable

from . import arguments
from .arguments import count, drawn, duration
from .pattern import SpikePattern, Task


def spike_timing(
    n_inputs: int = 100,
    outputs: int = 1,
    period: Quantity = 500 * ms,
    rate: Quantity = 5 * Hz,
    n_spikes: int = 5,
    seed: int = 0,
) -> Task:
    """Make frozen Poisson inputs and equidistant target spikes.

    Parameters
    ----------
    n_inputs : int
        Number of independent Poisson inputs.
    outputs : int
        Number of output units; all share one target (to train many initial weights at once).
    period : Quantity
        Length of the loop (second).
    rate : Quantity
        Rate of each input (Hz). The public inputs have 4.6 (poisson, 232 spikes: a draw from 5 Hz would
        have 250 +- 16), 4.99 (auryn) and 5.00 Hz (oxford).
    n_spikes : int
        Target spikes per loop, at k * period / (n_spikes + 1).
    seed : int
        Of the inputs; the same seed gives the same task.
    """
    length = duration(period, "period")
    drawn(count(outputs, "outputs") * count(n_spikes, "n_spikes"), "outputs and n_spikes")
    inputs = frozen_poisson(n_inputs, rate, period, seed)
    times = np.arange(1, n_spikes + 1) * length / (n_spikes + 1)
    targets = SpikePattern(outputs, np.repeat(np.arange(outputs), n_spikes), np.tile(times, outputs) * second, period)
    source = f"frozen Poisson inputs of {readable(rate)}, seed {seed}; after Zenke & Ganguli (2018) Fig. 2"
    return Task("spike-timing", inputs, targets, source)


def frozen_poisson(n: int, rate: Quantity, period: Quantity, seed: int) -> SpikePattern:
    """Draw independent Poisson spike trains once; they repeat with the period.

    Parameters
    ----------
    n : int
        Number of units.
    rate : Quantity
        Rate of each (Hz).
    period : Quantity
        Length of the loop (second).
    seed : int
        The same seed gives the same spikes.
    """
    length = duration(period, "period")
    count(n, "n_inputs")
    expected = arguments.rate(rate, "rate") * length
    drawn(n * max(expected, 1), "n_inputs, rate and period")
    rng = np.random.default_rng(arguments.seed(seed))
    ids = np.repeat(np.arange(n), rng.poisson(expected, n))
    return SpikePattern(n, ids, rng.uniform(0, 1, len(ids)) * length * second, period)

"""Temporal XOR: a classification that needs a hidden layer.

Source: Zenke & Ganguli (2018), doi:10.1162/neco_a_01086, Figure 5. Three disjoint sets of inputs, each unit with a fixed
random offset in a window of 10 ms. One set is in every pattern, as a time reference; the two others stand for the operands
and are on or off. Class 1 is the exclusive or of them.

What the paper leaves open and is chosen here: the sizes of the sets, and the pauses between trials, in which the currents of
one trial fade before the next begins.
"""

import numpy as np
from brian2 import Hz, Quantity, ms, second

from superspike_brian.values.renamed import IN_TASKS, formerly

from . import arguments
from .arguments import count, drawn, duration
from .classification import Classification
from .pattern import SpikePattern

OPERANDS = ((0, 0), (0, 1), (1, 0), (1, 1))


@formerly(IN_TASKS)
def xor(
    n_inputs: int = 100,
    set_size: int = 33,
    stimulus: Quantity = 10 * ms,
    background: Quantity = 4 * Hz,
    response_window: Quantity = 15 * ms,
    pause_min: Quantity = 50 * ms,
    pause_mean: Quantity = 80 * ms,
    seed: int = 0,
) -> Classification:
    """Make the four patterns.

    Parameters
    ----------
    n_inputs : int
        Number of inputs; those in no set have the background only.
    set_size : int
        Inputs in each of the three sets.
    stimulus : Quantity
        Length of a stimulus (second).
    background, response_window, pause_min, pause_mean
        As for `Classification`.
    seed : int
        Of the offsets.
    """
    if 3 * count(set_size, "set_size") > count(n_inputs, "n_inputs"):
        raise ValueError(
            f"three sets of set_size {set_size} need at least {3 * set_size} inputs, but n_inputs is {n_inputs}."
        )
    drawn(3 * len(OPERANDS) * set_size, "set_size")
    offsets = np.random.default_rng(arguments.seed(seed)).uniform(0, duration(stimulus, "stimulus"), 3 * set_size)
    patterns = []
    for operands in OPERANDS:
        units = np.flatnonzero(np.repeat((1, *operands), set_size))
        patterns.append(SpikePattern(n_inputs, units, offsets[units] * second, stimulus))
    source = f"temporal XOR, seed {seed}; after Zenke & Ganguli (2018) Fig. 5"
    classes = [a ^ b for a, b in OPERANDS]
    return Classification(
        "xor", patterns, classes, background, response_window, pause_min, pause_mean, 2 * second, source
    )

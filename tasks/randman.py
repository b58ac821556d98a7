"""Random manifolds: classes that only spike times tell apart, as smooth and as many-dimensional as one wants.

Source: Zenke & Vogels (2021), The remarkable robustness of surrogate gradient learning, Neural Computation 33:899-925,
doi:10.1162/neco_a_01367. A class is a random smooth manifold of `dim` dimensions: input i spikes once, the later the larger

    f_i(x) = prod_j sum_k a_ijk k^-alpha sin(2 pi (k x_j b_ijk + c_ijk)),  k = 1, 2, ...

where x, uniform in the unit cube, is the place of a sample on the manifold and a, b, c are uniform from 0 to 1, drawn once per
class. The values of f_i are stretched over the samples of a class, training and test, to 0...1: no input tells the class by its
earliest or its latest spike.
"""

import numpy as np
from brian2 import Quantity, ms, second

from superspike_brian.values.renamed import IN_TASKS, formerly

from . import arguments
from .arguments import count, drawn, duration
from .labelled import LabelledSpikes
from .presentation import LabelledTask
from .samples import below

MOST_TERMS = 1000
LEAST_TERM = 1e-3  # of the first; terms below it are left out


@formerly(IN_TASKS)
def randman(
    n_inputs: int = 20,
    classes: int = 10,
    dim: int = 1,
    alpha: float = 1.0,
    stimulus: Quantity = 10 * ms,
    samples: int = 500,
    test_samples: int = 100,
    response_window: Quantity = 10 * ms,
    pause: Quantity = 50 * ms,
    seed: int = 0,
) -> LabelledTask:
    """Name the manifold that spike times come from.

    Parameters
    ----------
    n_inputs : int
        Number of inputs; each spikes once per sample.
    classes : int
        Number of classes.
    dim : int
        Dimensions of each manifold.
    alpha : float
        How smooth the manifolds are: the exponent with which their Fourier coefficients fall.
    stimulus : Quantity
        Length of a stimulus (second).
    samples : int
        Samples to learn from in each class.
    test_samples : int
        Held-out samples in each class.
    response_window : Quantity
        From the end of the stimulus to the deadline (second).
    pause : Quantity
        From the deadline to the next onset (second).
    seed : int
        Of the manifolds and samples.
    """
    sizes = {"n_inputs": n_inputs, "classes": classes, "dim": dim, "samples": samples, "test_samples": test_samples}
    for name, value in sizes.items():
        count(value, name)
    arguments.durations(response_window=response_window, pause=pause)
    alpha, length = arguments.number(alpha, "alpha", 0), duration(stimulus, "stimulus")
    terms = MOST_TERMS if alpha == 0 else int(min(MOST_TERMS, np.ceil(LEAST_TERM ** (-1 / alpha))))
    n = samples + test_samples
    drawn(classes * n * n_inputs, "classes, samples and n_inputs")
    drawn(n * terms, "samples and alpha")
    drawn(n_inputs * dim * terms, "n_inputs, dim and alpha")
    rng = np.random.default_rng(arguments.seed(seed))
    values = np.stack([_manifold(rng, n, n_inputs, dim, alpha, terms) for _ in range(classes)])
    source = f"random manifolds, dim {dim}, alpha {alpha:g}, seed {seed}; after Zenke & Vogels (2021)"
    training, test = (
        _labelled(part, length, name, source)
        for part, name in ((values[:, :samples], "randman"), (values[:, samples:], "randman, test"))
    )
    return LabelledTask("randman", training, test, response_window, pause)


def _manifold(rng, n, n_inputs, dim, alpha, terms):
    """Values of `n` samples of one class, from 0 to 1, shape (n, n_inputs)."""
    a, b, c = rng.uniform(size=(3, n_inputs, dim, terms))
    x, k = rng.uniform(size=(n, dim)), np.arange(1, terms + 1)
    amplitude, frequency, phase = a * k**-alpha, 2 * np.pi * k * b, 2 * np.pi * c
    values = np.ones((n, n_inputs))
    for i in range(n_inputs):
        for j in range(dim):
            values[:, i] *= np.sin(np.outer(x[:, j], frequency[i, j]) + phase[i, j]) @ amplitude[i, j]
    low, high = values.min(0), values.max(0)
    return (values - low) / np.where(high > low, high - low, 1)


def _labelled(values, length, name, source):
    """Samples of values from 0 to 1, shape (classes, samples, n_inputs)."""
    classes, n, n_inputs = values.shape
    times = below(values.ravel() * length, length) * second
    units, labels = np.tile(np.arange(n_inputs), classes * n), np.repeat(np.arange(classes), n)
    offsets = np.arange(classes * n + 1) * n_inputs
    return LabelledSpikes(name, n_inputs, times, units, offsets, labels, length * second, classes, source)

"""Backpropagation through time of the network, with Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from brian2 import Quantity, ms, mV

from ..errors import MissingPackageError
from ..tasks import LabelledTask
from ..values.hints import Array, Integers
from .classifiers import Accuracy, test_set
from .network import Constants, Weights, potentials_at, raster

BETA_1, BETA_2, TINY = 0.9, 0.999, 1e-8


def bptt(
    task: LabelledTask,
    hidden: int | Sequence[int] = 128,
    *,
    seed: int = 0,
    epochs: int = 30,
    dt: Quantity = 0.5 * ms,
    batch: int = 64,
    rate: Quantity = 2 * mV,
    w_0: Quantity = 100 * mV,
    width: Quantity = 5 * mV,
) -> Accuracy:
    """Train the network of a task by backpropagation through time, with Adam.

    What falls is the cross entropy of the softmax of output potentials at the deadline. The same seed has the same result on
    a machine; another number of cores adds in another order, which may change an accuracy by a percent.

    Parameters
    ----------
    task : LabelledTask
        With held-out samples.
    hidden : int or sequence of int
        Units of each hidden layer; 0 is none.
    seed : int
        Of initial weights and the order of samples.
    epochs : int
        Presentations of the training set.
    dt : Quantity
        Time step (second).
    batch : int
        Samples a weight update, at most.
    rate : Quantity
        Learning rate (volt); it falls to 0 along half a cosine.
    w_0 : Quantity
        Standard deviation of initial weights, times the root of the number of presynaptic units (volt).
    width : Quantity
        Potential that is one unit of the softmax (volt).
    """
    try:
        import jax
    except ImportError:
        raise MissingPackageError("this baseline needs JAX: pip install 'superspike_brian[gradient]'") from None
    test, rng, constants = test_set(task), np.random.default_rng(seed), Constants.of(dt)
    layers = [n for n in ([hidden] if isinstance(hidden, int) else hidden) if n]
    sizes = [task.n_inputs, *layers, task.n_outputs]
    weights: Weights = [
        (w_0 / mV / np.sqrt(a) * rng.standard_normal((a, b))).astype(np.float32) for a, b in pairwise(sizes)
    ]
    moments = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]

    @jax.jit
    def update(weights, moments, asked, k, step):
        gradients = jax.grad(cross_entropy)(weights, *asked, constants, float(width / mV))
        moved = [_adam(*each, k, step) for each in zip(weights, moments, gradients, strict=True)]
        return [w for w, _ in moved], [m for _, m in moved]

    n_batches = -(-len(task.training) // batch)
    for k in range(epochs * n_batches):
        if k % n_batches == 0:
            order = rng.permutation(len(task.training))
        which = order[k % n_batches :: n_batches]
        step = float(rate / mV) * (1 + np.cos(np.pi * k / (epochs * n_batches))) / 2
        asked = *raster(task, task.training, which, dt), task.training.labels[which]
        weights, moments = update(weights, moments, asked, k + 1.0, step)
    answer = jax.jit(lambda inputs, deadlines: potentials_at(weights, inputs, deadlines, constants).argmax(1))

    def fraction(samples):
        parts = np.array_split(np.arange(len(samples)), -(-len(samples) // batch))
        answers = [answer(*raster(task, samples, which, dt)) for which in parts]
        return float((np.concatenate(answers) == samples.labels).mean())

    return Accuracy(fraction(test), fraction(task.training))


def _adam(w, moments, gradient, k, step):
    """Weights after update number `k`, from 1, and the running means that it leaves."""
    mean = BETA_1 * moments[0] + (1 - BETA_1) * gradient
    square = BETA_2 * moments[1] + (1 - BETA_2) * gradient**2
    return w - step * mean / (1 - BETA_1**k) / ((square / (1 - BETA_2**k)) ** 0.5 + TINY), (mean, square)


def cross_entropy(
    weights: Weights, inputs: Array, deadlines: Integers, labels: Integers, constants: Constants, width: float
) -> Any:
    """Softmax cross entropy of the potentials at the deadlines over a width (mV), the mean of some samples."""
    import jax
    import jax.numpy as jnp

    u = potentials_at(weights, inputs, deadlines, constants) / width
    return -jax.nn.log_softmax(u)[jnp.arange(len(labels)), labels].mean()

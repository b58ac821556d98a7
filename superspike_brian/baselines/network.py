"""The network of `superspike_brian.models` by backpropagation through time, in JAX.

Neurons, synapses and constants are those of `LIF` and `THREE_FACTOR`: current-based synapses integrated exactly, reset,
refractory period, axonal delay. Outputs do not spike; what is learned is the softmax cross entropy of their potentials at the
deadline. The derivative of a spike is that of the fast sigmoid; none flows through the reset. Every sample begins at rest.

Potentials and weights are in mV here, potentials from rest on: near 1, as float32 and Adam like them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from brian2 import Quantity, ms, mV

from ..models import FAST_SIGMOID, LIF, THREE_FACTOR
from ..tasks import LabelledSpikes, LabelledTask
from ..values.clock import n_steps
from ..values.hints import Array, Floats, Integers
from .classifiers import Accuracy, MissingPackageError, test_set

BETA_1, BETA_2, TINY = 0.9, 0.999, 1e-8  # of Adam; Kingma & Ba (2015), arXiv:1412.6980
Weights = list[Any]  # of each projection, shape (presynaptic, postsynaptic); arrays of NumPy or JAX


class Constants(NamedTuple):
    """What a layer does in a time step.

    Parameters
    ----------
    keep_u, keep_i, i_to_u : float
        Factors from a step to the next: of the potential, of the synaptic current, and from this to that.
    theta : float
        Threshold above rest (mV).
    beta : float
        Steepness of the surrogate (1/mV).
    refractory, delay : int
        Time steps.
    """

    keep_u: float
    keep_i: float
    i_to_u: float
    theta: float
    beta: float
    refractory: int
    delay: int

    @classmethod
    def of(cls, dt: Quantity) -> Constants:
        """Those of the package's models at a time step (second)."""
        p = {**LIF.parameters, **THREE_FACTOR.parameters, **FAST_SIGMOID.parameters}
        mem, syn = (float(p[name] / dt) for name in ("tau_mem", "tau_syn"))
        keep_u, keep_i = np.exp(-1 / mem), np.exp(-1 / syn)
        return cls(
            float(keep_u),
            float(keep_i),
            float(syn / (mem - syn) * (keep_u - keep_i)),
            float((p["theta"] - p["U_rest"]) / mV),
            float(p["beta"] * mV),
            n_steps(p["tau_ref"], dt),
            n_steps(p["axonal_delay"], dt),
        )


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


def raster(task: LabelledTask, samples: LabelledSpikes, which: Integers, dt: Quantity) -> tuple[Floats, Integers]:
    """Spikes of some samples up to the latest deadline, shape (steps, samples, units), and the step of each deadline."""
    steps, units, offsets = samples.steps(dt)
    lengths = np.broadcast_to(np.asarray(samples.lengths), len(samples))
    deadlines = np.rint(lengths / float(dt)).astype(int) + n_steps(task.window, dt)
    found = np.zeros((deadlines.max() + 1, len(which), samples.n), np.float32)
    for row, k in enumerate(which):
        mine = slice(offsets[k], offsets[k + 1])
        found[steps[mine], row, units[mine]] = 1
    return found, deadlines[which]


def cross_entropy(
    weights: Weights, inputs: Array, deadlines: Integers, labels: Integers, constants: Constants, width: float
) -> Any:
    """Softmax cross entropy of the potentials at the deadlines over a width (mV), the mean of some samples."""
    import jax
    import jax.numpy as jnp

    u = potentials_at(weights, inputs, deadlines, constants) / width
    return -jax.nn.log_softmax(u)[jnp.arange(len(labels)), labels].mean()


def potentials_at(weights: Weights, inputs: Array, deadlines: Array, constants: Constants) -> Array:
    """Output potentials at the deadlines (mV above rest), shape (samples, outputs)."""
    import jax.numpy as jnp

    _, potentials = forward(weights, inputs, constants)
    return potentials[deadlines, jnp.arange(len(deadlines))]


def forward(weights: Weights, inputs: Array, constants: Constants) -> tuple[list[Array], Array]:
    """Let a network run from rest.

    Parameters
    ----------
    weights : list of arrays
        Of each projection of a chain (mV), shape (presynaptic, postsynaptic).
    inputs : array, shape (steps, samples, units)
        1 where a unit spikes.
    constants : Constants
        Of neurons and synapses.

    Returns
    -------
    spikes : list of arrays, shape (steps, samples, units)
        Of each hidden layer.
    potentials : array, shape (steps, samples, outputs)
        Of the outputs (mV above rest).
    """
    found, spikes = [], inputs
    for w in weights[:-1]:
        spikes, _ = _layer(_arriving(spikes, constants.delay) @ w, constants, spiking=True)
        found.append(spikes)
    _, potentials = _layer(_arriving(spikes, constants.delay) @ weights[-1], constants, spiking=False)
    return found, potentials


def _arriving(spikes, delay):
    """Spikes where they reach the synapses."""
    import jax.numpy as jnp

    return jnp.pad(spikes, ((delay, 0), (0, 0), (0, 0)))[: len(spikes)]


def _layer(drive, c, spiking):
    """Spikes and potentials of a layer whose synaptic currents grow by `drive` at the end of each time step."""
    import jax
    import jax.numpy as jnp

    @jax.custom_jvp
    def spike(above):
        return (above > 0).astype(above.dtype)

    @spike.defjvp
    def _(primals, tangents):
        (above,), (change,) = primals, tangents
        return spike(above), change / (1 + c.beta * jnp.abs(above)) ** 2

    def step(state, arrived):
        u, i, resting = state
        free = resting <= 1  # the neuron is integrated again a refractory period after its spike
        u = jnp.where(free, c.keep_u * u + c.i_to_u * i, u)
        s = spike(u - c.theta) if spiking else jnp.zeros_like(u)
        fired = jax.lax.stop_gradient(s) > 0
        after = jnp.where(fired, 0, u)
        return (after, c.keep_i * i + arrived, jnp.where(fired, c.refractory, resting - 1)), (s, u)

    rest = jnp.zeros_like(drive[0])
    _, (spikes, potentials) = jax.lax.scan(step, (rest, rest, jnp.zeros(rest.shape, int)), drive)
    return spikes, potentials

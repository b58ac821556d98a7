"""The network of `superspike_brian.models` in JAX, with a gradient.

Neurons, synapses and constants are those of `LIF` and `THREE_FACTOR`: current-based synapses integrated exactly, reset,
refractory period, axonal delay. Outputs do not spike. The derivative of a spike is that of the fast sigmoid; none flows through
the reset. Every sample begins at rest.

Potentials and weights are in mV here, potentials from rest on: near 1, as single precision and Adam like them. JAX is imported
when it is used: it is an extra.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from brian2 import Quantity, mV

from ..models import FAST_SIGMOID, LIF, THREE_FACTOR
from ..tasks import LabelledSpikes, LabelledTask
from ..values.clock import n_steps
from ..values.hints import Array, Floats, Integers

Weights = list[Any]  # of each projection, shape (presynaptic, postsynaptic); arrays of NumPy or JAX
Membrane: TypeAlias = tuple[Any, Any, Any]  # state of neurons, see `membrane`
RESETS = ("detached", "attached", "ignored")


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
    def of(cls, dt: Quantity, parameters: Mapping[str, Any] = MappingProxyType({})) -> Constants:
        """Those of the package's models at a time step (second), or of other parameters; without a steepness it is NaN."""
        own = {**LIF.parameters, **THREE_FACTOR.parameters, **FAST_SIGMOID.parameters}
        p = parameters or own
        mem, syn = (float(p[name] / dt) for name in ("tau_mem", "tau_syn"))
        keep_u, rate = np.exp(-1 / mem), 1 / syn - 1 / mem
        return cls(
            float(keep_u),
            float(np.exp(-1 / syn)),
            float(keep_u / mem * (-np.expm1(-rate) / rate if rate else 1)),
            float((p["theta"] - p["U_rest"]) / mV),
            float(p["beta"] * mV) if "beta" in p else float("nan"),
            n_steps(p["tau_ref"], dt),
            n_steps(p["axonal_delay"], dt),
        )


def raster(task: LabelledTask, samples: LabelledSpikes, which: Integers, dt: Quantity) -> tuple[Floats, Integers]:
    """Spikes of some samples up to the latest deadline, shape (steps, samples, units), and the step of each deadline."""
    steps, units, offsets = samples.steps(dt)
    lengths = np.broadcast_to(np.asarray(samples.lengths), len(samples))
    deadlines = np.rint(lengths / float(dt)).astype(int) + n_steps(task.response_window, dt)
    found = np.zeros((deadlines.max() + 1, len(which), samples.n), np.float32)
    for row, k in enumerate(which):
        mine = slice(offsets[k], offsets[k + 1])
        found[steps[mine], row, units[mine]] = 1
    return found, deadlines[which]


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

    spike = spiking_with(lambda above: 1 / (1 + c.beta * jnp.abs(above)) ** 2) if spiking else jnp.zeros_like

    def step(state, arrived):
        (u, i, resting), s, potential = membrane(state, c, spike)
        return (u, i + arrived, resting), (s, potential)

    _, (spikes, potentials) = jax.lax.scan(step, at_rest(drive[0]), drive)
    return spikes, potentials


def at_rest(like: Array) -> Membrane:
    """State of neurons at rest, as many as an array has entries."""
    import jax.numpy as jnp

    rest = jnp.zeros_like(like)
    return rest, rest, jnp.zeros(rest.shape, int)


def spiking_with(derivative: Callable[[Array], Array], factor: float = 1.0) -> Callable[[Array], Array]:
    """Make the function from potentials above threshold (mV) to spikes, 0 or 1, that has a surrogate derivative.

    Parameters
    ----------
    derivative : callable
        The surrogate, of the potential above threshold.
    factor : float
        What it is multiplied by (1/mV).
    """
    import jax

    @jax.custom_jvp
    def spike(above):
        return (above > 0).astype(above.dtype)

    @spike.defjvp
    def _(primals, tangents):
        (above,), (change,) = primals, tangents
        return spike(above), change * factor * derivative(above)

    found: Callable[[Array], Array] = spike
    return found


def membrane(
    state: Membrane, c: Constants, spike: Callable[[Array], Array], reset: str = "detached"
) -> tuple[Membrane, Array, Array]:
    """Let neurons do one time step; spikes that arrive in it are to be added to the current afterwards.

    Parameters
    ----------
    state : tuple of arrays
        Potentials and synaptic currents (mV), and time steps until a neuron is integrated again, plus 1.
    c : Constants
        Of the neurons.
    spike : callable
        From potentials above threshold (mV) to spikes.
    reset : {'detached', 'attached', 'ignored'}
        What the gradient knows of a spike's reset: that it erases the potential; also that the spike depends on the potential;
        or nothing. Values are the same.

    Returns
    -------
    state : tuple of arrays
        After the step.
    spikes, potentials : array
        Of the step, potentials before the reset (mV above rest).
    """
    import jax
    import jax.numpy as jnp

    u, i, resting = state
    free = resting <= 1  # the neuron is integrated again a refractory period after its spike
    moved = c.keep_u * u + c.i_to_u * i
    u = (
        moved - jax.lax.stop_gradient(jnp.where(free, 0, moved - u))
        if reset == "ignored"
        else jnp.where(free, moved, u)
    )
    s = spike(u - c.theta)
    fired = jax.lax.stop_gradient(s) > 0
    if reset == "attached":
        after = u * (1 - s)
    else:
        erased = jax.lax.stop_gradient(u) if reset == "ignored" else u
        after = u - jnp.where(fired, erased, 0)
    return (after, c.keep_i * i, jnp.where(fired, c.refractory, resting - 1)), s, u

"""The network of a `Structure` in JAX: the same spikes, step for step, and the surrogate gradient of its cost.

The cost is the van Rossum distance that the rule of Zenke & Ganguli (2018, equations 2 and 3) descends: half the integral of
the squared error, summed over output units. Backwards through time, through every path of the network, a spike counts as its
surrogate: where sigma_prime is 1, a potential that is a millivolt higher makes `slope` more spikes per second, whatever the
time step. Neither the rule nor its paper says how many. Along a chain, with resets out of the gradient, slope is a factor of
the gradient and no part of its direction; where spikes act back on what makes them, it decides how strongly.

Every neuron begins at rest, with no spike on its way. Potentials and weights are in mV, potentials from rest on; all of it is
in double precision, which JAX has while it is needed here, and not for others in the process.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ..errors import MissingPackageError
from ..network.structure import Structure
from ..network.synapses import pairs
from ..values.clock import n_steps
from ..values.hints import Array, Booleans, Floats
from .network import Constants, at_rest, membrane, spiking_with
from .surrogates import check_is_known, derivative_of

SLOPE = 100.0  # Hz/mV
Arrays = dict[str, Any]  # of each population or projection, arrays of NumPy or JAX


def needed_jax() -> Any:
    """The module jax; MissingPackageError without it."""
    try:
        import jax
    except ImportError:
        raise MissingPackageError("the exact gradient needs JAX: pip install 'superspike_brian[gradient]'") from None
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.WARNING)  # it tells which processors it has not
    return jax


@contextmanager
def double_precision() -> Iterator[None]:
    """Let JAX calculate in double precision; MissingPackageError without it."""
    jax = needed_jax()
    if not hasattr(jax, "enable_x64"):  # where older versions have it
        importlib.import_module("jax.experimental")
    here = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
    with here(True):
        yield


@dataclasses.dataclass(frozen=True)
class Way:
    """A projection: where spikes come from and go to, and after how many time steps they act on a potential."""

    name: str
    source: str
    target: str
    lag: int
    exists: Booleans = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Reference:
    """What is differentiated.

    Parameters
    ----------
    ways : tuple of Way
        The projections.
    sizes : dict of str to int
        Units of the populations but the inputs.
    constants : dict of str to Constants
        Of each population.
    spikes : dict of str to callable
        What makes spikes of potentials above threshold (mV) in each population.
    filters : tuple of float
        Of the error in a time step: what remains of impulse and error, and what goes from this to that (1/s).
    power : float
        Integral of the squared filter of the error (Hz).
    slope : float
        How many spikes more a higher potential makes where sigma_prime is 1 (Hz/mV).
    dt : float
        Time step (s).
    """

    ways: tuple[Way, ...]
    sizes: dict[str, int]
    constants: dict[str, Constants]
    spikes: dict[str, Callable[[Array], Array]]
    filters: tuple[float, float, float]
    power: float
    slope: float
    dt: float
    _made: dict[tuple[str, ...], Any] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, structure: Structure, seed: int = 0, slope: float = SLOPE) -> Reference:
        """Make that of a network.

        Parameters
        ----------
        structure : Structure
            The network.
        seed : int
            Of the pairs that are drawn.
        slope : float
            How many spikes more a higher potential makes where sigma_prime is 1 (Hz/mV).

        Raises
        ------
        ModelError
            If it has a part that is not known here; the message says which.
        """
        needed_jax()
        check_is_known(structure)
        models, names = structure.models, structure.populations[1:]
        constants = {name: Constants.of(structure.dt, models[name].parameters) for name in names}
        derivatives = {name: derivative_of(models[name], output=name == "output") for name in names}
        dt = float(structure.dt)
        spikes = {name: spiking_with(derivative, slope * dt) for name, derivative in derivatives.items()}
        p = structure.models["output"].parameters
        alpha = Constants.of(structure.dt, {**p, "tau_mem": p["tau_decay"], "tau_syn": p["tau_rise"]})
        filters = alpha.keep_i, alpha.keep_u, alpha.i_to_u / float(p["tau_rise"])
        power = 1 / (2 * float(p["tau_rise"] + p["tau_decay"]))
        ways = tuple(_way(structure, name, seed) for name in structure.projections)
        sizes = {name: structure.size(name) for name in names}
        return cls(ways, sizes, constants, spikes, filters, power, slope, dt)

    def run(self, weights: Arrays, given: Arrays, reset: str = "detached") -> tuple[Arrays, Arrays]:
        """Let the network run from rest; arrays are of JAX.

        Parameters
        ----------
        weights : dict of str to array
            Of each projection (mV), shape (presynaptic, postsynaptic).
        given : dict of str to array, shape (steps, units)
            1 where units of ``inputs`` and ``targets`` spike.
        reset : {'detached', 'attached', 'ignored'}
            What the gradient knows of a reset: see `membrane`.

        Returns
        -------
        spikes, potentials : dict of str to array, shape (steps, units)
            Of each population; potentials (mV above rest) are those before the reset.
        """
        import jax
        import jax.numpy as jnp

        n, inner = len(given["inputs"]), [way for way in self.ways if way.source in self.sizes]
        longest = max((way.lag for way in inner), default=1)
        chunk = min((way.lag for way in inner), default=n)  # spikes within it act after it
        n_chunks = -(-n // chunk)
        drive = {name: jnp.zeros((n_chunks * chunk, size)) for name, size in self.sizes.items()}
        for way in self.ways:
            if way.source not in self.sizes:
                arriving = jnp.pad(given[way.source], ((way.lag, n_chunks * chunk), (0, 0)))[: n_chunks * chunk]
                drive[way.target] += arriving @ (weights[way.name] * way.exists)

        def step(states, drives):
            after, found = {}, {}
            for name, (u, i, resting) in states.items():
                state = u, i + drives[name], resting
                after[name], *found[name] = membrane(state, self.constants[name], self.spikes[name], reset)
            return after, found

        def advance(carry, drives):
            states, past = carry
            for way in inner:
                begin = longest - way.lag
                arriving = past[way.source][begin : begin + chunk] @ (weights[way.name] * way.exists)
                drives = drives | {way.target: drives[way.target] + arriving}
            states, found = jax.lax.scan(step, states, drives)
            past = {name: jnp.concatenate([past[name], found[name][0]])[-longest:] for name in past}
            return (states, past), found

        states = {name: at_rest(jnp.zeros(size)) for name, size in self.sizes.items()}
        past = {name: jnp.zeros((longest, size)) for name, size in self.sizes.items()}
        cut = {name: d.reshape(n_chunks, chunk, -1) for name, d in drive.items()}
        _, found = jax.lax.scan(advance, (states, past), cut)
        whole = {name: [x.reshape(n_chunks * chunk, -1)[:n] for x in both] for name, both in found.items()}
        return {name: both[0] for name, both in whole.items()}, {name: both[1] for name, both in whole.items()}

    def error(self, spikes: Array, targets: Array) -> Array:
        """Error of output units at the start of every time step (Hz): the difference filtered by alpha."""
        import jax

        keep_x, keep_e, x_to_e = self.filters

        def step(state, impulse):
            x, e = state
            return (keep_x * x + impulse, keep_e * e + x_to_e * x), e

        rest = spikes[0] * 0
        return jax.lax.scan(step, (rest, rest), targets - spikes)[1]

    def cost(self, weights: Arrays, given: Arrays, reset: str = "detached") -> Array:
        """Half the integral of the squared error, summed over outputs (Hz)."""
        spikes, _ = self.run(weights, given, reset)
        return self.dt / 2 * (self.error(spikes["output"], given["targets"]) ** 2).sum()

    def distance(self, spikes: Floats, targets: Floats) -> float:
        """Mean over outputs and time of the squared error, over the integral of alpha squared (Hz), as in learning curves."""
        with double_precision():
            return float((self.error(spikes, targets) ** 2).mean() / self.power)

    def gradient(self, weights: Mapping[str, Floats], given: Mapping[str, Floats], reset: str = "detached") -> Arrays:
        """Gradient of the cost with respect to each weight (Hz/mV); arguments are those of `run`, arrays those of NumPy."""
        with double_precision():
            found = self._compiled("gradient", reset)(dict(weights), dict(given))
            return {name: np.asarray(g) for name, g in found.items()}

    def trajectory(self, weights: Mapping[str, Floats], given: Mapping[str, Floats]) -> tuple[Arrays, Arrays]:
        """Spikes and potentials as `run` has them, as arrays of NumPy."""
        with double_precision():
            found = self._compiled("run")(dict(weights), dict(given))
            spikes, potentials = ({name: np.asarray(x) for name, x in part.items()} for part in found)
            return spikes, potentials

    def _compiled(self, what, *reset):
        """What JAX makes of a method, kept for other weights."""
        import jax

        if (what, *reset) not in self._made:
            function = self.run if what == "run" else jax.grad(partial(self.cost, reset=reset[0]))
            self._made[what, *reset] = jax.jit(function)
        return self._made[what, *reset]


def _way(structure, name, seed):
    projection = structure.projections[name]
    exists = np.zeros(structure.shape(name), bool)
    exists[pairs(structure, name, seed)] = True
    lag = n_steps(structure.models[name].delay, structure.dt) + 1
    return Way(name, projection.source, projection.target, lag, exists)

"""From the gradient of a chain to the rule of Zenke & Ganguli (2018), one approximation after another, in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..baselines.reference import Reference, double_precision
from ..values.hints import Floats

RUNGS = ("reset ignored", "delay dropped", "output's surrogate dropped", "PSP dropped")


def rungs(
    reference: Reference, weights: Mapping[str, Floats], given: Mapping[str, Floats]
) -> dict[str, dict[str, Floats]]:
    """Directions of descent of a chain with one hidden layer, each with one approximation more than the one before.

    Parameters
    ----------
    reference : Reference
        Of the chain.
    weights, given
        As for `Reference.run`.

    Returns
    -------
    dict of str to dict of str to array
        By rung and projection; in units of the rule's update. Those of the output differ in nothing: they are causal traces.
    """
    into, out = reference.ways
    spikes, potentials = reference.trajectory(weights, given)
    slopes = {name: _surrogate(reference, name, potentials[name]) for name in potentials}
    error = _filtered(given["targets"] - spikes["output"], *reference.filters)
    blame = reference.dt * _backwards(error, *reference.filters)  # of each output spike, at the time when it comes
    found, seen = {}, _psp(reference, into.target, given["inputs"], into.lag)
    heard = _psp(reference, out.target, spikes[into.target], out.lag)
    own = heard.T @ (blame * slopes[out.target]) * reference.dt
    for rung in RUNGS:
        lag = out.lag if rung == "reset ignored" else 1
        felt = blame * slopes[out.target] if RUNGS.index(rung) < 2 else blame
        if rung != "PSP dropped":
            felt = reference.slope * reference.dt * _psp(reference, out.target, felt[::-1], lag)[::-1]
        hidden = felt @ weights[out.name].T
        found[rung] = {into.name: seen.T @ (hidden * slopes[into.target]) * reference.dt, out.name: own}
    return found


def _surrogate(reference, name, potentials):
    """Surrogate derivative sigma_prime at every step."""
    with double_precision():
        import jax

        above = potentials - reference.constants[name].theta
        _, change = jax.jvp(reference.spikes[name], (above,), (np.ones_like(above),))
        return np.asarray(change) / (reference.slope * reference.dt)


def _psp(reference, population, arriving, lag):
    """Potential (mV) that spikes make with weights of 1 mV, without resets."""
    c, u, i = reference.constants[population], np.zeros(arriving.shape[1]), np.zeros(arriving.shape[1])
    found = np.zeros_like(arriving)
    for n in range(len(arriving)):
        i = i + (arriving[n - lag] if n >= lag else 0)
        u, i = c.keep_u * u + c.i_to_u * i, c.keep_i * i
        found[n] = u
    return found


def _filtered(impulses, keep_x, keep_e, x_to_e):
    """What a filter of the error makes of impulses, at the start of each step."""
    x, e = np.zeros(impulses.shape[1]), np.zeros(impulses.shape[1])
    found = np.zeros(impulses.shape)
    for n, impulse in enumerate(impulses):
        found[n] = e
        x, e = keep_x * x + impulse, keep_e * e + x_to_e * x
    return found


def _backwards(values, keep_x, keep_e, x_to_e):
    """The transpose of that filter."""
    return _filtered(values[::-1], keep_x, keep_e, x_to_e)[::-1]

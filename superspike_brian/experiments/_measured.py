"""How the updates of a run compare with gradients: what is simulated and differentiated once its weights are there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..baselines.comparison import Comparison, accumulate, compare, dense, raster, weights_of
from ..baselines.network import RESETS
from ..baselines.reference import SLOPE, Reference
from ..console.progress import Silent
from ..engine.runner import Runner
from ..network.initial import initial_state, noise, pattern
from ..runs.training import make_program
from ..spec.run import Machine, RunSpec
from ..tasks import SpikePattern, Task
from ..values.clock import n_steps
from ._ladder import rungs

if TYPE_CHECKING:
    import xarray as xr

MOMENTS = "start", "during", "end"
RULE, WRONG_SIGN, SHUFFLED, SILENT = "rule", "wrong sign", "shuffled error", "silent network"
SLOPES = (1.0, 10.0, 100.0, 1000.0, 10000.0)  # Hz/mV


class Network(NamedTuple):
    """What a run is measured with."""

    spec: RunSpec
    program: Runner
    reference: Reference


def comparisons(
    spec: RunSpec,
    run: xr.Dataset,
    reference_of: Callable[[float], Reference],
    machine: Machine,
    approximations: bool = False,
    ladder: bool = False,
    slopes: str = "",
    controls: bool = False,
) -> Iterator[dict[str, Any]]:
    """Compare the updates of a run with gradients, before, during and after learning.

    Parameters
    ----------
    spec, run : RunSpec, Dataset
        The run, in double precision, with a snapshot.
    reference_of : callable
        Makes a reference of its network with a slope (Hz/mV).
    machine : Machine
        Where its program is.
    approximations, ladder : bool
        Whether gradients that know more or less of the reset are compared with the one whose resets are detached; and those
        with ever more of the rule's approximations.
    slopes : str
        For which reset other slopes are tried at the end; none if empty.
    controls : bool
        Whether a wrong sign, a shuffled error and a silent network are tried at the end.

    Yields
    ------
    dict
        projection, moment, what, slope (Hz/mV), cosine, norm_ratio, cost_hz, spikes.
    """
    reference, length = reference_of(SLOPE), _length(spec)
    network = Network(spec, make_program(spec, machine, Silent()), reference)
    start = noise(spec.seed) | initial_state(spec.structure, spec.task, spec.seed)
    for moment in MOMENTS:
        state = start | _weights(spec, run, moment)
        descent = compare(network.program, spec, state, reference, length)
        facts = {"moment": moment, "cost_hz": float(descent.cost), "spikes": descent.spikes["output"]}
        yield from _each(descent.projections, facts | {"what": RULE, "slope": SLOPE})
        exact = {name: c.exact for name, c in descent.projections.items()}
        if approximations:
            yield from _approximations(network, state, exact, facts, ladder)
        if moment == "end" and slopes:
            update = {name: c.update for name, c in descent.projections.items()}
            yield from _slopes(network, state, update, facts, slopes, reference_of)
        if moment == "end" and controls:
            yield from _controls(network, state, exact, facts)


def _length(spec):
    return n_steps(spec.task.period, spec.dt)


def _each(comparisons, facts):
    for projection, c in comparisons.items():
        yield {"projection": projection, **facts, "cosine": c.cosine, "norm_ratio": c.ratio}


def _weights(spec, run, moment):
    """Weights of a run at a moment, as entries of a state."""
    names = spec.structure.projections.values()
    found = {p.name: run[f"weights_{p.label}_{'snapshots' if moment == 'during' else moment}"].values for p in names}
    return {f"{k}.w": (w[0] if moment == "during" else w).astype(float).ravel() for k, w in found.items()}


def _approximations(network, state, exact, facts, ladder):
    """Gradients that know more or less than the one with detached resets, beside that one."""
    reference, weights, given = _inputs(network, state)
    kinds = {f"reset {reset}": reference.gradient(weights, given, reset) for reset in RESETS[1:]}
    found = {what: {k: -g / reference.slope for k, g in gradient.items()} for what, gradient in kinds.items()}
    if ladder:
        found |= rungs(reference, weights, given)
    for what, directions in found.items():
        compared = {k: Comparison(directions[k], exact[k]) for k in exact}
        yield from _each(compared, facts | {"what": what, "slope": SLOPE})


def _slopes(network, state, update, facts, reset, reference_of):
    """The update beside gradients with other slopes, where these matter: spikes that act back on what makes them."""
    _, weights, given = _inputs(network, state)
    for slope in SLOPES:
        gradient = reference_of(slope).gradient(weights, given, reset)
        compared = {k: Comparison(update[k], -gradient[k] / slope) for k in update}
        yield from _each(compared, facts | {"what": f"rule, {reset}", "slope": slope})


def _controls(network, state, exact, facts):
    """What has to look bad: an error of the wrong sign, one of other targets, and a network that says nothing."""
    (spec, program, reference), length = network, _length(network.spec)
    structure = spec.structure

    def beside(update, what):
        compared = {k: Comparison(dense(structure, k, spec.seed, update[k]), exact[k]) for k in update}
        return _each(compared, facts | {"what": what, "slope": SLOPE})

    wrong = dataclasses.replace(spec, model=spec.model.replace(target_impulse=-1, output_impulse=-1), device="runtime")
    slow = make_program(wrong, Machine(threads=1), Silent())
    yield from beside(accumulate(slow, wrong, state, length).update, WRONG_SIGN)
    t = spec.task.targets
    for k in range(1, t.n):  # the targets of other units
        other = SpikePattern(t.n, (t.ids + k) % t.n, t.times, t.period)
        wrong = dataclasses.replace(spec, task=Task("shuffled", spec.task.inputs, other, "a control"))
        shuffled = state | pattern("targets", other, spec.dt)
        yield from beside(accumulate(program, wrong, shuffled, length).update, SHUFFLED)
    silent = state | {k: np.zeros_like(w) for k, w in _only_weights(state).items()}
    nothing = compare(program, spec, silent, reference, length)
    said = {"what": SILENT, "slope": SLOPE, "spikes": nothing.spikes["output"], "cost_hz": float(nothing.cost)}
    yield from _each(nothing.projections, facts | said)


def _only_weights(state):
    return {k: w for k, w in state.items() if k.endswith(".w")}


def _inputs(network, state):
    return network.reference, weights_of(network.spec, state), raster(network.spec, _length(network.spec))

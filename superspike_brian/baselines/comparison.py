"""What a rule accumulates while the weights stay, beside the gradient of a reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple, cast

import numpy as np
from brian2 import Hz, Quantity

from ..engine.runner import Runner
from ..models import ModelError
from ..network.initial import learning_rates
from ..network.structure import Structure
from ..network.synapses import pairs
from ..spec.run import RunSpec
from ..tasks import Task
from ..values.clock import n_steps
from ..values.hints import Array, Booleans, Floats, State
from .reference import Reference


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """What a rule does to the weights of a projection, and what would lower the cost fastest.

    Parameters
    ----------
    update : array, shape (presynaptic, postsynaptic units)
        What the rule accumulates, `m`: the change of the weights for a learning rate of 1, before the optimiser.
    exact : array, of the same shape
        The negative gradient of the cost over `slope`, in which units it equals `update` where the rule is exact. 0 where no
        synapse is, as in `update`.
    """

    update: Floats
    exact: Floats

    @property
    def cosine(self) -> float:
        """Cosine of the angle between them: 1 along the gradient, 0 across, -1 against it; NaN if one of them is 0."""
        sizes = np.linalg.norm(self.update) * np.linalg.norm(self.exact)
        return float((self.update * self.exact).sum() / sizes) if sizes > 0 else float("nan")

    @property
    def ratio(self) -> float:
        """Length of `update` over that of `exact`; NaN if that is 0."""
        size = np.linalg.norm(self.exact)
        return float(np.linalg.norm(self.update) / size) if size > 0 else float("nan")


@dataclasses.dataclass(frozen=True, eq=False)
class Descent:
    """How a rule's update compares with the gradient, by projection.

    Parameters
    ----------
    projections : dict of str to Comparison
        Of each plastic projection.
    cost : Quantity
        Mean over output units and time, as in a learning curve (Hz).
    spikes : dict of str to int
        How many each population emits: where one is silent, a comparison says little.
    """

    projections: dict[str, Comparison]
    cost: Quantity
    spikes: dict[str, int]

    def __getitem__(self, name: str) -> Comparison:
        return self.projections[name]

    def __str__(self) -> str:
        rows = [f"{name:20} {c.cosine:8.4f} {c.ratio:12.4g}" for name, c in self.projections.items()]
        counts = ", ".join(f"{n} of {name}" for name, n in self.spikes.items())
        heads = f"{'projection':20} {'cosine':>8} {'norm ratio':>12}"
        return "\n".join([heads, *rows, f"cost {float(self.cost):.4g} Hz; spikes: {counts}"])


def compare(
    program: Runner, spec: RunSpec, state: State, reference: Reference, length: int, reset: str = "detached"
) -> Descent:
    """Compare update and gradient from a state on; `gradient` explains `reset` and what is returned.

    Parameters
    ----------
    program, spec, state, length
        As for `accumulate`.
    reference : Reference
        Of the same network.
    """
    structure, given = spec.structure, raster(spec, length)
    held = accumulate(program, spec, state, length)
    weights = weights_of(spec, held.weights)
    spikes, _ = reference.trajectory(weights, given)
    for name, found in spikes.items():
        if not np.array_equal(found, held.spikes[name]):
            k = int(np.flatnonzero((found != held.spikes[name]).any(axis=1))[0])
            raise ModelError(
                f"no exact gradient: spikes of {name} are not those of the reference from time step {k} on"
            )
    slopes = reference.gradient(weights, given, reset)
    compared = {
        name: Comparison(dense(structure, name, spec.seed, held.update[name]), -slopes[name] / reference.slope)
        for name in structure.plastic
    }
    cost = reference.distance(spikes["output"], given["targets"])
    return Descent(compared, cost * Hz, {name: int(s.sum()) for name, s in spikes.items()})


def weights_of(spec: RunSpec, state: Mapping[str, Array]) -> dict[str, Floats]:
    """Weights of a state (mV) by projection, shape (presynaptic, postsynaptic units)."""
    names = spec.structure.projections
    return {name: dense(spec.structure, name, spec.seed, state[f"{name}.w"]) * 1e3 for name in names}


class Held(NamedTuple):
    """What came of a network whose weights were held.

    Parameters
    ----------
    weights : dict of str to array
        As they were held, ``projection.w`` (volt): as the optimiser leaves them when there is nothing to learn, within bounds.
    update : dict of str to array
        Sum of `m` of each plastic projection, one per synapse.
    spikes : dict of str to array of bool, shape (steps, units)
        Of each population but the inputs.
    """

    weights: State
    update: State
    spikes: dict[str, Booleans]


def accumulate(program: Runner, spec: RunSpec, state: State, length: int) -> Held:
    """Let a network run from a state with its weights held, and add up what the rule accumulates.

    Parameters
    ----------
    program : Runner
        As `make_program` makes it of `spec`.
    spec : RunSpec
        The network.
    state : dict of str to array
        Where it starts.
    length : int
        Time steps.

    Raises
    ------
    ModelError
        If its optimiser does not let the weights stay.
    """
    structure, every = spec.structure, n_steps(spec.structure.model.interval, spec.dt)
    sizes = {name: structure.n_synapses_of(name) for name in structure.plastic}
    empty = learning_rates(structure, 0.0) | {f"{name}.m": np.zeros(n) for name, n in sizes.items()}
    after, _ = program.run(state | empty, 0, 1)  # an update falls on the first step of every interval, when m is 0
    weights = {f"{name}.w": np.array(after[f"{name}.w"], float) for name in structure.projections}
    total = {name: np.zeros(n) for name, n in sizes.items()}
    spikes = {name: np.zeros((length, structure.size(name)), bool) for name in structure.populations[1:]}
    for begin in range(0, length, every):
        state, records = program.run(state | weights | empty, begin, min(every, length - begin), probe=True)
        for name in structure.plastic:
            if not np.array_equal(state[f"{name}.w"], weights[f"{name}.w"]):
                raise ModelError(
                    f"{structure.models[name].optimizer.name}: it changes the weights of {name} though the learning rate r0 "
                    "and the gradient m are 0, so that they cannot be held: give another optimiser, which is not asked here"
                )
            total[name] += state[f"{name}.m"]
        for name, found in spikes.items():
            steps = np.rint(records[f"spikes_{name}.t"] / float(spec.dt)).astype(int)
            found[steps, records[f"spikes_{name}.i"]] = True
    return Held(weights, total, spikes)


def dense(structure: Structure, name: str, seed: int, values: Array) -> Floats:
    """Values of synapses as an array of presynaptic and postsynaptic units, 0 where none is."""
    found = np.zeros(structure.shape(name))
    found[pairs(structure, name, seed)] = np.ravel(values)
    return found


def raster(spec: RunSpec, length: int) -> dict[str, Floats]:
    """Spikes of the task's inputs and targets, 1 where there is one, shape (steps, units)."""
    given, task = {}, cast(Task, spec.task)
    for name, pattern in (("inputs", task.inputs), ("targets", task.targets)):
        period = np.zeros((n_steps(pattern.period, spec.dt), pattern.n))
        period[pattern.steps(spec.dt)] = 1
        given[name] = np.tile(period, (-(-length // len(period)), 1))[:length]
    return given

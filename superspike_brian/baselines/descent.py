"""Does a rule descend the gradient? What it accumulates while the weights stay, beside the exact surrogate gradient."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from brian2 import Hz, Quantity, mV

from ..console.progress import Silent
from ..engine.runner import Runner
from ..models import Architecture, Model, ModelError
from ..network.initial import initial_state, learning_rates, noise
from ..network.structure import Structure
from ..network.synapses import pairs
from ..runs.loaded import load_state
from ..runs.training import make_program
from ..spec.run import Machine, RunSpec
from ..tasks import Task
from ..values.clock import n_steps
from ..values.hints import Array, Booleans, Floats, State
from ..values.kinds import Choice, Physical, Time
from ..values.names import nearest
from .network import RESETS
from .reference import SLOPE, Reference

OF_NETWORK = ("connect", "hidden_learning", "dt", "seed", "device", "precision", "kernel", "chunk")  # options of a run


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


def gradient(
    task: Task | str | None = None,
    model: Model | None = None,
    hidden: int | Sequence[int] | Architecture = (),
    *,
    run: Path | str | None = None,
    at: str | Quantity = "end",
    state: Mapping[str, Array] | None = None,
    duration: Quantity | None = None,
    reset: str = "detached",
    slope: Quantity = SLOPE * Hz / mV,
    build_dir: Path | str | None = None,
    threads: int | None = None,
    **options: Any,
) -> Descent:
    """Compare what a rule accumulates with the exact surrogate gradient of the van Rossum cost.

    The network runs from rest with weights that stay; the optimiser is not asked. The gradient goes backwards through time,
    through all populations and projections, and needs JAX: extra ``gradient``.

    Parameters
    ----------
    task : Task or str, optional
        Frozen patterns, or the name of such a task; default: the run's.
    model : Model, optional
        The rule; default: the run's, else `SUPERSPIKE`. Give an edited one to ask whether it still descends.
    hidden : int, sequence of int or Architecture
        Units of each hidden layer, or a network of your own; of a run it is the run's.
    run : path, optional
        A run folder whose weights are taken, with its options.
    at : {'end', 'start'} or Quantity
        When, as for `load_network`.
    state : mapping of str to array, optional
        Weights and random feedback by ``projection.w`` and ``group.b`` (volt), as a state of `steps` has them. Default: those
        of the run, else those at the start. Other entries are not looked at.
    duration : Quantity, optional
        How long the network runs (second); default: one period of the task.
    reset : {'detached', 'attached', 'ignored'}
        What the gradient knows of a spike's reset: that it erases the potential; also that whether it comes depends on the
        potential; or nothing.
    slope : Quantity
        How many spikes more a higher potential makes where sigma_prime is 1 (Hz/volt). It is part of the direction only where
        spikes act back on their own neuron: with the reset attached, and in recurrent networks.
    build_dir, threads
        As for `train`.
    **options
        As for `train`: connect, hidden_learning, dt, seed, device, precision, kernel, chunk; of a run they are the run's, save
        for precision. With ``device="runtime"`` no compiler is needed.

    Returns
    -------
    Descent

    Raises
    ------
    ModelError
        If the network has a part that the exact gradient does not know, as a neuron of your own; the message says which.
    ValueError
        If the task has no frozen patterns, or an argument does not fit.
    MissingPackageError
        Without JAX.
    """
    Choice("detached", known=RESETS).check(reset, "reset")
    for name in options.keys() - set(OF_NETWORK):
        raise ValueError(
            f"gradient has no option '{name}'{nearest(name, OF_NETWORK)}: weights are held, and nothing is stored"
        )
    steepness = float(Physical("100Hz/mV", unit=Hz / mV).check(slope, "slope") / (Hz / mV))
    if not 0 < steepness < np.inf:
        raise ValueError(f"slope must be a positive value, for instance 100*Hz/mV, not {slope}")
    spec, start = _asked(task, model, hidden, run, at, options)
    if not isinstance(spec.task, Task):
        raise ValueError(f"the gradient is of the van Rossum cost of frozen patterns, and {spec.task.name} has trials")
    length = n_steps(spec.task.period if duration is None else Time("0.5s").check(duration, "duration"), spec.dt)
    start |= _taken(spec.structure, start, state)
    reference = Reference.of(spec.structure, spec.seed, steepness)
    program = make_program(spec, Machine(build_dir, threads), Silent())
    return compare(program, spec, start, reference, length, reset)


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
        Sum of `m` of each plastic projection, one a synapse.
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


def _asked(task, model, hidden, run, at, options):
    """The run that is meant, and the state that it starts from."""
    if run is None:
        if task is None:
            raise ValueError("what is to be compared? Give a task, or run=FOLDER of a run that is there")
        spec = RunSpec.make(task, model, hidden, **options)
        return spec, noise(spec.seed) | initial_state(spec.structure, spec.task, spec.seed)
    if hidden != ():
        raise ValueError("hidden: the network is that of the run; leave it out, or give a state instead of the run")
    loaded = load_state(run, at)
    old = loaded.spec
    kept = {
        name: getattr(old, name) for name in ("connect", "hidden_learning", "dt", "seed", "device", "kernel", "chunk")
    }
    network = old.network or old.hidden
    spec = RunSpec.make(task or old.task, model or old.model, network, **kept | options)
    state = noise(spec.seed) | initial_state(spec.structure, spec.task, spec.seed)
    return spec, state | _taken(spec.structure, state, loaded.state)


def _taken(structure: Structure, start: State, state: Mapping[str, Array] | None) -> State:
    """Weights and random feedback of a state."""
    if state is None:
        return {}
    names = [f"{name}.w" for name in structure.projections]
    names += [name for name in start if name.endswith(".b")]
    found = {name: np.asarray(state[name], float).ravel() for name in names if name in state}
    for name, values in found.items():
        if values.shape != start[name].shape or not np.isfinite(values).all():
            raise ValueError(
                f"the state's '{name}' must be {start[name].size} finite numbers, not of shape {values.shape}"
            )
    if not found:
        raise ValueError(f"the state has none of the network's weights: {', '.join(names)}")
    return found


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

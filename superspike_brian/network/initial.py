"""The state a run starts from: spike patterns, parameters, initial weights, random feedback, the key of its noise.

All of them are inputs of the compiled program. Every random choice has a stream of its own, made from the run's seed, so
that a change of one (say, another number of hidden units) leaves the others as they were.
"""

import numpy as np

from ..codegen.device import RANDOM
from ..tasks import Classification, Task
from ..values.clock import n_steps
from ..values.hints import Array, Floats, State
from .assembly import Structure

_STREAMS = {"weights": 1, "feedback": 2, "trials": 3, "probe": 4, "test": 5, "noise": 6}


def random_stream(seed: int, what: str, *k: int) -> np.random.Generator:
    """Random generator for `what`: the `k`-th weight group, hidden layer, or period of trials."""
    return np.random.default_rng([seed, _STREAMS[what], *k])


def initial_state(structure: Structure, task: Task | Classification, seed: int) -> State:
    """State at time 0.

    Parameters
    ----------
    structure : Structure
        The network.
    task : Task
        Its input and target patterns.
    seed : int
        Of initial weights and random feedback.

    Returns
    -------
    dict of str to ndarray
        ``object.variable`` to SI values; variables that are not in it start as the model says.

    Raises
    ------
    ValueError
        If the task does not fit the network's sizes or time step.
    """
    state = noise(seed)
    check_fit(structure, task)
    if isinstance(task, Task):
        period = n_steps(task.period, structure.dt)
        for name, pattern in (("inputs", task.inputs), ("targets", task.targets)):
            state |= generator(name, *pattern.steps(structure.dt), period)
    state |= parameters(structure)
    for k in range(1, len(structure.sizes)):
        state[f"forward_{k}.w"] = initial_weights(structure, k, seed).ravel()
    if structure.model.feedback.weights == "normal" and structure.hidden_learning:
        for k in range(1, structure.n_hidden_layers + 1):
            b = random_feedback(structure, k, seed).ravel()
            state |= {f"feedback_target_{k}.b": b, f"feedback_output_{k}.b": b}
    return state


def noise(seed: int) -> State:
    """Entry of the state that the random numbers in equations and statements are made from."""
    return {RANDOM: np.random.SeedSequence([seed, _STREAMS["noise"]]).generate_state(2, np.uint64)}


def check_fit(structure: Structure, task: Task | Classification) -> None:
    """Refuse a task that does not fit the network's sizes or its error signal."""
    for name, n, size in (
        ("inputs", task.n_inputs, structure.sizes[0]),
        ("targets", task.n_outputs, structure.sizes[-1]),
    ):
        if n != size:
            raise ValueError(f"the task has {n} {name}, the network {size}")
    error, scheduled = structure.model.error, isinstance(task, Classification)
    if scheduled != bool(error.on_cue):
        raise ValueError(
            f"the task {task.name} {'has' if scheduled else 'has no'} cues, and the error signal '{error.name}' "
            f"{'uses none' if scheduled else 'needs them'}: use model.replace(error="
            f"{'WINDOWED' if scheduled else 'VAN_ROSSUM'})"
        )


def initial_weights(structure: Structure, k: int, seed: int) -> Floats:
    """Weights (volt) from N(0, w_0**2/n_pre), shape (n_pre, n_post)."""
    n_pre, _ = shape = structure.shape(k)
    scale = float(structure.model.parameters["w_0"]) / np.sqrt(n_pre)
    return scale * random_stream(seed, "weights", k).standard_normal(shape)


def random_feedback(structure: Structure, k: int, seed: int) -> Floats:
    """Feedback weights from N(0, 1), shape (n_hidden, n_out): row i is what hidden unit i receives."""
    shape = structure.sizes[k], structure.sizes[-1]
    return random_stream(seed, "feedback", k).standard_normal(shape)


def parameters(structure: Structure) -> State:
    """Values of the parameters that are inputs of the program, a group each: dict of ``group.parameter``."""
    model, groups = structure.model, {}
    for name in structure.populations[1:]:
        groups[name] = model.layer_equations(output=name == "output")
    for k, name in enumerate(structure.forward, start=1):
        if structure.is_plastic(k):
            groups[name] = model.equations_of("synapse", output=k == len(structure.forward))[0]
            groups[f"terminals_{k}"] = model.equations_of("terminal")[0]
    for k in range(1, structure.n_hidden_layers + 1) if structure.hidden_learning else ():
        for origin in ("target", "output"):
            groups[f"feedback_{origin}_{k}"] = model.equations_of("feedback")[0]
    return {
        f"{name}.{e.varname}": np.array([float(model.parameters[e.varname])])
        for name, equations in groups.items()
        for e in equations.values()
        if "shared" in e.flags and e.varname in model.parameters
    }


def generator(name: str, steps: Array, ids: Array, period: int = 0) -> State:
    """Entries of the state that make a generator emit spikes, sorted by step; every `period` steps again if it is not 0."""
    return {
        f"{name}._timebins": steps.astype(np.int32),
        f"{name}.neuron_index": ids.astype(np.int32),
        f"{name}._period_bins": np.array([period], np.int32),
        f"{name}._lastindex": np.array([0], np.int32),
    }

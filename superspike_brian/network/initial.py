"""The state a run starts from: spike patterns, parameters, initial weights, random feedback, the key of its noise.

All of them are inputs of the compiled program.
"""

import numpy as np
from brian2 import Quantity

from ..codegen.device import RANDOM
from ..tasks import Classification, LabelledTask, Signal, SpikePattern, Task
from ..values.clock import n_steps
from ..values.hints import Array, State
from .structure import Structure
from .synapses import delays, initial_weights, pairs, random_feedback, seed_sequence


def initial_state(structure: Structure, task: Task | Classification | LabelledTask, seed: int) -> State:
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
        state |= frozen(task, structure.dt)
    state |= parameters(structure)
    for name, projection in structure.projections.items():
        state[f"{name}.w"] = initial_weights(structure, name, seed)
        if (own_delays := delays(structure, name, seed)) is None and structure.is_dense(name):
            continue
        pre, post = pairs(structure, name, seed)
        state |= _ends(name, pre, post)
        if own_delays is not None:
            state[f"{name}.delay"] = own_delays
            if projection.plastic:
                axons = f"axons_{projection.label}"
                state |= _ends(axons, pre, np.arange(len(pre), dtype=np.int32)) | {f"{axons}.delay": own_delays}
    for pathway in structure.pathways.values():
        groups = structure.feedback_groups(pathway)
        if structure.models[f"feedback_{pathway.label}"].feedback.weights == "normal":
            b = random_feedback(structure, pathway.target, seed).ravel()
            state |= {f"{group}.b": b for group in groups}
        elif (back := structure.forward_weights(pathway)) and not structure.is_dense(back):
            hidden, outputs = pairs(structure, back, seed)
            for group in groups:
                state |= _ends(group, outputs, hidden)
    return state


def _ends(group, pre, post):
    """Entries of the state that say which pairs synapses connect."""
    return {f"{group}._synaptic_pre": pre, f"{group}._synaptic_post": post}


def noise(seed: int) -> State:
    """Entry of the state that the random numbers in equations and statements are made from."""
    return {RANDOM: seed_sequence(seed, "noise").generate_state(2, np.uint64)}


def check_fit(structure: Structure, task: Task | Classification | LabelledTask) -> None:
    """Refuse a task that does not fit the network's sizes or its error signal."""
    for name, n, size in (
        ("inputs", task.n_inputs, structure.sizes[0]),
        ("targets", task.n_outputs, structure.sizes[-1]),
    ):
        if n != size:
            raise ValueError(f"the task has {n} {name}, the network {size}")
    error, scheduled = structure.model.error, not isinstance(task, Task)
    signal = isinstance(task, Task) and not isinstance(task.targets, SpikePattern)
    if signal != (error.target == "signal"):
        raise ValueError(
            f"the target of the task {task.name} is {'a signal' if signal else 'spikes'}, and the error signal '{error.name}' "
            f"compares outputs with {'spikes' if signal else 'a signal'}: use "
            f"{'EPROP, or model.replace(error=REGRESSION, feedback=BROADCAST)' if signal else 'another model'}"
        )
    if scheduled != bool(error.on_cue):
        raise ValueError(
            f"the task {task.name} {'has' if scheduled else 'has no'} cues, and the error signal '{error.name}' "
            f"{'uses none' if scheduled else 'needs them'}: use model.replace(error="
            f"{'WINDOWED or GRADED' if scheduled else 'VAN_ROSSUM'})"
        )


def parameters(structure: Structure) -> State:
    """Values of the parameters that are inputs of the program, a group each: dict of ``group.parameter``."""
    models, groups = structure.models, {}
    for name in structure.populations[1:]:
        groups[name] = models[name].layer_equations(output=name == "output"), models[name]
    for name in structure.plastic:
        projection, model = structure.projections[name], models[name]
        groups[name] = model.equations_of("synapse", output=projection.target == "output")[0], model
        groups[f"terminals_{projection.label}"] = model.equations_of("terminal")[0], model
    for pathway in structure.pathways.values():
        model = models[f"feedback_{pathway.label}"]
        for name in structure.feedback_groups(pathway):
            groups[name] = model.equations_of("feedback")[0], model
    return {
        f"{name}.{e.varname}": np.array([float(model.parameters[e.varname])])
        for name, (equations, model) in groups.items()
        for e in equations.values()
        if "shared" in e.flags and e.varname in model.parameters
    }


def learning_rates(structure: Structure, factor: float, step: int = 0) -> State:
    """Learning rates (volt) of all plastic projections from a step on: those of their models times `factor`."""
    return {f"{name}.r0": np.array([structure.learning_rate(name, step) * factor]) for name in structure.plastic}


def pattern(name: str, spikes: SpikePattern, dt: Quantity, step: int = 0) -> State:
    """Entries of the state that make a generator repeat a pattern for ever, from a time step on."""
    period, (steps, ids) = n_steps(spikes.period, dt), spikes.steps(dt)
    over = np.searchsorted(steps, step % period)  # spikes before this step
    return generator(name, steps, ids, period) | {f"{name}._lastindex": np.array([over], np.int32)}


def frozen(task: Task, dt: Quantity, step: int = 0) -> State:
    """Entries of the state that repeat the patterns of a task for ever, from a time step on."""
    targets = task.targets
    given = pattern("targets", targets, dt, step) if isinstance(targets, SpikePattern) else signal(targets, dt, step)
    return pattern("inputs", task.inputs, dt, step) | given


def signal(target: Signal, dt: Quantity, step: int = 0) -> State:
    """Entries of the state that repeat a signal for ever, from a time step on."""
    period, begins, values = n_steps(target.period, dt), target.steps(dt), np.asarray(target.values)
    over = np.searchsorted(begins, step % period)
    return generator("targets", begins, np.arange(len(begins)), period) | {
        "targets._lastindex": np.array([over], np.int32),
        "error_target.signal": np.nan_to_num(values).ravel(),
        "error_target.known": np.isfinite(values).ravel().astype(float),
    }


def generator(name: str, steps: Array, ids: Array, period: int = 0) -> State:
    """Entries of the state that make a generator emit spikes, sorted by step; every `period` steps again if it is not 0."""
    return {
        f"{name}._timebins": steps.astype(np.int32),
        f"{name}.neuron_index": ids.astype(np.int32),
        f"{name}._period_bins": np.array([period], np.int32),
        f"{name}._lastindex": np.array([0], np.int32),
    }

"""Does a rule descend the gradient? What it accumulates while the weights stay, beside the exact surrogate gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, mV

from ..console.progress import Silent
from ..models import Architecture, Model
from ..network.initial import initial_state, noise
from ..network.structure import Structure
from ..runs.loaded import load_state
from ..runs.training import make_program
from ..spec.run import Machine, RunSpec
from ..tasks import Signal, Task
from ..values.clock import n_steps
from ..values.hints import Array, State
from ..values.kinds import Choice, Physical, Time
from ..values.names import nearest
from .comparison import Descent, compare
from .network import RESETS
from .reference import SLOPE, Reference

OF_NETWORK = ("connect", "hidden_learning", "dt", "seed", "device", "precision", "kernel", "chunk")  # options of a run


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
    if isinstance(spec.task.targets, Signal):
        raise ValueError(
            f"the gradient is of the van Rossum cost of spikes, and the target of {spec.task.name} is a signal"
        )
    length = n_steps(spec.task.period if duration is None else Time("0.5s").check(duration, "duration"), spec.dt)
    start |= _taken(spec.structure, start, state)
    reference = Reference.of(spec.structure, spec.seed, steepness)
    program = make_program(spec, Machine(build_dir, threads), Silent())
    return compare(program, spec, start, reference, length, reset)


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
    kept = {name: getattr(old, name) for name in OF_NETWORK if name != "precision"}
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

"""A loop of one's own around a run: look at the state after each block, change it, go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, second, volt

from ..console.progress import Silent
from ..models import Architecture, Model
from ..network.initial import initial_state, learning_rates, noise, pattern, signal
from ..network.structure import Structure
from ..network.trials import Answers, trial_source
from ..spec.run import Machine, RunSpec, takes_options
from ..tasks import Classification, LabelledSpikes, LabelledTask, Signal, SpikePattern, Task
from ..values.hints import Array, State
from ..values.kinds import Physical
from .divergence import DivergedError, check_start, explain, first_step, not_finite
from .training import make_program


@dataclasses.dataclass
class Step:
    """The network after a block of time steps. What is changed here is how the next block begins.

    Attributes
    ----------
    time : Quantity
        Simulated time so far (second).
    state : dict of str to ndarray
        The whole state in SI units, by ``object.variable``: ``output.U``, ``forward_1.w``, ...; spikes in flight included.
        Change arrays in place, or replace them by others of the same shape.
    r0 : Quantity
        Learning rate (volt) of the block that comes next, by the run's schedule. Set it, and it is that of all blocks from
        there on.
    inputs, targets : SpikePattern, Signal or None
        Frozen patterns; None for trials and labelled samples. Replace them by others of the same units (and samples).
    spikes : tuple of ndarray
        Output spikes of the block: units, and times (s) since the start of the run.
    accuracy : float or None
        Fraction of the last trials that were answered rightly; None for frozen patterns.
    """

    time: Quantity
    state: State
    r0: Quantity
    inputs: SpikePattern | None
    targets: SpikePattern | Signal | None
    spikes: tuple[Array, Array]
    accuracy: float | None
    structure: Structure = dataclasses.field(repr=False)

    @property
    def weights(self) -> dict[str, Array]:
        """Weights (volt) by projection: views of the state; (presynaptic, postsynaptic units) where all are connected."""
        found = {name: self.state[f"{name}.w"] for name in self.structure.projections}
        return {n: w.reshape(self.structure.shape(n)) if self.structure.is_dense(n) else w for n, w in found.items()}

    @property
    def cost(self) -> Quantity:
        """Running cost of each output unit (Hz), as in the learning curve of a run."""
        memory = float(self.structure.model.parameters["tau_cost"])
        return self.state["output.cost"] / -np.expm1(-float(self.time) / memory) * Hz


@takes_options
def steps(
    task: Task | Classification | LabelledTask | LabelledSpikes | str,
    model: Model | None = None,
    hidden: int | Sequence[int] | Architecture = (),
    *,
    test: LabelledSpikes | None = None,
    build_dir: Path | str | None = None,
    threads: int | None = None,
    **options: Any,
) -> Iterator[Step]:
    """Train a network block after block, in a loop of one's own.

    If nothing is changed, spikes and weights are those of `train` with the same arguments, to the last bit. Nothing is stored.
    The loop can be left at any time.

    Parameters
    ----------
    task, model, hidden, test, build_dir, threads
        As for `train`.
    **options

    Yields
    ------
    Step
        After each block; option ``block`` says how long one is. Options of what `train` stores (snapshots, probe windows,
        tests) only cut blocks.

    Raises
    ------
    ValueError, ModelError, BuildError
        Before anything runs; ValueError also for a change that does not fit the network.
    DivergedError, SimulationError
        During the run.
    """
    spec = RunSpec.make(task, model, hidden, test=test, **options)
    if spec.protocol.criterion is not None:
        raise ValueError(
            "criterion ends a run of `train`; in a loop of your own look at the accuracy of a step and `break`"
        )
    state = noise(spec.seed) | initial_state(spec.structure, spec.task, spec.seed)
    check_start(spec.structure, state)
    return _blocks(spec, make_program(spec, Machine(build_dir, threads), Silent()), state)


def _blocks(spec, program, state):
    """The loop behind `steps`, which has checked everything before the first block is asked for."""
    structure, dt = spec.structure, float(spec.dt)
    rate = float(structure.model.parameters["r0"])
    source = trial_source(spec.task, structure, spec.seed, decoder=spec.decoder)
    frozen = isinstance(spec.task, Task)
    given = spec.task.inputs if frozen else None, spec.task.targets if frozen else None
    plan = list(spec.protocol.blocks(spec.dt, structure.learning_edges))
    own: float | None = None  # the learning rate that was set, as a part of the model's
    for block, then in zip(plan, [*plan[1:], plan[-1]], strict=True):
        factor = block.factor if own is None else own
        state = state | learning_rates(structure, factor, block.start)
        state |= source.training(block.start, block.stop) if source else {}
        after, records = program.run(state, block.start, block.stop - block.start)
        if not_finite(after):
            raise DivergedError(explain(structure, *first_step(program, state, block.start, block.stop, after)))
        if source:
            source.observe(block.start, block.stop, Answers.of(records, structure))
        state = {name: np.array(values) for name, values in after.items()}
        next_rate = rate * (then.factor if own is None else own)
        found = Step(
            block.stop * dt * second,
            state,
            next_rate * volt,
            *given,
            (records["spikes_output.i"], records["spikes_output.t"]),
            source.accuracy if source else None,
            structure,
        )
        yield found
        state = _changed(found.state, after)
        if (chosen := float(Physical("1mV", unit=volt).check(found.r0, "r0"))) != next_rate:
            if rate == 0:
                raise ValueError("r0 of the model is 0, of which a learning rate is a multiple: start from another r0")
            own = chosen / rate
        for name, old, new in zip(("inputs", "targets"), given, (found.inputs, found.targets), strict=True):
            if new is not old:
                state |= _replaced(name, new, old, structure, block.stop)
        given = found.inputs, found.targets


def _changed(state, before):
    """The state as the caller left it; refused where it does not fit."""
    for name in state.keys() - before.keys():
        raise ValueError(f"the state has no '{name}': it has {', '.join(sorted(before))}")
    for name, old in before.items():
        new = np.asarray(state.get(name))
        if new.shape != old.shape:
            raise ValueError(f"the state's '{name}' has the shape {old.shape}, not {new.shape}")
        if not np.isfinite(new.astype(float)).all():
            raise ValueError(f"the state's '{name}' must be finite")
    return {name: np.asarray(state[name], old.dtype) for name, old in before.items()}


def _replaced(name, new, old, structure, step):
    """Entries of the state for another pattern in place of one."""
    if old is None:
        raise ValueError(f"{name} of trials come from the task and its seed: only frozen patterns can be replaced")
    if isinstance(old, Signal):
        if not isinstance(new, Signal) or new.values.shape != old.values.shape:
            found = f"of shape {new.values.shape}" if isinstance(new, Signal) else repr(new)
            raise ValueError(f"{name} must be a Signal of shape {old.values.shape}, not one {found}")
        return signal(new, structure.dt, step)
    if not isinstance(new, SpikePattern) or new.n != structure.size(name):
        found = f"of {new.n} units" if isinstance(new, SpikePattern) else repr(new)
        raise ValueError(f"{name} must be a SpikePattern of {structure.size(name)} units, not one {found}")
    return pattern(name, new, structure.dt, step)

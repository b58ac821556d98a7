"""A run becomes a network of Brian2 again, to look into and to extend in a notebook."""

from pathlib import Path
from typing import NamedTuple

from brian2 import Network, Quantity

from ..codegen.device import RANDOM
from ..engine.runtime import ForeignNetwork, RuntimeProgram, of_compiled
from ..files.durable import RunFolderError, resume_command
from ..network.initial import frozen, initial_state, learning_rates, noise
from ..network.trials import trial_source
from ..results import stored
from ..results.folder import RunFolder
from ..spec.run import RunSpec
from ..tasks import Task
from ..values.clock import n_steps
from ..values.hints import Array, State
from ..values.kinds import Choice, Flag, Time
from ..values.quantities import readable


def load_network(
    run: Path | str, at: str | Quantity = "end", *, learning: bool = False, target: str = "numpy"
) -> Network:
    """Make a run a network of Brian2 again, on its runtime device.

    Parameters
    ----------
    run : path
        A run folder, also of a run that goes on or was interrupted, or the ``run.nc`` in it.
    at : {'end', 'start'} or Quantity
        Which state: at the end (the whole state, spikes in flight included), at the start, or the weights of a snapshot, by
        its time (second); everything else is then as at the start.
    learning : bool
        Whether weights change, as the run's would from there on. Without, learning rates are 0, as in probe windows.
    target : {'numpy', 'cython'}
        What Brian2 makes of the equations. Cython runs faster, and takes minutes to compile for the first time.

    Returns
    -------
    brian2.Network
        Its objects by the names of `superspike_brian.network.assembly`, as ``net["output"]``. Its time goes on from that of
        the state. Its monitors record from now on. It takes further objects (``net.add``), and ``net.run`` leaves Brian2's
        device and preferences as they were.

    Raises
    ------
    RunFolderError
        If there is no run, or no sound state of it.
    ValueError
        If there is no snapshot of this time.

    Notes
    -----
    Frozen patterns repeat for ever. Of trials it has those of the probe window that begins at the state (and none after them);
    if it learns, those that the run has next, for one period of the task.
    """
    Choice("numpy", known=("numpy", "cython")).check(target, "target")
    loaded = load_state(run, at, learning=learning)
    spec, step, state = loaded.spec, loaded.step, loaded.state

    def network(*objects):
        return ForeignNetwork(*objects, precision=spec.precision, target=target, key=state[RANDOM])

    program = RuntimeProgram(spec.structure, spec.precision, network)
    program.restore(state, step)
    return program.net


class Loaded(NamedTuple):
    """A run at one of its time steps: what it is, the step, the state, and its trials from there on, if it has any.

    Of a snapshot the state has the weights; everything else is then as at the start, and `whole` is False.
    """

    spec: RunSpec
    step: int
    state: State
    trials: dict[str, Array]
    whole: bool


def learning_factor(spec: RunSpec, step: int) -> float:
    """Learning rate of a run from a step on, as part of the model's; beyond its end that of the last block."""
    factor = 0.0
    for block in spec.protocol.blocks(spec.dt, spec.structure.learning_edges):
        if block.start > step:
            break
        factor = block.factor
    return factor


def load_state(run: Path | str, at: str | Quantity = "end", *, learning: bool = False) -> Loaded:
    """Read the state that a run was in, as the runtime device takes it; arguments and errors are those of `load_network`."""
    learning = Flag("yes").check(learning, "learning")
    folder = folder_of(run)
    spec = stored.stored_spec(folder)
    step, state, whole = _state(folder, spec, at)
    with stored.reading(folder.path, "a checkpoint is not of this network; put copies of the files back"):
        stored.check_state(state, spec.structure)
    factor = learning_factor(spec, step) if learning else 0.0
    state = noise(spec.seed) | state | learning_rates(spec.structure, factor, step)
    trials: dict[str, Array] = {}
    if source := trial_source(spec.task, spec.structure, spec.seed, decoder=spec.decoder):
        if learning:
            state |= source.training(step, step + source.length)
        else:
            length = spec.protocol.probe_steps(spec.dt, spec.task.period)
            state, trials = source.fresh("probe", state, step, length)
    return Loaded(spec, step, state, trials, whole)


def folder_of(run: Path | str) -> RunFolder:
    """The folder of a run, which may be given as the ``run.nc`` in it."""
    path = Path(run).expanduser()
    return RunFolder(path.parent if path.name == "run.nc" else path)


def _state(folder: RunFolder, spec: RunSpec, at: str | Quantity) -> tuple[int, State, bool]:
    """Step and state of a run at its start, at a snapshot, or at its newest checkpoint, and whether it is all of the state."""
    newest = folder.newest()
    if newest is None:
        raise RunFolderError(f"{folder.path} has no readable checkpoint yet: {resume_command(folder.path)} starts it")
    step, length, state = newest
    if isinstance(at, str) and at not in ("start", "end"):
        raise ValueError(f"at must be 'start', 'end', or the time of a snapshot, such as 10*second, not {at!r}")
    wanted = (
        {"start": 0, "end": step}.get(at)
        if isinstance(at, str)
        else n_steps(Time("10s", zero=True).check(at, "at"), spec.dt)
    )
    if wanted == step:
        return step, of_compiled(state) if spec.device == "standalone" else state, True
    first, *blocks = folder.records(length)
    snapshots = {n_steps(float(b["time"]), spec.dt): b for b in blocks if any(k.startswith("snapshot_") for k in b)}
    if wanted == 0:
        prefix, record = "start_", first
    elif wanted in snapshots:
        prefix, record = "snapshot_", snapshots[wanted]
    else:
        known = ", ".join(readable(k * spec.dt) for k in snapshots) or "none"
        raise ValueError(
            f"{folder.path} has no snapshot at {readable(wanted * spec.dt)}: it has the start, the end "
            f"({readable(step * spec.dt)}), and snapshots at: {known}"
        )
    state = initial_state(spec.structure, spec.task, spec.seed)
    state |= {f"{name}.w": record[f"{prefix}{name}"] for name in spec.structure.projections}
    if isinstance(spec.task, Task):
        state |= frozen(spec.task, spec.dt, wanted)
    return wanted, state, wanted == 0

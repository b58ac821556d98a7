"""Training: a task, a model and a protocol become a run, new or resumed (`superspike_brian.runs.loop` drives it)."""

from __future__ import annotations

import datetime
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity

from .._version import __version__
from ..codegen.brian2_api import VERSION
from ..console.progress import Silent, reporter
from ..engine.cache import build
from ..engine.program import SimulationError
from ..engine.runner import Runner
from ..engine.runtime import RuntimeProgram
from ..files.durable import RunFolderError
from ..models import Architecture, Model
from ..network.initial import initial_state
from ..results import samples
from ..results.folder import FORMAT, RunFolder
from ..results.stored import stored_spec
from ..spec.run import Machine, RunSpec, takes_options
from ..spec.serialize import samples_of
from ..tasks import Classification, LabelledSpikes, LabelledTask, Task
from ..values.quantities import readable
from .divergence import DivergedError, check_start
from .loop import Run

if TYPE_CHECKING:
    import xarray as xr


@takes_options
def train(
    task: Task | Classification | LabelledTask | LabelledSpikes | str,
    model: Model | None = None,
    hidden: int | Sequence[int] | Architecture = (),
    *,
    test: LabelledSpikes | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    build_dir: Path | str | None = None,
    threads: int | None = None,
    progress: Silent | bool | None = None,
    command: str | None = None,
    **options: Any,
) -> xr.Dataset:
    """Train a network on a task.

    Parameters
    ----------
    task : Task, Classification, LabelledTask, LabelledSpikes or str
        Frozen input and target patterns, trials, or labelled samples; or the name of a task, as on the command line.
    model : Model, optional
        Neuron, plasticity, error, feedback, optimiser and regulariser; default: `READOUT` for labelled samples, `CLASSIFIER`
        for other trials, else `SUPERSPIKE`.
    hidden : int, sequence of int or Architecture
        Units of each hidden layer, or a network of your own.
    test : LabelledSpikes, optional
        Held-out samples, if the task is LabelledSpikes.
    out : path, optional
        Run folder. Without it nothing stays on disk.
    overwrite : bool
        Replace a run in `out`.
    build_dir : path, optional
        Where programs are built and kept.
    threads : int, optional
        Threads of the run, and processes for compiling; default: all cores. They change no bit of the result.
    progress : Silent or bool, optional
        What shows the progress: a reporter, `superspike_brian.console.progress.Silent` or one made of it; default: a bar in
        terminals and notebooks. False: nothing.
    command : str, optional
        Stored with the results.
    **options

    Returns
    -------
    xarray.Dataset
        Learning curve, weights, probes, parameters: see `superspike_brian.results`.

    Raises
    ------
    ValueError, ModelError, BuildError
        Before anything runs.
    DivergedError, SimulationError
        During the run; blocks before are kept in `out`, if given.
    """
    spec, machine = RunSpec.make(task, model, hidden, test=test, **options), Machine(build_dir, threads)
    return start(spec, machine, out, overwrite, _reporter(progress), command)


def start(
    spec: RunSpec,
    machine: Machine,
    out: Path | str | None = None,
    overwrite: bool = False,
    progress: Silent | None = None,
    command: str | None = None,
) -> xr.Dataset:
    """Begin a run and bring it to its end.

    Parameters
    ----------
    spec : RunSpec
        What the run is.
    machine : Machine
        Where it is done.
    out, overwrite, command
        As for `train`.
    progress : Silent, optional
        What shows the progress; default: nothing.

    Returns
    -------
    xarray.Dataset
    """
    progress, initial = progress or Silent(), initial_state(spec.structure, spec.task, spec.seed)
    check_start(spec.structure, initial)
    if out is not None:
        out = Path(out).expanduser()
        RunFolder.check_free(out, overwrite)
    program = make_program(spec, machine, progress)
    with tempfile.TemporaryDirectory(prefix="superspike-") as scratch:
        request = spec.to_json() | {"provenance": [_provenance(command)]}
        where = out or Path(scratch, "run")
        for labelled in samples_of(spec.task).values():
            samples.put(where.absolute().parent, labelled)
        folder = RunFolder.create(where, request, spec.arrays(), overwrite)
        with _held(folder):
            return Run(folder, program, spec, progress, kept=out is not None).advance(initial)


def make_program(spec: RunSpec, machine: Machine, progress: Silent) -> Runner:
    """Return what runs a spec: a compiled program, or the runtime device; BuildError if compiling fails."""
    if spec.device == "runtime":
        return RuntimeProgram(spec.structure, spec.precision)
    progress.building()
    n = machine.n_threads
    return build(spec.structure, spec.precision, machine.build_dir, n, spec.kernel, n)


def resume(
    path: Path | str,
    *,
    duration: Quantity | None = None,
    build_dir: Path | str | None = None,
    threads: int | None = None,
    progress: Silent | bool | None = None,
    command: str | None = None,
) -> xr.Dataset:
    """Continue a run that was interrupted, or extend a finished one.

    Parameters
    ----------
    path : path
        Its run folder.
    duration : Quantity, optional
        New total simulated time (second).
    build_dir, threads, progress, command
        As for `train`.

    Returns
    -------
    xarray.Dataset
        As for `train`.
    """
    progress, machine = _reporter(progress), Machine(build_dir, threads)
    folder = RunFolder.open(Path(path).expanduser())
    with _held(folder):
        spec = stored_spec(folder)
        spec = spec if duration is None else spec.extended(duration)
        newest = None if duration is None else folder.newest()
        if newest and newest[0] > spec.n_steps:
            done = newest[0] * spec.dt
            asked = readable(spec.duration)
            raise ValueError(f"{path} has run for {readable(done)} already: the duration cannot be {asked}")
        program = make_program(spec, machine, progress)
        provenance = [*folder.request["provenance"], _provenance(command)]
        folder.update_request(format=FORMAT, **spec.to_json(), provenance=provenance)
        return Run(folder, program, spec, progress).advance()


@contextmanager
def _held(folder):
    """Give a folder back in the end; if the run stops with an error of the simulation, it says which from then on."""
    try:
        yield
    except (DivergedError, SimulationError) as error:
        *before, last = folder.request["provenance"]
        with suppress(RunFolderError):  # the disk may be why it stopped
            folder.update_request(provenance=[*before, last | {"error": type(error).__name__, "message": str(error)}])
        raise
    finally:
        folder.release()


def _reporter(progress: Silent | bool | None) -> Silent:
    if progress is None or isinstance(progress, bool | np.bool_):
        return reporter(quiet=progress is not None and not progress, lines=bool(progress))
    if isinstance(progress, Silent):
        return progress
    raise ValueError(
        f"progress must be True, False, or a reporter of superspike_brian.console.progress, not {progress!r}"
    )


def _provenance(command):
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command or "Python",
        "machine": f"{platform.node()} {platform.machine()} {platform.system()}",
        "versions": {
            "superspike_brian": __version__,
            "brian2": VERSION,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
    }

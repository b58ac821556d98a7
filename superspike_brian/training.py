"""Training: a task, a model and a protocol become a run, new or resumed (`superspike_brian.blocks` drives it)."""

import datetime
import os
import platform
import sys
import tempfile
from pathlib import Path

import brian2
import numpy as np

from . import stored
from ._version import __version__
from .blocks import Run
from .codegen.kernels import KERNELS
from .engine import PRECISIONS, build
from .models import SUPERSPIKE
from .network import DT, Structure
from .progress import reporter
from .protocol import Protocol
from .runfolder import RunFolder
from .runtime import RuntimeProgram
from .serialize import (
    model_to_json,
    protocol_to_json,
    quantity_from_json,
    quantity_to_json,
    task_to_arrays,
)
from .state import initial_state
from .trials import check_criterion


def train(
    task,
    model=SUPERSPIKE,
    hidden=(),
    *,
    duration,
    seed=0,
    hidden_learning=True,
    out=None,
    overwrite=False,
    device="standalone",
    precision="double",
    kernel="auto",
    build_dir=None,
    threads=None,
    progress=None,
    command=None,
    dt=DT,
    **protocol,
):
    """Train a network on a task.

    Parameters
    ----------
    task : Task or Classification
        Frozen input and target patterns, or trials.
    model : Model
        Neuron, plasticity, feedback, optimiser and regulariser.
    hidden : sequence of int
        Units of each hidden layer.
    duration : Quantity
        Simulated time, burn-in included (second).
    seed : int
        Of initial weights and random feedback.
    hidden_learning : bool
        Whether weights onto hidden units are plastic.
    out : path, optional
        Run folder. Without it nothing stays on disk.
    overwrite : bool
        Replace a run in `out`.
    device : {'standalone', 'runtime'}
        Compiled program, or Brian2's runtime device (no compiler needed, slow).
    precision : {'double', 'single'}
        Floating point type.
    kernel : {'auto', 'stock', 'dense', 'blocked', 'gemm', 'events'}
        What plastic synapses become in C++: see `superspike_brian.codegen.kernels`.
    build_dir : path, optional
        Where programs are built and kept.
    threads : int, optional
        Threads of the run, and processes for compiling; default: all cores. They change no bit of the result.
    progress : Reporter or False, optional
        What shows the progress; default: a bar in terminals and notebooks. False: nothing.
    command : str, optional
        Stored with the results.
    dt : Quantity
        Time step (second).
    **protocol
        `burn_in`, `block`, `r0_decay_at`, `snapshot_every`, `probe_at`, `criterion`, `criterion_trials`: see `Protocol`.

    Returns
    -------
    xarray.Dataset
        Learning curve, weights, probes, parameters: see `superspike_brian.results`.

    Raises
    ------
    ValueError, ModelError, BuildError
        Before anything runs.
    DivergedError, SimulationError
        During the run; blocks before are kept in `out`.
    """
    plan = Protocol(duration, **protocol)
    check_criterion(plan, task)
    structure = Structure(model, (task.n_inputs, *hidden, task.n_outputs), hidden_learning, dt)
    if not plan.blocks(dt):
        raise ValueError(f"duration {duration} is less than one time step of {dt}")
    initial = initial_state(structure, task, seed)
    request = {
        "model": model_to_json(model),
        "sizes": list(structure.sizes),
        "hidden_learning": hidden_learning,
        "dt": quantity_to_json(dt),
        "protocol": protocol_to_json(plan),
        "seed": seed,
        "device": device,
        "precision": precision,
        "kernel": kernel,
        "provenance": [_provenance(command)],
    }
    if out is not None:
        RunFolder.check_free(out, overwrite)
    progress = progress or reporter(quiet=progress is False, lines=False)
    program = make_program(structure, device, precision, kernel, build_dir, threads, progress)
    with tempfile.TemporaryDirectory(prefix="superspike-") as scratch:
        folder = RunFolder.create(out or Path(scratch, "run"), request, task_to_arrays(task), overwrite)
        try:
            return Run(folder, program, progress).advance(initial)
        finally:
            folder.release()


def make_program(structure, device, precision, kernel, build_dir, threads, progress):
    """Return what runs `structure`: a compiled program, or the runtime device.

    Raises
    ------
    ValueError
        If the device, the precision or the kernel is unknown.
    BuildError
        If compiling fails.
    """
    for name, value, known in (
        ("device", device, ("standalone", "runtime")),
        ("precision", precision, PRECISIONS),
        ("kernel", kernel, ("auto", *KERNELS)),
    ):
        if value not in known:
            raise ValueError(f"{name} {value!r} is unknown; expected one of {', '.join(known)}")
    if device == "runtime":
        return RuntimeProgram(structure, precision)
    progress.building()
    threads = threads or os.cpu_count() or 1
    return build(structure, precision, build_dir, threads, kernel, threads)


def resume(path, *, duration=None, build_dir=None, threads=None, progress=None, command=None):
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
    progress = progress or reporter(quiet=progress is False, lines=False)
    folder = RunFolder.open(path)
    try:
        request = stored.request(folder)
        changes = {"provenance": [*request["provenance"], _provenance(command)]}
        if duration is not None:
            protocol = protocol_to_json(stored.protocol(folder, request))
            changes["protocol"] = protocol | {"duration": quantity_to_json(Protocol(duration).duration)}
        request |= changes
        newest = folder.newest()
        done = newest[0] * float(quantity_from_json(request["dt"])) if newest else 0.0
        if duration is not None and done > float(duration) + 1e-9:
            raise ValueError(f"{path} has run for {done:g} s already: the duration cannot be {duration}")
        program = make_program(
            stored.structure(folder, request),
            request["device"],
            request["precision"],
            request.get("kernel", "auto"),
            build_dir,
            threads,
            progress,
        )
        folder.update_request(**changes)
        return Run(folder, program, progress).advance()
    finally:
        folder.release()


def _provenance(command):
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command or "Python",
        "machine": f"{platform.node()} {platform.machine()} {platform.system()}",
        "versions": {
            "superspike_brian": __version__,
            "brian2": brian2.__version__,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
    }

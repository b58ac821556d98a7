"""Training: a task, a model and a protocol become a run, block by block.

Every block starts from the whole state of the one before, spikes in flight included. So whether a run was interrupted
between blocks changes no bit of the result; nor does where blocks end, as long as it is a multiple of 12.5 ms (125 steps): the
fast kernels catch up there, and elsewhere their sums round differently in the last digit.
"""

import datetime
import logging
import os
import platform
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import brian2
import numpy as np

from . import results
from ._version import __version__
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
    protocol_from_json,
    protocol_to_json,
    quantity_from_json,
    quantity_to_json,
    structure_from_request,
    task_from_arrays,
    task_to_arrays,
)
from .state import initial_state
from .trials import MOVING, check_criterion, trainer

logger = logging.getLogger(__name__)
WATCHED = 5  # output units whose spikes are kept for the whole run


class DivergedError(RuntimeError):
    """A state variable is no longer finite."""


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
        changes = {"provenance": [*folder.request["provenance"], _provenance(command)]}
        if duration is not None:
            protocol = protocol_to_json(protocol_from_json(folder.request["protocol"]))
            changes["protocol"] = protocol | {"duration": quantity_to_json(Protocol(duration).duration)}
        request = folder.request | changes
        newest = folder.newest()
        done = newest[0] * float(quantity_from_json(request["dt"])) if newest else 0.0
        if duration is not None and done > float(duration) + 1e-9:
            raise ValueError(f"{path} has run for {done:g} s already: the duration cannot be {duration}")
        program = make_program(
            structure_from_request(request),
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


class Run:
    """A run folder with its program: what `train` and `resume` drive."""

    def __init__(self, folder, program, progress):
        request = folder.request
        self.folder, self.program, self.progress = folder, program, progress
        self.protocol = protocol_from_json(request["protocol"])
        self.task = task_from_arrays(folder.task_arrays)
        self.seed = request["seed"]
        self.structure = structure_from_request(request)
        remember = 0 if self.protocol.criterion is None else self.protocol.criterion_trials
        self.trainer = trainer(self.task, self.structure, self.seed, max(MOVING, remember))

    def advance(self, initial=None):
        """Run the blocks that are missing, and return the results."""
        dt = float(self.structure.dt)
        latest = self.folder.rewind(logger.warning)
        if latest is None:
            initial = initial or initial_state(self.structure, self.task, self.seed)
            latest = 0, initial
            weights = {f"start_{name}": initial[f"{name}.w"] for name in self.structure.forward}
            self.folder.save_block(0, initial, self._probe(initial, 0) | weights)
        step, state = latest
        met = self._recall()
        blocks = [] if met else [b for b in self.protocol.blocks(self.structure.dt) if b.stop > step]
        self.progress.start(float(self.protocol.duration), step * dt, self.program.build_seconds)
        plan = [(b.stop - max(b.start, step), self._changes(b, max(b.start, step))) for b in blocks]
        if plan:
            plan[0] = plan[0][0], state | plan[0][1]
        within, began = {}, time.perf_counter()
        running = self.program.blocks(
            step, plan, progress=lambda fraction: self.progress.inside(**within, fraction=fraction)
        )
        try:
            with closing(running):  # an interruption ends the program
                for block in blocks:
                    within |= {"start": step * dt, "stop": block.stop * dt}
                    state, spikes = next(running)
                    ended = time.perf_counter()
                    met = self._finish(block, step, state, spikes, ended - began)
                    step, began = block.stop, ended
                    if met:
                        break
            if met:
                n = self.protocol.criterion_trials
                correct = f"{self.trainer.correct[-n:].mean():.1%}"
                self.progress.say(
                    f"criterion met at {step * dt:g} s, {correct} of {n} trials correct: training ends there"
                )
            last = self._probe(state, step) | self._test(state, step)
        finally:
            self.progress.close()
        data = results.assemble(self.folder, last, self.program.build_seconds)
        results.save(data, self.folder.path / "run.nc")
        return data

    def _finish(self, block, start, state, spikes, wall_s):
        """Check, save and report a block, while the next one runs: what has been reported is on disk.

        Returns whether the criterion is met: then the next one is not wanted.
        """
        dt, r0 = float(self.structure.dt), float(self.structure.model.parameters["r0"]) * block.factor
        time_now, units, times = block.stop * dt, spikes["spikes_output.i"], spikes["spikes_output.t"]
        self._check(state, time_now)
        watched = units < (WATCHED if self.trainer is None else len(state["output.U"]))
        record = {
            "time": np.array(time_now),
            "r0": np.array(r0),
            "cost": state["output.cost"] / -np.expm1(-time_now / float(self.structure.model.parameters["tau_cost"])),
            "rate": np.bincount(units, minlength=self.structure.sizes[-1]) / ((block.stop - start) * dt),
            "spike_unit": units[watched],
            "spike_time": times[watched],
            "wall_s": np.array(wall_s),
        }
        if block.snapshot:
            record |= {f"snapshot_{name}": state[f"{name}.w"] for name in self.structure.forward}
        if block.probe:
            record |= self._probe(state, block.stop)
        if self.trainer:
            self.trainer.observe(start, block.stop, times, units)
        met = self._meets_criterion()
        self.folder.save_block(block.stop, state, record | {"criterion_met": np.array(met)})
        accuracy = self.trainer and self.trainer.accuracy
        self.progress.block(time_now, float(record["cost"].mean()), r0, float(record["rate"].mean()), accuracy)
        return met

    def _recall(self):
        """Let the trainer know the trials before an interruption; return whether the criterion was met."""
        start = 0
        for block in self.folder.records()[1:] if self.trainer else ():
            stop = round(float(block["time"]) / float(self.structure.dt))
            self.trainer.observe(start, stop, block["spike_time"], block["spike_unit"])
            start = stop
        return self._meets_criterion()

    def _meets_criterion(self):
        criterion, n = self.protocol.criterion, self.protocol.criterion_trials
        correct = [] if criterion is None else self.trainer.correct[-n:]
        return len(correct) == n and bool(correct.mean() >= criterion)

    def _changes(self, block, start):
        """What changes in the state at the start of a block: learning rates, and the trials of a classification."""
        trials = self.trainer.training(start, block.stop) if self.trainer else {}
        return self._r0(block.factor) | trials

    def _r0(self, factor):
        """Learning rates of all plastic synapses: those of the model times `factor`."""
        r0 = np.array([float(self.structure.model.parameters["r0"]) * factor])
        plastic = (name for k, name in enumerate(self.structure.forward, start=1) if self.structure.is_plastic(k))
        return {f"{name}.r0": r0 for name in plastic}

    def _probe(self, state, step):
        """Everything that the monitors watch over one period from `state`, without plasticity; the state is not kept."""
        return self._without_learning("probe", state, step, 1, probe=True)

    def _test(self, state, step):
        """Output spikes in trials on fresh noise, without plasticity; nothing for frozen patterns."""
        if self.trainer is None:
            return {}
        return self._without_learning("test", state, step, self.trainer.test_periods(step))

    def _without_learning(self, what, state, step, periods, probe=False):
        n_steps, trials = periods * round(float(self.task.period / self.structure.dt)), {}
        if self.trainer:
            state, trials = self.trainer.fresh(what, state, step, periods)
        _, records = self.program.run(state | self._r0(0.0), step, n_steps, probe=probe)
        return {f"{what}/{k}": v for k, v in records.items()} | {f"{what}/trials.{k}": v for k, v in trials.items()}

    def _check(self, state, time_now):
        for name, values in state.items():
            if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
                group, variable = name.split(".")
                at = int(np.flatnonzero(~np.isfinite(values))[0])
                raise DivergedError(
                    f"{variable} of {group} is {values[at]} (element {at}) at {time_now:g} s: the run stops, blocks before are "
                    f"kept in {self.folder.path}. Smaller r0, or an error in an edited equation?"
                )


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

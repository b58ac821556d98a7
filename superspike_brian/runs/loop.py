"""The course of a run, block by block: compute, check, save, report.

Every block starts from the whole state of the one before, spikes in flight included. So whether a run was interrupted
between blocks changes no bit of the result; nor does where blocks end, as long as it is a multiple of the kernels' chunk (125
or 1250 steps): they are flushed there, and elsewhere their sums round differently in the last digit.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections import deque
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .. import results
from ..console.progress import Silent
from ..engine.program import windows_within
from ..engine.runner import Runner
from ..network.initial import initial_state, learning_rates, noise
from ..network.probes import recorded
from ..network.trials import MOVING, Answers, trial_source
from ..results import stored
from ..results.folder import RunFolder
from ..spec.protocol import Block
from ..spec.run import RunSpec
from ..values.clock import n_steps
from ..values.hints import Array, State
from ..values.quantities import measured
from .divergence import DivergedError, explain, first_step, not_finite

if TYPE_CHECKING:
    import xarray as xr

logger = logging.getLogger(__name__)
EVERY = 0.25  # seconds between checkpoints, at least: short blocks are saved several at a time
WATCHED = 5  # output units whose spikes are kept for the whole run


class Finished(NamedTuple):
    """A block that has been computed: its last step, the state then, its record of the log, and the accuracy of trials."""

    step: int
    state: State
    record: State
    accuracy: float | None


class Run:
    """A run folder with its program: what `train` and `resume` drive; `kept`: whether the folder outlives the run."""

    def __init__(self, folder: RunFolder, program: Runner, spec: RunSpec, progress: Silent, kept: bool = True) -> None:
        self.folder, self.program, self.spec, self.progress, self.kept = folder, program, spec, progress, kept
        self.protocol, self.task, self.seed, self.structure = spec.protocol, spec.task, spec.seed, spec.structure
        remember = 0 if self.protocol.criterion is None else self.protocol.criterion_trials
        self.windows = self.protocol.learning_windows(self.structure.dt, self.task.period)
        self.finished: list[Finished] = []  # what is not saved yet
        self.records: list[State] = []  # of the log, if this process writes all of it
        self.saved = time.perf_counter()
        self.source = trial_source(self.task, self.structure, self.seed, max(MOVING, remember), spec.decoder)

    def advance(self, initial: State | None = None) -> xr.Dataset:
        """Run the blocks that are missing, and return the results."""
        dt = float(self.structure.dt)
        latest = self.folder.rewind(logger.warning)
        step, state = latest or (0, initial or initial_state(self.structure, self.task, self.seed))
        state = noise(self.seed) | state  # runs of older versions have none
        with stored.reading(self.folder.path, "a checkpoint is not of this network; put copies of the files back"):
            stored.check_state(state, self.structure)
        self.progress.start(float(self.protocol.duration), step * dt, self.program.build_seconds)
        try:
            if latest is None:
                weights = {f"start_{name}": state[f"{name}.w"] for name in self.structure.projections}
                self.records.append(self._probe(state, 0) | weights)
                self.folder.save_blocks(0, state, *self.records)
            step, state = self._run_blocks(step, state)
            last = self._probe(state, step) | self._test(state, step)
        finally:
            self.progress.close()
        newest = step, self.folder.log_length, state
        with self.progress.stage("packing results"):
            data = results.assemble(
                self.folder, self.spec, newest, last, self.program.build_seconds, self.records or None
            )
            results.save(data, self.folder.path / "run.nc")
        for note in json.loads(data.attrs["notes"]):
            self.progress.say(f"note: {note['text']}")
        return data

    def _run_blocks(self, step, state):
        """Go on from a state at `step` to the end of the run, or until the criterion is met; return both then."""
        dt, met = float(self.structure.dt), self._recall()
        given: deque[tuple[Block, State]] = deque()

        def inside(fraction):
            if time.perf_counter() - self.saved >= EVERY:  # what was finished before a long block
                self._save()
            block, _ = given[0]
            self.progress.inside(block.start * dt, block.stop * dt, fraction)

        began = time.perf_counter()
        running = self.program.blocks(step, () if met else self._plan(step, state, given), self.windows, inside)
        try:
            with closing(running):  # an interruption ends the program
                for after, records in running:
                    block, changes = given.popleft()
                    ended = time.perf_counter()
                    if not_finite(after):
                        running.close()
                        self._save()
                        raise DivergedError(
                            self._diverged(state | changes, block.start, block.stop - block.start, after)
                        )
                    met = self._finish(block, after, records, ended - began)
                    step, state, began = block.stop, after, ended
                    if met:
                        break
                    if ended - self.saved >= EVERY:
                        self._save()
        finally:
            self._save()
        if met and self.source:
            n = self.protocol.criterion_trials
            correct = f"{self.source.correct[-n:].mean():.1%}"
            self.progress.say(
                f"criterion met at {measured(step * dt, 's', 6)}, {correct} of {n} trials correct: training ends there"
            )
        return step, state

    def _plan(self, step, state, given):
        """Yield what the program is to do from a state at `step` on; `given` keeps each block with its changes, in order."""
        for block in self.protocol.blocks(self.structure.dt, self.structure.learning_edges):
            if block.stop > step:
                block = dataclasses.replace(block, start=max(block.start, step))
                changes = self._changes(block)
                given.append((block, changes))
                yield block.stop - block.start, state | changes
                state = {}

    def _finish(self, block, state, records, wall_s):
        """Keep what a block adds to the results, while the next one runs.

        Returns whether the criterion is met: then the next one is not wanted.
        """
        dt, r0 = float(self.structure.dt), float(self.structure.model.parameters["r0"]) * block.factor
        time_now, units, times = block.stop * dt, records["spikes_output.i"], records["spikes_output.t"]
        watched = np.isin(units, self._watched)
        record = {
            "time": np.array(time_now),
            "r0": np.array(r0),
            "cost": state["output.cost"] / -np.expm1(-time_now / float(self.structure.model.parameters["tau_cost"])),
            "rate": np.bincount(units, minlength=self.structure.sizes[-1]) / ((block.stop - block.start) * dt),
            "spike_unit": units[watched],
            "spike_time": times[watched],
            "wall_s": np.array(wall_s),
        }
        if block.snapshot:
            record |= {f"snapshot_{name}": state[f"{name}.w"] for name in self.structure.projections}
        if windows_within(self.windows, block.start, block.stop):
            record |= {f"learning/{k}": v for k, v in records.items()}
        if block.probe:
            record |= self._probe(state, block.stop)
        if self.source:
            answers = Answers.of(records, self.structure)
            self.source.observe(block.start, block.stop, answers)
            if self.source.every:
                record |= {"verdict_time": answers.deadlines * dt, "verdict": answers.potentials.ravel()}
            if block.test and block.stop < self.spec.n_steps:
                record |= self._test(state, block.stop)
        met = self._meets_criterion()
        accuracy = self.source.accuracy if self.source else None
        self.finished.append(Finished(block.stop, state, record | {"criterion_met": np.array(met)}, accuracy))
        return met

    def _save(self):
        """Save the finished blocks, and report them: what has been reported is on disk."""
        finished, self.finished = self.finished, []
        if not finished:
            return
        records = [block.record for block in finished]
        self.folder.save_blocks(finished[-1].step, finished[-1].state, *records)
        if self.records:
            self.records += records
        self.saved = time.perf_counter()
        for _, _, record, accuracy in finished:
            time_now, r0, cost, rate = (float(record[name].mean()) for name in ("time", "r0", "cost", "rate"))
            self.progress.block(time_now, cost, r0, rate, accuracy)

    def _recall(self):
        """Tell the source of the trials before an interruption; return whether the criterion was met."""
        start = 0
        if self.source:
            for block in self.folder.records(self.folder.log_length)[1:]:
                stop = n_steps(float(block["time"]), self.structure.dt)
                self.source.observe(start, stop, Answers.while_learning(block, self.structure))
                start = stop
        return self._meets_criterion()

    def _meets_criterion(self):
        criterion, n = self.protocol.criterion, self.protocol.criterion_trials
        if criterion is None or self.source is None:
            return False
        correct = self.source.correct[-n:]
        return len(correct) == n and bool(correct.mean() >= criterion)

    def _changes(self, block):
        """What changes in the state at the start of a block: learning rates, and the trials of a classification."""
        trials = self.source.training(block.start, block.stop) if self.source else {}
        return learning_rates(self.structure, block.factor, block.start) | trials

    @cached_property
    def _watched(self):
        """Output units whose spikes are kept: those whose state is recorded, too; of a classification all."""
        n = self.structure.sizes[-1]
        probed = recorded(self.structure).get("output", ((), ()))[1]
        return np.arange(n) if self.source else np.union1d(np.arange(min(WATCHED, n)), probed)

    def _probe(self, state, step):
        """Everything that the monitors watch in a window from `state` on, without plasticity, in the noise of these steps."""
        n_steps = self.protocol.probe_steps(self.structure.dt, self.task.period)
        return self._without_learning("probe", "recording a probe window", state, step, n_steps)

    def _test(self, state, step):
        """Answers in a test, without plasticity; nothing for frozen patterns, or without held-out samples."""
        n_steps = self.source.test_steps(step) if self.source else 0
        if not n_steps:
            return {}
        return self._without_learning("test", "testing", state, step, n_steps) | {"test/start": np.array(step)}

    def _without_learning(self, what, phase, state, step, n_steps):
        trials: dict[str, Array] = {}
        if self.source:
            state, trials = self.source.fresh(what, state, step, n_steps)
        with self.progress.phase(phase) as progress:
            _, records = self.program.run(
                state | learning_rates(self.structure, 0.0), step, n_steps, what == "probe", progress
            )
        return {f"{what}/{k}": v for k, v in records.items()} | {f"{what}/trials.{k}": v for k, v in trials.items()}

    def _diverged(self, state, start, n_steps, last):
        """Say what became non-finite first in a block, and how to look at it."""
        dt = float(self.structure.dt)
        self.progress.say(
            f"not finite at {measured((start + n_steps) * dt, 's', 6)}: looking for the step in which it began"
        )
        before, step, after = first_step(self.program, state, start, start + n_steps, last)
        text = explain(self.structure, before, step, after)
        at = round((step - 1) * dt - float(self.task.period) / 2, 3)
        look = f"probe_at=[{at:.10g}*second] (--probe-at {at:.10g}s)" if at > 0 else "the probe window at the start"
        kept = (
            f"what was computed up to {measured(start * dt, 's', 6)} is kept in {self.folder.path}"
            if self.kept
            else "nothing is kept: train(..., out='DIR') keeps the blocks before"
        )
        return f"{text}. The run stops there; {kept}. To see how it came about: {look}"

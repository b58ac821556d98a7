"""Trials of a classification: their spikes as inputs of the program, and what the network made of them.

A task of frozen patterns has no trials: its spikes are in the state from the beginning.
"""

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
from brian2 import Equations

from ..analysis import score
from ..tasks import Classification, Task, Trials
from ..values.clock import n_steps
from ..values.hints import Array, Floats, State
from .initial import generator
from .structure import Structure
from .synapses import random_stream

MOVING = 100  # trials of the moving window
TEST = 400  #   trials on fresh noise at the end of a run


class TrialSource:
    """Draws the trials of a run and scores them.

    Parameters
    ----------
    task : Classification
        What to learn.
    structure : Structure
        The network.
    seed : int
        Of the run.
    remember : int
        How many of the latest trials `correct` tells of.
    """

    def __init__(self, task: Classification, structure: Structure, seed: int, remember: int = MOVING) -> None:
        self.task, self.dt, self.seed = task, structure.dt, seed
        self.length = n_steps(task.period, structure.dt)
        self.windows = {f"output.{n}" for n in Equations(structure.model.error.judge_equations).names}
        self.remember = remember
        self.recent: list[tuple[Trials, Array, Array]] = []  # blocks: trials, steps and units of output spikes
        self.correct = np.zeros(0, bool)

    def training(self, start: int, stop: int) -> State:
        """Entries of the state for steps `start` to `stop`."""
        return self._state(self.stream("trials"), start, stop)

    def stream(self, what: str, *k: int) -> Callable[[int], np.random.Generator]:
        """Function from the number of a period to its random generator."""
        return partial(random_stream, self.seed, what, *k)

    def trials(self, stop: int) -> Trials:
        """All trials of the run that end before step `stop`."""
        drawn = self.task.trials(self.stream("trials"), 0, -(-stop // self.length), self.dt)
        return drawn.select(drawn.deadline <= stop)

    def fresh(self, what: str, state: State, step: int, n_steps: int) -> tuple[State, dict[str, Array]]:
        """State with closed windows, and trials and background of their own for `n_steps` from `step` on.

        Parameters
        ----------
        what : {'probe', 'test'}
            Which random stream.

        Returns
        -------
        state : dict of str to ndarray
            To start from; what is missing starts as the model says.
        trials : dict of str to ndarray
            The fields of `Trials`, for those that end in time.
        """
        stream = self.stream(what, step)
        trials = self.task.trials(stream, 0, -(-n_steps // self.length), self.dt)
        trials = trials.select(trials.deadline <= n_steps).shift(step)
        kept = {k: v for k, v in state.items() if k not in self.windows}
        return kept | self._state(stream, 0, n_steps, step), dataclasses.asdict(trials)

    def test_periods(self, step: int) -> int:
        """Periods that hold at least `TEST` trials."""
        n, periods = 0, 0
        while n < TEST:
            n += len(self.task.trials(self.stream("test", step), periods, periods + 1, self.dt))
            periods += 1
        return periods

    def _state(self, stream: Callable[[int], np.random.Generator], start: int, stop: int, shift: int = 0) -> State:
        spikes = self.task.spikes(stream, start, stop, self.dt)
        return {k: v for name, (steps, ids) in spikes.items() for k, v in generator(name, steps + shift, ids).items()}

    def observe(self, start: int, stop: int, times: Floats, units: Array) -> None:
        """Take in a block with these output spikes: `correct` then holds the latest trials up to its end."""
        drawn = self.task.trials(self.stream("trials"), start // self.length, -(-stop // self.length), self.dt)
        mine = drawn.select((drawn.onset >= start) & (drawn.onset < stop))
        self.recent.append((mine, np.rint(times / float(self.dt)).astype(int), units))
        while sum(len(t) for t, _, _ in self.recent[1:]) > self.remember:
            self.recent.pop(0)
        blocks, steps, ids = zip(*self.recent, strict=True)
        trials = Trials.join(blocks)
        trials = trials.select(trials.deadline <= stop)
        correct, _ = score(trials, np.concatenate(steps), np.concatenate(ids))
        self.correct = correct[-self.remember :]

    @property
    def accuracy(self) -> float | None:
        """Fraction of the last `MOVING` trials that were correct; None without trials."""
        return float(self.correct[-MOVING:].mean()) if len(self.correct) else None


def trial_source(
    task: Task | Classification, structure: Structure, seed: int, remember: int = MOVING
) -> TrialSource | None:
    """The `TrialSource` of a task, or None if its patterns are frozen."""
    return TrialSource(task, structure, seed, remember) if isinstance(task, Classification) else None

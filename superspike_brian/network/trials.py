"""Trials: their spikes as inputs of the program, and what the network made of them.

A task of frozen patterns has no trials: its spikes are in the state from the beginning.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Self

import numpy as np
from brian2 import Equations

from ..analysis import decode
from ..tasks import Classification, LabelledTask, Task, Trials
from ..values.clock import n_steps
from ..values.hints import Array, Floats, Integers, State
from .initial import generator
from .structure import Structure
from .synapses import random_stream

MOVING = 100  # trials of the moving window
TEST = 400  #   trials on fresh noise at the end of a run


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the output did: its spikes, and its membrane potentials at the deadlines if they are the answer.

    Parameters
    ----------
    steps, units : array of int, shape (spikes,)
        Time steps and units of the spikes.
    deadlines : array of int, shape (trials,)
        Time steps of the deadlines.
    potentials : array, shape (trials, outputs)
        Membrane potential of each output there (volt).
    """

    steps: Integers
    units: Integers
    deadlines: Integers
    potentials: Floats

    @classmethod
    def of(cls, records: Mapping[str, Array], structure: Structure, prefix: str = "") -> Self:
        """What the monitors recorded."""
        dt = float(structure.dt)
        spikes = records[f"{prefix}spikes_output.t"], records[f"{prefix}spikes_output.i"]
        times, potentials = (records.get(f"{prefix}spikes_verdicts.{v}", np.zeros(0)) for v in ("t", "potential"))
        n = structure.sizes[-1]
        steps, deadlines = (np.rint(np.asarray(t) / dt).astype(int) for t in (spikes[0], times[::n]))
        return cls(steps, spikes[1], deadlines, potentials.reshape(-1, n))

    @classmethod
    def while_learning(cls, block: Mapping[str, Array], structure: Structure) -> Self:
        """Of a block, as the log of a run keeps them."""
        dt, n = float(structure.dt), structure.sizes[-1]
        times = block["spike_time"], block.get("verdict_time", np.zeros(0))
        steps, deadlines = (np.rint(np.asarray(t) / dt).astype(int) for t in times)
        return cls(steps, block["spike_unit"], deadlines, block.get("verdict", np.zeros(0)).reshape(-1, n))

    @classmethod
    def none(cls, structure: Structure) -> Self:
        """Of no trials."""
        empty = np.zeros(0, int)
        return cls(empty, empty, empty, np.zeros((0, structure.sizes[-1])))

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Put successive answers together."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(cls)))

    def at(self, trials: Trials) -> Floats:
        """Potentials at the deadlines of trials, shape (trials, outputs); NaN where none were recorded."""
        place = np.minimum(np.searchsorted(self.deadlines, trials.deadline), max(len(self.deadlines) - 1, 0))
        if not len(self.deadlines):
            return np.full((len(trials), self.potentials.shape[1]), np.nan)
        known = self.deadlines[place] == trials.deadline
        return np.where(known[:, None], self.potentials[place], np.nan)


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
    decoder : str
        How answers are read (`superspike_brian.analysis.decode`).
    """

    def __init__(
        self, task: Classification, structure: Structure, seed: int, remember: int = MOVING, decoder: str = "strict"
    ) -> None:
        self.task, self.structure, self.dt, self.seed = task, structure, structure.dt, seed
        self.length = self._length()
        self.every = structure.model.error.judged == "every"
        self.windows = {f"output.{n}" for n in Equations(structure.model.error.judge_equations).names}
        self.decoder, self.remember = decoder, remember
        self.recent: list[tuple[Trials, Answers]] = []  # of the latest blocks
        self.correct = np.zeros(0, bool)

    def _length(self):
        """Steps for which trials are drawn from one random stream."""
        return n_steps(self.task.period, self.dt)

    def training(self, start: int, stop: int) -> State:
        """Entries of the state for steps `start` to `stop`."""
        return self._state(self.task.spikes(self.stream("trials"), start, stop, self.dt))

    def stream(self, what: str, *k: int) -> Callable[[int], np.random.Generator]:
        """Function from the number of a period to its random generator."""
        return partial(random_stream, self.seed, what, *k)

    def ended(self, trials: Trials, stop: int) -> Trials:
        """Those that have been judged before step `stop`."""
        return trials.select(trials.deadline + self.every <= stop)

    def trials(self, stop: int) -> Trials:
        """All trials of the run that end before step `stop`."""
        return self.ended(self._drawn(0, stop), stop)

    def _drawn(self, start, stop):
        return self.task.trials(self.stream("trials"), start // self.length, -(-stop // self.length), self.dt)

    def fresh(self, what: str, state: State, step: int, n_steps: int) -> tuple[State, dict[str, Array]]:
        """State with closed windows, and trials of its own for `n_steps` from `step` on.

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
        trials, spikes = self._fresh(what, step, n_steps)
        kept = {k: v for k, v in state.items() if k not in self.windows}
        return kept | self._state(spikes, step), dataclasses.asdict(self.ended(trials, n_steps).shift(step))

    def _fresh(self, what, step, n_steps):
        stream = self.stream(what, step)
        trials = self.task.trials(stream, 0, -(-n_steps // self.length), self.dt)
        return trials, self.task.spikes(stream, 0, n_steps, self.dt)

    def test_steps(self, step: int) -> int:
        """Time steps of the test at `step`: whole periods that hold at least `TEST` trials."""
        n, periods = 0, 0
        while n < TEST:
            n += len(self.task.trials(self.stream("test", step), periods, periods + 1, self.dt))
            periods += 1
        return periods * self.length

    def _state(self, spikes, shift=0):
        if self.every:
            spikes = spikes | {"targets": self._at_all(*spikes["targets"])}
        return {k: v for name, (steps, ids) in spikes.items() for k, v in generator(name, steps + shift, ids).items()}

    def _at_all(self, steps, _):
        n = self.structure.sizes[-1]
        return np.repeat(steps, n), np.tile(np.arange(n), len(steps))

    def observe(self, start: int, stop: int, answers: Answers) -> None:
        """Take in a block with these answers: `correct` then holds the latest trials up to its end."""
        drawn = self._drawn(start, stop)
        self.recent.append((drawn.select((drawn.onset >= start) & (drawn.onset < stop)), answers))
        while sum(len(t) for t, _ in self.recent[1:]) > self.remember:
            self.recent.pop(0)
        trials = self.ended(Trials.join(t for t, _ in self.recent), stop)
        self.correct = self.predictions(trials, Answers.join([a for _, a in self.recent])) == trials.label
        self.correct = self.correct[-self.remember :]

    def predictions(self, trials: Trials, answers: Answers) -> Integers:
        """Class that the output named in each trial, -1 for none."""
        potentials = answers.at(trials) if self.every else None
        return decode(self.decoder, trials, answers.steps, answers.units, self.structure.sizes[-1], potentials)

    @property
    def accuracy(self) -> float | None:
        """Fraction of the last `MOVING` trials that were correct; None without trials."""
        return float(self.correct[-MOVING:].mean()) if len(self.correct) else None


class SampleSource(TrialSource):
    """The same for labelled samples, which come in epochs; tests are of every held-out sample, in their order."""

    task: LabelledTask  # type: ignore[assignment]  # which draws its trials in another way

    def _length(self):
        return self.task.epoch(self.dt)

    def training(self, start: int, stop: int) -> State:
        """Entries of the state for steps `start` to `stop`."""
        return self._state(self.task.spikes(self._drawn(start, stop), start, stop, self.dt))

    def _fresh(self, what, step, n_steps):
        trials = self.task.in_order(self.dt, in_turn=what == "probe")
        return trials, self.task.spikes(trials, 0, n_steps, self.dt, held_out=True)

    def test_steps(self, step: int) -> int:
        """Time steps of a test: 0 without held-out samples."""
        return 0 if self.task.test is None else int(self.task.in_order(self.dt).deadline[-1]) + 1


def default_decoder(task: Classification | LabelledTask, structure: Structure) -> str:
    """How answers are read unless a run says otherwise."""
    if structure.model.error.judged == "every":
        return "potential"
    return "strict" if isinstance(task, Classification) else "first"


def trial_source(
    task: Task | Classification | LabelledTask,
    structure: Structure,
    seed: int,
    remember: int = MOVING,
    decoder: str | None = None,
) -> TrialSource | None:
    """The `TrialSource` of a task, or None if its patterns are frozen."""
    if isinstance(task, Task):
        return None
    kind = TrialSource if isinstance(task, Classification) else SampleSource
    return kind(task, structure, seed, remember, decoder or default_decoder(task, structure))  # type: ignore[arg-type]

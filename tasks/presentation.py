"""How labelled samples are presented: one after another, in epochs, and for a test in a fixed order.

A sample has a slot of its own length: its stimulus, a window after the end of which the answer is due, and a pause. An epoch
presents every sample of the training set once, in an order that comes from the run's seed and the number of the epoch. So all
epochs have the same length, and what happens in one does not depend on how a run is cut into blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from brian2 import Quantity, ms, second

from superspike_brian.values.quantities import readable
from superspike_brian.values.renamed import IN_TASKS, formerly

from .arguments import duration, shown, word
from .classification import Trials
from .labelled import LabelledSpikes
from .pairs import check_pair

SHOWN = 1.0  # seconds of samples in a probe window, about


@formerly(IN_TASKS)
@dataclass(frozen=True, eq=False)
class LabelledTask:
    """Name the class of each sample, by the membrane potentials at its deadline or by a spike before it.

    Parameters
    ----------
    name : str
        Short label, as on the command line.
    training : LabelledSpikes
        Samples to learn from.
    test : LabelledSpikes, optional
        Held-out samples, which are never learned from.
    response_window : Quantity
        From the end of a stimulus to the deadline (second).
    pause : Quantity
        From the deadline to the next onset (second).

    Raises
    ------
    ValueError
        If the two sets do not fit each other, or a time is none.
    """

    name: str
    training: LabelledSpikes
    test: LabelledSpikes | None = None
    response_window: Quantity = field(default_factory=lambda: 10 * ms)
    pause: Quantity = field(default_factory=lambda: 50 * ms)

    def __post_init__(self) -> None:
        word(self.name, "name")
        for name, value in (("training", self.training), ("test", self.test)):
            if not isinstance(value, LabelledSpikes) and (name == "training" or value is not None):
                raise ValueError(f"{name} is {shown(value)}; expected LabelledSpikes.")
        check_pair(self.training, self.test)
        for name in ("response_window", "pause"):
            object.__setattr__(self, name, duration(getattr(self, name), name) * second)

    @property
    def n_inputs(self) -> int:
        """Number of input units."""
        return self.training.n

    @property
    def n_outputs(self) -> int:
        """Number of output units, one per class."""
        return self.training.n_classes

    @property
    def source(self) -> str:
        """Where the samples come from."""
        return self.training.source

    @property
    def shown_first(self) -> LabelledSpikes:
        """The samples that probe windows show."""
        return self.training if self.test is None else self.test

    @property
    def period(self) -> Quantity:
        """Length of a probe window (second): some samples, at least one."""
        samples = self.shown_first
        lengths = np.broadcast_to(np.asarray(samples.lengths), len(samples))[_in_turn(samples)]
        ends = np.cumsum(lengths + float(self.response_window + self.pause))
        return (ends[min(int(np.searchsorted(ends, SHOWN)), len(ends) - 1)] + float(self.pause)) * second

    def describe(self) -> str:
        """Say in plain text what goes in, what should come out, and where it comes from."""
        held_out = "no test set" if self.test is None else f"{len(self.test):,} held-out ones"
        return (
            f"{self.name}: {len(self.training):,} samples of {self.n_inputs} inputs in {self.n_outputs} classes, {held_out}; "
            f"answer {readable(self.response_window)} after each, pause {readable(self.pause)}\nsource: {self.source}"
        )

    def epoch(self, dt: Quantity) -> int:
        """Time steps in which every sample of the training set is presented once."""
        return int(self._slots(self.training, dt).sum())

    def trials(self, stream: Callable[[int], np.random.Generator], first: int, last: int, dt: Quantity) -> Trials:
        """Trials of the epochs `first` to `last` - 1, in steps of `dt` (second); `stream` makes a generator from an epoch."""
        length = self.epoch(dt)
        return Trials.join(
            self._trials(self.training, stream(k).permutation(len(self.training)), dt).shift(k * length)
            for k in range(first, last)
        )

    def spikes(self, trials: Trials, start: int, stop: int, dt: Quantity, *, held_out: bool = False) -> dict:
        """What happens in steps `start` to `stop` - 1.

        Parameters
        ----------
        trials : Trials
            Of these steps, at least.
        start, stop : int
            Time steps.
        dt : Quantity
            Time step (second).
        held_out : bool
            Whether the trials are of the test set.

        Returns
        -------
        dict of str to tuple
            Steps and units of the spikes of ``inputs``, ``cues`` (onsets) and ``targets`` (deadlines), in order.
        """
        mine = trials.select((trials.onset < stop) & (trials.deadline >= start))
        steps, units, offsets = (self.shown_first if held_out else self.training).steps(dt)
        n = np.diff(offsets)[mine.pattern]
        first = np.cumsum(n) - n  # where the spikes of each trial begin among those found
        at = np.repeat(offsets[mine.pattern] - first, n) + np.arange(n.sum())
        found = {
            "inputs": (steps[at] + np.repeat(mine.onset, n), units[at]),
            "cues": (mine.onset, mine.label),
            "targets": (mine.deadline, mine.label),
        }
        within = {name: (steps >= start) & (steps < stop) for name, (steps, _) in found.items()}
        return {name: (steps[within[name]], ids[within[name]]) for name, (steps, ids) in found.items()}

    def in_order(self, dt: Quantity, *, in_turn: bool = False) -> Trials:
        """All samples of the test set in their order, or one of each class in turn, after a pause."""
        samples = self.shown_first
        order = _in_turn(samples) if in_turn else np.arange(len(samples))
        return self._trials(samples, order, dt).shift(self._steps(self.pause, dt))

    def _steps(self, time, dt):
        return np.rint(np.asarray(time) / duration(dt, "dt")).astype(np.int64)

    def _slots(self, samples, dt):
        """Steps from each onset to the next."""
        for name in ("response_window", "pause"):
            if self._steps(getattr(self, name), dt) < 1:
                raise ValueError(
                    f"{name} is {readable(getattr(self, name))}; expected at least one time step of {readable(dt)}."
                )
        lengths = np.broadcast_to(self._steps(samples.lengths, dt), len(samples))
        return lengths + self._steps(self.response_window, dt) + self._steps(self.pause, dt)

    def _trials(self, samples, order, dt):
        slots = self._slots(samples, dt)[order]
        end = np.cumsum(slots)
        return Trials(end - slots, end - self._steps(self.pause, dt), order, samples.labels[order])


def _in_turn(samples):
    """Samples in an order in which the classes take turns, so that the first few are of many."""
    order = np.argsort(samples.labels, kind="stable")
    labels = samples.labels[order]
    turn = np.arange(len(order)) - np.searchsorted(labels, labels)
    return order[np.lexsort((labels, turn))]

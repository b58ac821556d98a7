"""Classification of spike patterns in noise: trials in random order, at random intervals, without end.

Source of the setting: Zenke & Ganguli (2018), doi:10.1162/neco_a_01086, section 3.2 and Figure 5. A trial is a pattern of
input spikes. The output unit of its class should spike at least once between the trial's onset and its deadline, a window
of opportunity after the end of the stimulus, and no unit at any other time.

Trials and background are drawn period by period, each from a random stream of its own: what happens in a period depends on
the run's seed and the period's number, and not on how a run is cut into blocks.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from brian2 import Hz, Quantity, ms, second

from superspike_brian.values.quantities import measured, readable
from superspike_brian.values.renamed import IN_TASKS, formerly

from . import arguments
from .arguments import count, drawn, duration, rate, shown, units, word
from .pattern import MOST_STEPS, SpikePattern, check_pattern, distinct


@dataclass(frozen=True)
class Trials:
    """Trials in the order of their time.

    Parameters
    ----------
    onset, deadline : array of int
        Time steps; a spike in step s is in the window if onset <= s < deadline.
    pattern, label : array of int
        Number of the pattern, and of its class.
    """

    onset: np.ndarray
    deadline: np.ndarray
    pattern: np.ndarray
    label: np.ndarray

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, units(getattr(self, name), name))
        shapes = [getattr(self, name).shape for name in self.__dataclass_fields__]
        if len(shapes[0]) != 1 or len(set(shapes)) > 1:
            raise ValueError(
                f"{', '.join(self.__dataclass_fields__)} have the shapes {', '.join(map(str, shapes))}; expected one of "
                "each per trial."
            )

    def __len__(self) -> int:
        return len(self.onset)

    def select(self, which: np.ndarray) -> "Trials":
        """Return some of the trials, by mask or index."""
        return Trials(self.onset[which], self.deadline[which], self.pattern[which], self.label[which])

    def shift(self, steps: int) -> "Trials":
        """Return the trials later by `steps`."""
        return Trials(self.onset + steps, self.deadline + steps, self.pattern, self.label)

    @classmethod
    def join(cls, parts: Iterable["Trials"]) -> "Trials":
        """Put successive trials together."""
        parts = [cls(*[np.zeros(0, int)] * 4), *parts]
        return cls(*(np.concatenate([getattr(p, f) for p in parts]) for f in cls.__dataclass_fields__))


@formerly(IN_TASKS)
@dataclass(frozen=True, eq=False)
class Classification:
    """Answer each pattern with a spike of the output unit of its class.

    Parameters
    ----------
    name : str
        Short label, as on the command line.
    patterns : tuple of SpikePattern
        Input spikes of each stimulus, from its onset; their common period is the length of the stimulus.
    classes : tuple of int
        Class of each pattern, from 0.
    background : Quantity
        Rate of independent Poisson spikes of each input unit, in trials and between them (Hz).
    response_window : Quantity
        From the end of the stimulus to the deadline (second).
    pause_min : Quantity
        Shortest time from a deadline to the next onset (second).
    pause_mean : Quantity
        Mean of the same; beyond the minimum it is exponential (second).
    period : Quantity
        Time for which trials are drawn at once (second); also the length of a probe window. Trials that would not end in
        it are left out.
    source : str
        Where the patterns come from.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    name: str
    patterns: Sequence[SpikePattern]
    classes: Sequence[int]
    background: Quantity
    response_window: Quantity
    pause_min: Quantity
    pause_mean: Quantity
    period: Quantity
    source: str

    def __post_init__(self) -> None:
        for name in ("name", "source"):
            word(getattr(self, name), name)
        try:
            patterns = tuple(self.patterns)
        except TypeError:
            raise ValueError(f"patterns is {shown(self.patterns)}; expected a list of SpikePatterns.") from None
        object.__setattr__(self, "patterns", tuple(check_pattern(p, "one of patterns") for p in patterns))
        object.__setattr__(self, "classes", tuple(np.atleast_1d(units(self.classes, "classes")).ravel().tolist()))
        if not self.patterns or len(self.patterns) != len(self.classes):
            raise ValueError(
                f"task {self.name!r}: {len(self.patterns)} patterns and {len(self.classes)} classes; expected one class a "
                "pattern, and at least one pattern."
            )
        if min(self.classes) < 0:
            raise ValueError(f"task {self.name!r}: class {min(self.classes)}; expected classes from 0 on.")
        for what in ("n", "period"):
            found = {float(getattr(p, what)) for p in self.patterns}
            if len(found) > 1:
                name = {"n": "numbers of units", "period": "periods"}[what]
                raise ValueError(f"task {self.name!r}: the patterns have the {name} {sorted(found)}; expected one.")
        times = {
            name: duration(getattr(self, name), name)
            for name in ("response_window", "pause_min", "pause_mean", "period")
        }
        if times["pause_mean"] < times["pause_min"]:
            raise ValueError(
                f"pause_mean is {readable(self.pause_mean)}; expected at least pause_min, {readable(self.pause_min)}."
            )
        shortest = float(self.stimulus) + times["response_window"] + times["pause_min"]
        if times["period"] <= shortest:
            raise ValueError(
                f"period is {readable(self.period)}; expected more than the {measured(shortest, 's', 6)} of one trial and its "
                "pause."
            )
        drawn(
            rate(self.background, "background", "4*Hz") * times["period"] * self.n_inputs,
            "background, period and inputs",
        )

    @property
    def n_inputs(self) -> int:
        """Number of input units."""
        return self.patterns[0].n

    @property
    def n_outputs(self) -> int:
        """Number of output units, one per class."""
        return max(self.classes) + 1

    @property
    def stimulus(self) -> Quantity:
        """Length of a stimulus (second)."""
        return self.patterns[0].period

    def describe(self) -> str:
        """Say in plain text what goes in, what should come out, and where it comes from."""
        return (
            f"{self.name}: {len(self.patterns)} patterns of {self.n_inputs} inputs in {self.n_outputs} classes, "
            f"{readable(self.stimulus)} each, background {readable(self.background)}\nsource: {self.source}"
        )

    def trials(self, stream: Callable[[int], np.random.Generator], first: int, last: int, dt: Quantity) -> Trials:
        """Draw the trials of some periods.

        Parameters
        ----------
        stream : callable
            Random generator of a period, from its number.
        first, last : int
            Periods: `first` to `last` - 1.
        dt : Quantity
            Time step (second).
        """
        return Trials.join([self._trials(stream(k), k, dt) for k in range(first, last)])

    def spikes(self, stream: Callable[[int], np.random.Generator], start: int, stop: int, dt: Quantity) -> dict:
        """Draw what happens in steps `start` to `stop` - 1.

        Parameters
        ----------
        stream : callable
            Random generator of a period, from its number.
        start, stop : int
            Time steps.
        dt : Quantity
            Time step (second).

        Returns
        -------
        dict of str to tuple
            Steps and units of the spikes of ``inputs``, ``cues`` (onsets) and ``targets`` (deadlines), in order.
        """
        length = self._steps(self.period, dt)
        found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"inputs": [], "cues": [], "targets": []}
        stimuli = [p.steps(dt) for p in self.patterns]
        for k in range(start // length, -(-stop // length)):
            rng = stream(k)
            trials = self._trials(rng, k, dt)  # before the background, from the same stream
            inputs = self._inputs(rng, k, trials, stimuli, dt)
            for name, steps, ids in (
                ("inputs", *inputs),
                ("cues", trials.onset, trials.label),
                ("targets", trials.deadline, trials.label),
            ):
                inside = (steps >= start) & (steps < stop)
                found[name].append((steps[inside], ids[inside]))
        return {name: tuple(map(np.concatenate, zip(*parts, strict=True))) for name, parts in found.items()}

    def _steps(self, time, dt):
        return round(float(time) / duration(dt, "dt"))

    def _trials(self, rng, k, dt):
        """Trials of period `k`."""
        length, occupied = self._steps(self.period, dt), self._steps(self.stimulus + self.response_window, dt)
        if not 0 < occupied < length <= MOST_STEPS:
            raise ValueError(
                f"dt is {readable(dt)}; expected a time step that suits a period of {readable(self.period)}, such as 0.1*ms."
            )
        pause_min, spread = self._steps(self.pause_min, dt), float((self.pause_mean - self.pause_min) / dt)
        most = length // (occupied + pause_min) + 1
        pauses = pause_min + np.rint(rng.exponential(spread, most)).astype(int)
        onset = np.cumsum(pauses + occupied) - occupied
        onset = onset[onset + occupied < length]
        pattern = rng.integers(0, len(self.patterns), most)[: len(onset)]
        return Trials(onset, onset + occupied, pattern, np.array(self.classes)[pattern]).shift(k * length)

    def _inputs(self, rng, k, trials, stimuli, dt):
        """Steps and units of the input spikes of period `k`."""
        length = self._steps(self.period, dt)
        n_noise = rng.poisson(float(self.background * dt) * length * self.n_inputs)
        steps, ids = [k * length + rng.integers(0, length, n_noise)], [rng.integers(0, self.n_inputs, n_noise)]
        for onset, pattern in zip(trials.onset, trials.pattern, strict=True):
            steps.append(onset + stimuli[pattern][0])
            ids.append(stimuli[pattern][1])
        return distinct(np.concatenate(steps), np.concatenate(ids))  # one spike per unit and step


@formerly(IN_TASKS)
def latencies(
    classes: int = 3,
    patterns: int = 2,
    n_inputs: int = 100,
    stimulus: Quantity = 10 * ms,
    background: Quantity = 4 * Hz,
    response_window: Quantity = 15 * ms,
    pause_min: Quantity = 50 * ms,
    pause_mean: Quantity = 100 * ms,
    seed: int = 0,
) -> Classification:
    """Random latency patterns: in each, every input spikes once, at a random time of its own.

    Parameters
    ----------
    classes : int
        Number of classes.
    patterns : int
        Patterns per class.
    n_inputs : int
        Number of inputs.
    stimulus : Quantity
        Length of a stimulus (second).
    background, response_window, pause_min, pause_mean
        As for `Classification`.
    seed : int
        Of the patterns.
    """
    n = count(classes, "classes") * count(patterns, "patterns")
    drawn(n * count(n_inputs, "n_inputs"), "classes, patterns and n_inputs")
    rng, length = np.random.default_rng(arguments.seed(seed)), duration(stimulus, "stimulus")
    ids = np.arange(n_inputs)
    made = [SpikePattern(n_inputs, ids, rng.uniform(0, length, n_inputs) * second, stimulus) for _ in range(n)]
    source = f"{patterns} random latency patterns in each of {classes} classes, seed {seed}"
    labels = np.repeat(np.arange(classes), patterns).tolist()
    return Classification(
        "latencies", made, labels, background, response_window, pause_min, pause_mean, 2 * second, source
    )

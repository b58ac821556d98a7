"""Statistics of spike trains and weights."""

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from .values.hints import Booleans, Floats, Integers


class Windows(Protocol):
    """Trials, as far as their judgement needs them: time steps and class of each."""

    @property
    def onset(self) -> Integers:
        """First step of the window."""

    @property
    def deadline(self) -> Integers:
        """First step after the window."""

    @property
    def label(self) -> Integers:
        """Unit that should spike in it."""

    def __len__(self) -> int: ...


def firing_rates(times: ArrayLike, units: ArrayLike, n: int, duration: float) -> Floats:
    """Mean rate of each unit.

    Parameters
    ----------
    times, units : arrays, shape (spikes,)
        Spike times (s) and units.
    n : int
        Number of units.
    duration : float
        Length of the recording (s).

    Returns
    -------
    array, shape (n,)
        Rates in Hz.
    """
    return np.bincount(np.asarray(units, int), minlength=n) / duration


def inter_spike_intervals(times: ArrayLike, units: ArrayLike) -> tuple[Floats, Integers]:
    """Intervals between successive spikes of each unit (s), and the unit of each."""
    times, units = np.asarray(times), np.asarray(units, int)
    order = np.lexsort((times, units))
    intervals, same = np.diff(times[order]), np.diff(units[order]) == 0
    return intervals[same], units[order][1:][same]


def coefficients_of_variation(times: ArrayLike, units: ArrayLike, n: int) -> Floats:
    """Standard deviation over mean of each unit's intervals, shape (n,); NaN with fewer than two intervals."""
    intervals, owner = inter_spike_intervals(times, units)
    found = np.full(n, np.nan)
    for unit in np.unique(owner):
        mine = intervals[owner == unit]
        if mine.size > 1:
            found[unit] = mine.std() / mine.mean()
    return found


def score(trials: Windows, steps: Integers, units: Integers) -> tuple[Booleans, Integers]:
    """Judge the trials of a classification by the output spikes.

    Parameters
    ----------
    trials : Trials
        In the order of their time, not overlapping.
    steps, units : arrays of int, shape (spikes,)
        Time steps and units of all output spikes, in any order.

    Returns
    -------
    correct : array of bool, shape (trials,)
        The unit of the class has spiked in the window, onset <= step < deadline, and no other unit has.
    false_alarms : array of int, shape (trials,)
        Spikes of all units between the deadline before (or time 0) and the onset.
    """
    n, (last, inside) = len(trials), begun(trials, steps)
    n_units = 1 + max(np.max(units, initial=0), np.max(trials.label, initial=0))
    correct = decode("strict", trials, steps, units, int(n_units)) == trials.label
    return correct, np.bincount(last[~inside] + 1, minlength=n + 1)[:n]


def begun(trials: Windows, steps: Integers) -> tuple[Integers, Booleans]:
    """Number of the trial begun last at each of some time steps, -1 before the first; and whether the step is in its window."""
    last = np.searchsorted(trials.onset, steps, side="right") - 1
    inside = (last >= 0) & (steps < trials.deadline[last]) if len(trials) else np.zeros(len(steps), bool)
    return last, inside


DECODERS = ("first", "most", "strict", "potential")
NONE = -1  # no answer, or not one


def decode(
    decoder: str, trials: Windows, steps: Integers, units: Integers, n: int, potentials: Floats | None = None
) -> Integers:
    """Read the answer of each trial.

    Parameters
    ----------
    decoder : {'first', 'most', 'strict', 'potential'}
        The unit that spikes first in the window, or most often, or alone; or that with the highest potential at the deadline.
    trials : Trials
        In the order of their time, not overlapping.
    steps, units : arrays of int, shape (spikes,)
        Time steps and units of all output spikes, in any order.
    n : int
        Number of output units.
    potentials : array, shape (trials, n), optional
        Membrane potentials at the deadlines (volt).

    Returns
    -------
    array of int, shape (trials,)
        Units; -1 without a spike, or where two are equal.
    """
    if decoder not in DECODERS:
        raise ValueError(f"decoder {decoder!r} is unknown; expected one of {', '.join(DECODERS)}")
    if decoder == "potential":
        if potentials is None:
            raise ValueError("potentials at the deadline are not recorded: use the error signal GRADED")
        return np.where(np.isfinite(potentials).all(1), np.argmax(np.nan_to_num(potentials), 1), NONE)
    if not len(trials):
        return np.zeros(0, int)
    last, inside = begun(trials, steps)
    trial, steps, units = last[inside], steps[inside], units[inside]
    if decoder == "first":
        score_of = np.full((len(trials), n), -np.inf)
        np.maximum.at(score_of, (trial, units), -steps.astype(float))
    else:
        score_of = np.zeros((len(trials), n))
        np.add.at(score_of, (trial, units), 1.0)
        if decoder == "strict":
            score_of = np.minimum(score_of, 1)
    best = score_of.max(1)
    spiked = best > (-np.inf if decoder == "first" else 0)
    only = (score_of == best[:, None]).sum(1) == 1
    return np.where(spiked & only, score_of.argmax(1), NONE)


def confusion(labels: Integers, predictions: Integers, n: int) -> Integers:
    """Count trials by class and answer.

    Parameters
    ----------
    labels, predictions : arrays of int, shape (trials,)
        Class and answer of each; -1 is no answer.
    n : int
        Number of classes.

    Returns
    -------
    array of int, shape (n, n + 1)
        A row per class, a column per answer; the last column is of no answer.
    """
    found = np.zeros((n, n + 1), int)
    np.add.at(found, (np.asarray(labels), np.where(np.asarray(predictions) < 0, n, predictions)), 1)
    return found


def false_alarm_rate(onset: ArrayLike, deadline: ArrayLike, false_alarms: ArrayLike, start: float = 0.0) -> float:
    """Output spikes (of all units together) per second between trials.

    Parameters
    ----------
    onset, deadline : arrays, shape (trials,)
        Of each trial (s).
    false_alarms : array of int, shape (trials,)
        Spikes between the deadline before and the onset.
    start : float
        Time at which the recording began (s).
    """
    pauses = np.asarray(onset) - np.concatenate([[start], np.asarray(deadline)[:-1]])
    return float(np.sum(false_alarms) / pauses.sum())


def alignment(first: ArrayLike, second: ArrayLike) -> float:
    """Angle between two weight matrices as vectors (degrees)."""
    first, second = np.ravel(first), np.ravel(second)
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))

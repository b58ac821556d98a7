"""Spike patterns that repeat with a period, and the task that two of them make.

Source of the setting: Zenke & Ganguli (2018), SuperSpike, Neural Computation 30:1514-1541,
doi:10.1162/neco_a_01086: frozen input and target spike trains, presented in a loop.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from brian2 import Quantity, get_dimensions, have_same_dimensions, second


def seconds(value: Quantity, name: str) -> np.ndarray:
    """Return a time as plain numbers in seconds; refuse one without a unit of time."""
    if isinstance(value, Quantity) and have_same_dimensions(value, second):
        return np.array(value, dtype=float)
    found = f"the dimensions {get_dimensions(value)}" if isinstance(value, Quantity) else "no unit"
    raise ValueError(f"{name} has {found}; expected a time, such as 500*ms or np.array([1, 2])*ms.")


def duration(value: Quantity, name: str) -> float:
    """Return one positive, finite time in seconds; refuse anything else."""
    found = seconds(value, name)
    if found.ndim or not 0 < found < np.inf:
        raise ValueError(f"{name} is {found} s; expected one positive, finite time, such as 500*ms.")
    return float(found)


def count(value: int, name: str) -> int:
    """Return a number of things, at least 1; refuse anything else."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1:
        return int(value)
    raise ValueError(f"{name} is {value!r}; expected a whole number, 1 or more.")


def counted(n: int, what: str) -> str:
    """Say how many: 1 spike, 2 spikes."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


@dataclass(frozen=True, eq=False)
class SpikePattern:
    """Spikes of `n` units in a loop of length `period`, in any order.

    Parameters
    ----------
    n : int
        Number of units, silent ones included.
    ids : array of int, shape (spikes,)
        Unit of each spike, 0 to n - 1.
    times : Quantity, shape (spikes,)
        Time of each spike (second), 0 <= time < period; need not lie on the grid of time steps.
    period : Quantity
        Length of the loop (second).

    Raises
    ------
    ValueError
        If a value is out of its range; the message names the first offending spike.
    """

    n: int
    ids: np.ndarray
    times: Quantity
    period: Quantity

    def __post_init__(self):
        n, period = count(self.n, "n"), duration(self.period, "period")
        ids, times = np.array(self.ids), seconds(self.times, "times")
        if ids.ndim != 1 or ids.shape != times.shape:
            raise ValueError(
                f"ids and times have the shapes {ids.shape} and {times.shape}; expected one of each a spike."
            )
        if ids.size and not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"ids hold {ids.dtype} values, first {ids[0]!r}; expected integers, 0 to {n - 1}.")
        for bad, expected in (
            ((ids < 0) | (ids >= n), f"a unit from 0 to {n - 1}, as n is {n}"),
            (~((times >= 0) & (times < period)), f"a time of at least 0 s and below the period, {period} s"),
        ):
            if bad.any():
                k = int(bad.argmax())
                raise ValueError(f"spike {k} (unit {ids[k]}, time {times[k]} s): expected {expected}.")
        ids = ids.astype(int)
        times.setflags(write=False)
        ids.setflags(write=False)
        for name, value in (("n", n), ("ids", ids), ("times", Quantity(times, dim=second.dim, copy=False))):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def rates(self) -> Quantity:
        """Mean firing rate of each unit (Hz), shape (n,)."""
        return np.bincount(self.ids, minlength=self.n) / self.period

    def steps(self, dt: Quantity) -> tuple[np.ndarray, np.ndarray]:
        """Round the spikes to time steps.

        Parameters
        ----------
        dt : Quantity
            Time step (second); the period must be a whole number of them.

        Returns
        -------
        steps, ids : arrays of int, shape (distinct spikes,)
            Sorted by step, then unit. A spike that rounds up to the end of the loop is in step 0. Spikes
            of one unit in one step are merged, as it can spike only once a step; a warning says how many.
        """
        ratio = duration(self.period, "period") / duration(dt, "dt")
        n_steps = max(1, round(ratio))
        if abs(ratio - n_steps) > 1e-6:
            raise ValueError(
                f"the period, {self.period}, is {ratio:.9g} time steps of {dt}; expected a whole number. "
                f"The nearest period that is one: {n_steps * dt}."
            )
        steps = np.rint(np.asarray(self.times / dt)).astype(int) % n_steps
        distinct = np.unique(steps * self.n + self.ids)
        if merged := len(self) - len(distinct):
            warnings.warn(
                f"{merged} of {len(self)} spikes merged: their unit already spikes in the same step of {dt}.",
                stacklevel=2,
            )
        return distinct // self.n, distinct % self.n


@dataclass(frozen=True, eq=False)
class Task:
    """What a network must learn: answer `inputs` with `targets`, loop after loop.

    Parameters
    ----------
    name : str
        Short label, as on the command line.
    inputs, targets : SpikePattern
        Two patterns of the same period.
    source : str
        Where the patterns come from: paper, licence, files or seed.
    """

    name: str
    inputs: SpikePattern
    targets: SpikePattern
    source: str

    def __post_init__(self):
        period, other = (duration(p.period, "period") for p in (self.inputs, self.targets))
        if abs(period - other) > 1e-9 * period:
            raise ValueError(
                f"task {self.name!r}: the inputs repeat every {period} s, the targets every {other} s; "
                "expected the same period. Give both patterns the longer one if the loop ends in silence."
            )

    @property
    def n_inputs(self) -> int:
        """Number of input units."""
        return self.inputs.n

    @property
    def n_outputs(self) -> int:
        """Number of output units."""
        return self.targets.n

    @property
    def period(self) -> Quantity:
        """Length of the loop (second)."""
        return self.inputs.period

    def describe(self) -> str:
        """Say in plain text what goes in, what should come out, and where both come from."""
        sides = (
            f"{counted(p.n, what)} ({counted(len(p), 'spike')}, mean {float(p.rates.mean()):.3g} Hz)"
            for p, what in ((self.inputs, "input"), (self.targets, "output"))
        )
        return f"{self.name}: {' -> '.join(sides)}, a loop of {self.period}\nsource: {self.source}"

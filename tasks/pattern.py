"""Spike patterns that repeat with a period, and the task that two of them make.

Source of the setting: Zenke & Ganguli (2018), SuperSpike, Neural Computation 30:1514-1541,
doi:10.1162/neco_a_01086: frozen input and target spike trains, presented in a loop.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, second

from superspike_brian.values.quantities import measured, readable

from .arguments import count, duration, seconds, shown, units, word
from .signal import Signal

MOST_STEPS = 2**31 - 1  # Brian2 numbers the steps of given spikes with 32 bits


def counted(n: int, what: str) -> str:
    """Say how many: 1 spike, 2 spikes."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def distinct(steps: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort spikes by step, then unit, and keep one of those that are equal in both."""
    order = np.lexsort((ids, steps))
    steps, ids = steps[order], ids[order]
    new = np.append(True, (np.diff(steps) != 0) | (np.diff(ids) != 0))[: len(steps)]
    return steps[new], ids[new]


@dataclass(frozen=True, eq=False)
class SpikePattern:
    """Spikes of `n` units in a loop of length `period`, in any order.

    Parameters
    ----------
    n : int
        Number of units, silent ones included.
    ids : array of int, shape (spikes,)
        Unit of each spike, 0 to n - 1; also the `i` of a Brian2 monitor, or one number.
    times : Quantity, shape (spikes,)
        Time of each spike (second), 0 <= time < period; need not lie on the grid of time steps. Also the `t` of a monitor,
        or one time.
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

    def __post_init__(self) -> None:
        n, period = count(self.n, "n"), duration(self.period, "period")
        ids, times = np.atleast_1d(units(self.ids, "ids"), seconds(self.times, "times"))
        if ids.ndim != 1 or ids.shape != times.shape:
            raise ValueError(
                f"ids and times have the shapes {ids.shape} and {times.shape}; expected one of each per spike."
            )
        for bad, expected in (
            ((ids < 0) | (ids >= n), f"a unit from 0 to {n - 1} in ids, as n is {n}"),
            (~((times >= 0) & (times < period)), f"a time of at least 0 s and below the period, {period} s, in times"),
        ):
            if bad.any():
                k = int(bad.argmax())
                raise ValueError(f"spike {k} (unit {ids[k]}, time {times[k]} s): expected {expected}.")
        ids = ids.astype(int)
        times.setflags(write=False)
        ids.setflags(write=False)
        times = Quantity(times, dim=second.dim, copy=False)
        for name, value in {"n": n, "ids": ids, "times": times, "period": period * second}.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(
        cls,
        source: Any,
        period: Quantity,
        n: int | None = None,
        *,
        start: Quantity | None = None,
        first: int | None = None,
        time_unit: Quantity | None = None,
        sensor_size: Sequence[int] | None = None,
    ) -> "SpikePattern":
        """Make a pattern of spikes as another program holds them.

        Parameters
        ----------
        source : object
            A Brian2 monitor of spikes; ``(ids, times)``, arrays of shape (spikes,); a list with the times of each unit; a
            `neo.SpikeTrain`, a list of them (one per unit) or a `neo.Segment`; events of tonic, a structured array with the
            fields ``t`` (us), ``x``, ``p``; what a recorder of NEST returns, a dict with ``senders`` and ``times`` (ms if
            without unit); or the path of a file: `.ras`, `.npz`, a picture, or a table (CSV, NEST's `.dat` and `.gdf`).
        period : Quantity
            Length of the loop (second).
        n : int, optional
            Number of units; default: what the source says (the size of a monitor's group, the number of spike trains), else
            the largest unit plus one.
        start : Quantity, optional
            Take the spikes of one period from this time of the source on, and leave out the others. Default: time 0, that of
            spike trains when the earliest of them begins; all spikes must then lie within the period.
        first : int, optional
            Number that the first unit has in the source; default: 1 for a dict of NEST, which counts all its nodes, else 0,
            and for files what their readers say (`read_ras`, `read_csv`, `read_npz`).
        time_unit : Quantity, optional
            What a time of 1 means in a file (second), as for `read_csv`.
        sensor_size : sequence of int, optional
            Width, height and polarities of tonic's sensor; default: what the events imply.

        Returns
        -------
        SpikePattern
            Spikes in the source's order; the units of events are x + width (y + height p).

        Raises
        ------
        FileNotFoundError, ValueError
            With what was found and what was expected.
        """
        from .sources import pattern_of  # here, as it imports this file

        return pattern_of(source, period, n, start, first, time_unit, sensor_size)

    def __len__(self) -> int:
        return len(self.ids)

    def __str__(self) -> str:
        return f"{counted(len(self), 'spike')}, mean {measured(len(self) / (self.n * float(self.period)), 'Hz', 3)}"

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
            of one unit in one step are merged, as it can spike only once per step; a warning says how many.
        """
        ratio = float(self.period) / duration(dt, "dt")
        if not ratio <= MOST_STEPS:
            raise ValueError(
                f"the period, {readable(self.period)}, is {ratio:.3g} time steps of {readable(dt)}; expected at most "
                f"{MOST_STEPS}."
            )
        n_steps = max(1, round(ratio))
        if abs(ratio - n_steps) > 1e-6:
            raise ValueError(
                f"the period, {readable(self.period)}, is {ratio:.9g} time steps of {readable(dt)}; expected a whole number. "
                f"The nearest period that is one: {n_steps * dt}."
            )
        steps = np.rint(np.asarray(self.times / dt)).astype(int) % n_steps
        steps, ids = distinct(steps, self.ids)
        if merged := len(self) - len(steps):
            warnings.warn(
                f"{merged} of {len(self)} spikes merged: their unit already spikes in the same step of {readable(dt)}.",
                stacklevel=2,
            )
        return steps, ids


def check_pattern(value: SpikePattern | Signal, name: str, signal: bool = False) -> SpikePattern | Signal:
    """Return a pattern, or a `Signal` if it may be one; refuse anything else."""
    if isinstance(value, SpikePattern) or (signal and isinstance(value, Signal)):
        return value
    raise ValueError(f"{name} is {shown(value)}; expected a SpikePattern{' or a Signal' if signal else ''}.")


@dataclass(frozen=True, eq=False)
class Task:
    """What a network must learn: answer `inputs` with `targets`, loop after loop.

    Parameters
    ----------
    name : str
        Short label, as on the command line.
    inputs : SpikePattern
        What goes in.
    targets : SpikePattern or Signal
        What should come out: spikes, or potentials; of the same period.
    source : str
        Where the patterns come from: paper, licence, files or seed.
    """

    name: str
    inputs: SpikePattern
    targets: SpikePattern | Signal
    source: str

    def __post_init__(self) -> None:
        for name in ("name", "source"):
            word(getattr(self, name), name)
        period = float(check_pattern(self.inputs, "inputs").period)
        other = float(check_pattern(self.targets, "targets", signal=True).period)
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
        sides = (f"{counted(p.n, what)} ({p})" for p, what in ((self.inputs, "input"), (self.targets, "output")))
        return f"{self.name}: {' -> '.join(sides)}, a loop of {readable(self.period)}\nsource: {self.source}"

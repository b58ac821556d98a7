"""Statistics of spike trains and weights."""

import numpy as np


def firing_rates(times, units, n, duration):
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


def inter_spike_intervals(times, units):
    """Intervals between successive spikes of each unit (s), and the unit of each."""
    times, units = np.asarray(times), np.asarray(units, int)
    order = np.lexsort((times, units))
    intervals, same = np.diff(times[order]), np.diff(units[order]) == 0
    return intervals[same], units[order][1:][same]


def coefficients_of_variation(times, units, n):
    """Standard deviation over mean of each unit's intervals, shape (n,); NaN with fewer than two intervals."""
    intervals, owner = inter_spike_intervals(times, units)
    found = np.full(n, np.nan)
    for unit in np.unique(owner):
        mine = intervals[owner == unit]
        if mine.size > 1:
            found[unit] = mine.std() / mine.mean()
    return found


def alignment(first, second):
    """Angle between two weight matrices as vectors (degrees)."""
    first, second = np.ravel(first), np.ravel(second)
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))

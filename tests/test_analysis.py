"""Spike train statistics against elephant, which computes them independently."""

import neo
import numpy as np
import pytest
import quantities as pq
from elephant import statistics as elephant

from superspike_brian.analysis import alignment, coefficients_of_variation, firing_rates, inter_spike_intervals


@pytest.fixture(scope="module")
def spikes():
    rng = np.random.default_rng(3)
    counts = [0, 1, 2, 3, 40, 200]
    times = rng.permutation(np.concatenate([10 * rng.random(n) for n in counts]))
    units = np.repeat(np.arange(len(counts)), counts)
    return times, rng.permutation(units), len(counts)


def test_statistics_are_those_of_elephant(spikes):
    times, units, n = spikes
    rates, variation = firing_rates(times, units, n, 10.0), coefficients_of_variation(times, units, n)
    intervals, owner = inter_spike_intervals(times, units)
    for unit in range(n):
        train = neo.SpikeTrain(np.sort(times[units == unit]) * pq.s, t_start=0 * pq.s, t_stop=10 * pq.s)
        assert rates[unit] == pytest.approx(float(elephant.mean_firing_rate(train).rescale("Hz")), rel=1e-12)
        expected = elephant.isi(train).rescale("s").magnitude if len(train) > 1 else []
        assert np.allclose(intervals[owner == unit], expected, rtol=1e-12)
        if len(train) > 2:
            assert variation[unit] == pytest.approx(float(elephant.cv(elephant.isi(train))), rel=1e-12)
        else:
            assert np.isnan(variation[unit])


def test_alignment_is_the_angle():
    assert alignment([[1, 0]], [[0, 2]]) == pytest.approx(90)
    assert alignment([[1, 1]], [[3, 3]]) == pytest.approx(0, abs=1e-5)
    assert alignment([[1, 0]], [[-1, 0]]) == pytest.approx(180)

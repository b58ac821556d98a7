"""Spike train statistics against elephant, which computes them independently."""

import neo
import numpy as np
import pytest
import quantities as pq
from elephant import statistics as elephant

from superspike_brian.analysis import (
    alignment,
    coefficients_of_variation,
    confusion,
    decode,
    false_alarm_rate,
    firing_rates,
    inter_spike_intervals,
    score,
)


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


class Windows:
    """Trials: [onset, deadline) of each, and its class."""

    def __init__(self, onset, deadline, label):
        self.onset, self.deadline, self.label = map(np.array, (onset, deadline, label))

    def __len__(self):
        return len(self.onset)


def answer(decoder, windows, k, steps, units, n):
    """The answer to a trial, told spike by spike."""
    inside = [(s, u) for s, u in zip(steps, units, strict=True) if windows.onset[k] <= s < windows.deadline[k]]
    counts = [sum(u == unit for _, u in inside) for unit in range(n)]
    if decoder == "first":
        answers = {u for s, u in inside if s == min(inside)[0]}
    elif decoder == "most":
        answers = {u for u in range(n) if inside and counts[u] == max(counts)}
    else:
        answers = {u for u in range(n) if counts[u]}
    return answers.pop() if len(answers) == 1 else -1


@pytest.mark.parametrize("seed", range(20))
def test_answers_and_false_alarms_are_those_of_a_loop_over_spikes(seed):
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.choice(60, 2 * rng.integers(1, 6), replace=False))
    windows = Windows(edges[::2], edges[1::2], rng.integers(3, size=len(edges) // 2))
    m = rng.integers(0, 25)
    steps, units = rng.integers(0, 60, m), rng.integers(0, 3, m)
    for decoder in ("first", "most", "strict"):
        expected = [answer(decoder, windows, k, steps, units, 3) for k in range(len(windows))]
        assert decode(decoder, windows, steps, units, 3).tolist() == expected
    correct, alarms = score(windows, steps, units)
    assert correct.tolist() == [a == label for a, label in zip(expected, windows.label, strict=True)]
    before = np.concatenate([[0], windows.deadline[:-1]])
    pauses = list(zip(before, windows.onset, strict=True))
    assert alarms.tolist() == [sum(a <= s < b for s in steps) for a, b in pauses]
    duration = sum(b - a for a, b in pauses)
    if duration:
        assert false_alarm_rate(windows.onset, windows.deadline, alarms) == pytest.approx(alarms.sum() / duration)
    if windows.onset[0] > 2 and duration > 2:
        later = false_alarm_rate(windows.onset, windows.deadline, alarms, start=2.0)
        assert later == pytest.approx(alarms.sum() / (duration - 2))


def test_the_potential_at_the_deadline_is_the_answer():
    windows, none = Windows([0, 5, 9], [3, 7, 11], [0, 1, 1]), np.zeros(0, int)
    potentials = np.array([[-0.06, -0.05], [-0.04, -0.07], [np.nan, -0.05]])
    assert decode("potential", windows, none, none, 2, potentials).tolist() == [1, 0, -1]
    with pytest.raises(ValueError, match="potentials at the deadline are not recorded"):
        decode("potential", windows, none, none, 2)
    with pytest.raises(ValueError, match="decoder 'last' is unknown"):
        decode("last", windows, none, none, 2)


def test_a_table_of_confusions():
    found = confusion(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, -1, -1, 0]), 3)
    assert found.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 2]]

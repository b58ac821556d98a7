import warnings

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from hypothesis import given
from hypothesis import strategies as st
from superspike_brian.tasks import TASKS, SpikePattern, Task, spike_timing, task

DT = 0.1 * ms


@st.composite
def patterns(draw):
    """Loops of 1 to 200 steps, crowded enough for spikes of one unit to meet in a step and at the seam."""
    n, n_steps = draw(st.integers(1, 5)), draw(st.integers(1, 200))
    period = float(n_steps * DT)
    time = st.floats(0, period, exclude_max=True) | st.just(np.nextafter(period, 0)) | st.just(0.0)
    spikes = draw(st.lists(st.tuples(st.integers(0, n - 1), time), max_size=40))
    ids, times = [i for i, _ in spikes], [t for _, t in spikes]
    return SpikePattern(n, ids, times * second, period * second)


@given(patterns())
def test_steps_are_sorted_unique_within_the_loop_and_count_what_was_merged(pattern):
    n_steps = round(float(pattern.period / DT))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        steps, ids = pattern.steps(DT)
    found = list(zip(steps.tolist(), ids.tolist(), strict=True))
    assert found == sorted(set(found))
    assert all(0 <= step < n_steps for step in steps)
    merged = len(pattern) - len(found)
    assert [int(str(w.message).split()[0]) for w in caught] == ([merged] if merged else [])
    # every spike is within half a step of where it was, around the loop, and no step is invented
    nearest = {}
    for unit, time in zip(pattern.ids.tolist(), np.asarray(pattern.times / DT), strict=True):
        near = [s for s, i in found if i == unit and abs((s - time + n_steps / 2) % n_steps - n_steps / 2) < 0.5001]
        assert near
        nearest.update({(s, unit): True for s in near})
    assert set(nearest) == set(found)


def test_a_spike_that_rounds_up_to_the_end_of_the_loop_is_in_step_0():
    pattern = SpikePattern(2, [1, 0, 0], [9.96, 9.94, 5.0] * ms, 10 * ms)
    steps, ids = pattern.steps(DT)
    assert steps.tolist() == [0, 50, 99]
    assert ids.tolist() == [1, 0, 0]


def test_two_spikes_of_a_unit_in_one_step_are_merged_also_across_the_seam():
    pattern = SpikePattern(2, [0, 0, 1, 1, 0], [3.01, 2.99, 3.0, 9.98, 9.97] * ms, 10 * ms)
    with pytest.warns(UserWarning, match="1 of 5 spikes merged"):
        steps, ids = pattern.steps(DT)
    assert list(zip(steps, ids, strict=True)) == [(0, 0), (0, 1), (30, 0), (30, 1)]
    with pytest.warns(UserWarning, match="1 of 2 spikes merged"):
        SpikePattern(1, [0, 0], [0, 9.97] * ms, 10 * ms).steps(DT)


def test_a_period_between_two_steps_is_refused_with_the_nearest_one():
    pattern = SpikePattern(1, [0], [1] * ms, 333.33 * ms)
    with pytest.raises(ValueError, match=r"3333\.3 time steps .* nearest period that is one: 0\.3333 s"):
        pattern.steps(DT)
    with pytest.raises(ValueError, match=r"nearest period that is one: 1\. s"):
        pattern.steps(1 * second)
    with pytest.raises(ValueError, match="dt has no unit"):
        pattern.steps(1e-4)


def test_rates_length_and_an_empty_pattern():
    pattern = SpikePattern(3, [2, 2, 0], [1, 2, 3] * ms, 500 * ms)
    assert len(pattern) == 3
    np.testing.assert_allclose(np.asarray(pattern.rates / Hz), [2, 0, 4], rtol=1e-12)
    empty = SpikePattern(3, [], [] * second, 1 * second)
    assert len(empty) == 0
    assert empty.steps(DT)[0].tolist() == []
    assert np.asarray(empty.rates / Hz).tolist() == [0, 0, 0]


def test_a_pattern_does_not_change_with_the_arrays_it_was_made_of():
    ids, times = np.array([0, 1]), np.array([1.0, 2.0]) * ms
    pattern = SpikePattern(2, ids, times, 5 * ms)
    ids[0], times[0] = 1, 4 * ms
    assert pattern.ids.tolist() == [0, 1]
    assert float(pattern.times[0]) == pytest.approx(1e-3, rel=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        pattern.ids[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        pattern.times[0] = 3 * ms


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": [0, 3, 9]}, r"spike 1 \(unit 3, time 0.002 s\): expected a unit from 0 to 2"),
        ({"ids": [0, 1, -1]}, r"spike 2 \(unit -1, time 0.003 s\): expected a unit from 0 to 2"),
        ({"ids": [0, 1]}, "one of each per spike"),
        ({"ids": [0, 1.5, 2]}, "float64 values.*expected integers"),
        ({"times": [1, np.nan, 3] * ms}, r"spike 1 \(unit 1, time nan s\): expected a time of at least 0 s"),
        ({"times": [1, 2, np.inf] * ms}, r"spike 2 \(unit 2, time inf s\)"),
        ({"times": [-1, 2, 3] * ms}, r"spike 0 \(unit 0, time -0.001 s\)"),
        ({"times": [1, 2, 10] * ms}, r"spike 2 \(unit 2, time 0.01 s\): .* below the period, 0.01 s"),
        ({"times": [1, 2, 3]}, "times has no unit"),
        ({"times": [1, 2, 3] * mV}, "times has the dimensions"),
        ({"period": 0 * ms}, "period is 0.0 s; expected one positive"),
        ({"period": np.inf * second}, "period is inf s"),
        ({"period": 0.01}, "period has no unit"),
        ({"period": [1, 2] * second}, "expected one positive"),
        ({"n": 0}, "n is 0; expected a whole number, 1 or more"),
        ({"n": 2.5}, "n is 2.5"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_said(change, message):
    good = {"n": 3, "ids": [0, 1, 2], "times": [1, 2, 3] * ms, "period": 10 * ms}
    assert len(SpikePattern(**good)) == 3
    with pytest.raises(ValueError, match=message):
        SpikePattern(**good | change)


def test_a_task_describes_itself_and_refuses_two_periods():
    inputs, targets = SpikePattern(2, [0], [1] * ms, 500 * ms), SpikePattern(1, [0], [1] * ms, 400 * ms)
    with pytest.raises(ValueError, match=r"task 'odd': the inputs repeat every 0\.5 s, the targets every 0\.4 s"):
        Task("odd", inputs, targets, "made up")
    flow, source = Task("even", inputs, inputs, "made up").describe().split("\n")
    assert flow == "even: 2 inputs (1 spike, mean 1 Hz) -> 2 outputs (1 spike, mean 1 Hz), a loop of 0.5 s"
    assert source == "source: made up"


def test_spike_timing_is_the_task_of_figure_2():
    made = spike_timing()
    assert (made.inputs.n, made.targets.n, len(made.targets)) == (100, 1, 5)
    assert float(made.period / ms) == pytest.approx(500, rel=1e-12)
    steps, _ = made.targets.steps(DT)
    assert steps.tolist() == [833, 1667, 2500, 3333, 4167]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the default pattern merges nothing
        assert len(made.inputs.steps(DT)[0]) == len(made.inputs)


def test_spike_timing_follows_its_seed_and_its_rate():
    first, again, other = spike_timing(seed=3), spike_timing(seed=3), spike_timing(seed=4)
    assert np.array_equal(first.inputs.times, again.inputs.times)
    assert np.array_equal(first.inputs.ids, again.inputs.ids)
    assert not np.array_equal(first.inputs.ids, other.inputs.ids)
    many = spike_timing(n_inputs=2000, period=10 * second, rate=8 * Hz).inputs
    counts = np.bincount(many.ids, minlength=2000)
    assert counts.mean() == pytest.approx(80, abs=4 * np.sqrt(80 / 2000))  # 4 standard errors
    assert counts.var() / counts.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 2000))  # Poisson: 1
    assert float(many.times.mean() / second) == pytest.approx(5, abs=4 * 10 / np.sqrt(12 * len(many)))


def test_output_units_of_spike_timing_share_one_target():
    targets = spike_timing(outputs=3, n_spikes=2, period=300 * ms).targets
    for unit in range(3):
        np.testing.assert_allclose(np.asarray(targets.times[targets.ids == unit] / ms), [100, 200], rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 5}, "rate is 5; expected a firing rate, such as 5"),
        ({"rate": -5 * Hz}, "rate is -5 Hz"),
        ({"rate": 5 * ms}, "rate is"),
        ({"outputs": 0}, "outputs is 0"),
        ({"n_inputs": -1}, "n_inputs is -1"),
        ({"n_spikes": 0}, "n_spikes is 0"),
        ({"period": 500}, "period has no unit"),
    ],
)
def test_spike_timing_refuses_what_makes_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        spike_timing(**options)


def test_task_finds_tasks_by_name_and_suggests_near_ones():
    assert set(TASKS) >= {"spike-timing", "ras"}
    assert task("spike-timing", outputs=2).targets.n == 2
    with pytest.raises(ValueError, match=r"no task is called 'spike_timing'; did you mean 'spike-timing'"):
        task("spike_timing")
    with pytest.raises(ValueError, match="did you mean 'ssbm:oxford'"):
        task("oxford")
    with pytest.raises(
        ValueError, match="there are: data, digits, latencies, pattern, randman, ras, shd, spike-timing, ssbm:auryn"
    ):
        task("quux")


def test_task_names_the_options_when_one_is_wrong_or_missing():
    with pytest.raises(ValueError, match=r"task 'spike-timing': .*'output'; its options: n_inputs, outputs"):
        task("spike-timing", output=2)
    with pytest.raises(ValueError, match=r"task 'ras': missing .*'input'; its options: input, target, period"):
        task("ras")
    with pytest.raises(ValueError, match=r"task 'ssbm:oxford': .*its options: data_dir"):
        task("ssbm:oxford", period=1 * second)

"""A loop of one's own around a run."""

import itertools

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second, volt
from superspike_brian.models import CLASSIFIER, SUPERSPIKE
from superspike_brian.tasks import SpikePattern

import superspike_brian as ss

SHORT = {"duration": 120 * ms, "burn_in": 30 * ms, "block": 30 * ms, "dt": 0.2 * ms, "device": "runtime"}
QUICK = SUPERSPIKE.replace(t_b=20 * ms, axonal_delay=0.8 * ms)


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(5)

    def poisson(n, spikes):
        times = np.sort(rng.integers(1, 249, size=spikes)) * 0.2 * ms
        return SpikePattern(n, np.arange(spikes) % n, times, 50 * ms)

    return ss.tasks.Task("test", poisson(8, 40), poisson(2, 4), "made for a test")


def end_of(loop):
    return list(loop)[-1]


def test_nothing_changed_is_a_run(task):
    run = ss.train(task, QUICK, [3], seed=2, progress=False, **SHORT)
    found = list(ss.steps(task, QUICK, [3], seed=2, **SHORT))
    np.testing.assert_array_equal([float(step.time) for step in found], run.time)
    for name in ("1", "2"):
        np.testing.assert_array_equal(found[-1].weights[f"forward_{name}"], run[f"weights_{name}_end"])
    np.testing.assert_array_equal([step.cost / Hz for step in found], run.cost.transpose("block", ...))
    assert np.ptp([step.weights["forward_1"][0, 0] for step in found]) > 0


def test_a_compiled_run_with_trials(compiled, build_dir):
    options = {"duration": 2 * second, "burn_in": 0 * second, "block": 0.5 * second, "seed": 1, "build_dir": build_dir}
    run = ss.train("xor", CLASSIFIER, [4], progress=False, **options)
    last = end_of(ss.steps("xor", CLASSIFIER, [4], **options))
    np.testing.assert_array_equal(last.weights["forward_1"], run.weights_1_end)
    assert 0 <= last.accuracy <= 1


def test_a_learning_rate_stays_until_it_is_set_again(task):
    weights, rates = [], []
    for step in ss.steps(task, QUICK, [3], **SHORT):
        rates.append(step.r0 / mV)
        weights.append(step.weights["forward_1"].copy())
        step.r0 = 0 * mV if float(step.time) < 0.09 else 2 * mV
    np.testing.assert_allclose(rates, [1, 0, 0, 2])
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_array_equal(weights[1], weights[2])
    assert np.abs(weights[3] - weights[2]).max() == pytest.approx(2e-3, rel=0.5)


def test_weights_can_be_set(task):
    loop = ss.steps(task, QUICK, [3], **SHORT)
    next(loop).weights["forward_1"][:] = 0.0125
    after = next(loop)
    assert np.abs(after.weights["forward_1"] - 0.0125).max() < 4e-3


def test_other_inputs(task):
    """A pattern that begins in the middle of its period: the spikes after that are there, and no others."""
    silent = SpikePattern(8, np.array([], int), [] * second, 50 * ms)
    late = SpikePattern(8, np.array([1, 1]), [5, 20] * ms, 50 * ms)
    loop = ss.steps(task, QUICK, [3], **SHORT | {"duration": 90 * ms})
    first = next(loop)
    first.inputs = silent
    before = next(loop)
    assert np.abs(before.state["terminals_1.z"]).max() < np.abs(first.state["terminals_1.z"]).max()
    before.inputs = late  # at 60 ms, 10 ms into the period: the spike at 20 ms arrives, that at 5 ms is over
    z = next(loop).state["terminals_1.z_rise"]
    assert z[1] == pytest.approx(np.exp(-(30 - 10 - 0.8) / 5), rel=0.05)


def test_it_ends_and_can_be_left(task):
    assert len(list(itertools.islice(ss.steps(task, QUICK, [3], **SHORT), 2))) == 2
    assert len(list(ss.steps(task, QUICK, [3], **SHORT))) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.state.update({"forward_1.x": np.zeros(3)}), "no 'forward_1.x'"),
        (lambda s: s.state.update({"forward_1.w": np.zeros(3)}), r"shape \(24,\), not \(3,\)"),
        (lambda s: s.weights["forward_1"].fill(np.nan), "forward_1.w' must be finite"),
        (lambda s: setattr(s, "r0", 3 * second), "r0 must be a value in V,"),
        (lambda s: setattr(s, "inputs", SpikePattern(3, [], [] * second, 1 * second)), "of 8 units, not one of 3"),
        (lambda s: setattr(s, "targets", 3), "targets must be a SpikePattern of 2 units"),
    ],
)
def test_changes_that_do_not_fit(task, change, message):
    loop = ss.steps(task, QUICK, [3], **SHORT)
    change(next(loop))
    with pytest.raises(ValueError, match=message):
        next(loop)


def test_a_criterion_is_the_loops():
    with pytest.raises(ValueError, match="break"):
        ss.steps("xor", CLASSIFIER, [3], criterion=0.9)


def test_without_a_rate_none_can_be_set(task):
    loop = ss.steps(task, QUICK.replace(r0=0 * volt), [3], **SHORT)
    next(loop).r0 = 1 * mV
    with pytest.raises(ValueError, match="start from another r0"):
        next(loop)

"""Classification in trials: what is drawn, how it is scored, and the windowed error against a NumPy oracle."""

from itertools import pairwise

import numpy as np
import pytest
import xarray
from brian2 import Hz, ms, mV
from oracle import Oracle
from superspike_brian.models import FEEDBACKS, SUPERSPIKE, WINDOWED
from superspike_brian.tasks import Classification, SpikePattern, Trials, latencies, spike_timing, xor
from test_against_oracle import deviations, spikes, start

from superspike_brian.analysis import false_alarm_rate, score
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.initial import check_fit, initial_state
from superspike_brian.network.structure import DT, Structure
from superspike_brian.network.trials import TrialSource
from superspike_brian.results.trials import moving_accuracy, time_to
from superspike_brian.spec.serialize import task_from_arrays, task_to_arrays

STEPS = 16003  # weight updates at steps 0, 5000, 10000 and 15000


def stream(k):
    return np.random.default_rng([7, k])


@pytest.fixture(scope="module")
def small():
    """Two patterns of 12 inputs in three classes, many trials per second."""
    rng = np.random.default_rng(3)
    patterns = [SpikePattern(12, np.arange(12), rng.uniform(0, 10, 12) * ms, 10 * ms) for _ in range(3)]
    return Classification("small", patterns, (0, 1, 2), 5 * Hz, 15 * ms, 5 * ms, 20 * ms, 300 * ms, "made for a test")


def test_the_schedule_does_not_depend_on_how_the_run_is_cut():
    task = xor(seed=2)
    whole = task.spikes(stream, 0, 60_000, DT)
    cuts = [0, 1, 7777, 20_000, 20_001, 45_000, 60_000]
    parts = [task.spikes(stream, a, b, DT) for a, b in pairwise(cuts)]
    for name in ("inputs", "cues", "targets"):
        for k in (0, 1):
            assert np.array_equal(np.concatenate([p[name][k] for p in parts]), whole[name][k]), name


def test_trials_do_not_overlap_and_pauses_have_the_distribution_asked_for():
    task = xor(pause_min=30 * ms, pause_mean=80 * ms)
    trials = task.trials(stream, 0, 200, DT)
    assert np.all(trials.deadline - trials.onset == 250)  # 10 ms of stimulus and 15 ms of window
    same = trials.onset[1:] // 20_000 == trials.onset[:-1] // 20_000  # in one period
    pauses = (trials.onset[1:] - trials.deadline[:-1])[same]
    assert pauses.min() >= 300
    # the last pause of a period is drawn and cut off: a bias towards short ones, of about 2 %
    assert pauses.mean() == pytest.approx(800, rel=0.05)
    assert np.std(pauses) == pytest.approx(500, rel=0.1)  # exponential
    counts = np.bincount(trials.pattern, minlength=4)
    assert abs(counts / len(trials) - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / len(trials))
    assert np.array_equal(trials.label, np.array([0, 1, 1, 0])[trials.pattern])


def test_inputs_are_patterns_in_poisson_noise():
    task = xor(seed=5)
    steps, units = task.spikes(stream, 0, 2_000_000, DT)["inputs"]
    found = set((steps * 100 + units).tolist())
    assert len(found) == len(steps) and np.all(np.diff(steps) >= 0)
    trials, signal = task.trials(stream, 0, 100, DT), set()
    for onset, pattern in zip(trials.onset, trials.pattern, strict=True):
        s, u = task.patterns[pattern].steps(DT)
        signal |= set(((onset + s) * 100 + u).tolist())
    assert signal <= found
    noise = len(found - signal)
    assert noise == pytest.approx(4 * 100 * 200, abs=4 * np.sqrt(4 * 100 * 200))


def test_xor_patterns_are_sets_of_inputs_with_fixed_offsets():
    task = xor(n_inputs=50, set_size=10, seed=1)
    spiking = [{*zip(p.ids.tolist(), np.asarray(p.times).tolist(), strict=True)} for p in task.patterns]
    neither, second_alone, first_alone, both = spiking
    assert neither == second_alone & first_alone and len(neither) == 10  # the reference is in every pattern
    assert both == first_alone | second_alone and len(both) == 30
    assert task.classes == (0, 1, 1, 0) and task.n_inputs == 50 and task.n_outputs == 2


def brute_force(trials, steps, units):
    correct, false_alarms, before = [], [], 0
    for onset, deadline, label in zip(trials.onset, trials.deadline, trials.label, strict=True):
        answers = [u for s, u in zip(steps, units, strict=True) if onset <= s < deadline]
        correct.append(label in answers and all(u == label for u in answers))
        false_alarms.append(sum(before <= s < onset for s in steps))
        before = deadline
    return correct, false_alarms


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_a_search_by_hand(small, seed):
    rng = np.random.default_rng(seed)
    trials = small.trials(stream, 0, 3, DT)
    n = 60
    steps, units = rng.integers(0, 9000, n), rng.integers(0, 3, n)
    edges = np.concatenate([trials.onset, trials.deadline])[: n // 3]
    steps[: len(edges)] = edges  # windows are closed at the onset and open at the deadline
    correct, false_alarms = score(trials, steps, units)
    assert (correct.tolist(), false_alarms.tolist()) == brute_force(trials, steps, units)
    assert 0 < correct.sum() < len(trials)
    pauses = trials.onset - np.r_[0, trials.deadline[:-1]]
    rate = false_alarm_rate(trials.onset * 1e-4, trials.deadline * 1e-4, false_alarms)
    assert rate == pytest.approx(sum(false_alarms) / (pauses.sum() * 1e-4))


def test_without_trials_or_spikes_there_is_nothing_to_score(small):
    correct, false_alarms = score(Trials.join([]), np.array([3, 5]), np.array([0, 1]))
    assert not len(correct) and not len(false_alarms)
    trials = small.trials(stream, 0, 1, DT)
    correct, false_alarms = score(trials, np.zeros(0, int), np.zeros(0, int))
    assert not correct.any() and not false_alarms.any() and len(correct) == len(trials) > 0


class WindowedOracle(Oracle):
    """The oracle with an error judged from the list of trials and the spikes so far."""

    def judge_by(self, trials):
        self.trials, self.history, self.impulses = trials, [], {"miss": 0, "false alarm": 0, "hit": 0}

    def _impulses(self, n, target, fired):
        error = np.zeros_like(self.cost)
        for k in np.flatnonzero(self.trials.deadline == n):
            onset, label = self.trials.onset[k], self.trials.label[k]
            if not any(onset <= s < n and u == label for s, u in self.history):
                error[label] += 1
                self.impulses["miss"] += 1
        for unit in fired:
            expected = (self.trials.onset <= n) & (n < self.trials.deadline) & (self.trials.label == unit)
            error[unit] -= not expected.any()
            self.impulses["hit" if expected.any() else "false alarm"] += 1
            self.history.append((n, unit))
        return error


@pytest.mark.parametrize(
    ("feedback", "kernel"),
    [
        ("random", "auto"),
        ("symmetric", "auto"),
        *(pytest.param(*v, marks=pytest.mark.slow) for v in (("uniform", "auto"), (None, "auto"), ("random", "stock"))),
    ],
)
def test_windowed_error_is_that_of_the_oracle(compiled, small, feedback, kernel):
    model = SUPERSPIKE.replace(error=WINDOWED, r0=8 * mV)
    if feedback:
        model = model.replace(feedback=FEEDBACKS[feedback])
    variant = Structure(model, (12, 5, 3) if feedback else (12, 3))
    source = TrialSource(small, variant, 11)
    inputs = small.spikes(source.stream("trials"), 0, STEPS, DT)["inputs"]
    state = start(variant, small, 11) | source.training(0, STEPS)
    state |= {f"{name}.w": 0.4 * state[f"{name}.w"] for name in variant.projections}  # silent enough to miss some
    w = [state[f"{name}.w"].reshape(variant.shape(name)) for name in variant.projections]
    b = state["feedback_target_1.b"].reshape(5, 3).T if feedback == "random" else None
    oracle = WindowedOracle(w, inputs, ((), ()), STEPS, feedback=feedback or "symmetric", b=b, r0=8e-3)
    oracle.judge_by(small.trials(source.stream("trials"), 0, 6, DT))
    oracle.run(STEPS)
    final, records = compiled(variant, kernel=kernel).run(state, 0, STEPS, probe=True)
    assert spikes(records, "output") == sorted(oracle.spikes["output"])
    found = deviations(variant, oracle, final)
    assert max(found.values()) < 1e-9, found
    assert min(oracle.impulses.values()) > 10, oracle.impulses  # otherwise the comparison would say little


def test_a_task_survives_being_stored():
    task = latencies(classes=4, patterns=1, n_inputs=30, seed=9)
    again = task_from_arrays(task_to_arrays(task), None)
    for a, b in zip(task.patterns, again.patterns, strict=True):
        assert np.array_equal(a.ids, b.ids) and np.array_equal(a.times, b.times)
    assert again.classes == task.classes and again.source == task.source and again.background == task.background
    first, second_ = (t.spikes(stream, 0, 20_000, DT) for t in (task, again))
    assert all(np.array_equal(first[k][0], second_[k][0]) for k in first)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": (0, 1)}, "one class a pattern"),
        ({"classes": (0, 1, -1)}, "class -1"),
        ({"background": 4}, "4*Hz"),
        ({"response_window": 15}, "no unit"),
        ({"pause_mean": 1 * ms}, "at least pause_min"),
        ({"period": 20 * ms}, "more than"),
        ({"patterns": [SpikePattern(n, [0], [1] * ms, 10 * ms) for n in (3, 4, 5)]}, "numbers of units"),
        ({"patterns": [SpikePattern(3, [0], [1] * ms, t * ms) for t in (3, 4, 5)]}, "periods"),
    ],
)
def test_a_task_that_cannot_be_is_refused(small, change, message):
    fields = {name: getattr(small, name) for name in Classification.__dataclass_fields__}
    with pytest.raises(ValueError) as error:
        Classification(**fields | change)
    assert message in str(error.value)


def test_task_and_error_signal_must_fit():
    windowed = Structure(SUPERSPIKE.replace(error=WINDOWED), (100, 4, 2))
    check_fit(windowed, xor())
    with pytest.raises(ValueError, match="error=WINDOWED"):
        initial_state(Structure(SUPERSPIKE, (100, 4, 2)), xor(), 0)
    with pytest.raises(ValueError, match="error=VAN_ROSSUM"):
        initial_state(windowed, spike_timing(outputs=2), 0)
    with pytest.raises(ValueError, match="at least 99 inputs"):
        xor(n_inputs=50)


def test_probe_and_test_trials_are_fresh():
    source = TrialSource(xor(), Structure(SUPERSPIKE.replace(error=WINDOWED), (100, 2)), 1)
    old = {"output.target_impulse": np.ones(2), "output.U": np.zeros(2)}
    probe, _ = source.fresh("probe", old, 40_000, source.length)
    test, trials = source.fresh("test", old, 40_000, source.test_steps(40_000))
    assert "output.target_impulse" not in test and "output.U" in test  # windows are closed, the rest goes on
    training = source.training(40_000, 60_000)
    a, b, c = (x["inputs._timebins"][:200].tolist() for x in (probe, test, training))
    assert a != b and b != c and a != c
    assert len(trials["onset"]) >= 400 and min(a) >= 40_000 and trials["onset"][0] >= 40_000
    assert test["cues._timebins"].tolist() == trials["onset"].tolist()


def test_the_runtime_device_draws_the_same_trials():
    task = latencies(classes=2, patterns=1, n_inputs=12, seed=1)
    model = SUPERSPIKE.replace(error=WINDOWED)
    structure = Structure(model, (12, 2))
    source = TrialSource(task, structure, 0)
    program = RuntimeProgram(structure)
    state = initial_state(structure, task, 0) | source.training(0, 2000)
    state, _ = program.run(state, 0, 2000, probe=True)
    _, records = program.run(state | source.training(2000, 4000), 2000, 2000, probe=True)
    steps, units = task.spikes(source.stream("trials"), 2000, 4000, DT)["inputs"]
    assert spikes(records, "inputs") == sorted(zip(steps.tolist(), units.tolist(), strict=True))


def test_time_to_a_level_needs_a_full_window():
    correct = np.r_[np.ones(50), np.zeros(100), np.ones(200)].astype(np.int8)
    data = xarray.Dataset({"trial_correct": ("trial", correct), "trial_deadline": ("trial", np.arange(350.0))})
    times, fractions = moving_accuracy(data)
    assert fractions[49] == 1 and fractions[149] == 0 and fractions[199] == 0.5 and times[-1] == 349
    assert time_to(data, 0.95) == 244 and time_to(data.isel(trial=slice(200)), 0.95) is None

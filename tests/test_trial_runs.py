"""Runs of a classification: interrupted, extended, cut otherwise, ended by a criterion; and what their files say."""

import io
import json

import numpy as np
import pytest
import xarray as xr
from brian2 import second
from superspike_brian.models import FEEDBACKS, SUPERSPIKE, WINDOWED
from superspike_brian.tasks import Trials, spike_timing, xor
from test_classification import brute_force

from superspike_brian import results
from superspike_brian.cli.main import main
from superspike_brian.console.progress import Lines, Silent
from superspike_brian.network.structure import DT
from superspike_brian.results.folder import RunFolder
from superspike_brian.results.trials import moving_accuracy
from superspike_brian.runs.training import resume, train
from superspike_brian.spec.run import RunSpec
from superspike_brian.spec.serialize import task_from_arrays
from superspike_brian.sweeps.jobs import Job
from superspike_brian.sweeps.sweep import run_sweep


def quickly(task, out, build_dir, seconds, **options):
    """Train a network of 100-4-2, in blocks that do not end with periods."""
    model = SUPERSPIKE.replace(error=WINDOWED, feedback=FEEDBACKS["random"])
    protocol = {"duration": seconds * second, "block": 1.5 * second, "burn_in": 1 * second}
    return train(task, model, (4,), out=out, build_dir=build_dir, seed=3, **protocol | options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, build_dir):
    """A run without interruption: folder and dataset."""
    out = tmp_path_factory.mktemp("xor") / "run"
    return out, quickly(xor(seed=3), out, build_dir, 7)


class StopAfter(Silent):
    """Interrupts a run after `n` blocks, as Ctrl-C does."""

    def __init__(self, n):
        self.left = n

    def block(self, *figures):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def same(first, second):
    """Whether two datasets have the same variables; times of the machine aside."""
    return all(np.array_equal(first[v], second[v]) for v in first.variables) and first.keys() == second.keys()


def test_xarray_alone_groups_trials_and_draws_them_against_time(whole):
    with xr.open_dataset(whole[0] / "run.nc", engine="h5netcdf") as file:
        data = file.load()
    found = data.test_correct.groupby("test_class").mean()
    assert found.values.tolist() == [data.test_correct.values[data.test_class.values == k].mean() for k in range(2)]
    assert {"trial_onset", "trial_deadline"} <= data.trial_prediction.coords.keys()
    assert "tests_time" in data.tests_accuracy.coords and "probe_trial_onset" in data.probe_trial_correct.coords
    steps = np.concatenate([p.steps(DT)[0] for p in xor(seed=3).patterns])
    assert np.array_equal(data.pattern_step, steps) and np.array_equal(data.pattern_time, steps * float(DT))


def test_an_interrupted_run_ends_in_the_same_bits(tmp_path, build_dir, whole):
    with pytest.raises(KeyboardInterrupt):
        quickly(xor(seed=3), tmp_path / "run", build_dir, 7, progress=StopAfter(3))
    assert same(resume(tmp_path / "run", build_dir=build_dir, progress=False), whole[1])


def test_a_run_that_is_extended_ends_in_the_same_weights(tmp_path, build_dir, whole):
    quickly(xor(seed=3), tmp_path / "run", build_dir, 4)
    longer = resume(tmp_path / "run", duration=7 * second, build_dir=build_dir, progress=False)
    for name in ("weights_1_end", "weights_2_end", "trial_correct", "test_correct", "spikes_output_time"):
        assert np.array_equal(longer[name], whole[1][name]), name


def test_blocks_do_not_change_the_run(tmp_path, build_dir, whole):
    other = quickly(xor(seed=3), None, build_dir, 7, block=2.25 * second)
    for name in ("weights_1_end", "weights_2_end", "trial_correct", "watched_time"):
        assert np.array_equal(other[name], whole[1][name]), name


def test_the_file_says_what_was_asked_and_answered(whole):
    data = results.load(whole[0])
    assert same(data, whole[1])
    steps, units = np.rint(data.watched_time.values / 1e-4).astype(int), data.watched_unit.values
    trials = Trials(
        *(np.rint(data[f"trial_{k}"].values / 1e-4).astype(int) for k in ("onset", "deadline")),
        data.trial_pattern.values,
        data.trial_class.values,
    )
    correct, false_alarms = brute_force(trials, steps, units)
    assert correct == data.trial_correct.values.tolist() and false_alarms == data.trial_false_alarms.values.tolist()
    assert np.array_equal(data.pattern_class.values[trials.pattern], trials.label)
    assert data.trial_deadline.values[-1] <= 7 and len(trials) > 20
    figures = results.summary(data, whole[0])
    assert figures["n_test"] >= 400 and figures["accuracy"] == data.test_correct.values.mean()
    # in the probe windows, inputs spike at the offsets of the pattern that the table names
    times = set(np.rint(data.spikes_inputs_time.values / 1e-4).astype(int).tolist())
    task = task_from_arrays(RunFolder(whole[0]).task_arrays, None)
    for onset, pattern in zip(data.probe_trial_onset.values, data.probe_trial_pattern.values, strict=True):
        assert set((round(onset / 1e-4) + task.patterns[pattern].steps(DT)[0]).tolist()) <= times


def test_the_command_line_trains_shows_and_draws(tmp_path, build_dir, capsys):
    out = str(tmp_path / "run")
    options = ["--hidden", "4", "--feedback", "random", "--seed", "3", "--build-dir", str(build_dir), "--quiet"]
    times = ["--duration", "3s", "--burn-in", "1s", "--block", "1s"]
    assert main(["run", "xor", *options, *times, "--out", out, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 0 <= figures["accuracy"] <= 1 and figures["false_alarms_hz"] >= 0 and figures["n_test"] >= 400
    assert main(["show", out]) == 0
    assert "of trials on fresh noise" in capsys.readouterr().out.replace(str(figures["n_test"]) + " ", "")
    assert main(["plot", out]) == 0
    assert (tmp_path / "run" / "figure.png").stat().st_size > 10_000
    assert main(["describe", "xor", "--hidden", "4"]) == 0
    text = capsys.readouterr().out
    assert "`target_impulse_post = 1`; `output_impulse_post = 0`" in text and "background: 4 Hz" in text
    assert main(["resume", out, "--duration", "4s", "--build-dir", str(build_dir), "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["simulated_s"] == 4


def test_progress_tells_the_accuracy_of_late_trials(tmp_path, build_dir, whole):
    class Heard(Silent):
        def __init__(self):
            self.accuracy = []

        def block(self, at, cost, r0, rate, accuracy=None):
            self.accuracy.append(accuracy)

    heard = Heard()
    quickly(xor(seed=3), None, build_dir, 7, progress=heard)
    times, fractions = moving_accuracy(whole[1])
    ends = whole[1].time.values
    expected = [fractions[np.searchsorted(times, end + 1e-9) - 1] for end in ends]
    assert heard.accuracy == pytest.approx(expected)


CRITERION = {"criterion": 0.35, "criterion_trials": 20}


@pytest.fixture(scope="module")
def without(build_dir):
    """A run without criterion that learns something, and the end of the first block whose last 20 trials meet it (s)."""
    data = quickly(xor(seed=0), None, build_dir, 40)
    times, fractions = moving_accuracy(data, 20)
    ends = data.time.values
    met = fractions[np.searchsorted(times, ends + 1e-9) - 1] >= 0.35
    assert not met[0] and met[:-1].any()
    return data, ends[np.argmax(met)]


def test_training_ends_with_the_first_block_that_meets_the_criterion(tmp_path, build_dir, without):
    data, end = quickly(xor(seed=0), tmp_path / "run", build_dir, 40, **CRITERION), without[1]
    n = data.sizes["block"]
    assert data.attrs["simulated_s"] == data.time[-1] == data.test_start == end
    for name in ("time", "cost"):
        assert np.array_equal(data[name], without[0][name][:n]), name
    assert data.trial_deadline.values[-1] <= end
    assert results.summary(data, "")["criterion_met"] and not results.summary(without[0], "")["criterion_met"]
    assert same(resume(tmp_path / "run", build_dir=build_dir, progress=False), data)  # there is nothing left to do
    heard = Lines(io.StringIO())
    longer = resume(tmp_path / "run", duration=50 * second, build_dir=build_dir, progress=heard)
    assert longer.attrs["simulated_s"] == end
    assert f"criterion met at {end:g} s" in heard.stream.getvalue()


def test_an_interruption_does_not_change_where_the_criterion_is_met(tmp_path, build_dir):
    straight = quickly(xor(seed=0), None, build_dir, 40, **CRITERION)
    one_before = StopAfter(straight.sizes["block"] - 1)
    with pytest.raises(KeyboardInterrupt):
        quickly(xor(seed=0), tmp_path / "run", build_dir, 40, progress=one_before, **CRITERION)
    assert same(resume(tmp_path / "run", build_dir=build_dir, progress=False), straight)


def test_a_criterion_out_of_reach_changes_nothing(build_dir, whole):
    assert same(quickly(xor(seed=3), None, build_dir, 7, criterion=1.0), whole[1])


def test_a_sweep_takes_a_run_that_met_its_criterion_for_done(tmp_path, build_dir):
    quickly(xor(seed=0), tmp_path / "met", build_dir, 40, **CRITERION)
    quickly(xor(seed=0), tmp_path / "not", build_dir, 4)
    task, model = xor(seed=0), SUPERSPIKE.replace(error=WINDOWED, feedback=FEEDBACKS["random"])
    asked = {"duration": 40 * second}
    assert Job(tmp_path / "met", RunSpec.make(task, model, [4], **asked, **CRITERION)).is_done
    assert not Job(tmp_path / "not", RunSpec.make(task, model, [4], **asked)).is_done


def test_a_criterion_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no trials"):
        train(spike_timing(), duration=1 * second, criterion=0.9)
    with pytest.raises(ValueError, match="has no trials"):
        run_sweep(lambda seed: {"task": spike_timing()}, {}, 1, tmp_path / "s", duration=1 * second, criterion=0.9)
    assert not (tmp_path / "s").exists()
    for wrong in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="fraction of correct trials"):
            train(xor(), duration=1 * second, criterion=wrong)
    with pytest.raises(ValueError, match="whole number"):
        train(xor(), duration=1 * second, criterion=0.9, criterion_trials=0)

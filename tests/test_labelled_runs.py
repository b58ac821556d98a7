"""Runs on labelled samples: epochs, tests of held-out samples, the graded readout, decoders; and what their files say."""

import json
import re

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from superspike_brian.models import GRADED, RANDOM, READOUT, SUPERSPIKE, WINDOWED, WINDOWED_MARGIN, Projection, chain
from superspike_brian.tasks import LabelledSpikes, LabelledTask, Trials, latencies, spike_timing
from test_trial_runs import StopAfter, same

from superspike_brian import results
from superspike_brian.analysis import DECODERS, confusion, decode
from superspike_brian.cli.options import ANSWERS
from superspike_brian.files.durable import RunFolderError
from superspike_brian.network.structure import DT, Structure
from superspike_brian.network.synapses import random_stream
from superspike_brian.network.trials import SampleSource
from superspike_brian.results.samples import FOLDER
from superspike_brian.runs.training import resume, train
from superspike_brian.spec.run import RunSpec
from superspike_brian.sweeps.jobs import Job, run_payload
from superspike_brian.sweeps.sweep import run_sweep


def samples(n=24, seed=0, n_in=8, classes=3, lengths=None):
    """Random samples whose class is the block of inputs that spikes most."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    lengths = np.full(n, 8e-3) if lengths is None else lengths
    times, units = [], []
    for label, length in zip(labels, lengths, strict=True):
        mine = np.concatenate([np.flatnonzero(np.arange(n_in) % classes == label), rng.integers(0, n_in, 2)])
        units.append(mine)
        times.append(rng.uniform(0, 0.9 * length, len(mine)))
    offsets = np.concatenate([[0], np.cumsum([len(u) for u in units])])
    flat = np.concatenate(times) * second, np.concatenate(units).astype(np.int32), offsets
    return LabelledSpikes("blocks", n_in, *flat, labels.astype(np.int32), lengths * second, classes, f"seed {seed}")


def task_of(**options):
    uneven = np.random.default_rng(5).integers(50, 90, 24) * 1e-4
    return LabelledTask("blocks", samples(lengths=uneven), samples(12, seed=1), 6 * ms, 20 * ms, **options)


def quickly(build_dir, out=None, model=READOUT, hidden=(4,), **options):
    given = {"duration": 3 * second, "block": 0.7 * second, "burn_in": 0.5 * second, "seed": 3}
    return train(task_of(), model, hidden, out=out, build_dir=build_dir, progress=False, **given | options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, build_dir):
    """A run without interruption: folder and dataset."""
    out = tmp_path_factory.mktemp("labelled") / "run"
    return out, quickly(build_dir, out, probe_learning=[1 * second], probe_length=1 * second)


# the schedule


def by_hand(task, seed, epochs):
    """Onset, deadline and sample of the first epochs, one after another."""
    at, found = 0, []
    for epoch in range(epochs):
        for k in random_stream(seed, "trials", epoch).permutation(len(task.training)):
            end = at + round(float(task.training.lengths[k]) / 1e-4)
            deadline = end + round(float(task.response_window) / 1e-4)
            found.append((at, deadline, k, task.training.labels[k]))
            at = deadline + round(float(task.pause) / 1e-4)
    return found, at


def test_an_epoch_presents_every_sample_once_in_a_slot_of_its_own_length():
    task, structure = task_of(), Structure(READOUT, (8, 3))
    source = SampleSource(task, structure, 7)
    expected, end = by_hand(task, 7, 3)
    assert end == 3 * task.epoch(DT)
    trials = source.trials(end)
    assert list(zip(trials.onset, trials.deadline, trials.pattern, trials.label, strict=True)) == expected
    orders = trials.pattern.reshape(3, -1)
    assert (np.sort(orders) == np.arange(24)).all() and not np.array_equal(orders[0], orders[1])


@pytest.mark.parametrize("cut", [[], [1], [999, 1000, 1001, 4321], list(range(100, 9000, 100))])
def test_how_a_run_is_cut_changes_no_spike(cut):
    task, source = task_of(), SampleSource(task_of(), Structure(READOUT, (8, 3)), 7)
    stop = 9000
    trials, _ = by_hand(task, 7, 2)
    inputs, cues, targets = [], [], []
    for onset, deadline, k, label in trials:
        mine = slice(*task.training.offsets[k : k + 2])
        steps = onset + np.rint(np.asarray(task.training.times[mine]) / 1e-4).astype(int)
        inputs += list(zip(steps.tolist(), task.training.units[mine].tolist(), strict=True))
        cues.append((onset, label))
        targets += [(deadline, unit) for unit in range(3)]
    for name, events in (("inputs", inputs), ("cues", cues), ("targets", targets)):
        expected = sorted({e for e in events if e[0] < stop})
        found = []
        for start, end in zip([0, *cut], [*cut, stop], strict=True):
            state = source.training(start, end)
            steps = state[f"{name}._timebins"].tolist()
            assert steps == sorted(steps)
            found += zip(steps, state[f"{name}.neuron_index"].tolist(), strict=True)
        assert sorted(found) == expected, name


def test_tests_ask_in_order_and_probe_windows_one_of_each_class_in_turn():
    task = LabelledTask("blocks", samples(), samples(12, seed=1).select(np.argsort(np.arange(12) % 3, kind="stable")))
    assert task.test.labels.tolist() == sorted(task.test.labels)
    assert task.in_order(DT).pattern.tolist() == list(range(12))
    shown = task.in_order(DT, in_turn=True)
    assert shown.label.tolist() == [0, 1, 2] * 4 and sorted(shown.pattern) == list(range(12))
    source = SampleSource(task, Structure(READOUT, (8, 3)), 7)
    _, asked = source.fresh("probe", {}, 500, round(float(task.period) / 1e-4))
    assert np.array_equal(asked["pattern"], shown.pattern[: len(asked["pattern"])]) and asked["onset"][0] == 500 + 500
    assert source.fresh("test", {}, 500, source.test_steps(500))[1]["pattern"].tolist() == list(range(12))


def test_a_pause_shorter_than_a_step_is_refused():
    task = LabelledTask("blocks", samples(), pause=0.01 * ms)
    with pytest.raises(ValueError, match=r"pause is 0\.01 ms; expected at least one time step of 0\.1 ms"):
        task.epoch(DT)


# the graded readout


def alpha(impulses, tau_rise=5e-3, tau_decay=10e-3, dt=1e-4):
    """Impulses through a double exponential kernel, values at the start of each step; exact between steps."""
    rise = error = 0.0
    a, b, found = np.exp(-dt / tau_rise), np.exp(-dt / tau_decay), []
    for impulse in impulses:
        found.append(error)
        error, rise = error * b + rise * (a - b) / (tau_rise - tau_decay), rise * a + impulse
    return np.array(found)


def test_the_error_of_the_readout_is_expected_minus_logistic_at_each_deadline(whole):
    data, onset = whole[1], 1.0
    window = int(np.flatnonzero(data.probe_learning.values)[0])
    potential = data.trial_potential.values
    expected = np.eye(3)[data.trial_class.values]
    impulse = expected - 1 / (1 + np.exp(-(potential + 50e-3) / 5e-3))
    steps = np.rint(data.trial_deadline.values / 1e-4).astype(int)
    for unit in range(3):
        drive = np.zeros(30_000)
        drive[steps] = impulse[:, unit]
        error = alpha(drive)[10_000:20_000]
        recorded = data.error_output.values[window, :10_000, unit]
        assert recorded == pytest.approx(error, abs=1e-9 * max(abs(error))), unit
        assert float(data.probe_start[window]) == onset


def test_the_potential_is_that_of_the_membrane_equation(build_dir):
    """Without hidden layer and without learning: input currents through two exponentials, step by step."""
    data = quickly(build_dir, hidden=(), burn_in=5 * second)
    task, w = task_of(), data.weights_1_end.values
    source = SampleSource(task, Structure(READOUT, (8, 3)), 3)
    state = source.training(0, 30_000)
    arrivals = np.zeros((30_100, 3))
    for step, unit in zip(state["inputs._timebins"], state["inputs.neuron_index"], strict=True):
        arrivals[step + 8] += w[unit]  # an axonal delay of 0.8 ms
    a, b = np.exp(-1e-4 / 10e-3), np.exp(-1e-4 / 5e-3)
    U = current = np.zeros(3)
    found = {}
    for step in range(30_000):
        U, current = U * a + current * (b - a) * 5e-3 / (5e-3 - 10e-3), current * b
        found[step] = U - 60e-3
        current = current + arrivals[step]
    for deadline, potential in zip(data.trial_deadline.values, data.trial_potential.values, strict=True):
        assert potential == pytest.approx(found[round(deadline / 1e-4)], abs=1e-12)


def test_probe_windows_that_overlap_are_judged_each_by_itself(build_dir):
    data = quickly(build_dir, duration=0.4 * second, burn_in=0.1 * second, probe_length=1 * second, seed=4)
    assert data.sizes["probe"] == 2 and data.probe_trial_onset.values[-1] > 0.4 + 0.3
    assert np.isfinite(data.probe_trial_potential.values).all()
    assert np.array_equal(data.probe_trial_prediction, data.probe_trial_potential.values.argmax(1))


def test_outputs_do_not_spike_and_learn(whole, build_dir):
    data = quickly(build_dir, duration=60 * second, probe_length=0.1 * second)
    assert not data.spikes_output_time.size and not data.watched_time.size
    assert data.tests_accuracy.values[-1] >= 0.9 > 0.7 > whole[1].tests_accuracy.values[0]
    shuffled = LabelledTask("blocks", samples(), samples(12, seed=1), 6 * ms, 20 * ms)
    labels = np.random.default_rng(0).permutation(shuffled.training.labels)
    arrays = shuffled.training.arrays | {"labels": labels}
    wrong = LabelledTask("shuffled", LabelledSpikes.from_stored(arrays, "x", "x"), shuffled.test, 6 * ms, 20 * ms)
    control = train(wrong, READOUT, (4,), duration=60 * second, seed=3, build_dir=build_dir, progress=False)
    assert control.tests_accuracy.values[-1] < 0.7


@pytest.mark.parametrize("kernel", ["dense", "gemm", "events"])
def test_kernels_agree_with_brian2(build_dir, kernel):
    stock, fast = (quickly(build_dir, kernel=k) for k in ("stock", kernel))
    for name in ("weights_1_end", "weights_2_end", "trial_potential"):
        assert fast[name].values == pytest.approx(stock[name].values, rel=1e-9, abs=1e-12), name
    assert np.array_equal(fast.tests_prediction, stock.tests_prediction)


def test_the_runtime_device_gives_the_same_answers(build_dir):
    compiled, slow = (
        quickly(build_dir, device=d, duration=1 * second, kernel="stock") for d in ("standalone", "runtime")
    )
    assert slow.trial_potential.values == pytest.approx(compiled.trial_potential.values, abs=1e-12)
    assert np.array_equal(slow.tests_prediction, compiled.tests_prediction)


def test_a_deadline_of_all_outputs_flushes_no_kernel(compiled):
    """What flushes are generated: those of chunks, of weight updates and of blocks, and none for a deadline."""
    folder = compiled(Structure(READOUT, (8, 4, 3)), kernel="events").folder
    text = re.sub(r"if \(probe\.recording\) \{.*?\n\s*\}", "", (folder / "main.cpp").read_text(), flags=re.S)
    calls = [part.partition("});")[0] for part in text.split("network.add(")[1:]]
    (step,) = [call for call in calls if "_run_deadlines_pre_codeobject" in call]
    for name in ("window_deadline_pre", "verdicts_spike_thresholder", "error_target_pre", "feedback_target_1_pre"):
        assert f"_run_{name}_codeobject" in step, name
    assert "_flush_" not in step and any("_flush_" in call for call in calls)


# interruption, blocks, storage


def test_an_interrupted_run_ends_in_the_same_bits(tmp_path, build_dir, whole):
    course = {"probe_learning": [1 * second], "probe_length": 1 * second}
    with pytest.raises(KeyboardInterrupt):
        given = {"duration": 3 * second, "block": 0.7 * second, "burn_in": 0.5 * second, "seed": 3} | course
        train(task_of(), READOUT, (4,), out=tmp_path / "run", build_dir=build_dir, progress=StopAfter(6), **given)
    assert same(resume(tmp_path / "run", build_dir=build_dir, progress=False), whole[1])


def test_tests_change_nothing(build_dir, whole):
    often = quickly(build_dir, test_every=0.1 * second, r0_decay_at=whole_decays(whole))
    assert np.array_equal(often.weights_2_end, whole[1].weights_2_end)
    assert often.sizes["tests"] == 30 and whole[1].sizes["tests"] == 10
    assert np.array_equal(often.tests_prediction[-1], whole[1].tests_prediction[-1])


def whole_decays(whole):
    return [value[0] * second for value in json.loads(whole[1].attrs["protocol"])["r0_decay_at"]["list"]]


def test_samples_are_stored_once_and_not_in_the_run(tmp_path, build_dir):
    for name in ("one", "two"):
        quickly(build_dir, tmp_path / name, duration=1 * second)
    keys = {samples().key, task_of().training.key, task_of().test.key} & {p.stem for p in (tmp_path / FOLDER).iterdir()}
    assert keys == {task_of().training.key, task_of().test.key}
    assert len(list((tmp_path / FOLDER).iterdir())) == 2
    assert (tmp_path / "one" / "task.npz").stat().st_size < 10_000
    data = results.load(tmp_path / "one")
    assert not any(name.startswith(("pattern_t", "input_t")) for name in data.variables)


def test_a_run_without_its_samples_says_which_are_missing(tmp_path, build_dir):
    quickly(build_dir, tmp_path / "run", duration=1 * second)
    file = tmp_path / FOLDER / f"{task_of().test.key}.npz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    results.samples._read.cache_clear()
    file.write_bytes(data)
    with pytest.raises(RunFolderError, match=f"{file.name} is damaged"):
        resume(tmp_path / "run", duration=2 * second, build_dir=build_dir, progress=False)
    file.unlink()
    with pytest.raises(RunFolderError, match=f"labelled samples of the run .blocks. are not there: copy .*{file.name}"):
        resume(tmp_path / "run", duration=2 * second, build_dir=build_dir, progress=False)
    assert results.load(tmp_path / "run").sizes["tests"]  # results are shown without them


def test_a_job_of_a_sweep_finds_its_samples_beside_it(tmp_path, build_dir, whole):
    spec = RunSpec.make(task_of(), READOUT, (4,), duration=1 * second, burn_in=0.5 * second, seed=3)
    job = Job(tmp_path / "run", spec)
    out, request, arrays, machine = job.payload()
    assert sum(np.asarray(a).nbytes for a in arrays.values()) < 2000
    figures = run_payload((out, request, arrays, type(machine)(build_dir, 1)))
    assert figures["n_test"] == 12 and job.difference() is None


def test_a_sweep_stores_its_samples_once(tmp_path, build_dir):
    def make(seed, feedback):
        return {"task": task_of(), "model": READOUT.replace(feedback=feedback), "hidden": (4,)}

    grid, course = {"feedback": ["symmetric", "random"]}, {"duration": 1 * second, "build_dir": build_dir}
    data = run_sweep(make, grid, range(2), tmp_path / "sweep", report=lambda line: None, **course)
    assert not any(data.message.values.ravel()) and data.accuracy.shape == (2, 2)
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.parent.name == FOLDER)
    keys = sorted(s.key for s in (task_of().training, task_of().test))
    assert found == [f"sweep/{FOLDER}/{key}.npz" for key in keys]
    resume(
        tmp_path / "sweep" / "feedback=random" / "seed-001", duration=2 * second, build_dir=build_dir, progress=False
    )


# options


def test_epochs_say_how_long_a_run_is():
    task = task_of()
    spec = RunSpec.make(task, epochs=2.5)
    assert spec.n_steps == round(2.5 * task.epoch(DT)) and spec.protocol.epochs is None
    assert RunSpec.make(task).n_steps == 10 * task.epoch(DT)
    assert [round(float(t) / float(spec.duration), 3) for t in spec.protocol.r0_decay_at] == [0.6, 0.85]
    assert dict(RunSpec.make(task).probe_units) == {"output": 3} and RunSpec.make(task, probe_units=2).probe_units == 2
    assert RunSpec.make(task, r0_decay_at=()).protocol.r0_decay_at == ()
    with pytest.raises(ValueError, match="epochs and duration: give one of them"):
        RunSpec.make(task, epochs=1, duration=1 * second)
    with pytest.raises(ValueError, match="epochs are of labelled samples, and the task spike-timing has none"):
        RunSpec.make(spike_timing(), epochs=1)
    with pytest.raises(ValueError, match="test is held-out samples of LabelledSpikes"):
        RunSpec.make(spike_timing(), test=samples())


def test_held_out_samples_are_given_beside_the_training_set(build_dir):
    one = train(
        samples(), READOUT, (4,), test=samples(12, seed=1), duration=1 * second, build_dir=build_dir, progress=False
    )
    assert one.sizes["test"] == 12 and np.array_equal(one.test_class, samples(12, seed=1).labels)
    alone = train(samples(), READOUT, (4,), duration=1 * second, build_dir=build_dir, progress=False)
    assert "test_onset" not in alone and results.summary(alone, "")["accuracy"] is None


def test_trials_on_fresh_noise_can_be_tested_in_between_too(build_dir):
    task = latencies(classes=2, patterns=1, n_inputs=12)
    course = {"duration": 3 * second, "burn_in": 1 * second, "build_dir": build_dir, "progress": False}
    once, often = train(task, **course), train(task, test_every=1 * second, **course)
    assert often.tests_time.values.tolist() == [1, 2, 3] and once.tests_time.values.tolist() == [3]
    assert np.array_equal(once.weights_1_end, often.weights_1_end)
    assert often.tests_accuracy[-1] == once.test_correct.mean() == often.test_correct.mean()
    with pytest.raises(ValueError, match="test_every is of trials, and the task spike-timing has none"):
        RunSpec.make(spike_timing(), test_every=1 * second)


class OwnTask(LabelledTask):
    """A subclass, which could not be stored."""


def test_a_subclass_of_a_task_is_refused():
    with pytest.raises(ValueError, match="a subclass could not be stored"):
        RunSpec.make(OwnTask("blocks", samples()))


# decoders


def test_decoders_agree_with_loops():
    rng = np.random.default_rng(2)
    for _ in range(50):
        edges = np.sort(rng.choice(200, 12, replace=False)).reshape(-1, 2)
        trials = Trials(edges[:, 0], edges[:, 1], np.zeros(6, int), rng.integers(0, 4, 6))
        steps, units = rng.integers(0, 200, 15), rng.integers(0, 4, 15)
        for k, (start, stop) in enumerate(edges):
            mine = [(s, u) for s, u in zip(steps, units, strict=True) if start <= s < stop]
            first = sorted({u for s, u in mine if s == min(mine)[0]}) if mine else []
            count = {u: sum(v == u for _, v in mine) for _, u in mine}
            most = [u for u, n in count.items() if n == max(count.values())]
            for decoder, expected in (("first", first), ("most", most), ("strict", list(count))):
                answer = expected[0] if len(expected) == 1 else -1
                assert decode(decoder, trials, steps, units, 4)[k] == answer, (decoder, mine)
    potentials = rng.normal(size=(6, 4))
    assert decode("potential", trials, steps, units, 4, potentials).tolist() == [
        max(range(4), key=p.__getitem__) for p in potentials
    ]


def test_the_confusion_matrix_counts():
    assert confusion(np.array([0, 1, 1, 2]), np.array([0, 1, -1, 0]), 3).tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 1],
        [1, 0, 0, 0],
    ]


def test_what_is_stored_can_be_read_by_every_decoder(build_dir):
    data = quickly(build_dir, model=READOUT.replace(error=WINDOWED), duration=20 * second)
    assert data.test_prediction.values.tolist() == results.answers_of_test(data, "first").tolist()
    assert set(DECODERS) == {"first", "most", "strict", "potential"}
    strict = quickly(build_dir, model=READOUT.replace(error=WINDOWED), duration=20 * second, decoder="strict")
    assert strict.test_prediction.values.tolist() == results.answers_of_test(data, "strict").tolist()
    assert strict.trial_prediction.values.tolist() != data.trial_prediction.values.tolist()
    with pytest.raises(ValueError, match="not recorded: use the error signal GRADED"):
        results.answers_of_test(data, "potential")
    figures = results.summary(data, "")
    spiking = {int(np.searchsorted(data.test_onset, t, side="right")) - 1 for t in data.test_spike_time.values}
    assert figures["silent"] == pytest.approx(1 - len(spiking) / 12)
    assert figures["ambiguous"] == pytest.approx((strict.test_prediction.values == -1).mean() - figures["silent"])


def test_a_decoder_that_does_not_suit_the_outputs_is_refused():
    with pytest.raises(ValueError, match="decoder cannot be 'first' with the outputs of this model: they do not spike"):
        RunSpec.make(task_of(), decoder="first")
    with pytest.raises(ValueError, match=r"decoder cannot be 'potential'.*not recorded"):
        RunSpec.make(task_of(), READOUT.replace(error=WINDOWED), decoder="potential")
    with pytest.raises(ValueError, match="decoder reads the answers to trials"):
        RunSpec.make(spike_timing(), decoder="first")


def test_both_kinds_of_answers_suit_both_kinds_of_trials(build_dir):
    assert list(ANSWERS.values()) == [WINDOWED, WINDOWED_MARGIN, GRADED]
    model = SUPERSPIKE.replace(error=GRADED, feedback=RANDOM)
    task = latencies(classes=2, patterns=1, n_inputs=12, background=0 * Hz)
    data = train(task, model, (4,), duration=4 * second, burn_in=1 * second, build_dir=build_dir, progress=False)
    assert data.test_potential.shape == (data.sizes["test"], 2)
    assert np.array_equal(data.test_prediction, data.test_potential.values.argmax(1))


def test_models_that_do_not_suit_are_refused():
    with pytest.raises(ValueError, match="WINDOWED or GRADED"):
        quickly(None, model=SUPERSPIKE)


def test_other_architectures_answer_too(build_dir):
    net = chain([4]).add(Projection("inputs", "output"))
    data = quickly(build_dir, hidden=net, duration=2 * second, model=READOUT.replace(r0=1 * mV))
    assert data.sizes["tests"] == 10 and np.isfinite(data.trial_potential.values).all()

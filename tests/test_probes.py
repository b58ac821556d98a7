"""Probe windows: what they record is what the network does, they change no bit of it, and every choice is followed."""

import io
import itertools
import json

import numpy as np
import pytest
from brian2 import Equations, ms, mV, second
from matplotlib import pyplot
from superspike_brian.models import ERROR_GATED, HETEROSYNAPTIC, RMSPROP, SUPERSPIKE, WINDOWED
from superspike_brian.tasks import latencies

import superspike_brian as ss
from superspike_brian import engine
from superspike_brian.codegen.kernels import DEFERRED, KERNELS
from superspike_brian.console.progress import Lines, Silent
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.figures.activity import plot_activity
from superspike_brian.figures.run import plot_run
from superspike_brian.figures.trials import plot_trials
from superspike_brian.network import probes, trials
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.results.folder import RunFolder
from superspike_brian.runs import training
from superspike_brian.runs.loop import Run
from superspike_brian.spec.protocol import Protocol
from superspike_brian.spec.run import RunSpec
from superspike_brian.values.as_json import value_from_json

RULE = SUPERSPIKE.plasticity
SATURATING = RULE.replace(equations=RULE.equations.replace("sigma_prime_post*z_pre", "tanh(sigma_prime_post*z_pre)"))
MODELS = {  # weight decay reads weights; an update that keeps a mean; a deferred kernel with chunks of its own
    "heterosynaptic": SUPERSPIKE.replace(regularizer=HETEROSYNAPTIC),
    "error-gated, RMSProp": SUPERSPIKE.replace(regularizer=ERROR_GATED, optimizer=RMSPROP),
    "saturating": SUPERSPIKE.replace(plasticity=SATURATING, regularizer=HETEROSYNAPTIC),
}
MODELS = {name: model.replace(t_b=50 * ms, r0=5 * mV, w_0=200 * mV) for name, model in MODELS.items()}
SIZES, STEPS = (12, 5, 3), 4030
WINDOWS = [(0, 10), (130, 131), (990, 1260), (2001, 3300)]  # within, at and over chunks, weight updates, ends of blocks
PIECES = (1250, 1000, 1780)


def learn(structure, kernel, build_dir, poisson_task, pieces=(STEPS,), probe=WINDOWS, threads=1, device="standalone"):
    """State after `STEPS` steps in some pieces, and the records of all pieces."""
    if device == "runtime":
        program = RuntimeProgram(structure)
    else:
        program = engine.build(structure, build_dir=build_dir, kernel=kernel, threads=threads)
        program.eager = True  # even layers as small as these are handed to threads
    state = initial_state(structure, poisson_task(SIZES[0], SIZES[-1], 3), seed=1)
    plan, found = [(n, {}) for n in pieces], []
    plan[0] = pieces[0], state
    for after, records in program.blocks(0, plan, probe):
        found.append(records)
        state = after
    return state, {k: np.concatenate([r[k] for r in found]) for k in found[0]}


def assert_bits(one, two):
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name], err_msg=name)


def inside(times, windows=WINDOWS):
    steps = np.rint(times / 1e-4).astype(int)
    return np.any([(steps >= a) & (steps < b) for a, b in windows], axis=0)


@pytest.fixture(scope="module")
def all_variables():
    """Function from a model to a structure that records every variable that it has."""

    def make(model):
        names = {v for known in probes.variables_of(Structure(model, SIZES)).values() for v in known}
        return Structure(model, SIZES, probe_units=2, probe_synapses=7, probe_variables=sorted(names))

    return make


# what is recorded


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", MODELS)
def test_windows_show_what_stock_shows_and_change_nothing(name, kernel, all_variables, build_dir, poisson_task):
    """Every variable of the model, in windows while it learns, against a run of Brian2's own code recorded throughout."""
    if kernel not in ("stock", "auto", "events") and name != "heterosynaptic":
        pytest.skip("the other kernels are tried with one model")
    structure = all_variables(MODELS[name])
    _, whole = learn(structure, "stock", build_dir, poisson_task, probe=True)
    state, records = learn(structure, kernel, build_dir, poisson_task)
    plain, unprobed = learn(structure, kernel, build_dir, poisson_task, probe=False)
    assert_bits(state, plain)
    np.testing.assert_array_equal(records["spikes_output.t"], whole["spikes_output.t"])
    assert len(records["spikes_output.t"]) > 10
    changed = np.abs(whole["probe_forward_1.w"].reshape(STEPS, -1)[-1] - whole["probe_forward_1.w"][:7])
    assert changed.max() > 1e-3  # it learned
    tolerance = 1e-8 if "RMSProp" in name else 1e-10
    for key, values in records.items():
        monitor, _, variable = key.rpartition(".")
        assert not unprobed[key].size or monitor == "spikes_output"
        chosen = inside(whole[f"{monitor}.t"])
        if key.startswith("spikes"):
            if monitor != "spikes_output":
                np.testing.assert_array_equal(values, whole[key][chosen], err_msg=key)
            continue
        rows = whole[key].reshape(STEPS, -1)[chosen].ravel()
        if kernel == "stock" or variable == "t":
            np.testing.assert_array_equal(values, rows, err_msg=key)
        else:
            scale = np.abs(rows).max()
            np.testing.assert_allclose(values, rows, tolerance, tolerance * scale, err_msg=key)
    seen = {key.rpartition(".")[2] for key in records}
    assert set(structure.probe_variables) <= seen
    for variable in ("m", "eligibility", "w", "z_pre", "weight_decay", "error_post"):
        assert np.abs(records[f"probe_forward_1.{variable}"]).max() > 0, variable


@pytest.mark.parametrize("kernel", ["stock", *DEFERRED])
def test_neither_blocks_nor_threads_change_a_recorded_bit(kernel, all_variables, build_dir, poisson_task):
    structure = all_variables(MODELS["heterosynaptic"])
    state, records = learn(structure, kernel, build_dir, poisson_task)
    for pieces, threads in ((PIECES, 1), ((STEPS,), 3), (PIECES, 2)):
        other = learn(structure, kernel, build_dir, poisson_task, pieces, threads=threads)
        assert_bits(other[0], state)
        assert_bits(other[1], records)


def test_the_runtime_device_records_the_same_windows(all_variables, build_dir, poisson_task):
    structure = all_variables(MODELS["heterosynaptic"])
    _, records = learn(structure, "auto", build_dir, poisson_task)
    for pieces in ((STEPS,), PIECES):
        _, other = learn(structure, None, None, poisson_task, pieces, device="runtime")
        assert other.keys() == records.keys()
        for key, values in records.items():
            scale = np.abs(values).max(initial=0)
            np.testing.assert_allclose(other[key], values, 1e-9, 1e-9 * scale, err_msg=key)


@pytest.mark.parametrize("kernel", DEFERRED)
def test_no_probe_flushes_synapses_at_every_step(kernel, build_dir):
    """All synapses are flushed before a weight update, at the ends of chunks, and not because somebody looks."""
    program = engine.build(Structure(MODELS["heterosynaptic"], SIZES), build_dir=build_dir, kernel=kernel)
    lines = [line.strip() for line in (program.folder / "main.cpp").read_text().splitlines()]
    guards = [k for k, line in enumerate(lines) if line in ("if (probe.recording) {", "if (probe.awake) {")]
    assert len(guards) > 6
    for k in guards:
        body = list(itertools.takewhile(lambda line: line != "}", lines[k + 1 :]))
        assert body and not any("_flush_" in line for line in body), body
    assert sum("_flush_" in line for line in lines) >= 4  # windows' starts, and the updates


def test_the_state_has_no_array_of_the_copies(build_dir):
    structure = Structure(MODELS["heterosynaptic"], SIZES)
    names = [
        engine.build(structure, build_dir=build_dir, kernel=k).manifest["arrays"].keys() for k in ("stock", "auto")
    ]
    assert names[0] == names[1] and "forward_1.m" in names[0]


def test_overlapping_windows_are_recorded_once():
    assert engine.windows_within([(5, 9), (0, 6), (20, 30), (9, 10)], 2, 25) == [(2, 10), (20, 25)]
    assert engine.windows_within(True, 2, 25) == [(2, 25)] and engine.windows_within(False, 2, 25) == []
    assert engine.windows_within([(0, 2), (25, 30)], 2, 25) == []


# in a run

RUN = {"duration": 0.6 * second, "burn_in": 0.1 * second, "block": 0.125 * second, "progress": False}
SHORT = {"duration": 20 * ms, "burn_in": 10 * ms, "probe_length": 10 * ms}
LEARNING = {"probe_learning": [0 * second, 0.1333 * second, 0.55 * second], "probe_length": 90 * ms}


@pytest.fixture(scope="module")
def small(poisson_task, build_dir):
    """Function that trains a small network; every option can be given."""

    def train(**options):
        model = MODELS["heterosynaptic"]
        return ss.train(poisson_task(12, 3, 5), model, [4], **RUN | {"build_dir": build_dir} | options)

    return train


@pytest.fixture(scope="module")
def whole(small):
    """A short run that recorded every unit."""
    return small(device="runtime", probe_units=9, **SHORT)


@pytest.mark.parametrize("device", ["runtime", "standalone"])
def test_windows_while_learning_are_part_of_the_run(device, small):
    plain, found = small(device=device), small(device=device, **LEARNING)
    for name in set(plain) - {n for n in plain if "probe" in plain[n].dims or "spikes" in n or "probe" in n}:
        np.testing.assert_array_equal(plain[name].values, found[name].values, err_msg=name)
    assert set(found) == set(plain)
    np.testing.assert_allclose(found.probe_start, [0, 0, 0.1333, 0.55, 0.6])
    assert found.probe_learning.values.tolist() == [0, 1, 1, 1, 0]
    assert found.sizes["probe_time"] == 900 and found.attrs["probe_length_s"] == pytest.approx(0.09)
    late = found.m_forward_1.values[3]
    assert np.isfinite(late[:500]).all() and np.isnan(late[500:]).all()  # the run ends there
    w = found.w_forward_1.values
    assert np.ptp(w[2], axis=0).max() > 1e-3  # weights change in a window of the run, and not beside it
    assert not np.ptp(w[[0, 4]], axis=1).any()
    output = found.spikes_output_time.values[found.spikes_output_probe.values == 2]
    whole = found.watched_time.values
    np.testing.assert_array_equal(output, whole[(whole >= 0.13325) & (whole < 0.22325)])
    assert output.size > 1


def test_recorded_windows_survive_an_interruption(small, tmp_path, monkeypatch, build_dir):
    learning = LEARNING | {"probe_learning": [0.1333 * second, 0.55 * second], "probe_length": 150 * ms}
    expected = small(**learning)

    class Stop(Exception):
        pass

    finish = Run._finish

    def interrupted(run, block, *rest):
        met = finish(run, block, *rest)
        if block.stop == 2250:  # within the first window
            raise Stop
        return met

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(Run, "_finish", interrupted)
        small(**learning, out=tmp_path / "run")
    begun = ss.load(tmp_path / "run")
    assert begun.probe_learning.values.tolist() == [0, 1]
    cut = begun.U_output.values[1]
    assert np.isfinite(cut[: 2250 - 1333]).all() and np.isnan(cut[2250 - 1333 :]).all()
    found = ss.resume(tmp_path / "run", build_dir=build_dir, progress=False)
    assert set(found) == set(expected)
    for name in found:
        np.testing.assert_array_equal(found[name].values, expected[name].values, err_msg=name)


def test_an_extension_completes_a_window_that_was_cut(small, tmp_path):
    small(**LEARNING, device="runtime", out=tmp_path / "run")
    found = ss.resume(tmp_path / "run", duration=0.7 * second, progress=False)
    expected = small(**LEARNING | {"duration": 0.7 * second}, device="runtime")
    for name in set(found) - {"time", "r0", "cost", "rate"}:  # the blocks end where they ended
        np.testing.assert_array_equal(found[name].values, expected[name].values, err_msg=name)
    assert np.isfinite(found.U_output.values).all()


def test_a_run_of_before_has_the_defaults(small, tmp_path):
    """A folder whose request knows none of the new options loads, resumes and is extended."""
    expected = small(device="runtime")
    small(device="runtime", out=tmp_path / "run", duration=0.475 * second)
    request = json.loads((tmp_path / "run" / "run.json").read_text())
    young = [n for n in request if n.startswith("probe_")]
    assert sorted(young) == ["probe_synapses", "probe_units", "probe_variables"]
    for name in young:
        del request[name]
    for name in ("probe_length", "probe_learning"):
        del request["protocol"][name]
    request.pop("checksums", None)  # they are younger, too
    (tmp_path / "run" / "run.json").write_text(json.dumps(request))
    (tmp_path / "run" / "run.nc").unlink()
    assert ss.load(tmp_path / "run").sizes["probe"] == 1
    found = ss.resume(tmp_path / "run", duration=RUN["duration"], progress=False)
    for name in found:
        np.testing.assert_array_equal(found[name].values, expected[name].values, err_msg=name)


def test_trials_in_windows_of_a_run(monkeypatch):
    monkeypatch.setattr(trials, "TEST", 3)
    task = latencies(classes=2, patterns=1, n_inputs=12, seed=1)
    length = float(task.period) / 4
    found = ss.train(
        task,
        SUPERSPIKE.replace(error=WINDOWED),
        duration=0.8 * task.period,
        burn_in=task.period / 4,
        block=task.period / 4,
        device="runtime",
        probe_length=length * second,
        probe_learning=[task.period / 3],
        progress=False,
    )
    assert found.probe_learning.values.tolist() == [0, 1, 0]
    for probe, start in enumerate(found.probe_start.values):
        mine = found.probe_trial_probe.values == probe
        onset, deadline = (found[f"probe_trial_{v}"].values[mine] for v in ("onset", "deadline"))
        assert mine.sum() > 2 and (onset >= start - 1e-9).all() and (deadline <= start + length + 1e-9).all()
    trained = (found.trial_onset.values >= found.probe_start.values[1] - 1e-9) & (
        found.trial_deadline.values <= found.probe_start.values[1] + length + 1e-9
    )
    mine = found.probe_trial_probe.values == 1
    np.testing.assert_array_equal(found.probe_trial_onset.values[mine], found.trial_onset.values[trained])
    np.testing.assert_array_equal(found.probe_trial_correct.values[mine], found.trial_correct.values[trained])
    plot_trials(found)


# choices


@pytest.mark.parametrize(
    ("units", "hidden", "output"),
    [
        (1, [0], [0]),
        (20, [0, 1, 2, 3], [0, 1, 2]),
        ([2, 0], [2, 0], [2, 0]),
        (np.array([1]), [1], [1]),
        (np.int64(2), [0, 1], [0, 1]),
        ({"hidden_1": [3]}, [3], [0, 1, 2]),
        ({"hidden_1": 2, "output": (1, 2)}, [0, 1], [1, 2]),
        ((("output", 1),), [0, 1, 2, 3], [0]),
    ],
)
def test_units(units, hidden, output, small, whole):
    found = small(device="runtime", probe_units=units, probe_variables=["U", "m"], **SHORT)
    for layer, expected in (("hidden_1", hidden), ("output", output)):
        assert found[f"probed_unit_{layer}"].values.tolist() == expected
        np.testing.assert_array_equal(found[f"U_{layer}"].values, whole[f"U_{layer}"].values[:, :, expected])
    plot_run(found, unit=output[-1])
    plot_activity(found)
    pyplot.close("all")


@pytest.mark.parametrize(
    "text", ["1", "20", "0,7", "7,", "output=3", "hidden_1=20,output=0,7", "output=7,", "hidden_1=1,2,3,output=4"]
)
def test_units_as_text(text):
    kept = probes.Units().parse(text)
    assert probes.Units().show(kept) == text
    assert probes.Units().check(kept, "probe_units") == kept
    stored = RunSpec.make("pattern", hidden=30, probe_units=kept).to_json()["probe_units"]
    assert value_from_json(json.loads(json.dumps(stored))) == kept


@pytest.mark.parametrize(
    "text", ["", ",", "-1", "0", "1.5", "a", "0,0", "output=", "=3", "3,output=2", "output=1,output=2"]
)
def test_units_that_make_no_sense_are_refused(text):
    with pytest.raises(ValueError, match=r"units|layer"):
        probes.Units().parse(text)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"probe_units": 0}, "probe_units must say how many"),
        ({"probe_units": []}, "probe_units must say how many"),
        ({"probe_units": [0, 0]}, "probe_units must say how many"),
        ({"probe_units": "2"}, "probe_units must say how many"),
        ({"probe_units": [3]}, r"output has no unit 3: its 3 units are 0 to 2"),
        ({"probe_units": {"hiden_1": 2}}, "did you mean 'hidden_1'"),
        ({"probe_units": {"inputs": 2}}, "must name layers"),
        ({"probe_synapses": -1}, "probe_synapses must be a whole number of 0 or more"),
        ({"probe_variables": []}, "probe_variables must name variables"),
        ({"probe_variables": ["U", 3]}, "probe_variables must name variables"),
        ({"probe_variables": ["U", "I_sin"]}, "not 'I_sin'; did you mean 'I_syn'"),
        ({"probe_variables": "eligibilty"}, "did you mean 'eligibility'"),
        ({"probe_variables": ["beta"]}, "not 'beta'"),
        ({"probe_variables": ["m"], "probe_synapses": 0}, "'m', a variable of synapses, and probe_synapses is 0"),
        ({"probe_length": 0.01 * ms}, "probe_length must be one time step"),
        ({"probe_length": 1 * mV}, "probe_length must be a time"),
        ({"probe_learning": [0.6 * second]}, "probe_learning must lie before the end"),
        ({"probe_learning": [-1 * second]}, "probe_learning must be a positive"),
        ({"probe_length": 1 * second * 10**6}, r"take \S+ GiB, and more than 4 GiB are refused"),
    ],
)
def test_a_choice_that_cannot_be_recorded_is_refused_before_anything_runs(options, expected, small, monkeypatch):
    monkeypatch.setattr(training, "build", lambda *a, **k: pytest.fail("built"))
    with pytest.raises(ValueError, match=expected):
        small(**options)


def test_the_limit_is_what_the_windows_take(monkeypatch):
    """The estimate is no less than what is recorded, and not twice as much."""
    options = SHORT | {"hidden": 8, "probe_at": [15 * ms], "probe_units": 7}
    spec = RunSpec.make("spike-timing", **options)
    data = ss.train("spike-timing", device="runtime", progress=False, **options)
    taken = sum(v.nbytes for v in data.data_vars.values() if "probe_time" in v.dims)
    assert taken > 1e5
    for limit, refused in ((taken - 1, True), (1.2 * taken, False)):
        monkeypatch.setattr(probes, "LIMIT", limit)
        if refused:
            with pytest.raises(ValueError, match="3 probe windows of 100 steps"):
                probes.check_windows(spec.protocol, spec.structure, spec.task)
        else:
            probes.check_windows(spec.protocol, spec.structure, spec.task)


@pytest.mark.parametrize("n", [0, 1, 3, 10_000])
def test_synapses(n, small):
    found = small(device="runtime", probe_synapses=n, **SHORT)
    assert ("w_forward_1" in found) == (n > 0)
    for k, size in ((1, 48), (2, 12)) if n else ():
        between = found[f"probed_pre_{k}"].values, found[f"probed_post_{k}"].values
        assert len(between[0]) == min(n, size) == len(set(zip(*between, strict=True)))
        start = found[f"weights_{k}_start"].values[between]
        np.testing.assert_array_equal(found[f"w_forward_{k}"].values[0, 0], np.clip(start, -0.1, 0.1))
    plot_run(found)
    pyplot.close("all")


def test_every_variable_has_its_place_in_the_results(small):
    known = probes.variables_of(Structure(MODELS["heterosynaptic"], (12, 4, 3)))
    names = {v for names in known.values() for v in names}
    assert {"U", "I_syn", "sigma_prime", "m", "v", "z_pre", "z_rise_pre", "U_post", "weight_decay"} <= names
    found = small(device="runtime", probe_variables=sorted(names), **SHORT)
    for group, variables in known.items():
        for name in variables:
            assert found[f"{name}_{group}"].shape[:2] == (2, 100) and found[f"{name}_{group}"].attrs["units"]


@pytest.mark.parametrize("name", ["m", "I_syn", "error", "U", "cost"])
def test_figures_of_any_single_variable(name, small):
    found = small(device="runtime", probe_variables=name, **SHORT)
    assert not {f"{n}_output" for n in ("U", "error", "I_syn", "cost")} - {f"{name}_output"} & set(found)
    plot_run(found)
    plot_activity(found)
    pyplot.close("all")


def test_shared_variables_are_none_of_a_unit():
    for group, names in probes.variables_of(Structure(SUPERSPIKE, (3, 2))).items():
        assert names and "beta" not in names and "r0" not in names, group
    assert "tau_mem" not in Equations(SUPERSPIKE.neuron.equations).names


def test_windows_of_a_protocol():
    protocol = Protocol(1 * second, probe_learning=[0.99 * second, 0 * second, 2 * second, 0 * second])
    assert protocol.learning_windows(0.1 * ms, 50 * ms) == [(0, 500), (9900, 10000)]
    assert Protocol(probe_length=20 * ms).probe_steps(0.1 * ms, 1 * second) == 200
    assert Protocol().probe_steps(0.5 * ms, 1 * second) == 2000
    plain, probed = (list(Protocol(1 * second, probe_learning=at).blocks(0.1 * ms)) for at in ((), [0.5 * second]))
    assert plain == probed  # no window cuts a block


# progress


class Heard(Silent):
    def __init__(self):
        self.names = []

    def start(self, duration, at, build_seconds):
        self.names.append("start")

    def block(self, *_):
        if self.names[-1] != "training":
            self.names.append("training")

    def phase(self, name):
        self.names.append(name)
        return super().phase(name)

    def close(self):
        self.names.append("close")


def test_windows_and_tests_are_named_phases(small, tmp_path):
    heard, window = Heard(), "recording a probe window"
    short = {"device": "runtime", "probe_length": 2 * ms, "duration": 0.2 * second}
    small(**short, probe_at=[0.15 * second], progress=heard, out=tmp_path / "run")
    assert heard.names == ["start", window, "training", window, "training", window, "close"]
    heard = Heard()
    ss.resume(tmp_path / "run", progress=heard)
    assert heard.names == ["start", window, "close"]


def test_a_long_window_reports_its_fraction():
    out = io.StringIO()
    lines = Lines(out, interval=0)
    lines.start(1.0, 0.0, 0.0)
    with lines.phase("recording a probe window") as show:
        show(0.25)
        show(0.5)
    assert out.getvalue().splitlines()[1:] == ["recording a probe window: 25%", "recording a probe window: 50%"]


def test_both_devices_tell_how_far_a_window_is(build_dir, poisson_task):
    structure = Structure(SUPERSPIKE, (12, 3))
    state = initial_state(structure, poisson_task(12, 3, 0), 0)
    heard = []
    RuntimeProgram(structure).run(state, 100, 3000, [(500, 600)], heard.append)
    assert heard == sorted(heard) and heard[0] == 0 and heard[-1] == 1


def test_a_folder_says_what_its_windows_record(small, tmp_path):
    small(device="runtime", out=tmp_path / "run", probe_units={"output": [1]}, probe_variables=["U"], **SHORT)
    request = RunFolder(tmp_path / "run").request
    assert request["probe_variables"] == "U" and request["probe_synapses"] == 10
    assert ss.load(tmp_path / "run").probed_unit_output.values.tolist() == [1]

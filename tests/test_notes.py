"""A run says what kept it from learning, and nothing else."""

import json

import numpy as np
import pytest
import xarray as xr
from brian2 import ms, mV, second, uvolt, volt
from command import superspike
from superspike_brian.models import RANDOM, SUPERSPIKE, SYMMETRIC, UNIFORM, chain

import superspike_brian as ss
from superspike_brian import results
from superspike_brian.results.notes import MANY, NEAR_LIMIT, PERIODS, at_bound, judge

SHORT = {"seed": 1, "duration": 30 * second, "burn_in": 5 * second, "block": 5 * second}
STILL = SUPERSPIKE.replace(
    r0=1e-9 * volt, theta=-59.8 * mV
)  # it spikes, and what it learns changes nothing that is seen


@pytest.fixture
def train(build_dir):
    """`train` without a word."""

    def train(task, model=SUPERSPIKE, hidden=(), **options):
        return ss.train(task, model, hidden, build_dir=build_dir, progress=False, **SHORT | options)

    return train


@pytest.fixture
def task(poisson_task):
    return poisson_task(12, 3, 0)


def kinds(data):
    return {(note.kind, note.where) for note in judge(data)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "feedback", [None, SYMMETRIC, RANDOM, UNIFORM], ids=lambda f: getattr(f, "name", "no hidden layer")
)
def test_a_run_that_learns_is_not_noted(feedback, seed, train):
    model = SUPERSPIKE.replace(feedback=feedback or SYMMETRIC)
    data = train(ss.tasks.spike_timing(seed=seed), model, [4] if feedback else [], seed=seed, duration=60 * second)
    assert judge(data) == [] and json.loads(data.attrs["notes"]) == []
    assert not np.array_equal(data.weights_1_start, data.weights_1_end)


SILENT = {"model": STILL.replace(w_0=1 * uvolt)}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"model": STILL}, set()),
        ({"duration": 5 * second}, {("burn-in", "run")}),
        ({"duration": 4 * second}, {("burn-in", "run")}),
        ({"burn_in": 29.6 * second}, {("no update", "run")}),
        ({"burn_in": 29.5 * second}, set()),  # an update at its end
        ({"duration": 0.4 * second, "burn_in": 0 * second}, {("no update", "run")}),  # at 0 s there is no gradient
        (SILENT, {("silent", "output")}),
        ({"model": STILL.replace(theta=-70 * mV)}, {("saturated", "output")}),
        (
            {"model": STILL.replace(w_0=1 * uvolt, feedback=RANDOM), "hidden": [4]},
            {("hidden silent", "hidden_1"), ("silent", "output"), ("unchanged", "forward_2")},
        ),
        ({"model": STILL.replace(r0=1e-30 * volt)}, {("unchanged", "forward_1")}),
        ({"model": STILL.replace(w_max=10 * mV)}, {("at bound", "forward_1")}),
    ],
)
def test_what_keeps_a_run_from_learning_is_noted(options, expected, train, task):
    data = train(task, **{"model": STILL, **options})
    assert kinds(data) == expected
    assert [note["kind"] for note in json.loads(data.attrs["notes"])] == [note.kind for note in judge(data)]


def test_an_input_or_a_target_without_spikes_is_noted(train, pattern_task):
    spikes = [0, 1, 2], [0.01, 0.03, 0.05]
    data = train(pattern_task(12, 3, spikes, ((), ())), STILL)
    assert kinds(data) == {("no target", "output")}
    data = train(pattern_task(12, 3, ((), ()), spikes), STILL)
    assert kinds(data) == {("no input", "inputs"), ("silent", "output"), ("unchanged", "forward_1")}


def test_units_are_counted(train, pattern_task):
    inputs = [0, 1, 2, 3], [0.01, 0.03, 0.05, 0.07]
    data = train(pattern_task(12, 3, inputs, ([0, 2], [0.1, 0.15])), **SILENT)
    (note,) = judge(data)
    assert (note.count, note.of) == (2, 2)  # unit 1 has no target: its silence is right
    assert note.text == "2 of 2 output units that have targets did not spike from 25 s to 30 s: units 0, 2"
    loud = data.copy(deep=True)
    loud.rate[:, 2] = 1.0
    (note,) = judge(loud)
    assert (note.count, note.of) == (1, 2) and note.text.endswith("unit 0")
    late = data.copy(deep=True)
    late.rate[:-1] = 1.0  # it fell silent: only the last periods count
    assert kinds(late) == {("silent", "output")}
    late.rate[-1] = 1.0
    assert kinds(late) == set()


def test_the_end_of_learning_is_so_many_periods_long(train, task):
    data = train(task, block=1 * second, **SILENT).copy(deep=True)
    data.attrs["period_s"] = 1.0
    for n in (1, PERIODS, PERIODS + 1):
        data.rate[:] = 0.0
        data.rate[-n] = 1.0
        assert kinds(data) == (set() if n <= PERIODS else {("silent", "output")})


def test_the_limit_is_that_of_the_refractory_period(train, task):
    data = train(task, STILL).copy(deep=True)
    limit = 1 / (5e-3 + 1e-4)  # 5 ms, and the step of the spike
    data.rate[:, 1] = limit * (NEAR_LIMIT + 0.01)
    (note,) = judge(data)
    assert (note.kind, note.count, note.of) == ("saturated", 1, 3) and "196 Hz" in note.text and "unit 1" in note.text
    data.rate[:, 1] = limit * (NEAR_LIMIT - 0.01)
    assert judge(data) == []


def test_the_fraction_at_the_bound_is_counted_for_each_group(train, task):
    data = train(task, STILL.replace(feedback=RANDOM), [4], seed=0).copy(deep=True)
    assert at_bound(data) == {"forward_1": 0, "forward_2": 0}
    weights = data.weights_2_end.values
    weights.flat[: int(MANY * weights.size) + 1] = -0.1
    n = int(MANY * weights.size) + 1
    (note,) = judge(data)
    assert (note.kind, note.where, note.count, note.of) == ("at bound", "forward_2", n, weights.size)
    assert at_bound(data) == {"forward_1": 0, "forward_2": n / weights.size}
    weights.flat[: n - 1] = 0.0
    assert judge(data) == []


def test_weights_that_do_not_learn_are_not_noted(train, task):
    data = train(task, STILL, [4], seed=0, hidden_learning=False)
    assert np.array_equal(data.weights_1_start, data.weights_1_end) and judge(data) == []


def test_a_probe_window_that_is_not_finite_is_noted(train, task):
    data = train(task, STILL).copy(deep=True)
    data.U_output[-1, 7, 0] = np.nan
    (note,) = judge(data)
    assert (note.kind, note.where, note.count) == ("not finite", "U_output", 1)


def test_a_window_that_the_end_cuts_short_is_not_noted(train, task):
    at = [4.9 * second, 29.9 * second]
    data = train(task, STILL, probe_learning=at, probe_length=200 * ms)
    assert np.isnan(data.U_output).any() and judge(data) == []
    wrong = data.copy(deep=True)
    window = int(np.flatnonzero(np.isnan(data.U_output).any(["probe_time", "probed_unit_output"]))[0])
    wrong.U_output[window, 999, 0] = np.inf  # the last step of the run
    assert [(n.kind, n.count) for n in judge(wrong)] == [("not finite", 1)]


def test_a_hidden_layer_may_be_silent_in_a_part_of_a_period(train, task):
    data = train(task, STILL, [4], seed=0, probe_length=10 * ms).copy(deep=True)
    data.spikes_hidden_1_probe[:] = 0
    assert judge(data) == []
    data.attrs["period_s"] = 0.01
    assert kinds(data) == {("hidden silent", "hidden_1")}


def test_trials_of_a_classification(train):
    model = ss.models.CLASSIFIER.replace(feedback=RANDOM, w_0=1 * uvolt, r0=1e-9 * volt)
    data = train("xor", model, [4])
    assert ("silent", "output") in kinds(data)
    (note,) = (n for n in judge(data) if n.kind == "silent")
    assert (note.count, note.of) == (2, 2)
    data = train("xor", ss.models.CLASSIFIER.replace(feedback=RANDOM), [4], duration=100 * second)
    assert judge(data) == []


@pytest.mark.usefixtures("surroundings")
def test_log_summary_and_file_say_it(build_dir):
    options = ("--duration", "5s", "--build-dir", str(build_dir), "--out", "x")
    found = superspike("run", "spike-timing", *options)
    text = "nothing is learned: the run of 5 s lies within the burn-in of 20 s (--burn-in)"
    assert found.code == 0 and f"note: {text}" in found.err.splitlines()
    assert f"  note       {text}" in superspike("show", "x").out.splitlines()
    figures = json.loads(superspike("show", "x", "--json").out)
    assert [(n["kind"], n["text"]) for n in figures["notes"]] == [("burn-in", text)]
    with xr.open_dataset("x/run.nc", engine="h5netcdf") as data:
        assert json.loads(data.attrs["notes"]) == figures["notes"]
    found = superspike("run", "spike-timing", *options[2:], "--duration", "40s", "--overwrite")
    assert found.code == 0 and "note" not in found.err
    assert "note " not in superspike("show", "x").out
    assert json.loads(superspike("show", "x", "--json").out)["notes"] == []


def test_a_script_is_told_too(poisson_task, build_dir, capsys):
    options = {"duration": 1 * second, "build_dir": build_dir}
    ss.train(poisson_task(12, 3, 0), **options)
    assert "\nnote: nothing is learned" in capsys.readouterr().err
    ss.train(poisson_task(12, 3, 0), **options, progress=False)
    assert capsys.readouterr().err == ""


def test_runs_of_the_past_are_judged(request):
    data = results.load(request.path.parent / "data" / "run-format-1.nc").copy(deep=True)
    assert "notes" not in data.attrs and kinds(data) == {("silent", "output")}
    assert "  note       2 of 2 output units" in results.summary_text(data)


def test_the_bound_is_that_of_the_projections_own_optimiser(train, task):
    network = chain([4])
    first, last = network.projections
    own = STILL.optimizer.replace(w_max=3 * volt)
    data = train(task, STILL, network.replace(projections=[first, last.replace(optimizer=own)]), seed=0).copy(deep=True)
    data.weights_2_end.values[:] = 0.2
    assert at_bound(data) == {"forward_1": 0, "forward_2": 0}
    data.weights_2_end.values[:] = -3
    assert at_bound(data)["forward_2"] == 1 and "at their bound, 3 V" in judge(data)[-1].text

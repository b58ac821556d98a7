"""A sweep over a grid: every combination runs once, ends in one labelled dataset, goes on, grows, and reports failures."""

import itertools
import json

import numpy as np
import pytest
from brian2 import mV, second, us, volt
from superspike_brian.models import RANDOM, RMAXPROP, SUPERSPIKE, UNIFORM, WINDOWED
from superspike_brian.tasks import xor

import superspike_brian as ss
from superspike_brian.cli.main import main
from superspike_brian.figures.sweep import plot_sweep
from superspike_brian.files.datasets import save
from superspike_brian.results.folder import RunFolder, RunFolderError
from superspike_brian.sweeps import jobs as sweep
from superspike_brian.sweeps.sweep import label

SHORT = {"duration": 1 * second, "burn_in": 0.2 * second, "block": 0.4 * second}


@pytest.fixture
def make(poisson_task):
    def function(seed, r0, **condition):
        return {"task": poisson_task(12, 3, seed), "model": SUPERSPIKE.replace(r0=r0, **condition)}

    return function


def silent(text):
    pass


def test_a_sweep_is_the_single_runs_labelled(make, build_dir, tmp_path):
    grid = {"r0": np.array([1, 0.5]) * mV, "optimizer": [RMAXPROP]}
    data = ss.run_sweep(make, grid, [3, 5], tmp_path / "s", report=silent, build_dir=build_dir, **SHORT)
    assert data.cost.dims == ("r0", "optimizer", "seed", "block")
    assert np.allclose(data.r0, [1e-3, 0.5e-3])
    assert data.r0.attrs["units"] == "V"
    assert data.optimizer.values.tolist() == ["rmaxprop"]
    assert data.seed.values.tolist() == [3, 5]
    assert np.allclose(data.time, [0.2, 0.6, 1.0])
    assert not data.message.values.any()
    for r0 in grid["r0"]:
        single = ss.train(**make(5, r0), seed=5, build_dir=build_dir, **SHORT)
        found = data.sel(r0=float(r0), seed=5, optimizer="rmaxprop")
        assert np.array_equal(found.cost, single.cost.mean("output"))
        assert found.final_cost == float(single.cost[-1].mean()) and found.simulated == single.attrs["simulated_s"]
    assert ss.load_sweep(tmp_path / "s" / "sweep.nc").identical(data)
    assert data.cost.time.values.tolist() == data.time.values.tolist()  # a coordinate
    save(data.reset_coords("time"), tmp_path / "old.nc")  # as before it was one
    assert ss.load_sweep(tmp_path / "old.nc").identical(data)


def test_it_goes_on_and_grows(make, build_dir, tmp_path):
    options = {"report": silent, "build_dir": build_dir, **SHORT}
    ss.run_sweep(make, {"r0": [1 * mV]}, 1, tmp_path / "s", **options)
    first = tmp_path / "s" / "r0=1mV" / "seed-000"
    before = (first / "run.nc").stat().st_mtime_ns
    data = ss.run_sweep(make, {"r0": [2 * mV]}, 2, tmp_path / "s", **options)
    assert (first / "run.nc").stat().st_mtime_ns == before
    assert np.array_equal(np.isfinite(data.cost.isel(block=-1)), [[True, False], [True, True]])


def test_other_settings_in_the_same_folder_are_refused(make, build_dir, tmp_path):
    out, options = tmp_path / "s", {"report": silent, "build_dir": build_dir, **SHORT}
    ss.run_sweep(make, {"r0": [1 * mV]}, 1, out, **options)
    with pytest.raises(ValueError, match=r"seed-000 holds a run with other settings \(precision\)"):
        ss.run_sweep(make, {"r0": [1 * mV]}, 1, out, **options, precision="single")

    def other(seed, r0):
        return make(seed + 1, r0)

    with pytest.raises(ValueError, match="inputs_ids, inputs_times, targets_ids, targets_times"):
        ss.run_sweep(other, {"r0": [1 * mV]}, 1, out, **options)
    with pytest.raises(ValueError, match="holds a sweep over r0, not feedback, r0"):
        ss.run_sweep(make, {"feedback": [UNIFORM], "r0": [1 * mV]}, 1, out, **options)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(RunFolderError, match=r"not empty \(thesis.tex"):
        ss.run_sweep(make, {"r0": [1 * mV]}, 1, tmp_path / "mine", **options)


def test_a_failed_run_is_reported_and_the_others_go_on(make, build_dir, tmp_path):
    def forgetful(seed, tau_cost):
        return make(seed, 1 * mV, tau_cost=tau_cost)

    grid = {"tau_cost": [10 * second, 10 * us]}  # shorter than a time step: the running average overshoots, and grows
    data = ss.run_sweep(forgetful, grid, 1, tmp_path / "s", report=silent, build_dir=build_dir, **SHORT)
    assert data.message.values[0, 0] == ""
    assert "DivergedError: cost of output, unit" in data.message.values[1, 0]
    assert np.isfinite(data.cost.values[0]).all()
    assert ss.load_sweep(tmp_path / "s").message.values[1, 0] == data.message.values[1, 0]


def test_a_run_that_could_not_learn_is_noted_in_its_line(make, build_dir, tmp_path):
    lines, options = [], {**SHORT, "burn_in": 100 * second, "build_dir": build_dir}
    ss.run_sweep(make, {"r0": [1 * mV]}, 1, tmp_path / "s", report=lines.append, **options)
    (line,) = (line for line in lines if "seed-000" in line)
    assert "; note: nothing is learned" in line


def test_a_killed_sweep_keeps_blocks(make, build_dir, tmp_path, monkeypatch):
    options = {"report": silent, "build_dir": build_dir, **SHORT}
    out = tmp_path / "s"

    class Killed(Exception):
        pass

    class Once(sweep.LocalPool):
        """Interrupted when the first run has ended."""

        def submit(self, function, /, *args):
            if (out / "r0=1mV" / "seed-000" / "run.nc").exists():
                raise Killed
            future = super().submit(function, *args)
            future.result()
            return future

    monkeypatch.setattr(sweep, "LocalPool", Once)
    with pytest.raises(Killed):
        ss.run_sweep(make, {"r0": [1 * mV]}, 2, out, **options)
    partial = ss.load_sweep(out)
    assert np.isfinite(partial.cost.isel(block=-1)).values.tolist() == [[True, False]]
    assert np.isfinite(partial.final_cost).values.tolist() == [[True, False]]
    assert plot_sweep(partial).axes
    monkeypatch.undo()
    assert np.isfinite(ss.run_sweep(make, {"r0": [1 * mV]}, 2, out, **options).cost).all()


def test_a_classification_tells_how_accurate_each_run_is_and_when_it_ended(build_dir, tmp_path, capsys):
    def trials(seed, criterion):
        model = SUPERSPIKE.replace(error=WINDOWED, feedback=RANDOM)
        return {"task": xor(seed=seed), "model": model, "hidden": [4], "criterion": criterion, "criterion_trials": 20}

    grid, out = {"criterion": [0.3, 1.0]}, tmp_path / "s"
    options = {"duration": 30 * second, "block": 1.5 * second, "burn_in": 1 * second, "build_dir": build_dir}
    data = ss.run_sweep(trials, grid, 2, out, report=silent, **options)
    for (a, criterion), seed in itertools.product(enumerate(grid["criterion"]), (0, 1)):
        run, found = ss.load(out / f"criterion={criterion:g}" / f"seed-{seed:03d}"), data.isel(criterion=a, seed=seed)
        assert found.accuracy == run.test_correct.mean() and found.simulated == run.time[-1]
        assert np.array_equal(found.cost.dropna("block"), run.cost.mean("output"))
    assert data.criterion_met.values.tolist() == [[1, 1], [0, 0]]
    assert (data.simulated[0] < 30).all() and (data.simulated[1] == 30).all()
    assert plot_sweep(data).axes[-1].get_ylabel() == "correct trials of the last test"
    assert main(["show", str(out)]) == 0
    assert capsys.readouterr().out.count("2 of 2 runs, correct trials of the last test") == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5 * mV, "0.5mV"),
        (0.5e-3 * volt, "0.5mV"),
        (True, "yes"),
        (4, "4"),
        (0.1, "0.1"),
        ([4, 4], "4x4"),
        (UNIFORM, "uniform"),
    ],
)
def test_labels(value, text):
    assert label(value) == text


def test_command_line(build_dir, tmp_path, capsys):
    out = tmp_path / "s"
    line = [
        "sweep",
        "spike-timing",
        "--n-inputs",
        "12",
        "--duration",
        "1s",
        "--burn-in",
        "200ms",
        "--out",
        str(out),
        "--json",
    ]
    line += ["--grid", "r0=1mV,500uV", "--grid", "hidden-learning=yes", "--seed", "7", "--seeds", "2", "--quiet"]
    assert main([*line, "--build-dir", str(build_dir)]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found == {"out": str(out), "runs": 4, "failed": []}
    data = ss.load_sweep(out)
    assert data.seed.values.tolist() == [7, 8]
    assert np.allclose(data.r0, [1e-3, 0.5e-3])
    assert (out / "figure.pdf").exists()
    assert RunFolder(out / "r0=0.5mV,hidden_learning=yes" / "seed-008").request["seed"] == 8
    assert main(["show", str(out)]) == 0
    assert "r0 1mV, hidden_learning yes" in capsys.readouterr().out
    assert main(["plot", str(out)]) == 0


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("r0=1", "'1' has no unit; expected mV"),
        ("feedback=sideways", "invalid choice: 'sideways'"),
        ("threads=1,2", "'threads' is none of the options and parameters that can vary"),
        ("tau_men=1ms", "can vary; did you mean 'tau_mem'?"),
        ("tau_mem=1mV", "--set tau_mem=1mV: '1mV' is in mV; expected s"),
        ("seed=1,2", "'seed' is none of the options"),
        ("hidden-learning=perhaps", "neither yes nor no"),
        ("r0=1mV,0.001V", "a value of r0 twice: 1mV, 1mV"),
    ],
)
def test_a_wrong_grid_is_refused(grid, message, tmp_path, capsys):
    try:
        code = main(["sweep", "spike-timing", "--out", str(tmp_path / "s"), "--grid", grid])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "s").exists()

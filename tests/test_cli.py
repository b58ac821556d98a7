"""The command line as a user sees it: exit code, the two output streams, the run folder.

Two networks are compiled for all of it: 100-1, and 100-4-1 with the regulariser.
"""

import json
import re
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command import process, refused, run, superspike

from superspike_brian import results

SSBM = Path(__file__).resolve().parents[2] / "shared" / "ssbm"
needs_ssbm = pytest.mark.skipif(not (SSBM / "poisson").is_dir(), reason=f"the public rasters are not at {SSBM}")
SHORT = ("--duration", "3s", "--burn-in", "1s", "--block", "1s")
KEYS = {"task", "cost_hz", "cost_first_hz", "simulated_s", "build_s", "wall_s", "n_synapses", "seed", "out"}
pytestmark = pytest.mark.usefixtures("surroundings")


def assert_same_bits(one, two):
    """Same weights, spikes, learning curve and probes; only times on the clock may differ."""
    assert set(one) == set(two)
    assert one["watched_time"].size > 0
    for name in one:
        np.testing.assert_array_equal(one[name].values, two[name].values, err_msg=str(name))


def assert_other_weights(one, two):
    assert not np.array_equal(one.weights_1_end, two.weights_1_end)


@pytest.fixture(scope="module")
def short(build_dir, tmp_path_factory):
    """Return the run of `SHORT` with every default; it compiles the 100-1 network."""
    out = tmp_path_factory.mktemp("short") / "run"
    return run("spike-timing", *SHORT, "--build-dir", build_dir, "--out", out)


@pytest.fixture(scope="module")
def plain(short, build_dir):
    """Return the options that use the compiled 100-1 network."""
    return ("--build-dir", build_dir)


@pytest.fixture(scope="module")
def trained(plain, tmp_path_factory):
    """Return what a run of a minute printed and left behind."""
    out = tmp_path_factory.mktemp("trained") / "run"
    long = ("--duration", "60s", "--burn-in", "10s", "--block", "5s")
    found = superspike("run", "spike-timing", *long, "--json", "--out", out, *plain)
    return SimpleNamespace(**vars(found), dir=out, options=long, data=results.load(out))


# a run


def test_json_is_the_last_line(trained):
    assert trained.code == 0
    summary = json.loads(trained.out.splitlines()[-1])
    assert summary.keys() >= KEYS
    assert summary["task"] == "spike-timing" and summary["seed"] == 0
    assert summary["n_synapses"] == 100 and summary["simulated_s"] == 60
    assert summary["out"] == str(trained.dir)
    assert summary["wall_s"] > 0 and summary["build_s"] >= 0


def test_the_cost_begins_at_the_target_rate_and_falls(trained):
    summary = json.loads(trained.out.splitlines()[-1])
    # silent output: 5 unmatched target spikes in 0.5 s
    assert summary["cost_first_hz"] == pytest.approx(10, abs=0.2)
    assert summary["cost_hz"] < 0.9 * summary["cost_first_hz"]
    np.testing.assert_array_equal(trained.data.r0.values == 0, trained.data.time.values <= 10)


def test_a_person_sees_progress_and_the_final_cost(trained):
    assert re.search(r"training from 0 s to 60 s", trained.err)
    assert re.search(r"100 %  60 of 60 s: cost [\d.]+ Hz, .* s/s", trained.err)
    assert re.search(r"^cost [\d.]+ Hz at 60 s", trained.out, re.M)
    assert str(trained.dir / "figure.png") in trained.out


def test_the_run_folder(trained):
    assert (trained.dir / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert (trained.dir / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert trained.data.weights_1_end.shape == (100, 1)
    assert trained.data.time.values.tolist() == list(range(5, 65, 5))
    assert "run spike-timing --duration 60s" in trained.data.attrs["command"]


def test_a_warm_start_says_so(trained):
    assert json.loads(trained.out.splitlines()[-1])["build_s"] < 1


def test_the_same_command_gives_the_same_bits_in_another_process(trained, plain, tmp_path):
    started = process("run", "spike-timing", *trained.options, "--json", "--quiet", "--out", "again", *plain)
    out, err = started.communicate(timeout=300)
    assert (started.returncode, err) == (0, "")
    (line,) = out.splitlines()
    expected = json.loads(trained.out.splitlines()[-1])
    same = KEYS - {"build_s", "wall_s", "out"}
    assert {k: json.loads(line)[k] for k in same} == {k: expected[k] for k in same}
    assert_same_bits(results.load(tmp_path / "again"), trained.data)


def test_block_length_changes_no_bit(short, plain):
    other = run("spike-timing", "--duration", "3s", "--burn-in", "1s", "--block", "700ms", "--out", "x", *plain)
    for name in ("weights_1_end", "watched_time", "watched_unit", "spikes_output_time", "eligibility_forward_1"):
        np.testing.assert_array_equal(other.data[name].values, short.data[name].values)


@pytest.mark.parametrize("what", ["seed", "r0", "beta"])
def test_inputs_of_the_program_need_no_compiler(what, short, plain, models, no_compiler):
    change = {"seed": ("--seed", "1"), "r0": ("--r0", "2mV"), "beta": ("--model", f"{models}:SHALLOW")}[what]
    found = run("spike-timing", *SHORT, *change, "--out", "x", *plain)
    assert_other_weights(found.data, short.data)
    same_start = np.array_equal(found.data.weights_1_start, short.data.weights_1_start)
    assert same_start == (what != "seed")
    assert found.summary["seed"] == (what == "seed")


def test_the_learning_rate_decays_when_told(plain):
    times = ("--r0-decay-at", "1500ms", "--r0-decay-at", "2s")
    found = run("spike-timing", *SHORT, *times, "--r0", "1mV", "--out", "x", *plain)
    np.testing.assert_allclose(found.data.time, [1, 1.5, 2, 3])
    np.testing.assert_allclose(found.data.r0, [0, 1e-3, 1e-4, 1e-5], rtol=1e-12)
    change = np.abs(found.data.weights_1_end - found.data.weights_1_start).max()
    # updates every 0.5 s, each of at most r0: at 1.5 s (still 1 mV or already 0.1), 2 s, 2.5 s and 3 s
    assert 0 < change <= 2 * 1e-3 + 2 * 1e-4 + 2 * 1e-5


def test_without_out_runs_are_numbered(plain, tmp_path):
    (tmp_path / "runs" / "spike-timing-001").mkdir(parents=True)
    found = run("spike-timing", *SHORT, *plain)
    assert found.dir == Path("runs", "spike-timing-002") and (found.dir / "run.nc").exists()


def test_a_hidden_layer_and_its_regulariser(build_dir, no_compiler_later):
    options = ("spike-timing", "--hidden", "4", *SHORT, "--build-dir", build_dir)
    weak = run(*options, "--regularizer", "0", "--out", "weak")
    assert weak.summary["n_synapses"] == 404
    assert weak.data.weights_1_end.shape == (100, 4) and weak.data.weights_2_end.shape == (4, 1)
    for k in (1, 2):  # probed synapses are those between the units named
        between = weak.data[f"probed_pre_{k}"].values, weak.data[f"probed_post_{k}"].values
        start = weak.data[f"weights_{k}_start"].values[between]
        np.testing.assert_array_equal(weak.data[f"w_forward_{k}"].values[0, 0], start)
    no_compiler_later()
    strong = run(*options, "--regularizer", "1000", "--out", "strong")
    np.testing.assert_array_equal(strong.data.weights_1_start, weak.data.weights_1_start)
    assert_other_weights(strong.data, weak.data)


@pytest.fixture
def no_compiler_later(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    return lambda: (monkeypatch.setenv("PATH", str(tmp_path / "bin")), monkeypatch.delenv("CXX", raising=False))


def test_an_edited_equation_compiles_what_depends_on_it(short, models, objects_only):
    objects = objects_only / "objects"
    before = {p.name for p in objects.glob("*.o")}
    # a process of its own: Brian2 numbers names past those of objects that other tests hold
    edited = ("--model", f"{models}:EXPONENTIAL", "--build-dir", objects_only)
    started = process("run", "spike-timing", *SHORT, *edited, "--out", "x", "--json", "--quiet")
    _, err = started.communicate(timeout=300)
    assert (started.returncode, err) == (0, "")
    new = {p.name for p in objects.glob("*.o")} - before
    assert 1 <= len(new) <= 4  # of 38
    found = results.load("x")
    np.testing.assert_array_equal(found.weights_1_start, short.data.weights_1_start)
    assert_other_weights(found, short.data)
    assert "exp(-abs(beta*(U - theta)))" in found.attrs["equations"]


# tasks


@needs_ssbm
def test_the_public_set_by_files_and_by_name(plain, monkeypatch):
    files = ("--input", SSBM / "poisson" / "input.ras", "--target", SSBM / "poisson" / "target.ras")
    own = run("ras", *files, "--period", "500ms", "--n-inputs", "100", *SHORT, "--out", "ras", *plain)
    assert own.summary["task"] == "ras" and own.summary["n_synapses"] == 100
    assert own.summary["cost_first_hz"] == pytest.approx(10, abs=0.5)
    named = run("ssbm:poisson", "--data-dir", SSBM, *SHORT, "--out", "named", *plain)
    assert named.summary["task"] == "ssbm:poisson"
    assert_same_bits(named.data, own.data)
    assert refused_data_dir("poisson", "elsewhere")
    monkeypatch.setenv("SUPERSPIKE_DATA_DIR", str(SSBM))
    assert "232" in superspike("describe", "ssbm:poisson").out
    assert refused_data_dir("poisson", "elsewhere")  # the option wins


def refused_data_dir(name, folder):
    message = refused("describe", f"ssbm:{name}", "--data-dir", folder)
    return "no such file" in message and folder in message


def test_own_rasters_on_the_runtime_device_need_no_compiler(rasters, no_compiler):
    options = ("--duration", "100ms", "--burn-in", "20ms", "--block", "40ms", "--out", "x")
    found = run(*rasters, *options)
    assert found.summary["n_synapses"] == 3 and found.summary["build_s"] == 0
    np.testing.assert_allclose(found.data.input_time, [0.001, 0.004, 0.0075, 0.009])
    assert found.data.input_unit.values.tolist() == [0, 2, 1, 0]
    assert found.data.attrs["device"] == "runtime"
    np.testing.assert_allclose(found.data.time, [0.02, 0.06, 0.1])
    # target spikes of the first two periods, in the probe window of the start
    at = found.data.spikes_targets_time.values[found.data.spikes_targets_probe.values == 0]
    np.testing.assert_allclose(at, [0.012], atol=1e-9)


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_merged_spikes_are_counted_in_one_line(rasters, command):
    """In processes of their own: Brian2, when it is imported, makes Python's warnings lines of code in the log."""
    Path("in.ras").write_text("0.001 0\n0.001 0\n0.00101 0\n0.004 1\n")
    running = process(command, *rasters, "--duration", "20ms", "--quiet", "--out", "x")
    _, said = running.communicate()
    assert running.returncode == 0, said
    merged = "superspike: 2 of 4 spikes merged: their unit already spikes in the same step of 0.1 ms."
    assert [line for line in said.splitlines() if "merged" in line] == [merged]


# show, plot, resume, overwrite


def test_show(trained):
    text, line = superspike("show", trained.dir), superspike("show", trained.dir, "--json")
    assert (text.code, text.err, line.code, line.err) == (0, "", 0, "")
    expected = json.loads(trained.out.splitlines()[-1])
    assert json.loads(line.out) == expected
    assert "100-1" in text.out and "60 s" in text.out and f"{expected['cost_hz']:.4g} Hz at the end" in text.out


def test_plot_redraws(trained):
    figures = [trained.dir / "figure.png", trained.dir / "figure.pdf"]
    old = [f.read_bytes() for f in figures]
    for figure in figures:
        figure.unlink()
    found = superspike("plot", trained.dir)
    assert (found.code, found.out.split()) == (0, [str(f) for f in figures])
    assert figures[0].read_bytes() == old[0]


@pytest.mark.parametrize("unit", ["1", "-1"])
def test_plot_of_a_unit_that_was_not_recorded(trained, unit):
    assert "recorded the output units 0 to 0" in refused("plot", trained.dir, f"--unit={unit}")


@pytest.mark.parametrize("command", ["show", "plot", "resume"])
def test_a_folder_without_a_run(command, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        assert folder in refused(command, folder)


def test_resume_extends_then_overwrite_replaces(short, plain):
    run("spike-timing", "--duration", "2s", *SHORT[2:], "--out", "x", *plain)
    Path("x", "notes.txt").write_text("mine")
    more = superspike("resume", "x", "--duration", "3s", "--json", "--quiet", *plain)
    assert (more.code, more.err) == (0, "")
    assert json.loads(more.out)["simulated_s"] == 3
    assert_same_bits(results.load("x"), short.data)

    before = {p: p.read_bytes() for p in Path("x").iterdir()}
    assert "--overwrite" in refused("run", "spike-timing", *SHORT, "--out", "x", *plain)
    assert "did you mean" in refused("run", "spike-timng", *SHORT, "--out", "x", "--overwrite", *plain).lower()
    assert {p: p.read_bytes() for p in Path("x").iterdir()} == before

    other = run("spike-timing", *SHORT, "--seed", "5", "--out", "x", "--overwrite", *plain)
    assert other.summary["seed"] == 5 and other.data.attrs["seed"] == 5
    assert Path("x", "notes.txt").read_text() == "mine"


def test_out_that_is_no_run_is_never_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("mine")
    assert "is not empty" in refused("run", "spike-timing", "--out", "thesis")
    assert "holds files but no run" in refused("run", "spike-timing", "--out", "thesis", "--overwrite")
    assert "it is a file" in refused("run", "spike-timing", "--out", "thesis/chapter.tex", "--overwrite")
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "mine"


def test_a_foreign_run_json_is_no_run(rasters, tmp_path):
    (tmp_path / "other").mkdir()
    for name, content in (("run.json", '{"tool": "another"}'), ("figure.svg", "mine"), ("run.sh", "mine")):
        (tmp_path / "other" / name).write_text(content)
    options = ("--duration", "20ms", "--quiet", "--out", "other", "--overwrite")
    assert "no run" in refused("run", *rasters, *options)


def test_a_run_cannot_be_resumed_to_a_time_before_its_end(trained, plain):
    assert "60" in refused("resume", trained.dir, "--duration", "30s", *plain)


def test_a_duration_below_one_step(rasters):
    assert "duration" in refused("run", *rasters, "--duration", "1us", "--out", "x")


# interruption


def programs(pid):
    """Return the ids of the compiled programs that a process runs."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(c) for c in children if Path(f"/proc/{c}/comm").read_text() == "main\n"]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_an_interrupted_run_goes_on(number, plain, short):
    # a short block of burn-in, then a very long one, in which the signal arrives
    options = ("--duration", "1000s", "--burn-in", "2s", "--block", "998s")
    started = process("run", "spike-timing", *options, "--out", "x y", *plain)
    deadline = time.monotonic() + 120
    while not list(Path().glob("x y/checkpoint-*20000.npz")) or not programs(started.pid):
        assert started.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    (program,) = programs(started.pid)
    started.send_signal(number)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "superspike: interrupted; go on with `superspike resume 'x y'`"
    assert "Traceback" not in err
    deadline = time.monotonic() + 5
    while is_running(program):  # it ends at the latest when it reports to nobody
        assert time.monotonic() < deadline
        time.sleep(0.01)
    shown = superspike("show", "x y", "--json")
    assert (shown.code, json.loads(shown.out)["simulated_s"]) == (0, 2)

    if number == signal.SIGTERM:  # the rest is the same
        return
    more = superspike("resume", "x y", "--duration", "3s", "--quiet", "--json", *plain)
    assert (more.code, more.err) == (0, "")
    assert json.loads(more.out)["simulated_s"] == 3
    whole = run("spike-timing", "--duration", "3s", "--burn-in", "2s", "--out", "whole", *plain)
    for name in ("weights_1_start", "weights_1_end", "watched_time", "spikes_output_time"):
        np.testing.assert_array_equal(results.load("x y")[name].values, whole.data[name].values)


def test_interrupting_before_the_run_folder_exists_promises_nothing(tmp_path):
    (tmp_path / "stop.py").write_text("raise KeyboardInterrupt")
    found = superspike("run", "spike-timing", "--model", "stop.py:M", "--out", "x")
    assert (found.code, found.out, found.err) == (130, "", "\nsuperspike: interrupted\n")
    assert not Path("x").exists()

"""The command line as a user sees it: exit code, the two output streams, the run folder.

Two networks are compiled for all of it: 100-1, and 100-4-1 with the regulariser.
"""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from superspike_brian.models import FEEDBACKS, OPTIMIZERS, SURROGATES

from superspike_brian import results
from superspike_brian.cli import main

SSBM = Path(__file__).resolve().parents[2] / "shared" / "ssbm"
needs_ssbm = pytest.mark.skipif(not (SSBM / "poisson").is_dir(), reason=f"the public rasters are not at {SSBM}")
SHORT = ("--duration", "3s", "--burn-in", "1s", "--block", "1s")
KEYS = {"task", "cost_hz", "cost_first_hz", "simulated_s", "build_s", "wall_s", "n_synapses", "seed", "out"}
MODELS = """
from brian2 import mV
from superspike_brian.models import FAST_SIGMOID, SUPERSPIKE

EXPONENTIAL = SUPERSPIKE.replace(
    surrogate=FAST_SIGMOID.replace(
        name="exponential",
        equations='''
        sigma_prime = exp(-abs(beta*(U - theta))) : 1 (constant over dt)
        beta : 1/volt (shared, constant)
        ''',
    )
)
SHALLOW = SUPERSPIKE.replace(beta=0.1 / mV)
RULE = SUPERSPIKE.plasticity
GROWING = RULE.equations.replace("- eligibility_rise)/tau_rise", "+ 100*eligibility_rise)/tau_rise")
GROWING = SUPERSPIKE.replace(plasticity=RULE.replace(equations=GROWING))
NO_MODEL = 3
"""


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """A working directory, cache and signal handlers of its own for each test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SUPERSPIKE_DATA_DIR", raising=False)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def superspike(*arguments):
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code
    return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())


def process(*arguments, **options):
    """Start the command as a process, with the default reaction to Ctrl-C."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    command = [sys.executable, "-m", "superspike_brian.cli", *map(str, arguments)]
    return subprocess.Popen(
        command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler), **options
    )


def run(*arguments):
    """Run quietly; return the JSON, the data, and nothing else was printed."""
    found = superspike("run", *arguments, "--quiet", "--json")
    assert (found.code, found.err) == (0, "")
    (line,) = found.out.splitlines()
    summary = json.loads(line)
    return SimpleNamespace(summary=summary, data=results.load(summary["out"]), dir=Path(summary["out"]))


def refused(*arguments):
    """Return the one line that a refused command prints, which leaves nothing behind."""
    before = sorted(Path().rglob("*"))
    found = superspike(*arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("superspike: ") and found.err.endswith("\n") and "Traceback" not in found.err
    assert sorted(p for p in Path().rglob("*") if "__pycache__" not in p.parts) == before
    return found.err.removeprefix("superspike: ").rstrip()


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


@pytest.fixture
def models(tmp_path):
    (tmp_path / "my_models.py").write_text(MODELS)
    return "my_models.py"


@pytest.fixture
def rasters(tmp_path):
    """Return options for a task of one's own that takes no compiler: 3 inputs, 1 output, a loop of 20 ms."""
    (tmp_path / "in.ras").write_text("# three inputs\n0.001 0\n0.004 2\n0.0075 1\n0.009 0\n")
    (tmp_path / "out.ras").write_text("0.012 0\n")
    return ("ras", "--input", "in.ras", "--target", "out.ras", "--period", "20ms", "--device", "runtime")


@pytest.fixture
def no_compiler(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)


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
    assert re.search(r"60\.0 of 60 s: cost [\d.]+ Hz, .* s/s, 0 s left", trained.err)
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
    programs = Path(plain[1], "programs")
    before = set(programs.iterdir())
    found = run("spike-timing", *SHORT, *change, "--out", "x", *plain)
    assert set(programs.iterdir()) == before
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
    no_compiler_later()
    strong = run(*options, "--regularizer", "1000", "--out", "strong")
    np.testing.assert_array_equal(strong.data.weights_1_start, weak.data.weights_1_start)
    assert_other_weights(strong.data, weak.data)


@pytest.fixture
def no_compiler_later(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    return lambda: (monkeypatch.setenv("PATH", str(tmp_path / "bin")), monkeypatch.delenv("CXX", raising=False))


def test_an_edited_equation_compiles_what_depends_on_it(short, plain, models, tmp_path):
    objects = tmp_path / "build" / "objects"
    shutil.copytree(Path(plain[1], "objects"), objects)
    before = {p.name for p in objects.glob("*.o")}
    # a process of its own: Brian2 numbers names past those of objects that other tests hold
    edited = ("--model", f"{models}:EXPONENTIAL", "--build-dir", "build")
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


def test_merged_spikes_are_counted_in_a_warning(rasters):
    Path("in.ras").write_text("0.001 0\n0.001 0\n0.00101 0\n0.004 1\n")
    found = superspike("run", *rasters, "--duration", "20ms", "--quiet", "--out", "x")
    assert found.code == 0 and found.out == ""
    assert "2 of 4 spikes merged" in found.err


# describe


@pytest.fixture(scope="module")
def default_description():
    return superspike("describe", "spike-timing", "--hidden", "4").out


@pytest.mark.parametrize(
    ("option", "choice", "component"),
    [
        (option, choice, component)
        for option, known in (("--feedback", FEEDBACKS), ("--surrogate", SURROGATES), ("--optimizer", OPTIMIZERS))
        for choice, component in known.items()
    ],
)
def test_every_choice(option, choice, component):
    found = superspike("describe", "spike-timing", "--hidden", "4", option, choice)
    assert (found.code, found.err) == (0, "")
    assert f"*{component.name}*" in found.out
    others = {"--feedback": FEEDBACKS, "--surrogate": SURROGATES, "--optimizer": OPTIMIZERS}[option].keys() - {choice}
    assert not any(f"*{other}*" in found.out for other in others)


def test_the_defaults(default_description):
    for name in ("symmetric", "fast-sigmoid", "rmaxprop", "none"):
        assert f"*{name}*" in default_description


def test_hidden_0_is_no_hidden_layer():
    none, zero = (superspike("describe", "spike-timing", *more) for more in ((), ("--hidden", "0")))
    assert none.code == zero.code == 0 and none.out == zero.out
    assert "hidden_1" not in none.out


def test_hidden_repeated_is_depth():
    found = superspike("describe", "spike-timing", "--hidden", "5", "--hidden", "3", "--feedback", "random")
    assert found.code == 0
    assert {"hidden_1", "hidden_2", "forward_3", "feedback_target_2"} <= set(re.findall(r"\w+", found.out))
    assert "hidden_3" not in found.out


def test_hidden_learning_can_be_switched_off(default_description):
    found = superspike("describe", "spike-timing", "--hidden", "4", "--no-hidden-learning")
    assert found.code == 0
    for text, learns in ((default_description, True), (found.out, False)):
        assert ("forward_1_update" in text) == ("feedback_target_1" in text) == learns
        assert "forward_2_update" in text
    again = superspike("describe", "spike-timing", "--hidden", "4", "--hidden-learning")
    assert again.out == default_description


def test_describe_shows_options_and_edits(models):
    more = ("--r0", "0.3mV", "--regularizer", "7", "--hidden", "2")
    found = superspike("describe", "spike-timing", *more, "--model", f"{models}:EXPONENTIAL")
    assert (found.code, found.err) == (0, "")
    assert "exp(-abs(beta*(U - theta)))" in found.out
    rows = dict(re.findall(r"^\| `(\w+)` +\| ([^|]*?) +\|", found.out, re.M))
    assert rows["r0"] in ("0.3 mV", "300 uV") and float(rows["rho"]) == 7


# a model of one's own that is wrong


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("EXPONENTAIL", "has no model 'EXPONENTAIL'; did you mean 'EXPONENTIAL'?"),
        ("NO_MODEL", "has no model 'NO_MODEL'; its models: EXPONENTIAL, GROWING, SHALLOW, SUPERSPIKE"),
    ],
)
def test_a_name_that_is_no_model(name, expected, models):
    assert refused("run", "spike-timing", "--model", f"{models}:{name}") == f"--model: {models} {expected}"


@pytest.mark.parametrize("text", ["my_models.py", ":X", "my_models.py:"])
def test_a_model_without_file_or_name(text, models):
    assert "expected a file and a name in it" in refused("run", "spike-timing", "--model", text)


def test_a_missing_model_file():
    assert refused("run", "spike-timing", "--model", "none.py:X") == "--model: there is no file none.py"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1/0", "raises ZeroDivisionError: division by zero"),
        ("M = (", "raises SyntaxError"),
        ("import no_such_module_anywhere", "raises ModuleNotFoundError"),
        ("raise SystemExit(3)", "raises SystemExit: 3"),
    ],
)
def test_a_model_file_that_fails(code, expected, tmp_path):
    (tmp_path / "wrong.py").write_text(code)
    message = refused("run", "spike-timing", "--model", "wrong.py:M")
    assert message.startswith(f"--model: wrong.py {expected}")


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("neuron=SUPERSPIKE.neuron.replace(reset='U = tau_mem')", ["leaky integrate-and-fire", "U = tau_mem"]),
        (
            "surrogate=SUPERSPIKE.surrogate.replace(equations='sigma_prime = U - theta : 1')",
            ["fast-sigmoid", "units", "sigma_prime = U - theta"],
        ),
        (
            "surrogate=SUPERSPIKE.surrogate.replace(equations='sigma_prime = 1/(1 + abs(bta)) : 1')",
            ["fast-sigmoid", "'bta'", "did you mean 'beta'?"],
        ),
        ("surrogate=SUPERSPIKE.surrogate.replace(equations='sigma = 1 : 1')", ["fast-sigmoid", "'sigma_prime'"]),
        ("r0=1", ["rmaxprop", "'r0'"]),
        ("r_0=1", ["'r_0'", "did you mean 'r0'?"]),
    ],
)
def test_a_model_with_an_error_names_it(edit, expected, tmp_path):
    code = f"from superspike_brian.models import SUPERSPIKE\nM = SUPERSPIKE.replace({edit})"
    (tmp_path / "wrong.py").write_text(code)
    message = refused("run", "spike-timing", "--model", "wrong.py:M", "--build-dir", "build")
    assert "wrong.py raises ModelError" in message
    assert all(part in message for part in expected), message


def test_a_diverging_rule_stops_and_keeps_what_was_computed(rasters, models):
    options = ("--duration", "1s", "--burn-in", "10ms", "--block", "10ms", "--quiet", "--out", "x")
    found = superspike("run", *rasters, *options, "--model", f"{models}:GROWING")
    assert (found.code, found.out) == (2, "")
    (message,) = (line for line in found.err.splitlines() if "the run stops" in line)
    assert re.search(r"eligibility\w* of forward_1 is (nan|inf) .* blocks before are kept in x\.", message)
    at = float(re.search(r"at ([\d.]+) s", message)[1])
    assert 0.02 < at < 1  # a step multiplies by 3: past 1e308 after about 65 ms
    data = results.load("x")
    np.testing.assert_allclose(data.time, np.arange(1, round(at * 100)) / 100)
    assert np.isfinite(data.weights_1_end).all()
    shown = superspike("show", "x", "--json")
    assert shown.code == 0 and json.loads(shown.out)["simulated_s"] == pytest.approx(at - 0.01)


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


# bad input


@pytest.mark.parametrize(
    ("option", "unit"),
    [
        ("--duration", "s"),
        ("--block", "s"),
        ("--burn-in", "s"),
        ("--r0-decay-at", "s"),
        ("--period", "s"),
        ("--r0", "mV"),
    ],
)
@pytest.mark.parametrize(("text", "found"), [("250", "has no unit"), ("3Hz", "is in Hz")])
def test_bare_numbers_and_wrong_units(option, unit, text, found):
    message = refused("run", "spike-timing", option, text)
    assert message.startswith(f"argument {option}: '{text}' {found}; expected {unit}, for instance ")


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("rnu", "spike-timing"), "run"),
        (("run", "spike-timin"), "'spike-timing'"),
        (("run", "ssbm:poison"), "'poisson'"),
        (("run", "spike-timing", "--feedback", "symetric"), "symmetric"),
        (("run", "spike-timing", "--surrogate", "fast_sigmoid"), "fast-sigmoid"),
        (("run", "spike-timing", "--optimizer", "rmsprp"), "rmsprop"),
        (("run", "spike-timing", "--hiden", "4"), "--hidden"),
        (("run", "spike-timing", "--durations=4s"), "--duration"),
    ],
)
def test_unknown_names_suggest_the_nearest(arguments, near):
    assert re.search(rf"did you mean {re.escape(near)}", refused(*arguments), re.I)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--hidden", "-1"), "--hidden -1: expected 0 or more"),
        (("--hidden", "3", "--hidden", "2"), "use random or uniform feedback"),
        (("--r0=-1mV",), "--r0 is -1. mV; expected a positive"),
        (("--r0=0V",), "expected a positive"),
        (("--r0=1e400V",), "argument --r0: '1e400V' is not finite"),
        (("--regularizer", "-1"), "argument --regularizer: '-1' is not a number of 0 or more"),
        (("--regularizer", "nan"), "argument --regularizer: 'nan' is not"),
        (("--seed", "-1"), "argument --seed: '-1' is not a whole number of 0 or more"),
        (("--threads", "0"), "argument --threads: '0' is not a whole number of 1 or more"),
        (("--duration", "0s"), "duration must be a positive, finite time"),
        (("--block=-1s",), "block must be a positive, finite time"),
        (("--burn-in=-1s",), "burn_in must be a positive, finite time"),
        (("--outputs", "0"), "outputs is 0"),
        (("--period", "0s"), "period is 0.0 s"),
        (("--period", "20.05ms"), "expected a whole number"),
        (("--data-dir", "x"), "spike-timing does not use --data-dir; its options: --period, --n-inputs, --outputs"),
        (("--n-outputs", "2"), "does not use --n-outputs"),
    ],
)
def test_values_out_of_range(arguments, expected):
    assert expected in refused("run", "spike-timing", *arguments, "--out", "x", "--build-dir", "build")


@pytest.mark.parametrize("missing", ["--input", "--target", "--period"])
def test_ras_needs_files_and_period(missing, rasters):
    at = rasters.index(missing)
    message = refused("run", *rasters[:at], *rasters[at + 2 :])
    assert "needs --input FILE --target FILE --period TIME" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "holds no spikes"),
        (b"0.012 0\n0.013\n", "line 2"),
        (b"0.012 0\n0.5 0\n", "line 2"),
        (b"-0.012 0\n", "line 1"),
        (b"nan 0\n", "line 1"),
        (b"\x00\x01\xff", "is not a text file"),
    ],
)
def test_a_bad_raster_is_refused_before_anything_happens(content, expected, rasters):
    Path("out.ras").write_bytes(content)
    message = refused("run", *rasters, "--out", "x")
    assert message.startswith("out.ras") and expected in message


def test_a_missing_compiler(tmp_path):
    (tmp_path / "bin").mkdir()
    env = {k: v for k, v in os.environ.items() if k != "CXX"} | {"PATH": str(tmp_path / "bin")}
    started = process("run", "spike-timing", "--out", "x", "--build-dir", "build", env=env)
    out, err = started.communicate(timeout=120)
    assert (started.returncode, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith("superspike: no C++ compiler found") and "Traceback" not in err
    assert "apt install g++" in last and "--device runtime" in last
    assert not Path("x").exists()
    assert [p for p in Path("build").rglob("*") if p.is_file() and p.suffix != ".lock"] == []


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

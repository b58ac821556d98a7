"""What the command refuses, and the one line that it says."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from command import process, refused, superspike

from superspike_brian import results

pytestmark = pytest.mark.usefixtures("surroundings")


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
    (message,) = (line for line in found.err.splitlines() if "The run stops" in line)
    assert message.startswith("superspike: eligibility_rise of forward_1 ") and "--probe-at " in message
    kept = float(re.search(r"became -?inf at .* up to ([\d.]+) s is kept in x\. ", message)[1])
    at = float(re.search(r"at ([\d.]+) s", message)[1])
    assert 0.02 < at < 1  # a step multiplies by 3: past 1e308 after about 65 ms
    assert kept < at <= kept + 0.01
    data = results.load("x")
    np.testing.assert_allclose(data.time, np.arange(1, round(kept * 100) + 1) / 100)
    assert np.isfinite(data.weights_1_end).all()
    shown = superspike("show", "x", "--json")
    assert shown.code == 0 and json.loads(shown.out)["simulated_s"] == pytest.approx(kept)


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
    assert re.search(rf"did you mean .?{re.escape(near)}", refused(*arguments), re.I)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--hidden", "-1"), "argument --hidden: '-1' is not a whole number of 0 or more"),
        (("--hidden", "3", "--hidden", "2"), "use random, uniform or layerwise feedback"),
        (("--r0=-1mV",), "--r0 is -1 mV; expected a positive"),
        (("--r0=0V",), "expected a positive"),
        (("--r0=1e400V",), "argument --r0: '1e400V' is not finite"),
        (("--regularizer", "-1"), "argument --regularizer: '-1' is not a number of 0 or more"),
        (("--regularizer", "nan"), "argument --regularizer: 'nan' is not"),
        (
            ("--regularizer", "none:1"),
            "'none' is no regulariser with a strength; choose from heterosynaptic, error-gated, error-gated-decay",
        ),
        (("--seed", "-1"), "argument --seed: '-1' is not a whole number of 0 or more"),
        (("--threads", "0"), "argument --threads: '0' is not a whole number of 1 or more"),
        (("--duration", "0s"), "duration must be a positive, finite time"),
        (("--block=-1s",), "block must be a positive, finite time"),
        (("--burn-in=-1s",), "burn_in must be a positive, finite time"),
        (("--outputs", "0"), "outputs is 0"),
        (("--period", "0s"), "period is 0.0 s"),
        (("--period", "20.05ms"), "expected a whole number"),
        (
            ("--data-dir", "x"),
            "spike-timing does not use --data-dir; its options: --n-inputs, --outputs, --period, --rate, --n-spikes",
        ),
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

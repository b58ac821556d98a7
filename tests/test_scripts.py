"""The scripts of `docs/scripts.md`: each does what it says, within 60 lines."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parent.parent / "docs" / "scripts"
# NumPy needs no compiler for the many small pieces of code
_RUN = """
import runpy, sys
from brian2 import prefs
prefs.codegen.target = "numpy"
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def output(name, folder, *arguments):
    command = [sys.executable, *(() if arguments else ("-c", _RUN)), str(SCRIPTS / f"{name}.py"), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=os.environ | {"XDG_CACHE_HOME": str(folder)}
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return done.stdout


def numbers(text):
    return [float(n) for n in re.findall(r"-?\d+\.?\d*", text)]


def test_they_are_short_and_told_of():
    page = (SCRIPTS.parent / "scripts.md").read_text()
    for script in SCRIPTS.glob("*.py"):
        assert len(script.read_text().splitlines()) <= 60, script
        assert f"scripts/{script.name}" in page


def test_own_neuron(tmp_path):
    error, spikes = output("own_neuron", tmp_path).splitlines()
    first, second, *last = numbers(error)
    assert max(last) < min(first, second) / 1.5
    assert numbers(spikes.partition("ms;")[0])


def test_two_networks(tmp_path):
    small, large = (numbers(line.partition("moved by")[2])[0] for line in output("two_networks", tmp_path).splitlines())
    assert 4 < large / small < 11


def test_reward(tmp_path):
    first, second = (line.split()[-1] for line in output("reward", tmp_path).splitlines())
    assert first.startswith(".") and first.endswith("x" * 10)
    assert second.startswith("x") and second.endswith("." * 10)


def test_balanced(tmp_path):
    rate, *errors = numbers(output("balanced", tmp_path).splitlines()[0])
    assert 5 < rate < 50
    assert np.mean(errors[2:]) < 0.7 * np.mean(errors[:2])


@pytest.mark.slow
def test_fast_rule(tmp_path):
    """The same spikes and weights on Brian2's own device."""
    fast, own = (output("fast_rule", tmp_path, device) for device in ("superspike_standalone", "cpp_standalone"))
    assert numbers(fast)[:2] == numbers(own)[:2]
    assert numbers(fast)[0] > 1000

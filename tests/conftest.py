"""Compiled networks that tests share: building one takes seconds, running it milliseconds."""

import gc
import logging
import os
import shutil
import signal
from functools import partial
from pathlib import Path

import claims
import command
import numpy as np
import pytest
import specs
import watched
from brian2 import ms, second
from hypothesis import settings
from superspike_brian.models import SUPERSPIKE
from superspike_brian.tasks import SpikePattern, Task

from superspike_brian import engine, results
from superspike_brian.network.structure import Structure
from superspike_brian.runs import loop

logging.getLogger("brian2").setLevel(logging.WARNING)  # at DEBUG it logs every generated source, which pytest keeps
loop.EVERY = 0.0  # every block is saved by itself, so that tests can count them, and interrupt after any
settings.register_profile("nightly", max_examples=3000, deadline=None)  # of `.ci/nightly`
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


@pytest.fixture(scope="session")
def build_dir(tmp_path_factory):
    """Folder of the compiled programs, one for all test processes; set SUPERSPIKE_TEST_BUILD_DIR to keep it."""
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # a process among others, with a folder of its own within the session's
        session = session.parent
    return Path(os.environ.get("SUPERSPIKE_TEST_BUILD_DIR") or session / "build")


@pytest.fixture
def objects_only(build_dir, tmp_path):
    """A build folder of the test's own, with the object files that are there and no program."""
    own, unfinished = tmp_path / "build", shutil.ignore_patterns("*.tmp")
    shutil.copytree(build_dir / "objects", own / "objects", copy_function=os.link, ignore=unfinished)
    return own


@pytest.fixture(scope="session")
def compiled(build_dir):
    """Function from a structure to its program; a structure is built once."""
    return partial(engine.build, build_dir=build_dir)


@pytest.fixture(scope="session")
def plain():
    """Structure of 12 inputs and 3 outputs without hidden layer, RMaxProp, fast sigmoid."""
    return Structure(SUPERSPIKE, (12, 3))


@pytest.fixture(scope="session")
def pattern_task():
    """Function that makes a task of given spikes, in a loop of 0.2 s."""

    def make(n_in, n_out, inputs, targets=((), ()), period=200 * ms):
        """`inputs` and `targets` are (units, times in seconds)."""
        patterns = [
            SpikePattern(n, np.array(ids, int), np.array(times, float) * second, period)
            for n, (ids, times) in ((n_in, inputs), (n_out, targets))
        ]
        return Task("test", *patterns, "made for a test")

    return make


@pytest.fixture(scope="session")
def poisson_task(pattern_task):
    """Function that makes a task of Poisson spikes: inputs at 30 Hz, targets at 15 Hz, a loop of 0.2 s."""

    def make(n_in, n_out, seed):
        rng = np.random.default_rng(seed)
        sides = []
        for n, rate in ((n_in, 30), (n_out, 15)):
            steps, ids = np.nonzero(rng.random((2000, n)) < rate * 1e-4)
            sides.append((ids, steps * 1e-4))
        return pattern_task(n_in, n_out, *sides)

    return make


# what runs on every supported Python and Brian2, not on one alone
CORE = {
    "test_models.py",
    "test_pattern.py",
    "test_raster.py",
    "test_rmaxprop.py",
    "test_against_oracle.py",
    "test_architecture_oracle.py",
    "test_labelled_runs.py",
}


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in item.iter_markers("parametrize"):
            if isinstance(mark.args[1], set | frozenset):  # processes would collect other tests
                raise pytest.UsageError(f"{item.nodeid} takes its parameters from a set, which has no order: sort them")
        if item.path.name in CORE:
            item.add_marker(pytest.mark.core)


def pytest_collection_finish():
    gc.collect()
    gc.freeze()  # later collections, of which Brian2 asks for one a run, need not look at what pytest has made


REPORTS = []  # of the tests that have passed, of all processes


def pytest_runtest_logreport(report):
    if report.when == "call" and report.passed:
        REPORTS.append(report)


def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):  # the process that hears of all tests
        claims.write_session(REPORTS)


@pytest.fixture
def claim(record_property):
    """Function with which a test says what it shows, how, and the figure that it obtained: a row of docs/trust.md."""

    def make(what, how, figure, unit=""):
        record_property(claims.KEY, [what, how, figure if isinstance(figure, str) else float(figure), unit])

    return make


@pytest.fixture
def surroundings(tmp_path, monkeypatch):
    """A working directory, cache and signal handlers of its own for each test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SUPERSPIKE_DATA_DIR", raising=False)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


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
def trained(rasters):
    """Return a function that runs the command on a tiny network without a compiler and loads what it left."""

    def train(*more, name="x"):
        return command.run(*rasters, *specs.SHORT, *more, "--out", name).data

    return train


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Runs to be watched: one has finished, one diverged; to be copied."""
    return watched.make_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def finished(runs):
    """A finished run of five blocks in the folder ``run``."""
    shutil.copytree(runs.finished, "run")
    return results.load("run")


@pytest.fixture
def sweep(runs):
    """A sweep in the folder ``sweep``: some of its runs have ended, one goes on, one is not there."""
    return watched.make_sweep(runs, Path("sweep"))


@pytest.fixture
def no_compiler(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)

"""Compiled networks that tests share: building one takes seconds, running it milliseconds."""

import logging
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, second
from superspike_brian.models import SUPERSPIKE
from superspike_brian.tasks import SpikePattern, Task

from superspike_brian import engine
from superspike_brian.network import Structure

logging.getLogger("brian2").setLevel(logging.WARNING)  # at DEBUG it logs every generated source, which pytest keeps


@pytest.fixture(scope="session")
def build_dir(tmp_path_factory):
    """Folder of the compiled programs; set SUPERSPIKE_TEST_BUILD_DIR to keep them between sessions."""
    return Path(os.environ.get("SUPERSPIKE_TEST_BUILD_DIR") or tmp_path_factory.mktemp("build"))


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
}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name in CORE:
            item.add_marker(pytest.mark.core)

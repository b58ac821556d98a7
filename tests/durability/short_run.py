"""A run of some seconds, its interruption, and what else the tests of durability share.

All tests but the slow ones share one compiled program, of the network that `kill_harness` trains.
"""

import sys
import time

import pytest
from brian2 import second
from kill_harness import poisson_task
from superspike_brian.models import SUPERSPIKE

from superspike_brian.console.progress import Silent
from superspike_brian.network.structure import Structure
from superspike_brian.results.folder import RunFolderError
from superspike_brian.runs import loop
from superspike_brian.runs.training import train

loop.EVERY = (
    0.0  # each of the short blocks is saved by itself, so that tests can count them (kills at random come as it is)
)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
SHORT = {"duration": 2 * second, "burn_in": 0.5 * second, "block": 0.25 * second, "snapshot_every": 1 * second}
STRUCTURE = Structure(SUPERSPIKE, (12, 4, 3))


class StopAfter(Silent):
    """Interrupts a run after `n` blocks, as Ctrl-C does; `then` may do something else instead."""

    def __init__(self, n, then=None):
        self.left, self.then = n, then

    def block(self, *figures):
        self.left -= 1
        if self.left == 0:
            if self.then is None:
                raise KeyboardInterrupt
            self.then()


def run(out, build_dir, **changes):
    """Train the short run in `out`."""
    return train(poisson_task(), hidden=(4,), out=out, build_dir=build_dir, **SHORT | changes)


def interrupted(out, build_dir, after, **changes):
    """Train the short run and interrupt it after so many blocks."""
    with pytest.raises(KeyboardInterrupt):
        run(out, build_dir, progress=StopAfter(after), **changes)


def wait_for(condition, patience=60):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def trained(out, build_dir, message):
    """Train the short run; write the error, if any, to `message`."""
    try:
        run(out, build_dir)
    except RunFolderError as error:
        message.write_text(str(error))

"""Runs and sweeps to be watched: small ones, what does something beside them, and what there is to see."""

import hashlib
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import ms, mV
from superspike_brian.models import LIF, SUPERSPIKE
from superspike_brian.tasks import SpikePattern, Task

import superspike_brian as ss
from superspike_brian.console.progress import Silent
from superspike_brian.files.durable import json_with_checksums
from superspike_brian.live.snapshot import RunSnapshot
from superspike_brian.live.watcher import Watcher
from superspike_brian.runs.divergence import DivergedError
from superspike_brian.values.as_json import quantity_to_json

SHORT = {"device": "runtime", "dt": 0.2 * ms, "burn_in": 20 * ms, "block": 20 * ms, "seed": 1, "progress": False}
RUNAWAY = SUPERSPIKE.replace(
    neuron=LIF.replace(name="runaway", equations="dU/dt = 1000*U/ms + 0*I_syn/ms : volt\nI_syn : volt", method="euler")
)
TASK = Task(  # a loop of 20 ms
    "test",
    SpikePattern(3, np.array([0, 1, 2, 0]), np.array([1, 2, 4, 11]) * ms, 20 * ms),
    SpikePattern(2, np.array([0, 1]), np.array([8, 12]) * ms, 20 * ms),
    "made for a test",
)
LEARNS = SUPERSPIKE.replace(t_b=20 * ms)


def train(out, model=LEARNS, **options):
    return ss.train(TASK, model, **SHORT | options, out=out)


def make_runs(folder):
    """A finished run of five blocks, and one that diverged with a message."""
    train(folder / "finished", hidden=[2], duration=100 * ms)
    with pytest.raises(DivergedError) as caught:
        train(folder / "diverged", RUNAWAY, duration=100 * ms, burn_in=0 * ms)
    return SimpleNamespace(finished=folder / "finished", diverged=folder / "diverged", message=str(caught.value))


def make_sweep(runs, path):
    """A sweep of two conditions and two seeds, of which one diverged, one is not there and one runs elsewhere."""
    plan = []
    for name, value in (("r0=1mV", 1 * mV), ("r0=5mV", 5 * mV)):
        condition = {"r0": {"quantity": quantity_to_json(value)}}
        plan += [{"folder": f"{name}/seed-00{seed}", "condition": condition, "seed": seed} for seed in (0, 1)]
    shutil.copytree(runs.finished, path / "r0=1mV/seed-000")
    shutil.copytree(runs.diverged, path / "r0=1mV/seed-001")
    shutil.copytree(runs.finished, path / "r0=5mV/seed-001")
    (path / "r0=5mV/seed-001/.lock").write_text("7\nnode17\n")
    (path / "sweep.json").write_bytes(json_with_checksums({"format": 1, "grid": ["r0"], "runs": plan}))
    return path


class Beside(Silent):
    """Does something after each block of a run."""

    def __init__(self, do):
        self.do = do

    def block(self, *_):
        """A block has ended, and is on disk."""
        self.do()


def seen(path):
    found = Watcher(path).look()
    assert isinstance(found, RunSnapshot)
    return found


def contents(path):
    """Every file below a folder, with its content and when it was written."""
    files = [p for p in Path(path).rglob("*") if p.is_file()]
    return {p: (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}

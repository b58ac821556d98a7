"""Arguments of runs in Python: natural types are taken, what makes no sense is refused by name."""

from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, mV, second
from specs import same_task
from superspike_brian.models import CLASSIFIER, SUPERSPIKE, Model
from superspike_brian.tasks import Classification, SpikePattern, Task

import superspike_brian as ss
from superspike_brian.cli import options
from superspike_brian.spec.run import RunSpec
from superspike_brian.values.quantities import readable

pytestmark = pytest.mark.usefixtures("surroundings")


def test_arguments_of_natural_types(pattern_task):
    task = pattern_task(2, 1, ([0, 1], [0.01, 0.05]), ([0], [0.1]))
    plain = RunSpec.make(task, SUPERSPIKE, [2], seed=3, r0_decay_at=[5 * second])
    other = RunSpec.make(task, SUPERSPIKE, np.int64(2), seed=np.uint8(3), r0_decay_at=5 * second)
    assert plain.differences(other) == [] and other.hidden == (2,) and type(other.seed) is int
    assert RunSpec.make(task, hidden=np.array([2, 4], np.int32), hidden_learning=np.bool_(False)).hidden == (2, 4)
    assert RunSpec.make(task, probe_at=np.array([1, 2]) * second).protocol.probe_at == (1 * second, 2 * second)
    assert RunSpec.make(task, dt=np.float64(1e-4) * second).dt == 0.1 * ms
    assert same_task(RunSpec.make("spike-timing", seed=4).task, ss.tasks.spike_timing(seed=4))
    assert RunSpec.make("xor").model is CLASSIFIER and RunSpec.make(task).model is SUPERSPIKE
    assert RunSpec.make(task, hidden=0).hidden == () == RunSpec.make(task, hidden=None).hidden


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"task": "in.ras"}, "no task is called 'in.ras'"),
        ({"task": 3}, "task must be a Task"),
        ({"model": SUPERSPIKE.feedback}, "model must be a Model, for instance SUPERSPIKE.replace"),
        ({"model": "SUPERSPIKE"}, "model must be a Model"),
        ({"hidden": "4"}, "hidden must be a whole number"),
        ({"hidden": [2.5]}, "hidden must be a whole number"),
        ({"hidden": True}, "hidden must be a whole number"),
        ({"durations": 1 * second}, "no option 'durations'; did you mean 'duration'"),
        ({"feedback": "random"}, r"'feedback' is part of the model: give model=MODEL.replace\(feedback=...\)"),
        ({"r0": 1 * mV}, "'r0' is part of the model"),
        ({"precision": "double precision"}, "expected one of single, double"),
        ({"kernel": "event"}, "did you mean 'events'"),
        ({"build_dir": 3}, "build_dir must be a path"),
        ({"threads": 0}, "threads must be a whole number of 1 or more"),
        ({"progress": "yes"}, "progress must be True, False, or a reporter"),
        ({"duration": 10 * mV}, "duration must be a time"),
        ({"duration": [1, 2] * second}, "duration must be a time"),
        ({"dt": 0 * ms}, "dt must be a positive, finite time"),
    ],
)
def test_an_argument_that_makes_no_sense_is_named(arguments, expected, poisson_task):
    with pytest.raises(ValueError, match=expected):
        ss.train(**{"task": poisson_task(3, 1, 0)} | arguments)


def test_a_task_that_cannot_be_stored_is_refused(poisson_task):
    class Mine(Task):
        pass

    pattern = SpikePattern(1, [0], [1] * ms, 20 * ms)
    with pytest.raises(ValueError, match="a subclass could not be stored"):
        RunSpec.make(Mine("mine", pattern, pattern, "here"))
    assert isinstance(RunSpec.make(ss.tasks.xor()).task, Classification)


def test_a_home_is_a_home(tmp_path, monkeypatch, poisson_task):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    short = {"duration": 20 * ms, "burn_in": 10 * ms, "device": "runtime", "progress": False}
    ss.train(poisson_task(3, 1, 0), out="~/a", **short)
    assert ss.load("~/a").attrs["simulated_s"] == 0.02 and not Path("~").exists()
    ss.resume(Path("~/a"), duration=40 * ms, progress=False)
    data = ss.run_sweep(
        lambda seed: {"task": poisson_task(3, 1, seed)}, {}, 1, "~/s", report=lambda text: None, **short
    )
    assert data.sizes["seed"] == 1 and ss.load_sweep("~/s").sizes["seed"] == 1
    assert not Path("~").exists() and (tmp_path / "home" / "s" / "sweep.nc").exists()


def test_a_model_file_imports_its_neighbours(tmp_path):
    for folder, value in (("one", "2*mV"), ("two", "3*mV")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "my_constants.py").write_text(f"from brian2 import mV\nR0 = {value}\n")
        (tmp_path / folder / "my_model.py").write_text(
            "from dataclasses import dataclass\nfrom my_constants import R0\n"
            "from superspike_brian.models import SUPERSPIKE\n"
            "@dataclass\nclass Choice:\n    r0: object = None\n"
            "MODEL = SUPERSPIKE.replace(r0=Choice(R0).r0)\n"
        )
        found = options.load_record(f"{tmp_path / folder}/my_model.py:MODEL", Model, "model")
        assert readable(found.parameters["r0"]) == value.replace("*", " ")  # each its own neighbour

"""Every option of a task makes the task that its argument makes in Python; one without a test of it fails here."""

from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, second
from command import refused, superspike
from specs import made, same_task, spec
from superspike_brian.tasks import LabelledSpikes

from superspike_brian.cli import options

pytestmark = pytest.mark.usefixtures("surroundings")

SSBM = Path(__file__).resolve().parents[2] / "shared" / "ssbm"


def task_effect(task, option, text, **python):
    """The option makes the task that its argument makes in Python, which is another one than the default."""
    found, plain = spec(task, option, text).task, spec(task).task
    assert same_task(found, made(task, **python)) and not same_task(found, plain)


def picture(path):
    from matplotlib.image import imsave

    imsave(path, np.pad(np.zeros((4, 6)), 3, constant_values=1), cmap="gray", vmin=0, vmax=1)


def effect_of_image(_):
    picture("mine.png")
    found = spec("pattern", "--image", "mine.png").task
    assert found.n_outputs == 10 and set(found.targets.ids) == set(range(3, 7)) and "mine.png" in found.source
    assert "nowhere.png" in refused("run", "pattern", "--image", "nowhere.png")


def effect_of_text(_):
    assert same_task(spec("pattern", "--text", "HI").task, made("pattern", text="HI"))
    one, other = (spec("pattern", "--text", text).task for text in ("HI", "OH"))
    assert not same_task(one, other) and not same_task(one, spec("pattern").task)
    assert "text 'HI'" in superspike("describe", "pattern", "--text", "HI").out


def effect_of_data_dir(_):
    if not (SSBM / "poisson").is_dir():
        pytest.skip(f"the public rasters are not at {SSBM}")
    assert spec("ssbm:poisson", "--data-dir", SSBM).task.inputs.n == 100
    assert "nowhere" in refused("run", "ssbm:poisson", "--data-dir", "nowhere")


def effect_of_randman(option, text, **python):
    small = {"classes": 2, "samples": 3, "test_samples": 2, "n_inputs": 4}
    flags = [each for name, value in small.items() for each in (f"--{name.replace('_', '-')}", value)]
    found, plain = (spec("randman", *flags, *more).task for more in ((option, text), ()))
    assert same_task(found, made("randman", **small | python)) and not same_task(found, plain)


def effect_on_files(option, text, **python):
    """Of an option of the task data, with two sets of three samples."""
    for name, shift in (("a", 0), ("b", 0.5)):
        times = [np.array([1, 2 + k]) * ms + shift * ms for k in range(6)]
        np.savez(f"{name}.npz", **LabelledSpikes.from_arrays(times, [[0, 1]] * 6, [0, 1] * 3).arrays)
    found, plain = (spec("data", "--train", "a.npz", *more).task for more in ((option, text), ()))
    assert same_task(found, made("data", **{"train": "a.npz"} | python)) and not same_task(found, plain)


def effect_of_split(_):
    effect_on_files("--test-fraction", "0.5", test_fraction=0.5)
    one, other = (
        spec("data", "--train", "a.npz", "--test-fraction", 0.5, "--split", split).task.test for split in (0, 1)
    )
    assert one.key != other.key == made("data", train="a.npz", test_fraction=0.5, split=1).test.key


def effect_of_train(_):
    effect_on_files("--train", "b.npz", train="b.npz")
    assert "--train is missing" in refused("run", "data")


def effect_of_input(trained):
    Path("more.ras").write_text("0.001 0\n0.002 6\n")
    assert trained("--input", "more.ras").sizes["pre_1"] == 7


def effect_of_target(trained):
    Path("more.ras").write_text("0.015 0\n0.012 2\n")
    assert trained("--target", "more.ras").target_step.values.tolist() == [120, 150]


def effect_of_n_outputs(trained):
    assert trained("--n-outputs", "5").sizes["output"] == 5


EFFECTS = {
    "n_inputs": lambda _: task_effect("xor", "--n-inputs", 120, n_inputs=120),
    "outputs": lambda _: task_effect("spike-timing", "--outputs", 3, outputs=3),
    "period": lambda _: task_effect("spike-timing", "--period", "0.4s", period=400 * ms),
    "rate": lambda _: task_effect("pattern", "--rate", "8Hz", rate=8 / second),
    "length": lambda _: task_effect("waves", "--length", "0.4s", length=400 * ms),
    "n_spikes": lambda _: task_effect("spike-timing", "--n-spikes", 3, n_spikes=3),
    "input": effect_of_input,
    "target": effect_of_target,
    "n_outputs": effect_of_n_outputs,
    "image": effect_of_image,
    "text": effect_of_text,
    "max_rate": lambda _: task_effect("pattern", "--max-rate", "20Hz", max_rate=20 / second),
    "set_size": lambda _: task_effect("xor", "--set-size", 20, set_size=20),
    "stimulus": lambda _: task_effect("latencies", "--stimulus", "20ms", stimulus=20 * ms),
    "background": lambda _: task_effect("xor", "--background", "0Hz", background=0 / second),
    "response_window": lambda _: task_effect("xor", "--response-window", "20ms", response_window=20 * ms),
    "pause_min": lambda _: task_effect("xor", "--pause-min", "60ms", pause_min=60 * ms),
    "pause_mean": lambda _: task_effect("xor", "--pause-mean", "90ms", pause_mean=90 * ms),
    "classes": lambda _: task_effect("latencies", "--classes", 2, classes=2),
    "patterns": lambda _: task_effect("latencies", "--patterns", 1, patterns=1),
    "code": lambda _: task_effect("digits", "--code", "latency", code="latency"),
    "pause": lambda _: task_effect("digits", "--pause", "30ms", pause=30 * ms),
    "test_fraction": lambda _: task_effect("digits", "--test-fraction", 0.3, test_fraction=0.3),
    "split": effect_of_split,
    "dim": lambda _: effect_of_randman("--dim", 2, dim=2),
    "alpha": lambda _: effect_of_randman("--alpha", 2, alpha=2.0),
    "samples": lambda _: effect_of_randman("--samples", 5, samples=5),
    "test_samples": lambda _: effect_of_randman("--test-samples", 5, test_samples=5),
    "train": effect_of_train,
    "test": lambda _: effect_on_files("--test", "b.npz", test="b.npz"),
    "squeeze": lambda _: effect_on_files("--squeeze", "5ms", squeeze=5 * ms),
    "data_dir": effect_of_data_dir,
}


def test_every_option_of_a_task_has_a_test_of_its_effect():
    assert EFFECTS.keys() == options.task_options().keys()


@pytest.mark.parametrize("name", EFFECTS)
def test_the_effect(name, trained):
    EFFECTS[name](trained)

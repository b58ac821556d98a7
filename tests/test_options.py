"""Every option of a run changes what its help says, has a default that is shown, and is read, stored, compared and swept alike.

What there is to test is read off the records; an option without a test of its effect fails here.
"""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from brian2 import Quantity, get_dimensions, ms, mV, second
from command import refused, run, superspike
from superspike_brian.models import CLASSIFIER, GRADED, SUPERSPIKE, WINDOWED, WINDOWED_MARGIN, Model, ModelError
from superspike_brian.tasks import TASKS, Classification, LabelledSpikes, SpikePattern, Task

import superspike_brian as ss
from superspike_brian.cli import options
from superspike_brian.cli.main import COMMANDS, command_parser, parse
from superspike_brian.console.progress import Silent
from superspike_brian.engine.cache import program_folder, structure_key
from superspike_brian.results.folder import RunFolder
from superspike_brian.results.stored import _value, stored_spec
from superspike_brian.runs.training import make_program
from superspike_brian.spec.run import OPTIONS, Machine, RunSpec
from superspike_brian.values.as_json import value_from_json, value_to_json
from superspike_brian.values.kinds import REQUIRED, Choice, Flag
from superspike_brian.values.quantities import readable

pytestmark = pytest.mark.usefixtures("surroundings")
SSBM = Path(__file__).resolve().parents[2] / "shared" / "ssbm"
PRINTED = ("out", "overwrite", "quiet", "json")  # what the parser has besides the records
RUN_ONLY = [o for o in OPTIONS.values() if o.name != "hidden"]
RUN = {**options.task_options(), **options.MODEL_OPTIONS, **OPTIONS, **options.MACHINE}


def spec(*arguments):
    """The run that a command line means."""
    return options.make_spec(parse(["run", *map(str, arguments)]))


def made(name, **changes):
    """A task made in Python."""
    return TASKS[name](**changes)


def same_task(one, two):
    return not RunSpec.make(one).differences(RunSpec.make(two))


# the list itself


def test_the_records_are_the_parser():
    parsed = {a.dest for a in command_parser("run")._actions} - {"help", "task"}
    assert parsed == RUN.keys() | set(PRINTED)
    assert len(RUN) == sum(map(len, (options.task_options(), options.MODEL_OPTIONS, OPTIONS, options.MACHINE)))
    signature = inspect.signature(ss.train).parameters
    assert OPTIONS.keys() <= signature.keys()
    lines = inspect.getdoc(ss.train).splitlines()  # each parameter at the margin, and its meaning below it
    assert all(sum(line.split(" : ")[0] == name or name in line.split(", ") for line in lines) == 1 for name in OPTIONS)
    assert all(any(line.startswith(f"    {o.help[0].upper()}{o.help[1:20]}") for line in lines) for o in RUN_ONLY)
    assert all(signature[name].default == o.default for name, o in OPTIONS.items() if name != "hidden")


@pytest.mark.parametrize("name", RUN)
def test_help_says_what_it_does_and_its_default(name):
    option = RUN[name]
    assert len(option.help) > 8
    shown = "".join(superspike("run", "--help").out.split())
    assert "".join(option.help_text.split()) in shown
    assert option.flag in shown
    if name not in options.task_options():
        assert option.shown_default and f"default:{''.join(option.shown_default.split())}" in shown


def test_every_subcommand_explains_its_options():
    for command in COMMANDS:
        for action in command_parser(command)._actions:
            assert action.help, (command, action.dest)
            if action.option_strings and action.dest != "help" and action.dest not in options.task_options():
                assert "default" in action.help or "required" in action.help or action.required, (command, action.dest)


@pytest.mark.parametrize(
    ("name", "text"), [(n, o.kind.example) for n, o in OPTIONS.items()] + [("probe_units", "hidden_1=20,output=0,7")]
)
def test_values_are_read_back_from_the_file_of_a_run(name, text):
    value = OPTIONS[name].check([OPTIONS[name].parse(text)] if OPTIONS[name].many else OPTIONS[name].parse(text))
    stored = json.loads(json.dumps(value_to_json(value)))
    _value(name, stored)
    assert OPTIONS[name].check(value_from_json(stored)) == value


@pytest.mark.parametrize("name", [n for n, o in RUN.items() if o.kind.example and n != "model"])
def test_examples_are_right(name):
    option = RUN[name]
    value = option.parse(option.kind.example)
    if name in OPTIONS or name in options.MACHINE:
        kept = option.check([value] if option.many else value)
        assert option.many == isinstance(kept, tuple)
        default = option.default if not option.many else ()
        assert default is REQUIRED or kept != default


@pytest.mark.parametrize("name", [n for n, o in OPTIONS.items() if not isinstance(o.kind, Flag)])
def test_nonsense_is_refused_naming_the_option(name):
    for nonsense in (object(), "nonsense", -1, float("nan"), True, [mV], {}):
        with pytest.raises(ValueError, match=rf"^{name} "):
            RunSpec.make(made("spike-timing"), **{name: nonsense})
    assert refused("run", "spike-timing", f"{OPTIONS[name].flag}=nonsense").startswith(
        f"argument {OPTIONS[name].flag}: "
    )


# effects

SHORT = ("--duration", "100ms", "--burn-in", "20ms", "--block", "20ms")


@pytest.fixture
def trained(rasters):
    """Return a function that runs the command on a tiny network without a compiler and loads what it left."""

    def train(*more, name="x"):
        return run(*rasters, *SHORT, *more, "--out", name).data

    return train


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


def effect_of_model(trained):
    Path("mine.py").write_text(
        "from superspike_brian.models import LINEAR, SUPERSPIKE\nM = SUPERSPIKE.replace(surrogate=LINEAR)"
    )
    assert "sigma_prime = 1 : 1" in trained("--model", "mine.py:M").attrs["equations"]


def effect_of_component(kind, text):
    def check(_):
        found = getattr(spec("spike-timing", "--hidden", "2", f"--{kind}", text).model, kind)
        assert found.name == text != getattr(SUPERSPIKE, kind).name
        assert f"*{text}*" in superspike("describe", "spike-timing", "--hidden", "2", f"--{kind}", text).out

    return check


def effect_of_regularizer(_):
    found = spec("spike-timing", "--hidden", "2", "--regularizer", "error-gated:0.3").model
    assert found.regularizer.name == "error-gated" and found.parameters["rho"] == 0.3


def effect_of_r0(trained):
    found = trained("--r0", "3mV")
    np.testing.assert_allclose(found.r0.values[found.r0.values > 0], 3e-3)


def effect_of_set(trained):
    found = trained("--set", "tau_mem=20ms", "--set", "t_b=40ms", "--set", "beta=0.5/mV")
    values = dict(zip(found.parameter_name.values.tolist(), found.parameter_value.values.tolist(), strict=True))
    assert (values["tau_mem"], values["t_b"], values["beta"]) == pytest.approx((0.02, 0.04, 500))
    assert not np.array_equal(found.U_output, trained(name="y").U_output)


def effect_of_hidden(trained):
    found = trained("--hidden", "2")
    assert found.attrs["sizes"].tolist() == [3, 2, 1]


def effect_of_hidden_learning(trained):
    more = ("--hidden", "2", "--set", "t_b=20ms")
    learned, fixed = trained(*more), trained(*more, "--no-hidden-learning", name="y")
    assert not np.array_equal(learned.weights_1_start, learned.weights_1_end)
    assert np.array_equal(fixed.weights_1_start, fixed.weights_1_end)


def effect_of_dt(trained):
    assert np.diff(trained("--dt", "50us").probe_time)[0] == pytest.approx(5e-5)


def effect_of_seed(trained):
    one, two, again = (trained("--seed", n, name=k) for k, n in enumerate((1, 2, 1)))
    assert np.array_equal(one.weights_1_start, again.weights_1_start)
    assert not np.array_equal(one.weights_1_start, two.weights_1_start)
    assert not same_task(spec("spike-timing", "--seed", 1).task, spec("spike-timing", "--seed", 2).task)


def effect_of_device(_):
    found = make_program(spec("spike-timing", "--device", "runtime"), Machine(), Silent())
    assert type(found).__name__ == "RuntimeProgram"
    assert spec("spike-timing").device == "standalone"


def effect_of_precision(trained):
    for name, dtype in (("single", np.float32), ("double", np.float64)):
        trained("--precision", name, name=name)
        assert RunFolder(name).newest()[2]["output.U"].dtype == dtype


def effect_of_kernel(_):
    keys = {structure_key(spec("spike-timing").structure, "double", kernel) for kernel in OPTIONS["kernel"].kind.known}
    assert len(keys) == len(OPTIONS["kernel"].kind.known)  # each a program of its own; test_kernels looks into them
    assert spec("spike-timing", "--kernel", "dense").kernel == "dense"


def effect_of_chunk(_):
    found, plain = (spec("spike-timing", *more) for more in (("--chunk", 250), ()))
    assert found.structure.chunk == 250 and plain.structure.chunk is None
    assert structure_key(found.structure, "double") != structure_key(plain.structure, "double")
    stored = {k: v for k, v in plain.to_json().items() if k != "chunk"}  # as a run of an older version
    old = RunSpec.from_json(stored, plain.task, plain.arrays())
    assert old.structure.chunk == 125 and plain.differences(old) == []  # a sweep of an older version goes on
    assert plain.differences(found) == ["chunk"]


def effect_of_connect(trained):
    found = trained("--hidden", "4", "--connect", "inputs:output", "--connect", "forward_1=0.5")
    assert (found.weights_inputs_to_output_start == 0).all() and found.weights_inputs_to_output_end.dims == (
        "pre_inputs_to_output",
        "post_inputs_to_output",
    )
    assert found.weights_1_end.dims == ("synapse_1",) and found.pre_1.size == round(0.5 * found.attrs["sizes"][0] * 4)


def effect_of_network(trained):
    Path("mine.py").write_text(
        "from superspike_brian.models import *\n"
        "NET = Architecture([Population('reservoir', 5)], [Projection('inputs', 'reservoir', plastic=False), "
        "Projection('reservoir', 'output')])\n"
    )
    found = trained("--network", "mine.py:NET")
    assert found.weights_inputs_to_reservoir_end.shape[1] == 5
    assert (found.weights_inputs_to_reservoir_end == found.weights_inputs_to_reservoir_start).all()
    assert "hidden" in refused("run", "spike-timing", "--network", "mine.py:NET", "--hidden", "3")


def effect_of_duration(trained):
    assert trained("--duration", "60ms").attrs["simulated_s"] == pytest.approx(0.06)


def effect_of_burn_in(trained):
    found = trained("--burn-in", "60ms")
    assert np.array_equal(found.r0.values == 0, found.time.values < 0.0601)


def effect_of_block(trained):
    np.testing.assert_allclose(trained("--block", "40ms").time, [0.02, 0.06, 0.1])


def effect_of_r0_decay_at(trained):
    found = trained("--r0-decay-at", "40ms", "--r0-decay-at", "80ms", "--r0", "1mV")
    np.testing.assert_allclose(found.r0, [0, 1e-3, 1e-4, 1e-4, 1e-5])


def effect_of_r0_linear_until(trained):
    found = trained("--r0-linear-until", "2.02s", "--r0", "1mV", "--r0-decay-at", "80ms")
    np.testing.assert_allclose(found.time, [0.02, 0.04, 0.06, 0.08, 0.1])
    np.testing.assert_allclose(found.r0, [0, 1e-3, 0.99e-3, 0.98e-3, 0.097e-3])


def effect_of_recipe(_):
    """What a recipe is made of, that the user wins, and what a run records is in test_named_recipes."""
    found, plain = (spec("spike-timing", "--hidden", 4, *more) for more in (("--recipe", "precise-timing"), ()))
    assert found.structure.projections.keys() - plain.structure.projections.keys() == {
        "inputs_to_output",
        "output_to_output",
    }
    assert {"recipe", "r0_linear_until", "r0 of the optimizer"} <= set(plain.differences(found))


def effect_of_snapshot_every(trained):
    np.testing.assert_allclose(trained("--snapshot-every", "40ms").snapshot_time, [0.04, 0.08])


def effect_of_probe_at(trained):
    np.testing.assert_allclose(trained("--probe-at", "30ms").probe_start, [0, 0.03, 0.1])


def effect_of_probe_every(trained):
    found = trained("--probe-every", "40ms", "--probe-at", "50ms")
    np.testing.assert_allclose(found.probe_start, [0, 0.04, 0.05, 0.08, 0.1])


def effect_of_probe_length(trained):
    assert trained("--probe-length", "5ms").sizes["probe_time"] == 50


def effect_of_probe_units(trained):
    assert trained("--hidden", "3", "--probe-units", "2").probed_unit_hidden_1.values.tolist() == [0, 1]


def effect_of_probe_synapses(trained):
    assert trained("--probe-synapses", "2").w_forward_1.shape[-1] == 2


def effect_of_probe_variables(trained):
    found = trained("--probe-variables", "U,I_syn")
    assert "I_syn_output" in found and "U_output" in found and "error_output" not in found


def effect_of_probe_learning(trained):
    found, plain = trained("--probe-learning", "40ms"), trained(name="y")
    assert found.probe_start.values[found.probe_learning.values == 1] == pytest.approx(0.04)
    assert np.array_equal(found.weights_1_end, plain.weights_1_end)


def effect_of_criterion(_):
    """How a run ends at it is in test_trial_runs."""
    assert spec("xor", "--criterion", "0.9").protocol.criterion == 0.9
    assert "has no trials" in refused("run", "spike-timing", "--criterion", "0.9")


def effect_of_epochs(_):
    found = spec("digits", "--epochs", "2")
    assert found.n_steps == 2 * found.task.epoch(found.dt) and found.protocol.r0_decay_at[0] < found.duration
    assert "epochs are of labelled samples" in refused("run", "xor", "--epochs", "2")
    assert "epochs and duration: give one of them" in refused("run", "digits", "--epochs", "2", "--duration", "5s")


def effect_of_test_every(_):
    found = spec("digits", "--test-every", "30s")
    tests = [block.stop for block in found.protocol.blocks(found.dt) if block.test]
    assert tests[:2] == [300_000, 600_000] and len(tests) == -(-found.n_steps // 300_000) - 1
    assert "test_every is of trials" in refused("run", "spike-timing", "--test-every", "1s")


def effect_of_decoder(_):
    assert spec("xor", "--decoder", "most").decoder == "most"
    assert "they do not spike" in refused("run", "digits", "--decoder", "first")


def effect_of_answer(_):
    assert spec("digits", "--answer", "spikes").model.error == WINDOWED
    assert spec("digits", "--answer", "spikes-margin").model.error == WINDOWED_MARGIN
    assert spec("digits").model.error == spec("xor", "--answer", "potential").model.error == GRADED
    assert "the task spike-timing has none" in refused("run", "spike-timing", "--answer", "spikes")


def effect_of_criterion_trials(_):
    assert spec("xor", "--criterion", "0.9", "--criterion-trials", "7").protocol.criterion_trials == 7


def effect_of_build_dir(_):
    structure = spec("spike-timing").structure
    assert program_folder(structure, build_dir="mine").is_relative_to(Path("mine").absolute())
    assert options.machine(parse(["run", "xor", "--build-dir", "~/p"])).build_dir == Path.home() / "p"


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
    "model": effect_of_model,
    "feedback": effect_of_component("feedback", "random"),
    "surrogate": effect_of_component("surrogate", "linear"),
    "optimizer": effect_of_component("optimizer", "fixed"),
    "regularizer": effect_of_regularizer,
    "r0": effect_of_r0,
    "set": effect_of_set,
    "hidden": effect_of_hidden,
    "chunk": effect_of_chunk,
    "connect": effect_of_connect,
    "network": effect_of_network,
    "hidden_learning": effect_of_hidden_learning,
    "dt": effect_of_dt,
    "seed": effect_of_seed,
    "device": effect_of_device,
    "precision": effect_of_precision,
    "kernel": effect_of_kernel,
    "duration": effect_of_duration,
    "burn_in": effect_of_burn_in,
    "block": effect_of_block,
    "r0_decay_at": effect_of_r0_decay_at,
    "r0_linear_until": effect_of_r0_linear_until,
    "recipe": effect_of_recipe,
    "snapshot_every": effect_of_snapshot_every,
    "probe_at": effect_of_probe_at,
    "probe_every": effect_of_probe_every,
    "probe_length": effect_of_probe_length,
    "probe_units": effect_of_probe_units,
    "probe_synapses": effect_of_probe_synapses,
    "probe_variables": effect_of_probe_variables,
    "probe_learning": effect_of_probe_learning,
    "criterion": effect_of_criterion,
    "epochs": effect_of_epochs,
    "test_every": effect_of_test_every,
    "decoder": effect_of_decoder,
    "answer": effect_of_answer,
    "criterion_trials": effect_of_criterion_trials,
    "build_dir": effect_of_build_dir,
}
ELSEWHERE = {"threads"}  # `test_threads_reach_the_program`, which needs a compiler


def test_every_option_has_a_test_of_its_effect():
    assert EFFECTS.keys() | ELSEWHERE == RUN.keys()


@pytest.mark.parametrize("name", EFFECTS)
def test_the_effect(name, trained):
    EFFECTS[name](trained)


def test_threads_reach_the_program(build_dir):
    three = Machine(build_dir, threads=3)
    assert make_program(RunSpec.make("spike-timing"), three, Silent()).threads == 3
    assert Machine().n_threads >= 1


# parameters of the model, by name


@pytest.mark.parametrize("name", {**CLASSIFIER.parameters, **SUPERSPIKE.parameters})
def test_every_parameter_can_be_set_by_name(name):
    """The value is read in the unit in which it is shown, and nothing else changes."""
    task, model = ("xor", CLASSIFIER) if name in CLASSIFIER.parameters else ("spike-timing", SUPERSPIKE)
    before = model.parameters[name]
    value = Quantity(2 * float(before), dim=get_dimensions(before))
    found = spec(task, "--set", f"{name}={readable(value)}")
    assert float(found.model.parameters[name]) == pytest.approx(float(value), rel=1e-12)
    home = next(k for k, c in model.components.items() if name in c.parameters)
    assert spec(task).differences(found) == [f"{name} of the {home}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bta=1/mV", "the model has no parameter 'bta'; did you mean 'beta'?"),
        ("beta=1", "--set beta=1: '1' has no unit"),
        ("beta=1mV", "'1mV' is in mV"),
        ("beta", "is not NAME=VALUE"),
        ("=1", "is not NAME=VALUE"),
        ("tau_mem=tau_syn", "is not a number with a unit"),
    ],
)
def test_a_wrong_assignment_is_refused(text, expected):
    assert expected in refused("run", "spike-timing", "--set", text)


def test_a_value_is_set_once():
    assert "is set already" in refused("run", "spike-timing", "--set", "beta=1/mV", "--set", "beta=2/mV")
    assert "give one of them" in refused("run", "spike-timing", "--set", "r0=1mV", "--r0", "1mV")


# sweeps


@pytest.mark.parametrize(
    ("grid", "values"),
    [
        ("tau_mem=5ms,20ms", [0.005, 0.02]),
        ("dt=100us,50us", [1e-4, 5e-5]),
        ("duration=100ms,60ms", [0.1, 0.06]),
        ("block=20ms,50ms", [0.02, 0.05]),
        ("precision=single,double", ["single", "double"]),
    ],
)
def test_options_and_parameters_are_swept_alike(grid, values, rasters, tmp_path):
    found = superspike("sweep", *rasters, *SHORT, "--grid", grid, "--out", "s", "--quiet", "--json")
    assert (found.code, json.loads(found.out.splitlines()[-1])["failed"]) == (0, [])
    data = ss.load_sweep("s")
    name = grid.partition("=")[0].replace("-", "_")
    dim = f"{name}_option" if name == "block" else name
    coordinate = data[dim].values.tolist()
    assert coordinate == pytest.approx(values) if not isinstance(values[0], str) else coordinate == values
    assert np.isfinite(data.final_cost).all()
    for folder in Path("s").glob("*/seed-000"):
        mine = stored_spec(RunFolder(folder))
        label = folder.parent.name.partition("=")[2]
        value = mine.model.parameters.get(name) if name in mine.model.parameters else getattr(mine, name, None)
        value = getattr(mine.protocol, name) if value is None else value
        assert label == value if isinstance(value, str) else any(float(value) == pytest.approx(v) for v in values)
    again = superspike("sweep", *rasters, *SHORT, "--grid", grid, "--out", "s", "--json")
    assert "2 of 2 runs are there, 0 to do" in again.err
    assert superspike("show", "s").code == superspike("plot", "s").code == 0


@pytest.mark.parametrize(
    "name", [n for n in OPTIONS if n not in ("seed", "duration", "epochs", "kernel", "criterion_trials")]
)
def test_a_run_with_another_option_is_not_taken_for_done(name, poisson_task):
    """Derived from the record: a sweep compares every option that it could vary."""
    option = OPTIONS[name]
    task = ss.tasks.xor() if name in ("criterion", "decoder", "test_every") else poisson_task(4, 2, 0)
    plain = RunSpec.make(task, hidden=[3])
    value = not option.default if isinstance(option.kind, Flag) else option.parse(option.kind.example)
    value = 500 * second if name in ("block", "burn_in") else value
    other = RunSpec.make(task, **{"hidden": [3]} | {name: value})
    names = {"hidden": "sizes", "probe_every": "probe_at"}
    assert names.get(name, name) in plain.differences(other) and not plain.differences(plain)


# Python's own types


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


def test_choices_are_those_of_the_registries():
    for name, option in options.MODEL_OPTIONS.items():
        if isinstance(option.kind, Choice) and name != "answer":
            for text in option.kind.known:
                assert getattr(spec("spike-timing", "--hidden", 2, option.flag, text).model, name).name == text
                assert getattr(SUPERSPIKE.replace(**{name: text}), name).name == text
    with pytest.raises(ModelError, match="did you mean 'random'"):
        SUPERSPIKE.replace(feedback="randm")
    with pytest.raises(ModelError, match="`feedback` must be a component of kind Feedback"):
        SUPERSPIKE.replace(feedback=SUPERSPIKE.neuron, r0=2 * mV)

"""Every option of a run, of its model and of the machine changes what its help says; one without a test of it fails here."""

from pathlib import Path

import numpy as np
import pytest
from command import refused, superspike
from specs import same_task, spec
from superspike_brian.models import GRADED, SUPERSPIKE, WINDOWED, WINDOWED_MARGIN

from superspike_brian.cli import options
from superspike_brian.cli.main import parse
from superspike_brian.console.progress import Silent
from superspike_brian.engine.cache import program_folder, structure_key
from superspike_brian.results.folder import RunFolder
from superspike_brian.runs.training import make_program
from superspike_brian.spec.run import OPTIONS, Machine, RunSpec

pytestmark = pytest.mark.usefixtures("surroundings")


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
    assert EFFECTS.keys() | ELSEWHERE == options.MODEL_OPTIONS.keys() | OPTIONS.keys() | options.MACHINE.keys()


@pytest.mark.parametrize("name", EFFECTS)
def test_the_effect(name, trained):
    EFFECTS[name](trained)


def test_threads_reach_the_program(build_dir):
    three = Machine(build_dir, threads=3)
    assert make_program(RunSpec.make("spike-timing"), three, Silent()).threads == 3
    assert Machine().n_threads >= 1

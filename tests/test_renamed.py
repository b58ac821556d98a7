"""Names of older versions go on working: in models, tasks, options and files, with a hint, and with the same bits."""

import json
import shutil
import warnings
from dataclasses import replace as changed
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from command import refused, superspike
from superspike_brian.models import (
    CLASSIFIER,
    RANDOM,
    SUPERSPIKE,
    VAN_ROSSUM,
    WINDOWED,
    chain,
)
from superspike_brian.tasks import Classification, LabelledTask, SpikePattern, digits, latencies, task, xor

import superspike_brian as ss
from superspike_brian.cli import options
from superspike_brian.cli.main import parse
from superspike_brian.cli.sweep import read_grid
from superspike_brian.network.structure import Structure
from superspike_brian.results.folder import RunFolder
from superspike_brian.results.stored import stored_spec
from superspike_brian.runs.training import resume
from superspike_brian.spec.run import RunSpec
from superspike_brian.spec.serialize import model_from_json, model_to_json, task_from_arrays, task_to_arrays
from superspike_brian.values.renamed import IN_MODELS, uses, with_current

pytestmark = pytest.mark.usefixtures("surroundings")
OLD_RUN = Path(__file__).parent / "data" / "run-format-1"
SHORT = {
    **{"duration": 60 * ms, "burn_in": 0 * ms, "probe_length": 20 * ms, "dt": 0.2 * ms},
    **{"device": "runtime", "progress": False},
}
OLD_ERROR = {  # as docs of older versions had it
    "equations": "derror_impulse/dt = -error_impulse/tau_rise : 1\n"
    "derror/dt = (error_impulse/tau_rise - error)/tau_decay : Hz",
    "on_target": "error_impulse_post += missed",
    "on_output": "error_impulse_post -= spurious",
    "parameters": {"tau_cost": 10 * second, "missed": 1, "spurious": 1},
}
OLD_RANDOM = {"on_target": "error_impulse_post += missed*b", "on_output": "error_impulse_post -= spurious*b"}


def as_then(model):
    """The model as an older version stored it."""
    text = json.dumps(model_to_json(model))
    for old, new in IN_MODELS.items():
        text = text.replace(new, old)
    return model_from_json(json.loads(text))


def silent(function):
    """What a function returns; it gives no hint."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        return function()


def hinted(function, *pairs):
    """What a function returns; its hints name these pairs of an old and a new name, and the line that used them."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = function()
    hints = [w for w in said if w.category is FutureWarning]
    assert sorted(str(w.message).partition(":")[0] for w in hints) == sorted(f"'{o}' is '{n}' now" for o, n in pairs)
    assert {w.filename for w in hints} == {__file__}
    return found


def code(model):
    """Everything that a model says, names of components aside."""
    return [(c.strings, dict(c.parameters)) for c in model.components.values()]


# models

PAIRS = list(IN_MODELS.items())
MIXED = {  # a model of which a part is from then, what it is now, and the names about which there is a hint
    "feedback": (lambda: SUPERSPIKE.replace(feedback=RANDOM.replace(**OLD_RANDOM)), {"feedback": RANDOM}, PAIRS),
    "error": (lambda: SUPERSPIKE.replace(error=VAN_ROSSUM.replace(**OLD_ERROR)), {}, PAIRS),
    "a field": (
        lambda: SUPERSPIKE.replace(error=VAN_ROSSUM.replace(equations=OLD_ERROR["equations"])),
        {},
        PAIRS[:1],
    ),
    "parameters": (
        lambda: SUPERSPIKE.replace(error=VAN_ROSSUM.replace(parameters=OLD_ERROR["parameters"])),
        {},
        PAIRS[1:],
    ),
    "judge": (
        lambda: CLASSIFIER.replace(
            error=WINDOWED.replace(
                judge_equations="missed : 1\nspurious : 1",
                initial="spurious = 1",
                on_cue="missed_post = 1\nspurious_post = 0",
                on_deadline="spurious_post = 1",
                on_answer="missed = 0",
            )
        ),
        {"error": WINDOWED, "regularizer": CLASSIFIER.regularizer},
        PAIRS[1:],
    ),
}


@pytest.mark.parametrize("case", MIXED)
def test_a_part_with_old_names_fits_the_rest_with_a_hint(case):
    make, changes, pairs = MIXED[case]
    for (strings, parameters), (wanted, known) in zip(
        code(hinted(make, *pairs)), code(SUPERSPIKE.replace(**changes)), strict=True
    ):
        assert {k: v.split() for k, v in strings.items()} == {k: v.split() for k, v in wanted.items()}
        assert parameters == known


@pytest.mark.parametrize("old", ["missed", "spurious"])
def test_a_parameter_is_set_by_its_old_name(old):
    new = IN_MODELS[old]
    for model in (hinted(lambda: SUPERSPIKE.replace(**{old: 2}), (old, new)),):
        assert model.parameters[new] == 2 and old not in model.parameters
    error = hinted(lambda: VAN_ROSSUM.replace(**{old: 2}), (old, new))
    assert error.parameters[new] == 2
    then = as_then(SUPERSPIKE)
    assert silent(lambda: then.replace(**{old: 2})).parameters[old] == 2  # a stored model has its own names


def test_a_model_with_old_names_alone_stays_as_it_is():
    for model in (SUPERSPIKE, CLASSIFIER, SUPERSPIKE.replace(feedback=RANDOM)):
        then = silent(lambda model=model: as_then(model))
        assert "error_impulse" in then.error.equations and "error_rise" not in json.dumps(model_to_json(then))


def test_own_variables_that_are_called_as_others_once_were_stay():
    error = WINDOWED.replace(judge_equations=WINDOWED.judge_equations + "\nmissed : 1", on_answer="missed += 1")
    model = silent(lambda: CLASSIFIER.replace(error=error))
    assert model.error.on_answer == "missed += 1"


def test_only_whole_names_are_names():
    assert with_current("dmissed/dt = -missed*x_missed + missed_post : 1") == (
        "dtarget_impulse/dt = -target_impulse*x_missed + target_impulse_post : 1"
    )
    assert not uses("missed_spikes = unmissed", "missed") and uses("a += missed_pre", "missed")


def test_old_and_new_names_are_the_same_bits(poisson_task):
    made = poisson_task(12, 3, 1)
    model = SUPERSPIKE.replace(feedback=RANDOM, t_b=20 * ms, w_0=200 * mV)
    now, then = (ss.train(made, m, [4], seed=2, probe_variables="error", **SHORT) for m in (model, as_then(model)))
    assert now.spikes_hidden_1_time.size and now.spikes_output_time.size
    for name in ("weights_1_end", "weights_2_end", "cost", "watched_time", "error_hidden_1"):
        np.testing.assert_array_equal(now[name], then[name])
    assert not (now.weights_1_end == now.weights_1_start).all()


def test_a_network_of_today_and_a_model_of_then(poisson_task):
    """The names of the output's judge and of the feedback that reads it are of one version."""
    then = as_then(CLASSIFIER)
    net = chain([3], RANDOM).sized(4, 2)
    with pytest.warns(FutureWarning, match="'missed' is 'target_impulse' now"):
        found = Structure(then, net)
    assert "missed" not in json.dumps(model_to_json(found.model) | model_to_json(found.models["output"]))
    assert silent(lambda: Structure(then, (4, 2))).model is then


# what is recorded and stored


def test_a_run_of_an_older_version_goes_on_without_a_hint(tmp_path):
    old = shutil.copytree(OLD_RUN, tmp_path / "old")
    data = silent(lambda: resume(old, duration=1.22 * second, progress=False))
    assert "error_impulse" in data.attrs["equations"] and "missed" in data.parameter_name.values


def test_a_sweep_of_an_older_version_goes_on(tmp_path):
    """The same options mean the same run, also if the folder has it under old names."""
    then = stored_spec(RunFolder(OLD_RUN))
    now = RunSpec.make(then.task, seed=3, **{n: getattr(then.protocol, n) for n in ("duration", "burn_in", "block")})
    now = changed(now, device="runtime")
    assert now.differences(then) == [] == then.differences(now)
    assert now.differences(changed(then, model=then.model.replace(missed=2))) == ["target_impulse of the error"]


def test_what_is_recorded_has_todays_name(poisson_task):
    made = poisson_task(4, 2, 1)
    data = hinted(lambda: ss.train(made, probe_variables="error_impulse,U", **SHORT), ("error_impulse", "error_rise"))
    assert "error_rise_output" in data
    with pytest.raises(KeyError, match=r"Did you mean .*'error_rise_output'"):  # xarray says so
        data["error_impulse_output"]


# tasks


@pytest.mark.parametrize("make", [xor, latencies, digits])
def test_a_task_takes_the_old_name_of_its_window(make):
    made = hinted(lambda: make(window=20 * ms), ("window", "response_window"))
    assert made.response_window == 20 * ms == hinted(lambda: made.window, ("window", "response_window"))
    with pytest.raises(ValueError, match="window is response_window now: give response_window alone"):
        make(window=20 * ms, response_window=20 * ms)
    with pytest.warns(FutureWarning):
        assert task(made.name, window=20 * ms).response_window == 20 * ms


def test_records_of_trials_take_it_too():
    pattern = SpikePattern(2, [0], [1] * ms, 5 * ms)
    rest = {"pause_min": 5 * ms, "pause_mean": 9 * ms, "period": 1 * second, "source": "made up"}
    made = hinted(
        lambda: Classification("a", [pattern], [0], 4 * Hz, window=3 * ms, **rest), ("window", "response_window")
    )
    assert made.response_window == 3 * ms
    samples = digits().training
    assert (
        hinted(lambda: LabelledTask("b", samples, window=3 * ms), ("window", "response_window")).response_window
        == 3 * ms
    )


@pytest.mark.parametrize("make", [xor, digits])
def test_a_stored_task_of_then_is_read(make):
    made = make(response_window=20 * ms)
    arrays = task_to_arrays(made)
    arrays["window"] = arrays.pop("response_window")
    found = silent(lambda: task_from_arrays(arrays, lambda key, *_: made.training))
    assert found.response_window == 20 * ms


# the command line


@pytest.mark.parametrize(
    ("arguments", "pair", "get"),
    [
        (["--set", "missed=2"], ("missed", "target_impulse"), lambda s: s.model.parameters["target_impulse"]),
        (["--window", "2ms"], ("--window", "--response-window"), lambda s: s.task.response_window / ms),
        (
            ["--probe-variables", "error_impulse"],
            PAIRS[0],
            lambda s: 2 * (s.structure.probe_variables == ("error_rise",)),
        ),
    ],
)
def test_options_of_then(arguments, pair, get):
    arguments = ["run", "xor" if "--window" in arguments else "spike-timing", *arguments]
    with pytest.warns(FutureWarning, match=f"'{pair[0]}' is '{pair[1]}' now"):
        assert get(options.make_spec(parse(arguments))) == 2


def test_the_command_says_the_hint_in_one_line_and_the_help_does_not():
    found = superspike("describe", "xor", "--window", "20ms")
    assert found.code == 0 and "response_window: 20 ms" in found.out
    assert found.err == (
        "superspike: '--window' is '--response-window' now: the old name still works, please use the new one\n"
    )
    shown = superspike("run", "--help").out
    assert "--response-window" in shown and " --window" not in shown


@pytest.mark.parametrize(
    ("name", "option", "new"),
    [("latencies", "window=5ms,20ms", "response_window"), ("spike-timing", "spurious=1,2", "output_impulse")],
)
def test_a_grid_of_then(name, option, new):
    with pytest.warns(FutureWarning, match=f"is '{new}' now"):
        assert list(read_grid(parse(["sweep", name, "--grid", option]))) == [new]


def test_both_names_at_once_are_refused():
    said = refused("describe", "spike-timing", "--set", "missed=2", "--set", "target_impulse=2")
    assert "'missed' is 'target_impulse' now" in said and said.endswith("target_impulse is set already")

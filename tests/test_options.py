"""Every option of a run has a default that is shown, and is read, stored, compared and swept alike.

What there is to test is read off the records; that each has a test of its effect is seen to in `test_option_effects` and, for
those of tasks, in `test_task_option_effects`.
"""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from brian2 import Quantity, get_dimensions, mV, second
from command import refused, superspike
from specs import SHORT, made, spec
from superspike_brian.models import CLASSIFIER, SUPERSPIKE, ModelError

import superspike_brian as ss
from superspike_brian.cli import options
from superspike_brian.cli.main import COMMANDS, command_parser
from superspike_brian.results.folder import RunFolder
from superspike_brian.results.stored import _value, stored_spec
from superspike_brian.spec.run import OPTIONS, RunSpec
from superspike_brian.values.as_json import value_from_json, value_to_json
from superspike_brian.values.kinds import REQUIRED, Choice, Flag
from superspike_brian.values.quantities import readable

pytestmark = pytest.mark.usefixtures("surroundings")

PRINTED = ("out", "overwrite", "quiet", "json")  # what the parser has besides the records
RUN_ONLY = [o for o in OPTIONS.values() if o.name != "hidden"]
RUN = {**options.task_options(), **options.MODEL_OPTIONS, **OPTIONS, **options.MACHINE}


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

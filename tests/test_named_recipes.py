"""Recipes of runs, by name: what one is made of, that what a user gives wins, and that a run records what was used."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from brian2 import mV, second
from command import run, superspike
from superspike_brian.models import RANDOM, SUPERSPIKE, Projection, chain

import superspike_brian as ss
from superspike_brian.cli import options
from superspike_brian.cli.main import parse
from superspike_brian.experiments import Setting, recipe
from superspike_brian.results.folder import RunFolder
from superspike_brian.results.stored import stored_spec
from superspike_brian.spec.protocol import FALLS, Protocol
from superspike_brian.spec.recipe import PRECISE_TIMING
from superspike_brian.spec.run import OPTIONS, RunSpec

pytestmark = pytest.mark.usefixtures("surroundings")
NAME = PRECISE_TIMING.name
LONG = 120 * second


def made(task="spike-timing", model=None, hidden=(400,), **more):
    return RunSpec.make(task, model, hidden, **{"recipe": NAME, "duration": LONG} | more)


def typed(*arguments):
    return options.make_spec(parse(["run", *map(str, arguments), "--recipe", NAME]))


def value(spec, name):
    return float(spec.structure.model.parameters[name])


def projections(spec):
    return {p.name: (p.source, p.target, p.r0_factor) for p in spec.structure.projections.values()}


def test_what_the_recipe_is_made_of():
    spec = made()
    assert (value(spec, "r0"), value(spec, "beta")) == (2e-3, 500)
    assert projections(spec) == {
        "forward_1": ("inputs", "hidden_1", 1),  # of 100 units
        "forward_2": ("hidden_1", "output", 0.5),  # of 400 units
        "inputs_to_output": ("inputs", "output", 1),
        "output_to_output": ("output", "output", 1),
    }
    assert float(spec.protocol.r0_linear_until) == 120 and not spec.protocol.r0_decay_at
    itself = made(ss.tasks.spike_timing(outputs=3)).structure.projections["output_to_output"]
    assert itself.connect.units.tolist() == [[0, 1, 2]] * 2 and itself.initial == "0*volt"


def test_without_a_hidden_layer_there_is_nothing_to_skip():
    assert projections(made(hidden=())).keys() == {"forward_1", "output_to_output"}


@pytest.mark.parametrize("task", ["xor", "latencies", "pattern", "digits"])
def test_it_is_of_any_task(task):
    spec = made(task, hidden=[8])
    assert value(spec, "r0") == 2e-3 and "output_to_output" in projections(spec) and not spec.protocol.r0_decay_at
    assert spec.model.error == RunSpec.make(task, hidden=[8]).model.error


def test_what_the_user_gives_wins():
    assert projections(made(connect=["0.5"])).keys() == {"forward_1", "forward_2"}
    own = chain(4).add(Projection("inputs", "output"))
    assert projections(made(hidden=own)).keys() == projections(made(hidden=(), network=own)).keys()
    assert projections(made(hidden=own)).keys() == {"forward_1", "forward_2", "inputs_to_output"}
    assert made(r0_decay_at=[60 * second]).protocol.r0_linear_until is None
    assert float(made(r0_linear_until=60 * second).protocol.r0_linear_until) == 60
    assert made("digits", hidden=[8], r0_decay_at=[3 * second]).protocol.r0_decay_at == (3 * second,)
    assert (value(made(model=SUPERSPIKE.replace(r0=1 * mV)), "beta")) == 1000  # a model is what it is
    spec = typed("spike-timing", "--r0", "1mV", "--feedback", "random")  # on the command line every value counts
    assert (value(spec, "r0"), value(spec, "beta"), spec.model.feedback) == (1e-3, 500, RANDOM)
    assert value(typed("spike-timing", "--set", "beta=1/mV"), "beta") == 1000


def test_a_model_that_has_nothing_of_the_recipe_is_spoken_of(caplog):
    with caplog.at_level(logging.WARNING):
        made(model=SUPERSPIKE.replace(feedback=RANDOM))
        assert "keeps its own r0 and beta; RECIPES['precise-timing'].model(MODEL)" in caplog.text
        caplog.clear()
        spec = made(model=ss.RECIPES[NAME].model(SUPERSPIKE.replace(feedback=RANDOM)))
    assert not caplog.text and value(spec, "beta") == 500 and spec.model.feedback == RANDOM


def test_it_is_the_same_on_the_command_line():
    assert not typed("spike-timing", "--hidden", 400, "--duration", "120s").differences(made())
    assert typed("spike-timing").differences(made(hidden=(), recipe="none", duration=800 * second))


def test_a_run_records_what_was_used(rasters):
    short = "--duration", "60ms", "--burn-in", "20ms", "--block", "20ms", "--r0-linear-until", "2.02s"
    data = run(*rasters, "--hidden", "3", *short, "--recipe", NAME, "--out", "x").data
    assert data.attrs["recipe"] == NAME
    stored = json.loads(Path("x/run.json").read_text())
    assert stored["recipe"] == NAME and stored["protocol"]["r0_linear_until"][0] == pytest.approx(2.02)
    assert [p["r0_factor"] for p in stored["network"]["projections"]] == [1.0] * 4
    spec = stored_spec(RunFolder("x"))
    assert spec.recipe == NAME and "output_to_output" in projections(spec)
    assert data.weights_output_to_output_end.dims == ("synapse_output_to_output",)
    longer = superspike("resume", "x", "--duration", "80ms")
    assert longer.code == 0
    np.testing.assert_allclose(ss.load("x").r0, [0, 2e-3, 1.98e-3, 1.96e-3])


def test_describe_shows_it():
    shown = superspike("describe", "spike-timing", "--hidden", "4", "--recipe", NAME).out
    assert "output_to_output" in shown and f"## Recipe\n\n{NAME}: r0 = 2 mV; beta = 0.5" in shown
    assert "## Recipe" not in superspike("describe", "spike-timing").out


def test_the_rate_falls_in_equal_steps_wherever_blocks_end():
    def factors(block):
        course = Protocol(30 * second, burn_in=10 * second, block=block, r0_linear_until=20 * second)
        return np.concatenate([np.full(b.stop - b.start, b.factor) for b in course.blocks(1e-3 * second)])

    found = factors(3 * second)
    expected = np.repeat([0, *(1 - np.arange(FALLS) / FALLS), 1 / FALLS], [10_000, *[10_000 // FALLS] * FALLS, 10_000])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.array_equal(found, factors(7.7 * second))


def test_the_last_condition_of_the_experiment_is_the_recipe(rasters, monkeypatch, tmp_path):
    monkeypatch.setattr(
        recipe, "ssbm", lambda name, folder: ss.tasks.spike_timing(outputs=1 if name == "poisson" else 2)
    )
    jobs = {job.out.name: job.spec for job in recipe.jobs(Setting("full", 1, tmp_path))}
    mine = jobs["oxford-recipe-s0"]
    plain = {name: getattr(mine, name) for name in OPTIONS if name in ("seed", "precision")}
    again = RunSpec.make(mine.task, hidden=[256], recipe=NAME, duration=1000 * second, **plain)
    assert set(mine.differences(again)) == {"recipe", "pathways of the network"}  # which name the model's feedback
    assert [projections(s).keys() - {"forward_1", "forward_2"} for n, s in jobs.items() if n.startswith("auryn")] == [
        set(),
        set(),
        set(),
        {"output_to_output"},
        {"output_to_output", "inputs_to_output"},
        {"output_to_output", "inputs_to_output"},
        {"output_to_output"},
    ]
    assert jobs["poisson-recipe-s0"].task.n_outputs == 20

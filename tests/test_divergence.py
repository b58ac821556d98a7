"""A run that leaves the finite numbers says what left first, when, and why."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from brian2 import Equations, NetworkOperation, ms, mV, second
from hypothesis import given
from hypothesis import strategies as st
from superspike_brian.models import ERROR_GATED_DECAY, FIXED, LIF, RANDOM, SUPERSPIKE, Component, specification
from superspike_brian.models.checks import CHOICES

from superspike_brian.codegen.probed import EVERY
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.runs.divergence import WRITERS, check_start, explain, first_step, not_finite
from superspike_brian.runs.loop import DivergedError
from superspike_brian.runs.training import train

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of overflows
# U, which starts at -60 mV, becomes 101 times itself at every step
RUNAWAY = LIF.replace(name="runaway", equations="dU/dt = 1000*U/ms + 0*I_syn/ms : volt\nI_syn : volt", method="euler")
HIDDEN = SUPERSPIKE.replace(feedback=RANDOM, regularizer=ERROR_GATED_DECAY)


def overflow(precision):
    """Steps after which 60 mV times 101 per step is past the largest number."""
    return int(np.floor((np.log(float(np.finfo(precision).max)) - np.log(0.06)) / np.log(101))) + 1


@pytest.fixture
def task(pattern_task):
    """3 inputs and 2 outputs that spike once or twice in 20 ms."""
    return pattern_task(3, 2, ([0, 1, 2, 0], [0.001, 0.002, 0.004, 0.011]), ([0, 1], [0.008, 0.012]), 20 * ms)


def diverged(*args, **kwds):
    with pytest.raises(DivergedError) as caught:
        train(*args, **{"burn_in": 0 * second, **kwds})
    return str(caught.value)


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("device", ["runtime", "standalone"])
def test_the_step_is_that_of_the_closed_form(device, precision, task, build_dir):
    options = {"device": device, "precision": precision, "build_dir": build_dir, "block": 23.3 * ms}
    message = diverged(task, SUPERSPIKE.replace(neuron=RUNAWAY), duration=1 * second, **options)
    at = overflow({"single": np.float32, "double": np.float64}[precision]) * 1e-4
    assert message.startswith(f"U of output, unit 0 became -inf at {at:.10g} s (2 of 2 elements")
    assert "`dU/dt = 1000*U/ms + 0*I_syn/ms` (runaway, equations); a step earlier U = -" in message
    value = -float(re.search(r"a step earlier U = (\S+),", message)[1])
    assert np.log(value) - np.log(0.06) == pytest.approx((round(at * 1e4) - 1) * np.log(101), abs=1e-3)


def exploding(component, name):
    """`component`, one of whose variables gains 0.1 times (itself - 1) a step, on top of all else."""
    for field, code in component.strings.items():
        for line in code.splitlines() if field.endswith("equations") else ():
            if found := re.match(rf"\s*d{name}/dt\s*=(.*)(:.*)", line):
                unit = {"volt": "*volt", "Hz": "*Hz"}.get(found[2].split("(")[0].strip(": "), "")
                edited = f"d{name}/dt = {found[1]} + 1e6*({name} - 1{unit})/second {found[2]}"
                return component.replace(**{field: code.replace(line, edited)})
    raise LookupError(name)


def differential(model):
    """Every variable with a differential equation: (component, variable)."""
    for kind, component in model.components.items():
        for field, code in component.strings.items():
            for equation in Equations(code).values() if field.endswith("equations") else ():
                if equation.type == "differential equation":
                    yield kind, equation.varname


# what is a power of the variable overflows before it
FIRST = {"error": "cost", "error_rise": "cost", "rate_trace": "zeta"}


class Watched(NetworkOperation):
    """Keeps the state after every step, until it is not finite."""

    def __init__(self, program):
        self.program, self.states = program, []
        super().__init__(self.look, clock=program.assembly.clock, when="end", order=10)

    def look(self):
        self.states.append({k: np.copy(np.atleast_1d(v.get_value())) for k, v in self.program.arrays.items()})
        if not_finite(self.states[-1]):
            self.program.net.stop()


@pytest.mark.parametrize(("kind", "variable"), [pytest.param(*v, id=v[1]) for v in differential(HIDDEN)])
def test_what_explodes_is_named_and_not_what_it_spoils(kind, variable, task):
    model = HIDDEN.replace(**{kind: exploding(HIDDEN.components[kind], variable)})
    structure = Structure(model, (3, 4, 2))
    program = RuntimeProgram(structure)
    watched = Watched(program)
    program.net.add(watched)
    program.run(initial_state(structure, task, 0), 0, 1000)
    step, (before, after) = len(watched.states), watched.states[-2:]
    assert step < 1000
    text = explain(structure, before, step, after)
    named = text.split(" of ")[0]
    assert named in (variable, FIRST.get(variable)), text
    assert re.search(rf"became (-?inf|nan) at {step * 1e-4:.10g} s", text)
    if named == variable:
        assert f"`d{variable}/dt = " in text and f"({model.components[kind].name}, " in text
        assert abs(float(re.search(rf"a step earlier {variable} = (\S+?)(,|$)", text)[1])) > 1e300


class Countdown:
    """Stands for a program: `x` is finite before step `n`; notes how many steps it was asked for."""

    def __init__(self, n):
        self.n, self.steps = n, 0

    def run(self, state, start, n_steps):
        assert state["x"].tolist() == [start] and n_steps > 0
        self.steps += n_steps
        stop = start + n_steps
        return {"x": np.array([float(stop) if stop < self.n else np.nan])}, {}


@given(start=st.integers(0, 10_000), length=st.integers(1, 100_000), data=st.data())
def test_the_first_step_is_found_in_one_more_run_of_the_block(start, length, data):
    stop = start + length
    n = data.draw(st.integers(start + 1, stop))
    program = Countdown(n)
    before, step, after = first_step(program, {"x": np.array([float(start)])}, start, stop, {"x": np.array([np.nan])})
    assert (before["x"].tolist(), step) == ([n - 1], n) and np.isnan(after["x"]).all()
    assert program.steps <= length + 8 * EVERY


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"optimizer": FIXED.replace(update="w = w + 1e200*w\nm = 0", t_b=15 * ms)},
            r"w of forward_1 \(from unit 0 of inputs to unit 0 of hidden_1\) became -?inf at 0.0151 s .*"
            r"`w = w \+ 1e200\*w` \(fixed, update\); a step earlier w = ",
        ),
        (
            {"neuron": LIF.replace(on_input="I_syn_post += w*exp(abs(w)/uvolt)")},
            r"I_syn of hidden_1, unit \d became -?inf .*"
            r"`I_syn_post \+= w\*exp\(abs\(w\)/uvolt\)` \(leaky integrate-and-fire, on_input\)",
        ),
        (
            {
                "surrogate": SUPERSPIKE.surrogate.replace(
                    equations="sigma_prime = sqrt((theta - U - 15*mV)/mV) : 1", parameters={}
                )
            },
            r"eligibility_rise of forward_1 .* became nan at 0.0001 s",
        ),
        (
            {
                "surrogate": SUPERSPIKE.surrogate.replace(
                    equations="sigma_prime = sqrt((theta - U - 15*mV)/mV) : 1 (constant over dt)", parameters={}
                )
            },
            r"sigma_prime of hidden_1, unit 0 became nan at 0.0001 s .*`sigma_prime = sqrt\(\(theta - U - 15\*mV\)/mV\)`",
        ),
        (
            {"feedback": RANDOM.replace(on_target="error_rise_post += target_impulse*b*exp(1e6*abs(b))")},
            r"error_rise of hidden_1, unit \d became -?inf .*\(random, on_target\)",
        ),
        (
            {"error": SUPERSPIKE.error.replace(cost_update="cost += sqrt(-1 - (error/Hz)**2)*Hz*dt/tau_cost")},
            r"cost of output, unit \d became nan .*`cost \+= .*` \(precise timing \(van Rossum\), cost_update\)",
        ),
    ],
)
def test_statements_are_named(changes, expected, task):
    model = HIDDEN.replace(**changes)
    options = {"hidden": [4], "device": "runtime", "duration": 60 * ms, "block": 20 * ms}
    message = diverged(task, model, **options)
    assert re.match(expected, message), message


def test_every_string_that_sets_a_variable_is_known():
    kinds = {f.name: getattr(specification, f.type.__name__) for f in dataclasses.fields(specification.Model)}
    own = {f.name for f in dataclasses.fields(Component)}
    no_code = {
        *CHOICES,
        "method",
        "terminal_method",
        "delay",
        "interval",
        "refractory",
        "threshold",
        "output_threshold",
    }
    no_code |= {"initial"}
    fields = {(kind, f.name) for kind, c in kinds.items() for f in dataclasses.fields(c) if f.name not in own | no_code}
    assert fields == {(kind, field) for kind, field, _ in WRITERS}


def test_what_is_kept_is_said(task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    update = FIXED.replace(update="w = w + 1e200*w\nm = 0", t_b=25 * ms)
    options = {"device": "runtime", "duration": 0.1 * second, "block": 25 * ms}
    arguments = task, SUPERSPIKE.replace(optimizer=update)
    message = diverged(*arguments, **options)
    assert "nothing is kept: train(..., out='DIR') keeps the blocks before" in message
    assert not re.search(r"/tmp|superspike-", message) and not list(tmp_path.iterdir())
    message = diverged(*arguments, **options, out="mine")
    assert "what was computed up to 0.025 s is kept in mine" in message and Path("mine/run.json").exists()
    look = float(re.search(r"--probe-at ([\d.]+)s", message)[1])
    assert look < 0.0251 < look + 0.02  # a window of one period holds the step


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_start_that_is_not_finite_is_refused(value, plain, poisson_task):
    state = initial_state(plain, poisson_task(12, 3, 0), 0)
    check_start(plain, state)
    state["forward_1.w"][7] = value
    with pytest.raises(ValueError, match=rf"w of forward_1 \(from unit 2 of inputs to unit 1 of output\) = {value}"):
        check_start(plain, state)


def test_a_parameter_that_is_not_finite_is_refused_before_anything_is_compiled(task, tmp_path):
    with pytest.raises(ValueError, match="nan"):
        train(task, SUPERSPIKE.replace(beta=np.nan / mV), duration=1 * second, build_dir=tmp_path)
    assert not list(tmp_path.iterdir())

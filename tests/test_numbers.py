"""Numbers as people write them, wherever they are printed: no "3. ks", no "5. Hz", no cost of 1.9e-76 Hz."""

import io
import itertools
import re
import time

import numpy as np
import pytest
from brian2 import Equations, Hz, Quantity, amp, farad, ms, ohm, second, siemens, volt
from command import superspike
from superspike_brian.models import (
    ADAM,
    CLASSIFIER,
    EPROP,
    ERRORS,
    FEEDBACKS,
    LAYERWISE,
    OPTIMIZERS,
    RANDOM,
    REGULARIZERS,
    SUPERSPIKE,
    SURROGATES,
)
from superspike_brian.tasks import SpikePattern, Task, latencies, spike_timing, waves, xor

import superspike_brian as ss
from superspike_brian import results
from superspike_brian.cli.sweep import summary_text
from superspike_brian.console import progress
from superspike_brian.console.progress import Bar, Course, Lines, Notebook, Silent
from superspike_brian.spec.describe import describe_structure
from superspike_brian.spec.run import RunSpec
from superspike_brian.sweeps.jobs import Job, _Watch
from superspike_brian.values.quantities import measured, parse_quantity, plain, readable, unit_name

pytestmark = pytest.mark.usefixtures("surroundings")
UNITS = {
    "second": second,
    "Hz": Hz,
    "volt": volt,
    "amp": amp,
    "farad": farad,
    "siemens": siemens,
    "ohm": ohm,
    "1/volt": 1 / volt,
}
DECADES = [d * 10.0**k for k, d in itertools.product(range(-12, 10), (1, 2.5, 9.99999))]
ODD = re.compile(r"\d\.(?!\d)\s*[A-Za-z]|\d ?[kM]s\b|\d ?[kM]second|e-(?:[2-9]\d|1[3-9]|\d{3})|\d \*\* |nan Hz|nan s")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_quantity_reads_well_and_back(unit, sign):
    for number in DECADES:
        value = Quantity(sign * number * UNITS[unit])
        text = readable(value)
        assert not ODD.search(text), text
        assert float(parse_quantity(text, UNITS[unit], "")) == pytest.approx(float(value), rel=2e-6), text
        assert len(text) < 20


def test_times_are_in_seconds_and_rates_in_hertz():
    texts = {readable(t * second) for t in (1, 59, 60, 3000, 86400, 1e6)}
    assert texts == {"1 s", "59 s", "60 s", "3000 s", "86400 s", "1000000 s"}
    assert [readable(f * Hz) for f in (0, 0.1, 5, 1200)] == ["0 Hz", "0.1 Hz", "5 Hz", "1200 Hz"]
    assert [readable(t) for t in (0 * second, 20 * ms, 0.1 * ms, 1e-6 * second)] == [
        "0 s",
        "20 ms",
        "0.1 ms",
        "0.001 ms",
    ]


def test_what_is_measured_has_a_floor():
    assert [measured(x, "Hz") for x in (1.9e-76, 5e-324, -1e-9, 0, 1e-6)] == [*["< 1e-6 Hz"] * 3, "0 Hz", "0.000001 Hz"]
    assert [measured(x, "Hz", 3) for x in (1.8249, 12345.6, 0.01999, np.nan)] == [
        "1.82 Hz",
        "12346 Hz",
        "0.02 Hz",
        "unknown",
    ]
    for number in DECADES:
        text = measured(number, "Hz", 6)
        assert not ODD.search(text) and (
            text.startswith("<") or float(text.split()[0]) == pytest.approx(number, rel=1e-5)
        )
    assert plain(1e20) == "1e+20" and plain(np.inf) == "inf"


@pytest.mark.parametrize("unit", [*UNITS.values(), Hz**2, volt**2, 1 / second**2, volt * second, Hz / volt])
def test_the_name_of_a_unit_is_one_that_equations_take(unit):
    (equation,) = Equations(f"x : {unit_name(Quantity(1, dim=unit.dim).dim)}").values()
    assert equation.dim is unit.dim


# texts


def odd(text):
    return [line for line in text.splitlines() if ODD.search(line)]


MODELS = {
    "superspike": ("spike-timing", SUPERSPIKE, (3,)),
    "random": ("spike-timing", SUPERSPIKE.replace(feedback=RANDOM, optimizer=ADAM), (3,)),
    "layerwise": ("spike-timing", SUPERSPIKE.replace(feedback=LAYERWISE), (3, 2)),
    "eprop": ("waves", EPROP, (3,)),
    "labelled": ("digits", None, (3,)),
    **{f"error {n}": ("xor", CLASSIFIER.replace(error=e), (3,)) for n, e in ERRORS.items() if e.on_cue},
    **{f"optimizer {n}": ("spike-timing", SUPERSPIKE.replace(optimizer=o), (2,)) for n, o in OPTIMIZERS.items()},
    **{f"regularizer {n}": ("spike-timing", SUPERSPIKE.replace(regularizer=r), (2,)) for n, r in REGULARIZERS.items()},
    **{f"surrogate {n}": ("spike-timing", SUPERSPIKE.replace(surrogate=s), (2,)) for n, s in SURROGATES.items()},
}
assert FEEDBACKS.keys() == {"symmetric", "random", "uniform", "layerwise"}


@pytest.mark.parametrize("name", MODELS)
def test_a_description_has_equations_that_brian2_parses_and_no_odd_number(name):
    task, model, hidden = MODELS[name]
    spec = RunSpec.make(task, model, hidden, **({"dt": 1 * ms} if task == "waves" else {}))
    text = describe_structure(spec.structure, spec.task)
    assert odd(text) == []
    seen = set()
    for block in re.finditer(r"```\n(.*?)\n```", text, re.S):
        if "in slot" not in text[: block.start()].rstrip().rsplit("\n", 1)[-1]:  # else statements
            seen |= Equations(block[1]).names
    wanted = spec.structure.models["output"].layer_equations(output=True)
    assert seen >= {n for n, e in wanted.items() if "linked" not in e.flags}


def test_texts_of_tasks_have_no_odd_numbers():
    short = latencies(background=5 * Hz, stimulus=10 * ms, response_window=0.3 * second, pause_mean=3000 * second)
    for made in (spike_timing(), xor(), waves(), short.patterns[0]):
        assert (
            odd(f"{made}\n{getattr(made, 'source', '')}\n{made.describe() if hasattr(made, 'describe') else ''}") == []
        )


def short(duration=60 * ms, hidden=(), **options):
    inputs = SpikePattern(3, np.arange(3), np.arange(3) * ms, 20 * ms)
    task = Task("short", inputs, SpikePattern(1, [0], [10] * ms, 20 * ms), "made up")
    fast = {"burn_in": 0 * ms, "dt": 0.2 * ms, "device": "runtime", "progress": False, "block": 20 * ms}
    return ss.train(task, SUPERSPIKE.replace(t_b=20 * ms), hidden, duration=duration, **fast | options)


@pytest.fixture(scope="module")
def run():
    return short()


def test_a_run_without_hidden_layer_has_no_feedback(run):
    assert run.attrs["feedback"] == "none" and "feedback" not in results.summary_text(run)
    old = run.copy()
    old.attrs["feedback"] = "symmetric"  # as older versions stored it
    assert "feedback" not in results.summary_text(old)
    spec = RunSpec.make("spike-timing", SUPERSPIKE.replace(feedback=RANDOM), ())
    text = describe_structure(spec.structure, spec.task)
    assert "feedback" not in text.lower() and "regularizer" not in text and "## Error pathways" in text
    hidden = RunSpec.make("spike-timing", SUPERSPIKE.replace(feedback=RANDOM), (2,))
    assert "- feedback: random" in describe_structure(hidden.structure, hidden.task)


@pytest.mark.parametrize("cost", [1.9e-76, 0.0, 3e-5, 1234.5678, 1e6])
def test_a_summary_has_no_odd_number(run, cost):
    shown = run.copy(deep=True)
    shown["cost"][:] = cost
    shown["rate"][:] = cost
    shown.attrs["simulated_s"] = 3000.0
    text = results.summary_text(shown)
    assert odd(text) == [] and "e+" not in text and "3000 s of" in text
    if cost == 1.9e-76:
        assert "< 1e-6 Hz at the end" in text


# progress


def test_the_line_is_the_same_in_a_terminal_a_log_and_a_notebook(monkeypatch):
    shown = {}
    for kind in (Lines, Bar, Notebook):
        stream = io.StringIO()
        made = kind(stream, interval=-1) if kind is Lines else kind()
        if kind is Bar:
            made.bar_stream = made.stream = stream
        if kind is Notebook:
            made.bar_stream = made.stream = stream  # a kernel would draw it
        monkeypatch.setattr(Notebook, "_draw", lambda self: None)
        made.start(3000.0, 0.0, 1.0)
        made.block(1500.0, 1.9e-76, 1e-3, 5.0, 0.5)
        shown[kind] = re.sub(r", [\d.]+ s/s, \d+ s left", ", PACE", stream.getvalue())
        made.close()
    line = " 50 %  1500 of 3000 s: 50% correct, cost < 1e-6 Hz, r0 1 mV, output 5 Hz, PACE"
    assert all(line in text for text in shown.values()), shown


def test_100_percent_is_when_it_is_done():
    course = Course(100.0, 0.0)
    course.at = 99.9999
    assert course.line().startswith(" 99 %") and not course.is_done
    course.at = sum([0.1] * 1000)  # 99.9999999999986
    assert course.line().startswith("100 %") and course.is_done and "left" not in course.line()


def test_a_sweep_is_at_100_percent_when_all_its_runs_have_ended(tmp_path, monkeypatch):
    heard = []

    class Heard(Silent):
        def overall(self, at, status):
            heard.append((at, status))

    spec = RunSpec.make("spike-timing", duration=0.7 * second)
    jobs = [Job(tmp_path / str(k), spec) for k in range(3)]
    watch = _Watch(jobs, jobs, Heard(), 0.0)
    monkeypatch.setattr(Job, "simulated_s", property(lambda self: self.duration_s))  # simulated, and being packed
    watch.look(0)
    assert heard[-1][0] <= 0.99 * 3 * 0.7 and heard[-1][1] == "0 of 3 runs"
    for job in jobs:
        watch.finished(job)
    watch.look(1)
    assert heard[-1] == (pytest.approx(2.1), "3 of 3 runs, 1 failed")
    lines = Lines(io.StringIO())
    lines.start(2.1, 0.0, 0.0)
    lines.overall(*heard[-1])
    assert lines.stream.getvalue().splitlines()[-1].startswith("100 %  2.1 of 2.1 s: 3 of 3 runs, 1 failed")


def test_a_stage_is_named_only_if_it_lasts(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.2)
    out = io.StringIO()
    lines = Lines(out)
    with lines.stage("reading the task"):
        pass
    assert out.getvalue() == ""
    with lines.stage("packing results"):
        time.sleep(0.6)
    assert out.getvalue() == "packing results\n"


@pytest.mark.parametrize("stage", ["reading the task spike-timing", "packing results", "drawing the figure"])
def test_the_stages_of_a_command_are_named(stage, monkeypatch):
    named = []
    monkeypatch.setattr(Silent, "stage", progress.contextmanager(lambda self, name: (yield named.append(name))))
    quick = (
        "--duration",
        "20ms",
        "--burn-in",
        "0ms",
        "--dt",
        "0.4ms",
        "--set",
        "tau_ref=4ms",
        "--probe-length",
        "10ms",
    )
    found = superspike("run", "spike-timing", "--device", "runtime", *quick, "--out", "run")
    assert found.code == 0, found.err
    assert stage in named and odd(found.out + found.err) == []


def test_a_summary_of_a_sweep_has_no_odd_number(tmp_path):
    def make(seed, **condition):
        inputs = SpikePattern(3, np.arange(3), np.arange(3) * ms, 20 * ms)
        return {"task": Task("short", inputs, SpikePattern(1, [0], [10] * ms, 20 * ms), "made up")}

    more = {"duration": 40 * ms, "burn_in": 0 * ms, "dt": 0.2 * ms, "device": "runtime"}
    said = []
    data = ss.run_sweep(make, {}, [1], tmp_path / "sweep", report=said.append, **more)
    data["final_cost"][:] = 1.9e-76
    assert "< 1e-6 Hz" in summary_text(data) and odd(summary_text(data)) == [] and odd("\n".join(said)) == []

"""Every kernel takes the same steps: the same spikes, and weights equal to rounding, on networks that learn."""

import logging
import re

import numpy as np
import pytest
from brian2 import StateMonitor, Synapses, ms, mV, second
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from superspike_brian.models import (
    ERROR_GATED,
    FEEDBACKS,
    FIXED,
    HETEROSYNAPTIC,
    LINEAR,
    OPTIMIZERS,
    RANDOM,
    REGULARIZERS,
    RMSPROP,
    SUPERSPIKE,
    SURROGATES,
    UNIFORM,
    Surrogate,
)
from superspike_brian.tasks import SpikePattern, Task

from superspike_brian import engine
from superspike_brian.cli.main import main
from superspike_brian.codegen import generators
from superspike_brian.codegen.kernels import KERNELS
from superspike_brian.codegen.uses import _ASSIGNED
from superspike_brian.engine import cache
from superspike_brian.files.durable import json_with_checksums, read_json
from superspike_brian.network.assembly import Assembly
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.results import load
from superspike_brian.results.folder import RunFolder
from superspike_brian.results.stored import stored_spec
from superspike_brian.runs.training import resume, train
from superspike_brian.spec.run import _warn_once

SIZES = (37, 21, 10)  # no multiples of a vector
N_UPDATES, T_B = 12, 1000
MODEL = SUPERSPIKE.replace(t_b=0.1 * second, w_0=0.1 * SUPERSPIKE.parameters["w_max"] * 30, r0=5 * mV)
RULE = MODEL.plasticity
THREE_STAGES = RULE.replace(
    equations=RULE.equations.replace("error_post*eligibility -", "error_post*eligibility_late -")
    + "deligibility_late/dt = (eligibility - eligibility_late)/tau_decay : 1 (clock-driven)\n"
)
SATURATING = RULE.replace(
    equations=RULE.equations.replace("(sigma_prime_post*z_pre -", "(tanh(sigma_prime_post*z_pre) -")
)
SQUARED = RULE.replace(equations=RULE.equations.replace("sigma_prime_post*z_pre", "sigma_prime_post*z_pre**2"))
NUMBERED = RULE.replace(equations=RULE.equations.replace("sigma_prime_post*z_pre", "sigma_prime_post*z_pre/(1 + i)"))
GATED = MODEL.optimizer.replace(update=MODEL.optimizer.update.replace("r0*", "(1 + sigma_prime_post)*r0*"))
STEPWISE = Surrogate(
    "boxcar around the threshold",
    equations="sigma_prime = exp(-abs(U - theta)/width) : 1 (constant over dt)",
    parameters={"width": 3 * mV},
)
# name: model, and the kernel that 'auto' should choose
QUICK = {
    "plain": (MODEL, "events"),
    "random, RMSProp, heterosynaptic": (
        MODEL.replace(
            feedback=RANDOM,
            optimizer=RMSPROP.replace(t_b=0.1 * second, r0=5 * mV),
            regularizer=HETEROSYNAPTIC,
        ),
        "events",
    ),
    "uniform, fixed, error-gated, linear": (
        MODEL.replace(
            feedback=UNIFORM,
            optimizer=FIXED.replace(t_b=0.1 * second, r0=5 * mV),
            regularizer=ERROR_GATED,
            surrogate=LINEAR,
        ),
        "events",
    ),
    "one more stage, another surrogate": (
        MODEL.replace(plasticity=THREE_STAGES, surrogate=STEPWISE),
        "events",
    ),
    "squared trace": (MODEL.replace(plasticity=SQUARED), "gemm"),
    "saturating": (MODEL.replace(plasticity=SATURATING), "dense"),
    "unit numbers, an update that reads the neuron": (
        MODEL.replace(plasticity=NUMBERED, optimizer=GATED),
        "dense",
    ),
}


def task(sizes, seed=3, period=0.2):
    def pattern(n, rate):
        rng = np.random.default_rng([seed, n])
        steps = np.argwhere(rng.random((n, round(period / 1e-4))) < rate * 1e-4)
        return SpikePattern(n, steps[:, 0], steps[:, 1] * 0.1 * ms, period * second)

    return Task("random", pattern(sizes[0], 20), pattern(sizes[-1], 20), "seed")


def learn(
    model, kernel, build_dir, sizes=SIZES, pieces=(N_UPDATES * T_B + 1,), precision="double", probe=False, threads=1
):
    structure = Structure(model, sizes)
    program = engine.build(structure, precision, build_dir, kernel=kernel, threads=threads)
    program.eager = True  # these layers are too small to gain from threads
    state, start, records = initial_state(structure, task(sizes), seed=1), 0, []
    for n in pieces:
        state, record = program.run(state, start, n, probe=probe)
        start += n
        records.append(record)
    return state, {k: np.concatenate([r[k] for r in records]) for k in records[0]}


def assert_same(found, expected, tolerance=1e-10):
    """Returns the largest deviation, relative to the largest entry of its array."""
    (state, records), (state_, records_), worst = found, expected, 0.0
    for name, values in records_.items():
        if name.startswith("spikes"):
            np.testing.assert_array_equal(records[name], values, err_msg=name)
    for name, values in state_.items():
        if values.dtype.kind == "f" and "lastspike" not in name:
            scale = np.abs(values).max(initial=0)
            np.testing.assert_allclose(state[name], values, tolerance, tolerance * scale, err_msg=name)
            worst = max(worst, np.abs(state[name] - values).max(initial=0) / (scale or 1))
        else:
            np.testing.assert_array_equal(state[name], values, err_msg=name)
    return worst


def assert_learned(state, sizes, records):
    start = initial_state(Structure(MODEL, sizes), task(sizes), seed=1)
    for name in ("forward_1.w", "forward_2.w")[: len(sizes) - 1]:
        assert (np.abs(state[name] - start[name]) > 1e-3).mean() > 0.5, name
    assert len(records["spikes_output.t"]) > 20


@pytest.mark.parametrize("case", QUICK)
def test_kernels_agree(case, build_dir, claim):
    model, _ = QUICK[case]
    expected = learn(model, "stock", build_dir)
    assert_learned(expected[0], SIZES, expected[1])
    for kernel in KERNELS[1:] if "heterosynaptic" in case else ("auto",):
        worst = assert_same(learn(model, kernel, build_dir), expected)
        how = "all spikes, and all states after 12 weight updates, of every kernel beside Brian2's own C++; relative deviation"
        claim("Fast kernels do what Brian2 does", how, worst)


@pytest.mark.parametrize("kernel", KERNELS[1:])
def test_any_block_and_any_probe(kernel, build_dir):
    """Runs that start and stop anywhere, and monitors that look at every step, see complete synapses."""
    expected = learn(MODEL, "stock", build_dir, pieces=(12001, 60), probe=True)
    pieces = (1, 123, 876, 5, 2995, 8001, 60)
    found = learn(MODEL, kernel, build_dir, pieces=pieces)
    assert_same((found[0], {"spikes_output.t": found[1]["spikes_output.t"]}), (expected[0], {}))
    state, records = learn(MODEL, kernel, build_dir, pieces=(12001, 60), probe=True)
    assert_same((state, records), expected)
    for name in records:
        if name.startswith("probe"):
            scale = np.abs(expected[1][name]).max()
            np.testing.assert_allclose(records[name], expected[1][name], 1e-10, 1e-10 * scale, err_msg=name)


@pytest.mark.parametrize("kernel", ["gemm", "events"])
def test_threads_change_no_bit(kernel, build_dir, claim):
    """Blocks that end within a chunk, and monitors at every step interrupt whatever the threads are at."""
    for pieces, probe in (((1, 874, 11126), False), ((300,), True)):
        alone = learn(MODEL, kernel, build_dir, pieces=pieces, probe=probe)
        for threads in (2, 3, 5):
            state, records = learn(MODEL, kernel, build_dir, pieces=pieces, probe=probe, threads=threads)
            for name, values in (alone[0] | alone[1]).items():
                np.testing.assert_array_equal((state | records)[name], values, err_msg=name)
    claim("Threads change no bit", "states and records with 1, 2, 3 and 5 threads; arrays that differ", 0)


@pytest.mark.parametrize("model", [MODEL, MODEL.replace(feedback=RANDOM)], ids=["symmetric", "random"])
def test_columns_of_large_feedback_change_no_bit(model, build_dir, objects_only, monkeypatch):
    """They are copies of weights that learn, and of a state that another block may change."""
    expected = learn(model, "auto", build_dir)
    monkeypatch.setattr(generators, "COLUMNS", 1)
    for pieces in ((12001,), (250, 3250, 8501)):
        state, records = learn(model, "auto", objects_only, pieces=pieces)
        for name, values in (expected[0] | expected[1]).items():
            np.testing.assert_array_equal((state | records)[name], values, err_msg=name)
    assert any("columns_of<" in f.read_text() for f in objects_only.rglob("feedback_*_pre_codeobject.cpp"))


@pytest.mark.parametrize("case", QUICK)
def test_choice_is_automatic_and_explained(case, caplog):
    model, expected = QUICK[case]
    from superspike_brian.codegen import kernels

    kernels._said.clear()
    with caplog.at_level(logging.INFO), engine.standalone_device("double"):
        chosen = Assembly(Structure(model, (3, 4, 2)), "auto").kernels
    assert set(chosen.values()) == {expected}
    said = [r.getMessage() for r in caplog.records if "do not fit" in r.getMessage()]
    assert bool(said) == (expected != "events") and len(said) == len(set(said))


def test_unknown_kernel_is_refused():
    with pytest.raises(ValueError, match="use auto, stock"):
        engine.build(Structure(MODEL, (3, 2)), kernel="fastest")


def test_a_stored_run_with_a_retired_kernel_loads_shows_and_resumes(tmp_path, build_dir, caplog, capsys):
    options = {"kernel": "dense", "block": 1 * second, "build_dir": build_dir, "progress": False}
    whole = train(task((12, 3)), MODEL, duration=4 * second, out=tmp_path / "whole", **options)
    train(task((12, 3)), MODEL, duration=2 * second, out=tmp_path / "old", **options)
    stored = tmp_path / "old" / "run.json"
    stored.write_bytes(json_with_checksums(read_json(stored, "") | {"kernel": "blocked"}))
    _warn_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert stored_spec(RunFolder(tmp_path / "old")).kernel == "dense"
    assert [r.getMessage() for r in caplog.records if "'blocked' is gone: 'dense' takes its place" in r.getMessage()]
    assert main(["show", str(tmp_path / "old")]) == 0 and "cost" in capsys.readouterr().out
    longer = resume(tmp_path / "old", duration=4 * second, build_dir=build_dir, progress=False)
    for found in (longer, load(tmp_path / "old")):
        assert found.sizes["block"] == whole.sizes["block"] == 4
        np.testing.assert_array_equal(found["cost"], whole["cost"])
    weights = [RunFolder(tmp_path / name).newest()[2]["forward_1.w"] for name in ("old", "whole")]
    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize("kernel", KERNELS)
def test_single_precision(kernel, build_dir, claim):
    """As close to double as single precision stays in one update interval, in which no spike differs yet."""
    pieces = (T_B - 100,)
    expected, _ = learn(MODEL, "stock", build_dir, pieces=pieces)
    state, _ = learn(MODEL, kernel, build_dir, pieces=pieces, precision="single")
    for name in ("forward_1.m", "forward_2.m", "forward_1.eligibility", "forward_2.eligibility_rise"):
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(state[name], expected[name], 1e-3, 1e-3 * scale, err_msg=name)
        how = "eligibility and accumulated gradient beside those in double, up to the first update; relative deviation"
        claim("Single precision rounds, and no more", how, np.abs(state[name] - expected[name]).max() / scale)


@pytest.mark.slow
@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("regularizer", REGULARIZERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_every_model(feedback, optimizer, regularizer, surrogate, build_dir):
    model = MODEL.replace(
        feedback=FEEDBACKS[feedback],
        optimizer=OPTIMIZERS[optimizer].replace(t_b=0.1 * second, r0=5 * mV),
        regularizer=REGULARIZERS[regularizer],
        surrogate=SURROGATES[surrogate],
    )
    expected = learn(model, "stock", build_dir)
    # RMSProp divides a gradient, whose rounding is relative to the largest one, by its own size: here up to 84 times smaller
    tolerance = 1e-8 if optimizer == "rmsprop" else 1e-10
    for kernel in KERNELS[1:]:
        assert_same(learn(model, kernel, build_dir), expected, tolerance)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(sizes=st.lists(st.integers(1, 70), min_size=2, max_size=3).map(tuple), kernel=st.sampled_from(KERNELS[1:]))
def test_any_sizes(sizes, kernel, build_dir):
    assert_same(learn(MODEL, kernel, build_dir, sizes), learn(MODEL, "stock", build_dir, sizes))


class WithDecay(Assembly):
    """A network whose presynaptic traces shrink every millisecond, besides their own dynamics."""

    when, order = "synapses", 0

    def __init__(self, structure, kernel="stock"):
        super().__init__(structure, kernel)
        for k in range(1, len(structure.sizes)):
            terminals = self.groups[f"terminals_{k}"]
            terminals.run_regularly("z *= 0.9", dt=1 * ms, when=self.when, order=self.order, name=f"wither_{k}")


# after the trace's own step, and before it
@pytest.mark.parametrize(("when", "order"), [("synapses", 0), ("groups", -1)])
def test_jumps_of_any_origin(when, order, monkeypatch, tmp_path):
    """What changes a presynaptic trace besides spikes reaches the synapses, too."""
    monkeypatch.setattr(cache, "Assembly", WithDecay)
    monkeypatch.setattr(WithDecay, "when", when)
    monkeypatch.setattr(WithDecay, "order", order)
    expected = learn(MODEL, "stock", tmp_path, (12, 3))
    assert_learned(expected[0], (12, 3), expected[1])
    assert_same(learn(MODEL, "events", tmp_path, (12, 3)), expected)


class WithRelay(Assembly):
    """A network whose synapses read a relay of the presynaptic trace: a sum, written through an array of indices."""

    def __init__(self, structure, kernel="stock"):
        super().__init__(structure, kernel)
        for k in range(1, len(structure.sizes)):
            terminals = self.groups[f"terminals_{k}"]
            sums = "relay_post = z_pre : 1 (summed)"
            relay = Synapses(terminals, terminals, sums, clock=self.clock, name=f"relay_{k}")
            relay.summed_updaters["relay_post"].order = -2  # before the synapses' own step, of order -1
            relay.connect(j="i")
            self.net.add(relay)


RELAYED = RULE.replace(
    terminal_equations=RULE.terminal_equations + "relay : 1\n",
    on_arrival="z_rise_post += 1; relay_post += 0",  # a model's own variables are set somewhere in it
    equations=RULE.equations.replace("sigma_prime_post*z_pre", "sigma_prime_post*relay_pre"),
)


def test_jumps_through_an_array_of_indices(monkeypatch, objects_only):
    """What writes ``relay[post[k]]`` changes what the synapses read, as any other code does."""
    monkeypatch.setattr(cache, "Assembly", WithRelay)
    model = MODEL.replace(plasticity=RELAYED)
    expected = learn(model, "stock", objects_only, (12, 3))
    assert_learned(expected[0], (12, 3), expected[1])
    found = learn(model, "events", objects_only, (12, 3))
    (program,) = (p for p in objects_only.glob("programs/*/main.cpp") if "_before_jump_" in p.read_text())
    assert re.search(r"_before_jump_forward_1\w+\(\);\n\s*_run_relay_1_summed\w+\(\);", program.read_text())
    assert_same(found, expected)


class WithMonitor(Assembly):
    """A network with a monitor of one's own, of what synapses have of their neurons."""

    watched = "z_pre"

    def __init__(self, structure, kernel="stock"):
        super().__init__(structure, kernel)
        synapses, watched = self.groups["forward_1"], [self.watched]
        self.net.add(StateMonitor(synapses, watched, record=[0, 4], clock=self.clock, name="probe_own"))


@pytest.mark.parametrize(("watched", "filled"), [("z_pre", True), ("i", True), ("error_post", True), ("w", False)])
def test_index_arrays_are_filled_where_code_reads_them(watched, filled, monkeypatch):
    monkeypatch.setattr(WithMonitor, "watched", watched)
    with engine.standalone_device("double") as device:
        assembly = WithMonitor(Structure(MODEL, (3, 2)), "events")
        device.prepare(assembly.is_probe)
        assembly.net.run(0.1 * ms, namespace={})
        lines = next(found for kind, (*_, found) in device.main_queue if kind == "run_network")
    assert any("connect_all(" in line for line in lines) == filled


def test_what_index_arrays_say_is_what_the_synapses_read(monkeypatch, objects_only):
    monkeypatch.setattr(cache, "Assembly", WithMonitor)
    program = engine.build(Structure(MODEL, (3, 2)), build_dir=objects_only, kernel="events")
    inputs = SpikePattern(3, [0, 1, 2], [1, 3, 6] * ms, 20 * ms)
    task = Task("test", inputs, SpikePattern(2, [0], [5] * ms, 20 * ms), "made for a test")
    state = initial_state(Structure(MODEL, (3, 2)), task, 0)
    _, records = program.run(state, 0, 100, True)
    before, _ = program.run(state, 0, 99)
    z = before["terminals_1.z"]
    np.testing.assert_array_equal(records["probe_own.z_pre"][-2:], z[[0, 2]])  # of synapses 0 and 4
    assert len(np.unique(z)) == 3


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("{{lastspike}}[_idx] = {{t}};", "lastspike"),
        ("{{_lastindex}} += _cpp_numspikes;", "_lastindex"),
        ("{{count}}[_idx-_source_start]++;", "count"),
        ("{{total}}[{{_postsynaptic_idx}}[_idx]] += x;", "total"),
        ("if ({{a}}[{{b}}[i]] == x || {{c}} >= {{d}}[0]) y = {{e}}[0];", None),
    ],
)
def test_what_a_template_assigns(line, name):
    assert _ASSIGNED.findall(line) == ([name] if name else [])

"""Sparse synapses: any pairs of units, given when the program runs; the same spikes and states whatever the kernel."""

import dataclasses
from functools import cache as remember
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    ms,
    second,
)

from superspike_brian.codegen import all_to_all, axons, kernels, layouts, neurons, sparse
from superspike_brian.codegen.probed import ProbedSynapses
from superspike_brian.engine import cache
from superspike_brian.engine.program import Program, SimulationError

DT = 0.1 * ms
TIMES = {"tau": 10 * ms, "tau_rise": 5 * ms, "tau_decay": 8 * ms}
NEURON = """
dU/dt = (current - U)/tau : 1
dcurrent/dt = -current/tau_rise : 1
derror/dt = -error/tau_decay : 1
sigma_prime = 1/(1 + abs(U - 1))**2 : 1 (constant over dt)
"""
TERMINAL = """
dz/dt = (z_rise - z)/tau_decay : 1
dz_rise/dt = -z_rise/tau_rise : 1
"""
SYNAPSE = """
deligibility/dt = (eligibility_rise - eligibility)/tau_decay : 1 (clock-driven)
deligibility_rise/dt = (sigma_prime_post*z_pre - eligibility_rise)/tau_rise : 1 (clock-driven)
dm/dt = (error_post*eligibility - leak*w)/second : 1 (clock-driven)
w : 1
leak : 1 (shared, constant)
"""
UPDATE = """
w = clip(w + 50*m, -1, 1)
m = 0
"""


@dataclasses.dataclass(frozen=True)
class Pairs:
    """A plastic projection: which units, and in which layout."""

    source: str
    n: int | None  # synapses; None: all to all
    delays: bool = False  # of each synapse


class Net:
    """A layer of neurons, inputs and plastic projections onto it."""

    def __init__(self, n_in, n_out, projections, kernel, watched=("eligibility", "w", "z_pre", "error_post"), every=100):
        self.kernel, self.kernels, self.clock = kernel, {}, Clock(DT, name="network_clock")
        self.update = Clock(every * DT, name="update_clock")
        self.common = {"clock": self.clock, "namespace": {**TIMES, "second": second}}
        self.objects = {}
        neuron_code, axon_code = neurons.code_object_class(kernel), axons.code_object_class(kernel)
        for name, n in (("inputs", n_in), ("targets", n_out)):
            self.add(SpikeGeneratorGroup, n, [], [] * ms, period=1 * second, clock=self.clock, name=name)
        layer = self.add(
            NeuronGroup, n_out, NEURON, threshold="U > 1", reset="U = 0", method="exact", codeobj_class=neuron_code,
            name="output", **self.common,
        )  # fmt: skip
        for name, sign in (("targets", "+"), ("output", "-")):
            source = self.objects[name]
            judge = self.add(
                Synapses, source, layer, on_pre=f"error_post {sign}= 1", delay=0 * ms, codeobj_class=axon_code,
                name=f"error_{name}", **self.common,
            )  # fmt: skip
            judge.connect(j="i")
        for name, projection in projections.items():
            self.project(name, projection, self.objects[projection.source], layer, watched)
        self.add(SpikeMonitor, layer, name="spikes_output")
        self.net = Network(list(self.objects.values()))

    def add(self, kind, *args, name, **kwds):
        self.objects[name] = kind(*args, name=name, **kwds)
        return self.objects[name]

    def project(self, name, projection, source, layer, watched):
        room = all_to_all if projection.n is None else sparse
        own = {"delays": True} if projection.delays else {}
        terminals = self.add(
            NeuronGroup, len(source), TERMINAL, method="euler", codeobj_class=neurons.code_object_class(self.kernel),
            name=f"terminals_{name}", **self.common,
        )  # fmt: skip
        arrivals = self.add(
            Synapses, source, terminals, on_pre="z_rise_post += 1", delay=0.8 * ms, name=f"axons_{name}",
            codeobj_class=axons.code_object_class(self.kernel), **self.common,
        )  # fmt: skip
        arrivals.connect(j="i")
        forward = self.add(
            Synapses, source, layer, SYNAPSE, on_pre="current_post += w", method="euler", name=name,
            delay=None if projection.delays else 0.8 * ms,
            codeobj_class=room.code_object_class(self.kernel, "current_post += w", **own), **self.common,
        )  # fmt: skip
        n = projection.n or 0
        layout = room.connect(forward, *(np.unravel_index(range(n), (len(source), len(layer))) if n else ()))
        for variable in ("z", "z_rise"):
            forward.variables.add_reference(f"{variable}_pre", terminals, variable, index="_presynaptic_idx")
        forward.state_updater.order = -1
        self.kernels[name] = kernels.install(forward, layout, self.kernel)
        forward.run_regularly(UPDATE, clock=self.update, when="start", name=f"{name}_update")
        if watched:
            numbers = np.unique(np.linspace(0, layout.n - 1, 7).astype(int))
            lags = self.kernels[name] in kernels.CHUNK
            probed = self.add(
                ProbedSynapses, forward, forward.equations, numbers, watched, lags, "euler", name=f"probed_{name}"
            )
            record = range(len(numbers))
            self.add(StateMonitor, probed, watched, record=record, clock=self.clock, name=f"probe_{name}")

    @staticmethod
    def is_probe(name):
        return name.startswith("probe_")


def build(build_dir, name, precision, kernel, *args, **kwds):
    """Program of a `Net`."""
    structure = SimpleNamespace(dt=DT)
    folder = build_dir / "programs" / f"sparse-{name}-{precision}-{kernel}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with mock.patch.object(cache, "Assembly", lambda _, kernel: Net(*args, kernel, **kwds)):
        cache._generate_and_compile(structure, precision, kernel, folder, 2)
    program = Program(folder)
    program.eager = True
    return program


N_IN, N_OUT = 37, 21  # no multiples of a vector
PROJECTIONS = {"forward": Pairs("inputs", 150), "recurrent": Pairs("output", N_OUT * (N_OUT - 1)), "single": Pairs("inputs", 1)}
STEPS = 10_000


@pytest.fixture(scope="session")
def program(build_dir):
    """Function from kernel, precision, threads and projections to a program."""

    @remember
    def make(kernel, precision="double", threads=1, delays=False):
        delayed = {"forward": Pairs("inputs", 150, delays=True), "recurrent": Pairs("output", 200, delays=True)}
        projections = delayed if delays else PROJECTIONS
        return build(build_dir, "delays" if delays else "rows", precision, kernel, N_IN, N_OUT, projections)

    def with_threads(kernel, precision="double", threads=1, delays=False):
        made = make(kernel, precision, delays=delays)
        made.threads = threads
        return made

    return with_threads


def generator(name, rng, n, rate, steps):
    at, units = np.nonzero(rng.random((steps, n)) < rate * 1e-4)
    return {
        f"{name}._timebins": at.astype(np.int32),
        f"{name}.neuron_index": units.astype(np.int32),
        f"{name}._period_bins": np.array([0], np.int32),
        f"{name}._lastindex": np.array([0], np.int32),
    }


def pairs(rng, n_pre, n_post, n, empty=()):
    """Random pairs, none of some presynaptic units."""
    allowed = np.flatnonzero(~np.isin(np.arange(n_pre * n_post) // n_post, empty))
    return np.divmod(np.sort(rng.choice(allowed, n, replace=False)), n_post)


def start(seed, delays=False, n_in=N_IN, n_out=N_OUT):
    """A state to start from; empty rows at the beginning, within and at the end."""
    rng = np.random.default_rng(seed)
    state = generator("inputs", rng, n_in, 40, STEPS) | generator("targets", rng, n_out, 30, STEPS)
    diagonal = np.nonzero(~np.eye(n_out, dtype=bool))
    found = {"forward": pairs(rng, n_in, n_out, 150, empty=(0, 1, 7, n_in - 1))}
    found |= {"recurrent": pairs(rng, n_out, n_out, 200)} if delays else {"recurrent": diagonal}
    found |= {} if delays else {"single": pairs(rng, n_in, n_out, 1)}
    for name, (pre, post) in found.items():
        state |= {f"{name}._synaptic_pre": pre.astype(np.int32), f"{name}._synaptic_post": post.astype(np.int32)}
        state |= {f"{name}.w": rng.uniform(0, 1, len(pre)), f"{name}.leak": np.array([0.01])}
        if delays:
            state[f"{name}.delay"] = rng.integers(0, 60, len(pre)) * 1e-4
    return state


def run(program, state, pieces=(STEPS,), probe=False):
    begin, records = 0, []
    for n in pieces:
        state, record = program.run(state, begin, n, probe=probe)
        begin += n
        records.append(record)
    return state, {k: np.concatenate([r[k] for r in records]) for k in records[0]}


def assert_same(found, expected, tolerance=1e-10):
    for part, part_ in zip(found, expected, strict=True):
        assert part.keys() == part_.keys()
        for name, values in part_.items():
            if values.dtype.kind == "f" and "spikes" not in name and not name.endswith("delay"):
                scale = np.abs(values).max(initial=0)
                np.testing.assert_allclose(part[name], values, tolerance, tolerance * scale, err_msg=name)
            else:
                np.testing.assert_array_equal(part[name], values, err_msg=name)


def assert_learned(program, found, given):
    state, records = found
    assert len(records["spikes_output.t"]) > 200
    for name in ("forward", "recurrent"):
        assert (np.abs(state[f"{name}.w"] - given[f"{name}.w"]) > 1e-3).mean() > 0.5, name


@pytest.mark.parametrize("kernel", kernels.KERNELS)
@pytest.mark.parametrize("seed", [1, 2])
def test_kernels_agree_whatever_the_pairs(kernel, seed, program):
    """One program for all pairs; blocks of any length, threads or none."""
    given = start(seed)
    expected = run(program("stock"), given)
    assert_learned(program, expected, given)
    assert_same(run(program(kernel), given), expected)
    assert_same(run(program(kernel), given, (125, 4750, 1, 124, 3, 4997)), expected)


def test_threads_change_no_bit(program):
    for pieces in ((STEPS,), (1, 874, 9125)):
        one, two = (run(program("events", threads=n), start(3), pieces) for n in (1, 2))
        for name, values in (one[0] | one[1]).items():
            np.testing.assert_array_equal((two[0] | two[1])[name], values, err_msg=name)


def test_a_multiple_of_125_steps_changes_no_bit(program):
    whole, pieces = (run(program("events"), start(3), pieces) for pieces in ((STEPS,), (125, 2500, 7375)))
    for name, values in (whole[0] | whole[1]).items():
        np.testing.assert_array_equal((pieces[0] | pieces[1])[name], values, err_msg=name)


@pytest.mark.parametrize("kernel", ["dense", "events"])
def test_probed_synapses_are_those_of_their_number(kernel, program):
    given = start(4)
    expected = run(program("stock"), given, (700, 801), probe=True)
    found = run(program(kernel), given, (700, 801), probe=True)
    assert_same(found, expected)
    numbers, state = np.unique(np.linspace(0, 149, 7).astype(int)), found[0]
    _, records = program(kernel).run(state, 1501, 1, probe=True)
    pre, post = (given[f"forward._synaptic_{end}"][numbers] for end in ("pre", "post"))
    np.testing.assert_array_equal(records["probe_forward.eligibility"], state["forward.eligibility"][numbers])
    np.testing.assert_array_equal(records["probe_forward.z_pre"], state["terminals_forward.z"][pre])
    np.testing.assert_array_equal(records["probe_forward.error_post"], state["output.error"][post])
    assert np.count_nonzero(records["probe_forward.z_pre"]) == len(numbers)


@pytest.mark.parametrize("kernel", ["dense", "events"])
def test_single_precision(kernel, program):
    expected, _ = run(program("stock"), start(1), (90,))
    state, _ = run(program(kernel, "single"), start(1), (90,))
    for name in ("forward.m", "recurrent.eligibility", "forward.eligibility_rise"):
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(state[name], expected[name], 1e-3, 1e-3 * scale, err_msg=name)

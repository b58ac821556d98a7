"""Sparse synapses: any pairs of units, given when the program runs; the same spikes and states whatever the kernel."""

import dataclasses
from functools import cache as remember
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from brian2 import (
    BrianObjectException,
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

from superspike_brian import engine
from superspike_brian.codegen import all_to_all, axons, kernels, layouts, neurons, sparse
from superspike_brian.codegen.probed import ProbedSynapses
from superspike_brian.engine import cache, runtime
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

    def __init__(
        self, n_in, n_out, projections, kernel, watched=("eligibility", "w", "z_pre", "error_post"), every=100
    ):
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
            deferred = self.kernels[name] in kernels.DEFERRED
            probed = self.add(
                ProbedSynapses, forward, forward.equations, numbers, watched, deferred, "euler", name=f"probed_{name}"
            )
            record = range(len(numbers))
            self.add(StateMonitor, probed, watched, record=record, clock=self.clock, name=f"probe_{name}")

    every = 125

    @property
    def groups(self):
        return self.objects

    def initialise(self, given):
        """All starts at 0."""

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
PROJECTIONS = {
    "forward": Pairs("inputs", 150),
    "recurrent": Pairs("output", N_OUT * (N_OUT - 1)),
    "single": Pairs("inputs", 1),
}
DELAYED = {"forward": Pairs("inputs", 150, delays=True), "recurrent": Pairs("output", 200, delays=True)}
STEPS = 10_000


@pytest.fixture(scope="session")
def program(build_dir):
    """Function from kernel, precision, threads and projections to a program."""

    @remember
    def make(kernel, precision="double", threads=1, delays=False):
        projections = DELAYED if delays else PROJECTIONS
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


@pytest.mark.parametrize("kernel", kernels.KERNELS)
def test_a_delay_of_each_synapse_is_an_input(kernel, program):
    """Queues of synapses are prepared when the delays are known, of whatever length they are; spikes in flight stay."""
    given = start(5, delays=True)
    expected = run(program("stock", delays=True), given)
    assert len(expected[1]["spikes_output.t"]) > 200
    assert_same(run(program(kernel, delays=True), given), expected)
    pieces = run(program(kernel, delays=True), given, (2125, 4, 7871))
    assert_same(pieces, expected)
    longer = given | {"forward.delay": given["forward.delay"] + 10e-3}
    expected, found = (run(program(k, delays=True), longer) for k in ("stock", kernel))
    assert_same(found, expected)
    state, _ = run(program(kernel, delays=True), given, (500,))
    state["forward.delay"] = longer["forward.delay"]  # between blocks, too
    later, _ = program(kernel, delays=True).run(state, 500, 300)
    assert max(d for d, _ in in_flight(later["forward_pre.queue"])) > 100


def test_a_small_case_is_as_computed_by_hand(program):
    """Two Euler steps more each time, in NumPy, spikes and all; each synapse by itself."""
    given, n = start(6), 400
    state, records = run(program("events"), given, (n,))
    found = by_hand(given, n)
    units, times = np.array(found.pop("spikes"), int).reshape(-1, 2).T
    np.testing.assert_array_equal(records["spikes_output.i"], units)
    np.testing.assert_array_equal(np.round(records["spikes_output.t"] / 1e-4), times)
    assert len(units) > 20
    for name, values in found.items():
        np.testing.assert_allclose(state[name], values, 1e-9, 1e-9 * np.abs(values).max(), err_msg=name)


def by_hand(given, n_steps):
    """The network of `Net` with `PROJECTIONS`, step by step, with a loop over nothing but single synapses' pairs."""
    dt, tau, rise, decay, late = 1e-4, 10e-3, 5e-3, 8e-3, 8
    u, current, error = np.zeros((3, N_OUT))
    sides = {name: (given[f"{name}._timebins"], given[f"{name}.neuron_index"]) for name in ("inputs", "targets")}
    synapses = {}
    for name, projection in PROJECTIONS.items():
        pre, post = (given[f"{name}._synaptic_{end}"] for end in ("pre", "post"))
        size = N_IN if projection.source == "inputs" else N_OUT
        synapses[name] = {"pre": pre, "post": post, "w": given[f"{name}.w"].copy(), "spikes": {}}
        synapses[name] |= {v: np.zeros(len(pre)) for v in ("eligibility", "eligibility_rise", "m")}
        synapses[name] |= {v: np.zeros(size) for v in ("z", "z_rise")}
    fired = []
    for step in range(n_steps):
        sigma = 1 / (1 + abs(u - 1)) ** 2
        if step % 100 == 0:
            for s in synapses.values():
                s["w"], s["m"] = np.clip(s["w"] + 50 * s["m"], -1, 1), np.zeros(len(s["pre"]))
        for s in synapses.values():
            e, r, x = s["eligibility"], s["eligibility_rise"], sigma[s["post"]] * s["z"][s["pre"]]
            s["m"] = s["m"] + dt * (error[s["post"]] * e - 0.01 * s["w"])
            s["eligibility"], s["eligibility_rise"] = e + dt * (r - e) / decay, r + dt * (x - r) / rise
        for s in synapses.values():
            s["z"], s["z_rise"] = s["z"] + dt * (s["z_rise"] - s["z"]) / decay, s["z_rise"] * (1 - dt / rise)
        kernel = (np.exp(-dt / rise) - np.exp(-dt / tau)) / (1 / tau - 1 / rise) / tau
        u, current = u * np.exp(-dt / tau) + current * kernel, current * np.exp(-dt / rise)
        error = error * np.exp(-dt / decay)
        spikes = {name: ids[bins == step] for name, (bins, ids) in sides.items()}
        spikes["output"] = np.flatnonzero(u > 1)
        fired += [(i, step) for i in spikes["output"]]
        for name, s in synapses.items():
            s["spikes"][step + late] = spikes[PROJECTIONS[name].source]
            for j in s["spikes"].get(step, ()):
                mine = s["pre"] == j
                np.add.at(current, s["post"][mine], s["w"][mine])
                s["z_rise"][j] += 1
        error[spikes["targets"]] += 1
        error[spikes["output"]] -= 1
        u[spikes["output"]] = 0
    found = {f"{name}.{v}": s[v] for name, s in synapses.items() for v in ("w", "m", "eligibility", "eligibility_rise")}
    return found | {"output.U": u, "output.current": current, "output.error": error, "spikes": fired}


@pytest.mark.parametrize("delays", [False, True])
def test_the_runtime_device_honours_pairs_and_delays(delays, program):
    """One object runs with one set of pairs after the other, from any state."""
    structure = SimpleNamespace(dt=DT, generators=("inputs", "targets"))
    projections = DELAYED if delays else PROJECTIONS
    with mock.patch.object(runtime, "Assembly", lambda _: Net(N_IN, N_OUT, projections, "stock")):
        simulated = runtime.RuntimeProgram(structure)
    for seed in (1, 2):
        given = start(seed, delays)
        expected = run(program("stock", delays=delays), given, (300, 400), probe=True)
        found = run(simulated, given, (300, 400), probe=True)
        for name in sorted(expected[0]):
            if name.endswith("queue"):  # this device has gone on to the next slot, the other goes on before it delivers
                coming = [(d - 1, s) for d, s in in_flight(expected[0].pop(name)) if d]
                assert sorted(in_flight(found[0].pop(name))) == sorted(coming), name
        assert_same((found[0], {k: found[1][k] for k in expected[1]}), expected)
    with pytest.raises(ValueError, match="must ascend"):
        simulated.run(given | {"forward._synaptic_pre": given["forward._synaptic_pre"][::-1]}, 0, 1)


def in_flight(flat):
    """Delay and synapse of each spike."""
    at, delay = 0, 0
    while at < len(flat):
        yield from ((delay, int(s)) for s in flat[at + 1 : at + 1 + flat[at]])
        at, delay = at + 1 + flat[at], delay + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda pre, post: (pre[::-1], post), "does not come after"),
        (lambda pre, post: (pre, np.where(post == post[3], N_OUT, post)), "does not exist"),
        (lambda pre, post: (pre[:-1], post[:-1]), "another number of synapses"),
        (lambda pre, post: (None, post), "does not say which units forward connects"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(change, message, program):
    given = start(1)
    pre, post = change(given.pop("forward._synaptic_pre"), given["forward._synaptic_post"])
    given |= {"forward._synaptic_post": post} | ({} if pre is None else {"forward._synaptic_pre": pre})
    with pytest.raises(SimulationError, match=message):
        program("events").run(given, 0, 1)


def two_groups(**kwds):
    groups = [NeuronGroup(n, "x : 1", threshold="x > 1", reset="x = 0", name=f"g{n}") for n in (3, 2)]
    return Synapses(
        *groups,
        "dm/dt = (x_pre*x_post - m)/tau : 1 (clock-driven)\nw : 1",
        on_pre="x_post += w",
        namespace=TIMES,
        **kwds,
    )


@pytest.mark.parametrize(
    ("pre", "post", "message"),
    [
        ([0, 0], [1, 1], "must ascend, each once"),
        ([1, 0], [0, 0], "must ascend"),
        ([0, 3], [0, 0], "presynaptic units 0 to 2"),
        ([0, 1], [0, -1], "postsynaptic units 0 to 1"),
        ([0, 1], [0], "not 2 presynaptic and 1"),
        ([], [], "no pair"),
    ],
)
def test_connect_refuses_what_are_no_pairs(pre, post, message):
    with pytest.raises(ValueError, match=message):
        sparse.connect(two_groups(delay=0 * ms), np.array(pre), np.array(post))


def test_no_kernel_takes_synapses_for_what_they_are_not(caplog):
    """Sparse synapses never get all-to-all code, nor do synapses that somebody else has connected."""
    kernels._said.clear()
    everyone, someone = layouts.AllToAll(3, 2), layouts.Rows(3, 2, 2)
    with engine.standalone_device("double") as device, caplog.at_level("INFO"):
        others = two_groups(name="others", delay=0 * ms)
        others.connect(p=0.5, namespace={})
        assert kernels.install(others, None) == "stock"
        assert "others do not fit the kernel 'events': the order of the synapses is not known" in caplog.text
        rows = two_groups(name="rows", delay=0 * ms, codeobj_class=sparse.RowMajor)
        assert sparse.connect(rows, np.array([0, 2]), np.array([1, 0])) == someone
        with pytest.raises(TypeError, match="takes no further synapses"):
            rows.connect(p=0.5)
        for synapses in (others, rows):
            with pytest.raises(ValueError, match="not connected as AllToAll"):
                kernels.install(synapses, everyone)
        assert kernels.install(rows, someone, "gemm") == "dense"
        assert "rows do not fit the kernel 'gemm': it multiplies whole matrices" in caplog.text
        wrong = two_groups(name="wrong", delay=0 * ms, codeobj_class=all_to_all.PreMajor)
        device.prepare(Net.is_probe)
        with pytest.raises((TypeError, BrianObjectException)) as raised:
            wrong.connect(p=0.5, namespace={})
            Network(wrong, wrong.source, wrong.target).run(DT, namespace={})
        assert "made for synapses that are AllToAll" in str(raised.value) + str(raised.value.__cause__)
        with pytest.raises(TypeError, match="needs Brian2's queue of synapses"):
            sparse.connect(two_groups(codeobj_class=sparse.RowMajor), np.array([0, 2]), np.array([1, 0]))
        transposed = two_groups(name="transposed", delay=0 * ms, codeobj_class=all_to_all.PostMajor)
        layout = all_to_all.connect(transposed, post_major=True)
        assert kernels.install(transposed, layout) == "stock"
        device.reinit()

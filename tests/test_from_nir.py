"""Graphs of NIR, of this package and of others, become models and networks; what has no counterpart is refused by name."""

from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import ms, mV, second
from nir_reader import simulate

import superspike_brian as ss

nir = pytest.importorskip("nir", reason="the package nir is not installed: pip install -e '.[test]'")

DT = 0.2 * ms
STEP = 0.2  # ms, in the graph of milliseconds below


@pytest.fixture(scope="module")
def foreign():
    """As others write it: thresholds of 1, milliseconds, a bias of 0, scales, resistances, other resets, numbers as names."""
    rng, ones = np.random.default_rng(5), np.ones(4)
    rates = {"tau_syn": 5 * ones, "tau_mem": 12 * ones, "r": 2 * ones}
    levels = {"v_leak": 0 * ones, "v_threshold": ones, "v_reset": -0.5 * ones}
    first = {**rates, **levels, "w_in": rng.uniform(15, 35, 4)}
    last = {name: value[:3] for name, value in {**rates, **levels, "w_in": 25 * ones}.items()}
    nodes = {
        "in": nir.Input(np.array([12])),
        "0": nir.Affine(rng.normal(0.5, 1.2, (4, 12)), np.zeros(4)),
        "gain": nir.Scale(ones / 2),
        "1": nir.CubaLIF(**first),
        "late": nir.Delay(np.full(3, 2.0)),
        "2": nir.Linear(rng.normal(1, 1, (3, 4))),
        "again": nir.Linear(rng.normal(0, 0.3, (4, 4))),
        "3": nir.CubaLIF(**last),
        "out": nir.Output(np.array([3])),
    }
    ways = "in 0, 0 gain, gain 1, 1 again, again 1, 1 2, 2 late, late 3, 3 out"
    return nir.NIRGraph(nodes, [tuple(way.split()) for way in ways.split(", ")])


def test_a_graph_is_trained_and_begins_with_the_spikes_of_the_graph(foreign, poisson_task):
    model, network = ss.from_nir(foreign, unit=10 * mV, time_unit=ms, dt=DT)
    course = {"duration": 20 * ms, "burn_in": 10 * ms, "probe_length": 200 * ms, "seed": 3, "dt": DT}
    task = poisson_task(12, 3, 3)
    data = ss.train(task, model, network, device="runtime", progress=False, **course)
    emitted = simulate(in_plain_wires(foreign), {"in": task.inputs.steps(DT)}, 1000, STEP)
    for name, node in (("population_1", "1"), ("output", "3")):
        mine = data[f"spikes_{name}_probe"].values == 0
        steps = np.rint(data[f"spikes_{name}_time"].values[mine] / float(DT)).astype(int)
        units = data[f"spikes_{name}_unit"].values[mine]
        assert len(steps) > 10 and sorted(zip(steps, units, strict=True)) == sorted(zip(*emitted[node], strict=True))


def in_plain_wires(foreign):
    """The same graph as the reader understands it: delays before weights, scales within them."""
    nodes = {name: node for name, node in foreign.nodes.items() if name not in ("gain", "late")}
    nodes["0"] = nir.Linear(foreign.nodes["0"].weight * foreign.nodes["gain"].scale[:, None])
    nodes["late"] = nir.Delay(np.full(4, 2.0))
    ways = "in 0, 0 1, 1 again, again 1, 1 late, late 2, 2 3, 3 out"
    return nir.NIRGraph(nodes, [tuple(way.split()) for way in ways.split(", ")])


def test_a_recurrent_layer_may_be_a_graph_of_its_own(foreign):
    inside = nir.NIRGraph(
        {
            "in": nir.Input(np.array([4])),
            "lif": foreign.nodes["1"],
            "rec": foreign.nodes["again"],
            "out": nir.Output(np.array([4])),
        },
        [("in", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "out")],
    )
    nodes = {name: node for name, node in foreign.nodes.items() if name not in ("1", "again")} | {"layer": inside}
    ways = "in 0, 0 gain, gain layer, layer 2, 2 late, late 3, 3 out"
    nested = nir.NIRGraph(nodes, [tuple(way.split()) for way in ways.split(", ")])
    options = {"unit": 10 * mV, "time_unit": ms, "dt": DT}
    plain, other = (ss.from_nir(each, **options)[1] for each in (foreign, nested))
    for network in (plain, other):
        assert [p.name for p in network.populations] == ["inputs", "population_1", "output"]
    mine, theirs = ({(p.source, p.target): p for p in each.projections} for each in (plain, other))
    assert mine.keys() == theirs.keys() and len(mine) == 3
    for ends, projection in mine.items():
        assert np.array_equal(projection.initial, theirs[ends].initial) and projection.delay == theirs[ends].delay


def small(cell=None, *more, edges=(), weight=None, **changes):
    """Two inputs, a population of two units, and what a test changes in it."""
    n = np.ones(2)
    values = {
        "tau_syn": 5e-3 * n,
        "tau_mem": 1e-2 * n,
        "r": n,
        "v_leak": 0 * n,
        "v_threshold": n,
        "w_in": 50 * n,
    } | changes
    nodes = {"a": nir.Input(np.array([2])), "w": nir.Linear(np.eye(2) if weight is None else weight)}
    nodes |= {"b": cell or nir.CubaLIF(**values), "c": nir.Output(np.array([2])), **dict(more)}
    return nir.NIRGraph(nodes, [("a", "w"), ("w", "b"), ("b", "c"), *edges])


def test_what_w_in_means_is_an_option():
    weight = np.array([[0.5, 2.0], [0.0, -1.0]])
    for meaning, factor in (("step", 1), ("impulse", 50 / 5e-3), ("ignored", 1)):
        model, network = ss.from_nir(small(weight=weight), unit=10 * mV, w_in=meaning)
        np.testing.assert_allclose(network.projections[0].initial, weight.T * 0.01 * factor)
        assert float(model.parameters["w_max"]) == pytest.approx(max(0.1, 0.02 * factor))
    _, network = ss.from_nir(small(weight=weight), unit=10 * mV, dt=1 * ms)
    np.testing.assert_allclose(network.projections[0].initial, weight.T * 0.1)


def test_zeros_are_synapses_or_not():
    weight = np.array([[0.5, 2.0], [0.0, -1.0]])
    (dense,) = ss.from_nir(small(weight=weight), unit=mV)[1].projections
    (sparse,) = ss.from_nir(small(weight=weight), unit=mV, sparse=True)[1].projections
    assert dense.connect == "all" and sparse.connect.units.tolist() == [[0, 1, 1], [0, 0, 1]]
    np.testing.assert_allclose(sparse.initial, [0.0005, 0.002, -0.001])


N = np.ones(2)
LEAKY = nir.LIF(tau=N, r=N, v_leak=N, v_threshold=N)
FLAT = nir.Flatten({"input": np.array([2])}, 0, -1)
BIASED = ("x", nir.Affine(np.eye(2), N))


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (small(), {}, "does not say in which unit its potentials are: give unit=volt"),
        (small(), {"unit": 3}, "unit must be a positive potential"),
        (small(), {"unit": 3 * second}, "unit must be a positive potential"),
        (small(), {"unit": mV, "w_in": "sometimes"}, "w_in 'sometimes' is unknown"),
        (small(), {"unit": mV, "dt": 3}, "dt must be a time"),
        (small(tau_mem=20 * N), {"unit": mV}, "'b' has a time constant of 20 s.*time_unit=ms"),
        (small(tau_mem=np.array([0.01, 0.02])), {"unit": mV}, "the node 'b', tau_mem: from 0.01 to 0.02"),
        (small(v_threshold=np.array([1, 2.0])), {"unit": mV}, "the node 'b', v_threshold: from 1 to 2"),
        (small(tau_syn=0 * N), {"unit": mV}, "the node 'b', tau_syn: 0 s"),
        (small(LEAKY), {"unit": mV}, "the node 'b' is a LIF, .*a CubaLIF has a synaptic current"),
        (small(None, BIASED, edges=[("a", "x"), ("x", "b")]), {"unit": mV}, "the node 'x', bias"),
        (small(None, ("x", nir.Output(np.array([2]))), edges=[("b", "x")]), {"unit": mV}, "one population before one Output"),
        (small(None, ("x", nir.Input(np.array([2]))), edges=[("x", "b")]), {"unit": mV}, "expected one Input"),
        (small(None, ("x", nir.Linear(np.eye(2))), edges=[("w", "x"), ("x", "b")]), {"unit": mV}, "'w' and 'x' follow"),
        (small(None, ("x", FLAT), edges=[("a", "x"), ("x", "b")]), {"unit": mV}, "'x' is a Flatten"),
        (SimpleNamespace(nodes={}), {}, "expected the path of a file of NIR"),
    ],
)  # fmt: skip
def test_a_graph_without_a_counterpart_is_refused(given, options, message):
    with pytest.raises(ValueError, match=message):
        ss.from_nir(given, **options)


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.nir").write_text("no graph")
    with pytest.raises(ValueError, match=r"a\.nir cannot be read as NIR"):
        ss.from_nir(tmp_path / "a.nir")
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        ss.from_nir(tmp_path / "b.nir")

"""Runs as graphs of NIR: an independent reader of the graph emits every spike of the run, and graphs come back."""

import sys
import warnings

import numpy as np
import pytest
from brian2 import ms, mV, volt
from nir_reader import simulate
from superspike_brian.models import (
    CLASSIFIER,
    LIF,
    RANDOM,
    READOUT,
    SUPERSPIKE,
    WINDOWED_MARGIN,
    Architecture,
    Pathway,
    Population,
    Projection,
    chain,
)

import superspike_brian as ss
from superspike_brian.cli.main import main
from superspike_brian.errors import MissingPackageError
from superspike_brian.exchange.graph import graph
from superspike_brian.exchange.membrane import membrane
from superspike_brian.exchange.nir import export
from superspike_brian.network.structure import Structure
from superspike_brian.network.synapses import initial_weights

nir = pytest.importorskip("nir", reason="the package nir is not installed: pip install -e '.[test]'")

DT = 0.2 * ms
COURSE = {"duration": 40 * ms, "burn_in": 20 * ms, "block": 20 * ms, "probe_length": 10 * ms, "seed": 3, "dt": DT}
COURSE |= {"snapshot_every": 20 * ms}
FREE = SUPERSPIKE.replace(w_0=90 * mV, tau_ref=0 * ms, t_b=10 * ms)
SLOW = FREE.neuron.replace(tau_mem=20 * ms, theta=-54 * mV)
OWN = Architecture(
    [Population("exc", 6, neuron=SLOW), Population("inh", 4)],
    [
        Projection("inputs", "exc", connect=0.6),
        Projection("exc", "inh", delay="0.4*ms + 0.2*i*ms", initial="20*mV*rand()"),
        Projection("inh", "exc", connect=0.5, high="0*volt", plastic=False, initial="-20*mV*rand()"),
        Projection("exc", "exc", initial="8*mV*randn()", delay=0 * ms),  # all, but not to itself
        Projection("exc", "output"),
        Projection("inputs", "output", name="skip"),
        Projection("targets", "output", initial="30*mV", delay=3 * ms),
    ],
    [Pathway("output", "exc"), Pathway("output", "inh", RANDOM)],
)
NETWORKS = {
    "chain": (chain([6]), FREE),
    "any architecture": (OWN, FREE.replace(tau_ref=3 * ms)),  # save for exc, which is not refractory
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, poisson_task):
    """Function that trains a network and runs what it learned from rest: folder, spikes of each population, its inputs."""
    known = {}

    def train(name):
        if name not in known:
            out = tmp_path_factory.mktemp("nir") / "run"
            network, model = NETWORKS[name]
            data = ss.train(poisson_task(12, 3, 3), model, network, out=out, device="runtime", progress=False, **COURSE)
            net = ss.load_network(out, "start")
            for p in network.projections:
                net[p.name].w = data[f"weights_{p.label}_end"].values.ravel() * volt
            net.run(200 * ms)
            names = ["inputs", "targets", *(p.name for p in network.populations[1:])]
            known[name] = out, {p: spikes(net[f"spikes_{p}"]) for p in names}, data
        return known[name]

    return train


def spikes(monitor):
    """Steps and units."""
    return np.rint(np.array(monitor.t) / float(DT)).astype(int), np.array(monitor.i)


def read(found, seen, **options):
    """Spikes of the populations of a graph, by their names here."""
    given = {"input": seen["inputs"], "targets": seen["targets"]}
    given = {name: given[name] for name, node in found.nodes.items() if isinstance(node, nir.Input)}
    names = found.metadata["populations"]
    emitted = simulate(found, given, 1000, float(DT), **options)
    return {names[node]: found for node, found in emitted.items()}


def same(one, other):
    """Whether two lists of steps and units have the same spikes."""
    return sorted(zip(*map(list, one), strict=True)) == sorted(zip(*map(list, other), strict=True))


@pytest.mark.filterwarnings("ignore:NIR has no refractory period")
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("name", ["chain", "any architecture"])
def test_a_reader_emits_every_spike(name, scaled, trained, tmp_path):
    folder, seen, _ = trained(name)
    export(folder, tmp_path / "net.nir", scaled=scaled)
    found = nir.read(tmp_path / "net.nir")
    emitted = read(found, seen, refractory=found.metadata["refractory"])
    assert emitted.keys() == seen.keys() - {"inputs", "targets"}
    for population, found in emitted.items():
        assert len(found[0]) > 10 and same(found, seen[population]), population


def test_refractoriness_is_what_a_reader_must_add(trained):
    folder, seen, _ = trained("any architecture")
    with warnings.catch_warnings(record=True) as said:
        warnings.filterwarnings("always", "NIR has")
        found = ss.to_nir(folder)
    (warning,) = (str(w.message) for w in said)
    assert "NIR has no refractory period (inh 3 ms, output_units 3 ms here)" in warning
    assert "Train with tau_ref = 0*ms" in warning
    assert found.metadata["refractory"] == pytest.approx({"inh": 0.003, "output_units": 0.003})
    without = read(found, seen)
    for population in ("inh", "output"):  # with it: see above
        assert len(without[population][0]) > 1.1 * len(seen[population][0]) > 11


def test_without_refractoriness_nothing_is_said(trained):
    folder, _, _ = trained("chain")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "NIR has")
        assert ss.to_nir(folder).metadata["refractory"] == {}


def test_a_reader_by_euler_is_near_and_no_more(trained):
    folder, seen, _ = trained("chain")
    near, mine = read(ss.to_nir(folder), seen, euler=True)["hidden_1"], seen["hidden_1"]
    first = [[steps[units == unit][0] for unit in np.unique(mine[1])] for steps, units in (near, mine)]
    assert np.abs(np.subtract(*first)).max() <= 2 and not same(near, mine)


def test_what_the_graph_says(trained):
    folder, _, data = trained("chain")
    found = ss.to_nir(folder, "start")
    assert found.edges == [
        *[("input", "forward_1_delay"), ("forward_1_delay", "forward_1"), ("forward_1", "hidden_1")],
        *[("hidden_1", "forward_2_delay"), ("forward_2_delay", "forward_2"), ("forward_2", "output_units")],
        ("output_units", "output"),
    ]
    np.testing.assert_array_equal(found.nodes["forward_1"].weight, data.weights_1_start.values.T)
    np.testing.assert_array_equal(ss.to_nir(folder).nodes["forward_2"].weight, data.weights_2_end.values.T)
    middle = ss.to_nir(folder / "run.nc", 20 * ms)
    np.testing.assert_array_equal(middle.nodes["forward_1"].weight, data.weights_1_snapshots[0].values.T)
    assert middle.metadata["simulated"] == pytest.approx(0.02)
    np.testing.assert_allclose(found.nodes["forward_1_delay"].delay, np.full(12, 0.0008))
    cell = found.nodes["hidden_1"]
    told = {
        "tau_syn": 5e-3,
        "tau_mem": 1e-2,
        "r": 1,
        "v_leak": -0.06,
        "v_reset": -0.06,
        "v_threshold": -0.05,
        "w_in": 25,
    }
    for name, value in told.items():
        np.testing.assert_allclose(getattr(cell, name), np.full(6, value), rtol=1e-12)
    said = found.metadata
    assert (said["time_unit"], said["unit"], said["dt"]) == ("s", "V", pytest.approx(2e-4)) and "tau_syn/dt" in said[
        "w_in"
    ]
    assert said["software"] == f"superspike_brian {ss.__version__}" and said["task"] == "test"
    scaled = ss.to_nir(folder, "start", scaled=True)
    cell = scaled.nodes["output_units"]
    assert (cell.v_leak[0], cell.v_reset[0], cell.v_threshold[0]) == pytest.approx((0, 0, 1))
    np.testing.assert_allclose(scaled.nodes["forward_2"].weight, found.nodes["forward_2"].weight / 0.01)


def test_a_file_is_not_overwritten_unless_told(trained, tmp_path):
    folder, _, _ = trained("chain")
    (tmp_path / "a.nir").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export(folder, tmp_path / "a.nir")
    assert (tmp_path / "a.nir").read_text() == "mine"
    assert export(folder, tmp_path / "a.nir", "start", overwrite=True) == (tmp_path / "a.nir",)
    assert np.array_equal(
        nir.read(tmp_path / "a.nir").nodes["forward_1"].weight, ss.to_nir(folder, "start").nodes["forward_1"].weight
    )
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        export(folder, tmp_path / "b" / "a.nir")


def test_without_the_package_the_message_says_how_to_get_it(trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'superspike_brian\[nir\]'"):
        ss.to_nir(trained("chain")[0])
    with pytest.raises(MissingPackageError, match=r"pip install 'superspike_brian\[nir\]'"):
        ss.from_nir("net.nir")


# which neurons are leaky integrate-and-fire neurons, however they are written


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"equations": LIF.equations.replace("(U_rest - U + I_syn)/tau_mem", "-(U-I_syn - U_rest) / tau_mem")}, {}),
        ({"equations": LIF.equations.replace("+ I_syn", "+ gain*I_syn")}, {"resistance": 2.0}),
        ({"equations": LIF.equations.replace("I_syn", "current"), "on_input": "current_post += w"}, {}),
        ({"equations": LIF.equations.replace("tau_mem", "(2*tau_mem)")}, {"tau_mem": 0.02}),
        ({"threshold": "theta < U"}, {}),
        ({"threshold": "2*U - 2*theta > 4*mV"}, {"threshold": -0.048}),
        ({"reset": "U = U_rest - 5*mV"}, {"reset": -0.065}),
        ({"refractory": "2*tau_ref"}, {"refractory": 0.01}),
    ],
)
def test_the_same_neuron_in_other_words(changes, expected):
    neuron = LIF.replace(**changes, parameters={**LIF.parameters, "gain": 2})
    plain = membrane(SUPERSPIKE, "")._asdict()
    assert membrane(SUPERSPIKE.replace(neuron=neuron), "")._asdict() == pytest.approx(plain | expected)


@pytest.mark.parametrize("model", [CLASSIFIER, CLASSIFIER.replace(error=WINDOWED_MARGIN)])
def test_a_margin_is_for_learning_only(model):
    assert membrane(model, "", output=True) == membrane(SUPERSPIKE, "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"equations": LIF.equations + "\ndA/dt = -A/tau_syn : volt"}, "dA/dt = -A/tau_syn : V', a third variable"),
        (
            {"equations": LIF.equations.replace("I_syn)/", "I_syn + (U - U_rest)**2/mV)/"), "method": "euler"},
            "'dU/dt = ",
        ),
        ({"equations": LIF.equations.replace("-I_syn/tau_syn", "(mV - I_syn)/tau_syn")}, "'dI_syn/dt = "),
        (
            {"equations": LIF.equations.replace("/tau_mem", "/tau_mem + mV*xi/tau_mem**0.5"), "method": "euler"},
            "the noise xi",
        ),
        ({"threshold": "U >= theta"}, "the threshold 'U >= theta'"),
        ({"threshold": "U > theta + I_syn"}, "the threshold 'U > theta"),
        ({"reset": "U -= 10*mV"}, "the reset 'U -= 10[*]mV'"),
        ({"reset": "U = U_rest\nI_syn = 0*volt"}, "the reset 'U = U_rest"),
        ({"refractory": "U > theta"}, "the refractory condition 'U > theta'"),
        ({"on_input": "I_syn_post += 2*w"}, "the input 'I_syn_post [+]= 2[*]w'"),
        ({"on_input": "U_post += w"}, "the input 'U_post [+]= w'"),
    ],
)
def test_another_neuron_is_refused_with_its_population_and_equation(changes, message):
    network = Architecture(
        [Population("exc", 4, neuron=LIF.replace(**changes))], [Projection("inputs", "exc"), Projection("exc", "output")],
        [Pathway("output", "exc")],
    )  # fmt: skip
    with pytest.raises(ValueError, match=rf"Population\('exc'\): NIR cannot say .*{message}"):
        of(SUPERSPIKE, network)


def of(model, network, n_in=5, n_out=3):
    """Graph of a network with its initial weights."""
    structure = Structure(model, network.sized(n_in, n_out), dt=DT)
    state = {f"{name}.w": initial_weights(structure, name, 0) for name in structure.projections}
    return graph(structure, state, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delay": "rand()*2*ms"}, "delay: its synapses have delays of their own, .* train with one delay"),
        ({"on_input": "U_post += w"}, "on_input: its spikes change 'U', and those of output 'I_syn'"),
        ({"on_input": "I_syn_post += 2*w"}, r"Projection.*: NIR cannot say the input 'I_syn_post \+= 2\*w'"),
        ({"name": "output_units"}, "two nodes of the graph would be called 'output_units'"),
    ],
)
def test_what_a_projection_cannot_say_is_refused(change, message):
    network = chain([4]).add(Projection("inputs", "output", **change))
    with pytest.raises(ValueError, match=message):
        of(FREE, network)


# and back


@pytest.mark.filterwarnings("ignore:NIR has no refractory period")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_graph_comes_back(name, trained, tmp_path):
    for scaled in (False, True):
        export(trained(name)[0], tmp_path / "a.nir", overwrite=True, scaled=scaled)
        before = nir.read(tmp_path / "a.nir")
        model, network = ss.from_nir(tmp_path / "a.nir")
        structure = Structure(model, network, dt=DT)
        state = {f"{p}.w": initial_weights(structure, p, 0) for p in structure.projections}
        after = graph(structure, state, 0, scaled)
        assert after.edges == before.edges and after.nodes.keys() == before.nodes.keys()
        for node, old in before.nodes.items():
            new = after.nodes[node]
            assert type(new) is type(old)
            for field in ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in", "weight", "delay"):
                if hasattr(old, field):
                    np.testing.assert_allclose(getattr(new, field), getattr(old, field), rtol=1e-9, atol=1e-12)
        for said in ("refractory", "sparse", "populations", "dt"):
            assert after.metadata[said] == pytest.approx(before.metadata[said]), said


def test_an_output_that_is_read_by_its_potential_comes_back():
    found = of(READOUT, chain([4]))
    assert isinstance(found.nodes["output_units"], nir.CubaLI) and isinstance(found.nodes["hidden_1"], nir.CubaLIF)
    model, network = ss.from_nir(found)
    assert model.error is READOUT.error and float(model.parameters["theta"]) == pytest.approx(-0.05)
    again = of(model, network)
    np.testing.assert_allclose(again.nodes["forward_2"].weight, found.nodes["forward_2"].weight)
    assert isinstance(again.nodes["output_units"], nir.CubaLI)


def test_the_command(trained, tmp_path, capsys):
    out = tmp_path / "net.nir"
    folder, *_ = trained("chain")
    assert main(["export", "nir", str(folder), str(out), "--at", "start"]) == 0
    assert str(out) in capsys.readouterr().out
    weights = [g.nodes["forward_1"].weight for g in (nir.read(out), ss.to_nir(folder, "start"), ss.to_nir(folder))]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()

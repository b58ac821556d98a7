"""A run as a network of Brian2: it does what probe windows of the run show, takes more objects, and leaves Brian2 alone."""

import numpy as np
import pytest
from brian2 import Hz, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, defaultclock, ms, mV, prefs, second, volt
from brian2.devices.device import get_device
from superspike_brian.models import RANDOM, SUPERSPIKE, WINDOWED, Projection, chain

import superspike_brian as ss
from superspike_brian.files.durable import RunFolderError
from superspike_brian.network.trials import TrialSource

COURSE = {"duration": 60 * ms, "burn_in": 20 * ms, "block": 20 * ms, "probe_length": 60 * ms, "seed": 3, "dt": 0.2 * ms}
STRONG = SUPERSPIKE.replace(w_0=150 * mV, t_b=10 * ms)
SPARSE = [
    Projection("hidden_1", "hidden_1", connect=0.5, initial="5*mV*randn()", plastic=False),
    Projection("output", "hidden_1", connect=0.6, initial="-9*mV*rand()", delay="(0.2 + 4*rand())*ms"),
]
NETWORKS = {
    "no hidden layer": ((), STRONG),
    "hidden layers": ([8, 8], STRONG.replace(feedback=RANDOM, w_0=1000 * mV)),
    "recurrent and sparse": (chain([6]).add(*SPARSE), STRONG),
}


def spikes(data, name, window):
    """Spikes of a probe window of a run: times (s) and units."""
    there = data[f"spikes_{name}_probe"].values == window
    return data[f"spikes_{name}_time"].values[there], data[f"spikes_{name}_unit"].values[there]


def assert_same(net, data, window, names):
    for name in names:
        monitor = net[f"spikes_{name}"]
        times, units = spikes(data, name, window)
        assert len(times) and np.array_equal(monitor.t / second, times) and np.array_equal(monitor.i, units), name


@pytest.fixture(scope="module")
def trained(tmp_path_factory, poisson_task, build_dir):
    """Function that trains a small network; returns its folder and results, the same for the same arguments."""
    known = {}

    def train(hidden=(4,), model=STRONG, task=None, **options):
        key = str((hidden, id(model), task and task.name, options))
        if key not in known:
            out = tmp_path_factory.mktemp("runs") / "run"
            options = {**COURSE, "device": "runtime", "build_dir": build_dir, "progress": False, **options}
            known[key] = out, ss.train(task or poisson_task(12, 3, 3), model, hidden, out=out, **options), model
        return known[key][:2]

    return train


@pytest.mark.parametrize("device", ["runtime", "standalone"])
@pytest.mark.parametrize("name", NETWORKS)
def test_its_spikes_are_those_of_the_probe_window(name, device, trained):
    folder, data = trained(*NETWORKS[name], device=device)
    hidden = [f"hidden_{k + 1}" for k in range(2 if name == "hidden layers" else name != "no hidden layer")]
    net = ss.load_network(folder)
    before = np.array(net["forward_1"].w)
    net.run(60 * ms)
    assert_same(net, data, -1 + data.sizes["probe"], ["inputs", "targets", *hidden, "output"])
    assert np.array_equal(net["forward_1"].w, before)
    np.testing.assert_allclose(net["probe_output"].U.T / volt, data.U_output[-1], rtol=1e-9)
    net = ss.load_network(folder / "run.nc", "start")
    net.run(60 * ms)
    assert_same(net, data, 0, [*hidden, "output"])


@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_snapshot_has_its_weights_and_the_pattern_goes_on(precision, trained):
    folder, data = trained((), snapshot_every=20 * ms, precision=precision)  # within a period
    net = ss.load_network(folder, 40 * ms)
    assert float(net.t) == pytest.approx(0.04)
    found = np.array(net["forward_1"].w)
    assert found.dtype == {"double": np.float64, "single": np.float32}[precision]
    assert np.array_equal(found, data.weights_1_snapshots[1].values.ravel())
    assert not np.array_equal(found, data.weights_1_end.values.ravel())
    net.run(20 * ms)
    times, units = spikes(data, "inputs", 0)
    late = times >= 0.04 - 1e-6
    np.testing.assert_allclose(net["spikes_inputs"].t / second, times[late])
    assert np.array_equal(net["spikes_inputs"].i, units[late])


def test_with_learning_it_goes_on_as_the_run_would(trained):
    folder, _ = trained((3,))
    nets = [ss.load_network(folder, learning=learning) for learning in (True, False)]
    longer = ss.resume(folder, duration=80 * ms, progress=False)
    for net, learning in zip(nets, (True, False), strict=True):
        net.run(20 * ms)
        assert np.array_equal(net["forward_1"].w, longer.weights_1_end.values.ravel()) == learning


@pytest.mark.parametrize("learning", [False, True])
def test_trials_are_those_of_the_probe_window_or_the_next_of_the_run(learning, trained, monkeypatch):
    monkeypatch.setattr(TrialSource, "test_steps", lambda self, step: 0)
    model = SUPERSPIKE.replace(error=WINDOWED, w_0=150 * mV)
    course = {"duration": 100 * ms, "probe_length": 100 * ms, "probe_learning": [0 * ms]}
    folder, data = trained((4,), model, ss.tasks.task("xor", seed=1), **course)
    net = ss.load_network(folder, "start" if learning else "end", learning=learning)
    net.run(100 * ms)
    window = int(np.flatnonzero(data.probe_learning.values)[0]) if learning else data.sizes["probe"] - 1
    assert_same(net, data, window, ["inputs"])
    np.testing.assert_allclose(net["probe_hidden_1"].U.T / volt, data.U_hidden_1[window], rtol=1e-9)


def test_random_numbers_are_those_of_the_run_whatever_ran_since(trained):
    noisy = STRONG.neuron.replace(on_input="I_syn_post += w*int(rand() < 0.8)")
    folder, data = trained(model=STRONG.replace(neuron=noisy))
    net, again = ss.load_network(folder), ss.load_network(folder)
    again.key = again.key + 1
    again.run(60 * ms)
    net.run(60 * ms)
    assert_same(net, data, -1 + data.sizes["probe"], ["hidden_1"])
    assert not np.array_equal(net["spikes_hidden_1"].t, again["spikes_hidden_1"].t)


def test_it_takes_objects_of_ones_own(trained):
    folder, _ = trained()
    alone = ss.load_network(folder)
    alone.run(60 * ms)
    net = ss.load_network(folder)
    tau = 20 * ms  # noqa: F841 - Brian2 finds it
    reader = NeuronGroup(2, "dv/dt = -v/tau : 1", threshold="v > 0.9", reset="v = 0", method="exact")
    way = Synapses(net["inputs"], reader, on_pre="v_post += 1", delay=1 * ms)
    way.connect()
    potential = StateMonitor(net["hidden_1"], "U", record=[1, 3])
    heard, answered = SpikeMonitor(net["inputs"]), SpikeMonitor(reader)
    net.add(reader, way, potential, heard, answered)
    for _ in range(2):
        net.run(30 * ms)  # `tau` is found here
    assert np.array_equal(heard.t, alone["spikes_inputs"].t) and np.array_equal(heard.i, alone["spikes_inputs"].i)
    assert np.array_equal(potential.U[:], alone["probe_hidden_1"].U[[1, 3]])
    assert 0.9 < (answered.t[0] - heard.t[0]) / ms < 1.5
    assert float(potential.t[0]) == pytest.approx(0.06) and len(potential.t) == 300


def test_brian2_is_as_it_was(trained, monkeypatch):
    folder, _ = trained()
    monkeypatch.setitem(prefs, "core.default_float_dtype", np.float32)
    monkeypatch.setitem(prefs, "codegen.target", "cython")
    device, dt = get_device(), defaultclock.dt
    net = ss.load_network(folder)
    lone = NeuronGroup(1, "dv/dt = -v/unknown : 1")
    net.run(1 * ms)
    net.add(lone)
    with pytest.raises(Exception, match=r"lone|neurongroup"):
        net.run(1 * ms)  # what Brian2 says, as it says it
    assert prefs["core.default_float_dtype"] is np.float32 and prefs["codegen.target"] == "cython"
    assert get_device() is device and defaultclock.dt == dt
    assert net["output"].U[:].dtype == np.float64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": "middle"}, "at must be 'start', 'end', or the time of a snapshot"),
        (
            {"at": 30 * ms},
            "no snapshot at 30 ms: it has the start, the end .60 ms., and snapshots at: 20 ms, 40 ms",
        ),
        ({"at": 3}, "time with its unit"),
        ({"at": 3 * Hz}, "time with its unit"),
        ({"target": "c"}, "target 'c' is unknown"),
        ({"learning": 1}, "learning must be True or False"),
    ],
)
def test_what_it_refuses(options, message, trained):
    folder, _ = trained((), snapshot_every=20 * ms, precision="double")
    with pytest.raises(ValueError, match=message):
        ss.load_network(folder, **options)


def test_without_a_run_it_says_so(tmp_path):
    with pytest.raises(RunFolderError, match="not a run"):
        ss.load_network(tmp_path)

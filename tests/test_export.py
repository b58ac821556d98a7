"""A run as a script of plain Brian2: it runs where this package is not, with the spikes of the run's probe window."""

import os
import re
import subprocess
import sys
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import NeuronGroup, ms, mV, second
from command import refused, superspike
from superspike_brian.models import (
    ADAM,
    GRADED,
    LAYERWISE,
    LIF,
    RANDOM,
    SUPERSPIKE,
    WINDOWED_MARGIN,
    Architecture,
    Pathway,
    Population,
    Projection,
    chain,
)

import superspike_brian as ss
from superspike_brian.network.trials import TrialSource
from superspike_brian.values.quantities import as_python

COURSE = {"duration": 60 * ms, "burn_in": 20 * ms, "block": 20 * ms, "probe_length": 60 * ms, "seed": 3, "dt": 0.2 * ms}
STRONG = SUPERSPIKE.replace(w_0=150 * mV, t_b=10 * ms, axonal_delay=4 * ms)  # spikes are on their way at the end
DELAYED = [
    Projection("hidden_1", "hidden_1", connect=0.5, initial="5*mV*randn()", plastic=False),
    Projection("output", "hidden_1", connect=0.6, initial="-9*mV*rand()", delay="(0.2 + 4*rand())*ms"),
]
SLOW = LIF.replace(tau_mem=20 * ms, theta=-52 * mV)
DALE = Architecture(
    [Population("exc", 6), Population("inh", 3, neuron=SLOW)],
    [
        Projection("inputs", "exc", connect=0.8),
        Projection("exc", "inh", low="0*volt", initial="30*mV*rand()"),
        Projection("inh", "exc", plastic=False, initial="-5*mV"),
        Projection("exc", "output"),
    ],
    [Pathway("output", "exc", RANDOM), Pathway("exc", "inh", LAYERWISE)],
)
XOR = {"task": "xor", "duration": 100 * ms, "probe_length": 200 * ms}
RUNS = {  # network, model, options
    "chain": ([5], STRONG.replace(feedback=RANDOM, optimizer=ADAM.replace(t_b=10 * ms)), {}),
    "sparse": (chain([6]).add(*DELAYED), STRONG, {}),
    "populations": (DALE, STRONG, {}),
    "compiled": ((), STRONG, {"device": "standalone"}),
    "equal time constants": ([4], STRONG.replace(tau_syn=10 * ms, feedback="uniform"), {"precision": "single"}),
    "trials": ([4], SUPERSPIKE.replace(error=WINDOWED_MARGIN, w_0=150 * mV), XOR),
    "graded": ([4], SUPERSPIKE.replace(error=GRADED, w_0=150 * mV), XOR),
    "between updates": ([4], STRONG.replace(t_b=7 * ms), {}),
}
RUNNER = """
import gc, runpy, sys
import numpy as np
for script in sys.argv[1:]:
    found = runpy.run_path(script)
    kept = {f"{n}.{v}": np.array(getattr(o, v)) for n, o in found.items() for v in ("t", "i", "U", "w")
            if type(o).__name__ in ("SpikeMonitor", "StateMonitor", "Synapses") and v in o.variables and (v != "i" or "t" in o.variables)}
    np.savez(script + ".found.npz", **kept)
    del found
    gc.collect()
assert not [name for name in sys.modules if name.startswith("superspike_brian")]
"""


def run_plainly(*scripts):
    """Run scripts in one process in which this package, an editable install, cannot be imported; return what they recorded."""
    places = {str(Path(module.__file__).parents[1]) for module in (brian2, np)}
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sorted(places)), "MPLBACKEND": "agg"}
    command = [sys.executable, "-S", "-W", "ignore", "-c", RUNNER, *map(str, scripts)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=scripts[0].parent)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return [dict(np.load(f"{script}.found.npz")) for script in scripts], done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory, poisson_task, build_dir):
    """Run folders by name, and their results."""
    found = {}
    for name, (hidden, model, options) in RUNS.items():
        options = {**COURSE, "device": "runtime", "build_dir": build_dir, "progress": False, "snapshot_every": 20 * ms, **options}
        task = ss.tasks.xor(seed=1) if options.pop("task", None) else poisson_task(12, 3, 3)
        out = tmp_path_factory.mktemp("runs") / "run"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TrialSource, "test_steps", lambda self, step: 0)
            found[name] = out, ss.train(task, model, hidden, out=out, **options)
    return found


@pytest.fixture(scope="module")
def scripts(trained, tmp_path_factory):
    """Folder of the exported scripts: one a run, and variants of some."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, (run, _) in trained.items():
        ss.export_brian2(run, folder / f"{name}.py")
    for name, at in (("start", "start"), ("snapshot", 20 * ms)):
        ss.export_brian2(trained["chain"][0], folder / f"{name}.py", at)
    for name in ("chain", "sparse", "populations"):
        text = (folder / f"{name}.py").read_text()
        assert text.count("LEARN = False") == 1
        text = text.replace("LEARN = False", "LEARN = True").replace("DURATION = 60*ms", "DURATION = 45*ms")
        (folder / f"{name} learns.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def found(scripts):
    """What the scripts recorded, by name, and what they printed."""
    files = sorted(scripts.glob("*.py"))
    records, printed = run_plainly(*files)
    return {file.stem: record for file, record in zip(files, records, strict=True)}, printed


def spikes(data, name, window):
    """Spikes of a probe window of a run: time steps from its start, and units."""
    there = data[f"spikes_{name}_probe"].values == window
    times = data[f"spikes_{name}_time"].values[there] - float(data.probe_start[window])
    return np.rint(times / 0.0002).astype(int), data[f"spikes_{name}_unit"].values[there]


def assert_same(record, data, window):
    names = [n.removeprefix("spikes_").removesuffix("_time") for n in data if re.fullmatch(r"spikes_\w+_time", n)]
    assert {"inputs", "targets", "output"} < set(names) or {*names} == {"inputs", "targets", "output"}
    for name in names:
        steps, units = spikes(data, name, window)
        assert np.array_equal(np.rint(record[f"spikes_{name}.t"] / 0.0002), steps), name
        assert np.array_equal(record[f"spikes_{name}.i"], units), name
        if name not in ("inputs", "targets"):
            potential = record[f"probe_{name}.U"].T
            tolerance = 1e-9 if potential.dtype == np.float64 else 1e-5
            np.testing.assert_allclose(potential, data[f"U_{name}"][window], rtol=tolerance)


@pytest.mark.parametrize("name", RUNS)
def test_its_spikes_are_those_of_the_probe_window(name, trained, found):
    data = trained[name][1]
    assert_same(found[0][name], data, data.sizes["probe"] - 1)
    assert sum(len(spikes(data, population, -1 + data.sizes["probe"])[0]) for population in ("inputs", "output")) > 20

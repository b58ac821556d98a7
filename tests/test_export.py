"""A run as a script of plain Brian2: it runs where this package is not, with the spikes of the run's probe window."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import brian2
import numpy as np
import pytest
import test_loaded
from brian2 import DEFAULT_FUNCTIONS, Hz, amp, kHz, ms, mV, second, siemens, volt
from brian2.core.namespace import DEFAULT_UNITS
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
)

import superspike_brian as ss
from superspike_brian.exchange.sections import OWN, check_names
from superspike_brian.network.structure import Structure
from superspike_brian.network.trials import TrialSource
from superspike_brian.results.notes import time_step
from superspike_brian.values.quantities import as_python

COURSE = {"duration": 45 * ms, "burn_in": 20 * ms, "block": 25 * ms, "probe_length": 60 * ms, "seed": 3, "dt": 0.5 * ms}
STRONG = SUPERSPIKE.replace(w_0=150 * mV, t_b=5 * ms, axonal_delay=4 * ms)  # spikes are on their way at the end
SLOW = LIF.replace(tau_mem=20 * ms, theta=-52 * mV)
NETWORK = Architecture(
    [Population("exc", 6), Population("inh", 3, neuron=SLOW)],
    [
        Projection("inputs", "exc", connect=0.8),
        Projection("exc", "inh", low="0*volt", initial="30*mV*rand()", delay="(1 + 8*rand())*ms"),
        Projection("inh", "exc", plastic=False, initial="-5*mV"),
        Projection("output", "exc", connect=0.6, initial="-9*mV*rand()", delay="(1 + 8*rand())*ms", plastic=False),
        Projection("exc", "output", initial="40*mV*rand()"),
    ],
    [Pathway("output", "exc"), Pathway("exc", "inh", LAYERWISE)],
)
XOR = {"task": "xor", "probe_length": 80 * ms}
RHYTHM = LIF.replace(tau_syn=10 * ms, threshold="U > theta + 2*mV*sin(2*pi*t*40*Hz)")
NASTY = SUPERSPIKE.surrogate.replace(name='steep\n"""\nraise SystemExit("executed")\n"""')
RUNS = {  # network, model, options; the compiled program is built for test_loaded.py, too
    "chain": ([5], STRONG.replace(feedback=RANDOM, optimizer=ADAM.replace(t_b=5 * ms)), {}),
    "network": (NETWORK, STRONG, {}),
    "compiled": ((), test_loaded.STRONG, {"device": "standalone", "dt": 0.2 * ms, "duration": 58.6 * ms}),
    "odd": (
        (),
        STRONG.replace(neuron=RHYTHM, surrogate=NASTY, t_b=10 * ms),
        {"precision": "single", "snapshot_every": 20 * ms},
    ),
    "trials": ([4], STRONG.replace(error=WINDOWED_MARGIN), XOR),
}
READOUT = [4], STRONG.replace(error=GRADED), XOR
RUNNER = """
import gc, runpy, sys
import setuptools  # brings the distutils that Brian2 imports, as its .pth file does
import numpy as np
from brian2 import SpikeMonitor, StateMonitor, Synapses, prefs
kinds = {SpikeMonitor: ("t", "i"), StateMonitor: ("U",), Synapses: ("w",)}
for script in sys.argv[1:]:
    prefs.core.default_float_dtype = np.float64
    made = runpy.run_path(script)
    found = {f"{n}.{v}": np.array(getattr(o, v)) for n, o in made.items() for v in kinds.get(type(o), ()) if v in o.variables}
    np.savez(script + ".found.npz", **found)
    del made
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
def train(poisson_task, build_dir):
    """Function that trains a network into a folder; returns the results."""

    def train(out, hidden, model, options):
        options = {**COURSE, "device": "runtime", "build_dir": build_dir, "progress": False, **options}
        task = poisson_task(12, 3, 3)
        if options.pop("task", None) == "xor":
            task = ss.tasks.xor(30, 10, pause_min=5 * ms, pause_mean=10 * ms, seed=1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TrialSource, "test_steps", lambda self, step: 0)
            return ss.train(task, model, hidden, out=out, **options)

    return train


@pytest.fixture(scope="module")
def trained(train, tmp_path_factory):
    """Run folders by name, and their results."""
    folder = tmp_path_factory.mktemp("runs")
    return {name: (folder / name, train(folder / name, *run)) for name, run in RUNS.items()}


@pytest.fixture(scope="module")
def scripts(trained, tmp_path_factory):
    """Folder of the exported scripts: one per run, and variants of some."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, (run, _) in trained.items():
        ss.export_brian2(run, folder / f"{name}.py")
    for name, at in (("start", "start"), ("snapshot", 20 * ms)):
        ss.export_brian2(trained["odd"][0] / "run.nc", folder / f"{name}.py", at)
    for name in ("chain", "network"):
        text = (folder / f"{name}.py").read_text()
        assert text.count("LEARN = False") == 1
        text = text.replace("LEARN = False", "LEARN = True").replace("DURATION = 60*ms", "DURATION = 32*ms")
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
    return np.rint(times / time_step(data)).astype(int), data[f"spikes_{name}_unit"].values[there]


def assert_same(record, data, window):
    names = [n.removeprefix("spikes_").removesuffix("_time") for n in data if re.fullmatch(r"spikes_\w+_time", n)]
    assert {"inputs", "targets", "output"} < set(names) or {*names} == {"inputs", "targets", "output"}
    for name in names:
        steps, units = spikes(data, name, window)
        assert np.array_equal(np.rint(record[f"spikes_{name}.t"] / time_step(data)), steps), name
        assert np.array_equal(record[f"spikes_{name}.i"], units), name
        if name not in ("inputs", "targets"):
            potential = record[f"probe_{name}.U"].T
            tolerance = 1e-9 if data.precision == "double" else 1e-5
            np.testing.assert_allclose(potential, data[f"U_{name}"][window], rtol=tolerance)


@pytest.mark.parametrize("name", RUNS)
def test_its_spikes_are_those_of_the_probe_window(name, trained, found):
    data = trained[name][1]
    assert_same(found[0][name], data, data.sizes["probe"] - 1)


def test_the_runs_are_no_vacuous_ones(trained, scripts):
    """They have spikes in every population, and spikes on their way at the end."""
    for name, (_, data) in trained.items():
        last, text = data.sizes["probe"] - 1, (scripts / f"{name}.py").read_text()
        for population in (n.removeprefix("spikes_") for n in re.findall(r"^(spikes_\w+) = ", text, re.M)):
            silent = population == "output" and name == "graded"
            assert population == "verdicts" or bool(len(spikes(data, population, last)[0])) != silent, (
                name,
                population,
            )
        assert "late_forward_1 = " in text or "late_exc_to_inh = " in text, name


def test_it_prints_the_spikes_of_each_population(trained, found):
    *_, data = trained["chain"]
    count = len(spikes(data, "hidden_1", data.sizes["probe"] - 1)[0])
    assert f"hidden_1: {count} spikes of 5 units\n" in found[1]


def test_the_start_is_the_first_probe_window_and_a_snapshot_what_load_network_gives(trained, found):
    folder, data = trained["odd"]
    assert_same(found[0]["start"], data, 0)
    net, record = ss.load_network(folder, 20 * ms), found[0]["snapshot"]
    net.run(60 * ms)
    for name in ("inputs", "targets", "output"):
        monitor = net[f"spikes_{name}"]
        assert len(monitor.t) and np.array_equal(record[f"spikes_{name}.i"], monitor.i)
        np.testing.assert_allclose(record[f"spikes_{name}.t"] + 0.02, monitor.t / second)
    np.testing.assert_allclose(record["forward_1.w"], net["forward_1"].w / volt, rtol=1e-7)


@pytest.mark.parametrize("name", ["chain", "network"])
def test_with_learning_it_goes_on_as_the_run_would(name, trained, found):
    net, record, still = ss.load_network(trained[name][0], learning=True), found[0][f"{name} learns"], found[0][name]
    net.run(32 * ms)  # seven updates, the first at once
    for projection in (
        n.removesuffix(".w") for n in record if re.fullmatch(r"(forward|exc|inh|inputs|output)_\w+\.w", n)
    ):
        learned = np.array(net[projection].w / volt)
        np.testing.assert_allclose(record[f"{projection}.w"], learned, rtol=1e-9, atol=1e-15)
        fixed = projection in ("inh_to_exc", "output_to_exc")
        assert np.array_equal(still[f"{projection}.w"], learned) == fixed, projection
    assert np.array_equal(record["spikes_output.i"], net["spikes_output"].i)


def test_a_state_between_two_updates_cannot_learn_and_says_so(scripts):
    text = (scripts / "odd.py").read_text()
    assert "in the state that the run had at 45 ms" in " ".join(text.split())
    assert "with the weights that the run had at 20 ms" in " ".join((scripts / "snapshot.py").read_text().split())
    assert "LEARN" not in text and "the last weight update was 5 ms before" in text
    assert "LEARN = False" in (scripts / "snapshot.py").read_text()


def test_trials_are_told(trained, scripts):
    data = trained["trials"][1]
    with np.load(scripts / "trials.npz") as saved:
        mine = data.probe_trial_probe.values == data.sizes["probe"] - 1
        assert mine.any() and np.array_equal(saved["trials.label"], data.probe_trial_class.values[mine])
        times = data.probe_trial_deadline.values[mine] - float(data.probe_start[-1])
        np.testing.assert_allclose(saved["trials.deadline"] * 0.0005, times)


def test_equations_and_constants_stand_as_in_the_model(scripts):
    text = (scripts / "network.py").read_text()
    for component in (LIF, SUPERSPIKE.plasticity, SUPERSPIKE.error):
        for line in filter(None, map(str.strip, component.equations.splitlines())):
            assert line in text
    assert re.search(r'"tau_mem": 10\*ms, +# membrane time constant\n', text)
    assert 'namespace={**constants, "tau_mem": 20*ms, "theta": -52*mV}' in text  # of inh, which has others
    assert 'dt=constants["t_b"], when="start"' in text and 'delay=constants["axonal_delay"]' in text
    assert text.count('method="exact"') == 6 and "step_of_" not in text and "t_begin" not in text
    odd = (scripts / "odd.py").read_text()  # where equal time constants divide by zero in Brian2's own form
    assert "method=step_of_output" in odd and "_U = " in odd
    assert "U > theta + 2*mV*sin(2*pi*(t + t_begin)*40*Hz)" in odd and '"t_begin": 45*ms' in odd
    assert "output.margin = 24*mV if LEARN else 0*mV" in (scripts / "trials.py").read_text()


OF_A_FUNCTION = ("equations", "variables", "method_options")  # arguments, which hide nothing


def test_populations_cannot_be_called_like_something_else_in_it(scripts):
    names, groups = set(), set()
    for text in (file.read_text() for file in scripts.glob("*.py")):
        nodes = [*ast.walk(ast.parse(text))]
        names |= {n.id for n in nodes if isinstance(n, ast.Name)} | {n.arg for n in nodes if isinstance(n, ast.arg)}
        groups |= set(re.findall(r"^(\w+) = .*(?:Group|Synapses|Monitor)\(", text, re.M))
    others = names - groups - {*DEFAULT_UNITS, *DEFAULT_FUNCTIONS, *OWN}
    assert {n for n in others if not n.endswith("_equations")} == {
        "__file__",
        "step_of_output",
        "step_of_terminals_1",
        *OF_A_FUNCTION,
    }
    network = Architecture(
        [Population("saved", 3)], [Projection("inputs", "saved", plastic=False), Projection("saved", "output")]
    )
    with pytest.raises(ValueError, match="something else that is called 'saved'"):
        check_names(Structure(SUPERSPIKE, network.sized(2, 2)))


def test_random_numbers_are_told_of(train, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noisy = SUPERSPIKE.neuron.replace(on_input="I_syn_post += w*int(rand() < 0.8)")
    train("run", (), STRONG.replace(neuron=noisy), {"duration": 1 * ms, "burn_in": 0 * ms, "probe_length": 1 * ms})
    done = superspike("export", "brian2", "run", "net.py", "--at", "start")
    assert (done.code, done.out) == (0, "net.py, net.npz\n")
    assert "the model has random numbers (rand)" in done.err
    assert "random numbers (rand)" in " ".join(Path("net.py").read_text().split())
    before = Path("net.py").read_bytes(), Path("net.npz").read_bytes()
    assert "net.py exists" in refused("export", "brian2", "run", "net.py")
    Path("net.py").unlink()
    assert "net.npz exists" in refused("export", "brian2", "run", "net.py")
    assert superspike("export", "brian2", "run", "net.py", "--at", "start", "--overwrite").code == 0
    assert (Path("net.py").read_bytes(), Path("net.npz").read_bytes()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("odd", "net.txt"), "a script has a name that ends in .py, such as net.py"),
        (("odd", "nowhere/net.py"), "there is no folder nowhere"),
        (("odd", "odd/task.py", "--overwrite"), "in the folder of the run"),
        (("odd", "net.py", "--at", "30ms"), "no snapshot at 30 ms"),
        (("odd", "net.py", "--at", "middle"), "'middle' is not a number with a unit"),
        (("none", "net.py"), "not a run"),
    ],
)
def test_what_it_refuses(arguments, message, trained, monkeypatch):
    monkeypatch.chdir(trained["odd"][0].parent)
    assert message in refused("export", "brian2", *arguments)


@pytest.mark.parametrize(
    "value", [10 * ms, 0.5 / mV, -60 * mV, 1e-12 * Hz, 1 / (3 * ms), 2 * amp / second, 5, 0.1, 1000 * second]
)
def test_a_value_as_python_is_the_very_same(value):
    found = eval(as_python(value), vars(brian2))
    assert float(found) == float(value) and brian2.have_same_dimensions(found, value)
    random = np.random.default_rng(0).normal(size=50)
    for unit in (mV, second, kHz, 1 / volt, siemens, Hz**2):
        assert all(float(eval(as_python(x * unit), vars(brian2))) == float(x * unit) for x in random)


def test_values_are_written_in_the_units_of_the_field():
    values = (10 * ms, 0.1 * volt, 1 / mV, 20 * second, 3 * Hz**2)
    assert [*map(as_python, values)] == ["10*ms", "100*mV", "1/mV", "20*second", "3*Hz**2"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["network", "trials"])
def test_as_a_compiled_program_it_has_the_same_spikes(name, trained, scripts, tmp_path):
    text = (scripts / f"{name}.py").read_text()
    assert text.count('# set_device("cpp_standalone") ') == 1
    script = tmp_path / f"{name}.py"
    script.write_text(
        text.replace('# set_device("cpp_standalone") ', f'set_device("cpp_standalone", directory="{tmp_path}/program")')
    )
    (tmp_path / f"{name}.npz").write_bytes((scripts / f"{name}.npz").read_bytes())
    (record,), _ = run_plainly(script)
    assert_same(record, trained[name][1], trained[name][1].sizes["probe"] - 1)


@pytest.mark.slow
def test_potentials_that_are_the_answer(train, tmp_path):
    """A graded readout: the potential of each output at its deadline."""
    data = train(tmp_path / "run", *READOUT)
    ss.export_brian2(tmp_path / "run", tmp_path / "graded.py")
    (record,), _ = run_plainly(tmp_path / "graded.py")
    assert_same(record, data, data.sizes["probe"] - 1)
    assert len(record["spikes_verdicts.t"])

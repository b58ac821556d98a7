"""Targets that are a signal, states that begin anew, and e-prop, which has both."""

import json

import neo
import numpy as np
import pytest
from brian2 import Hz, Network, SpikeGeneratorGroup, defaultclock, ms, mV, second, volt
from command import superspike
from superspike_brian.models import (
    BROADCAST,
    CLASSIFIER,
    EPROP,
    LAYERWISE,
    RANDOM,
    REGRESSION,
    RMAXPROP,
    SUPERSPIKE,
    SYMMETRIC,
    ModelError,
    Pathway,
    Projection,
    chain,
    eprop_network,
)
from superspike_brian.tasks import Signal, Task, waves
from test_export import run_plainly

import superspike_brian as ss
from superspike_brian import engine
from superspike_brian.engine.runtime import RuntimeProgram, runtime_device
from superspike_brian.experiments import eprop as experiment
from superspike_brian.figures.animation import animate
from superspike_brian.figures.run import plot_run
from superspike_brian.network.assembly import Assembly
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.results.stored import stored_spec

LENGTH = 21 * ms  # of a sequence of 20 steps, with the step after it
QUICK = EPROP.replace(t_b=LENGTH, length=20 * ms, r0=10 * mV, w_0=4 * volt)
COURSE = {"dt": 1 * ms, "burn_in": 0 * second, "duration": 4 * LENGTH, "device": "runtime", "seed": 3}


@pytest.fixture(scope="module")
def task():
    return waves(n_inputs=8, outputs=2, length=20 * ms, rate=200 * Hz, seed=5)


def losses_of(condition, device, build_dir):
    """Losses of NEST's network, read from its state."""
    options = {**condition.options, "block": experiment.SEQUENCE, "device": device, "build_dir": build_dir}
    for name in ("probe_learning", "probe_length"):
        options.pop(name)
    steps = ss.steps(condition.task, condition.model, condition.hidden, **options)
    return [float(step.state["output.loss"][0]) for step in steps]


@pytest.mark.core
@pytest.mark.parametrize("device", ["runtime", "standalone"])
def test_losses_are_those_that_nest_demands(device, build_dir, claim):
    found = losses_of(experiment.published(), device, build_dir)
    np.testing.assert_allclose(found, experiment.NEST, rtol=1e-12)
    how = "five losses of sine waves that NEST's test demands to 1e-8, on both devices; largest relative deviation"
    claim("e-prop in the same strings gives published digits", how, np.abs(np.divide(found, experiment.NEST) - 1).max())


def test_another_draw_has_other_losses(build_dir):
    condition = experiment.published()
    network = condition.hidden.replace(pathways=[Pathway("output", "recurrent", weights=np.ones((1, 100)))])
    steps = ss.steps(condition.task, EPROP, network, dt=1 * ms, duration=2002 * ms, block=1001 * ms, device="runtime")
    first, second_ = (float(step.state["output.loss"][0]) for step in steps)
    np.testing.assert_allclose(first, experiment.NEST[0], rtol=1e-12)  # before the first update
    assert abs(second_ / experiment.NEST[1] - 1) > 1e-6


# signals


def held(target, dt, n):
    """A signal in each of `n` time steps."""
    each = np.repeat(np.asarray(target.values), round(float(target.step / dt)), axis=0)
    return each[np.arange(n) % len(each)]


def test_each_sample_holds_until_the_next_and_there_is_no_error_without_one(task):
    options = {**COURSE, "dt": 0.5 * ms, "probe_units": 2, "progress": False}
    run = ss.train(task, QUICK, eprop_network(5), **options)
    wanted = held(task.targets, 0.5 * ms, 42)[:-1]  # a row shows the step before
    shown = run.U_target_output.values[0][1:]
    np.testing.assert_allclose(shown, np.nan_to_num(wanted), rtol=1e-12)
    error = np.where(np.isnan(wanted), 0, (wanted - run.U_output.values[0][1:]) * 1e3)
    np.testing.assert_allclose(run.error_output.values[0][1:], error, rtol=1e-9, atol=1e-9)
    assert np.isnan(wanted).any() and np.abs(error).max() > 1


def test_a_signal_goes_into_results_and_back(task, tmp_path):
    run = ss.train(task, QUICK, eprop_network(5), out=tmp_path / "run", progress=False, **COURSE)
    np.testing.assert_array_equal(run.target_signal, np.asarray(task.targets.values))
    np.testing.assert_allclose(run.target_signal_time, np.arange(21) * 1e-3)
    assert "target_time" not in run and not run.spikes_targets_time.size
    stored = stored_spec(ss.results.folder.RunFolder(tmp_path / "run"))
    np.testing.assert_array_equal(np.asarray(stored.task.targets.values), np.asarray(task.targets.values))
    assert stored.differences(stored) == []
    trains = [t.annotations["population"] for t in ss.to_neo(run, -1).segments[0].spiketrains]
    assert set(trains) == {"inputs", "recurrent", "output"} and isinstance(ss.to_neo(run, -1), neo.Block)
    assert not [
        n for n in json.loads(run.attrs["notes"]) if n["population"] == "output"
    ]  # outputs are silent, as they should


def test_the_figure_shows_the_target_and_an_animation_is_refused(task, tmp_path):
    run = ss.train(task, QUICK, eprop_network(5), progress=False, probe_at=[20 * ms], **COURSE)
    lines = {line.get_label(): line for axis in plot_run(run, 1).axes for line in axis.get_lines()}
    np.testing.assert_allclose(lines["target"].get_ydata(), 1e3 * np.asarray(task.targets.values)[:, 1])
    with pytest.raises(ValueError, match="do not spike"):
        animate(run, tmp_path / "a.gif")


def test_interrupted_or_not_the_bits_are_equal(task, tmp_path):
    whole = ss.train(task, QUICK, eprop_network(5), progress=False, **COURSE)
    first = {**COURSE, "duration": 30 * ms}
    ss.train(task, QUICK, eprop_network(5), out=tmp_path / "run", progress=False, **first)
    rest = ss.resume(tmp_path / "run", duration=4 * LENGTH, progress=False)
    for name in ("inputs_to_recurrent", "recurrent_to_recurrent", "recurrent_to_output"):
        assert np.ptp(whole[f"weights_{name}_end"].values - whole[f"weights_{name}_start"].values) > 0
        np.testing.assert_array_equal(rest[f"weights_{name}_end"], whole[f"weights_{name}_end"])
    net = ss.load_network(tmp_path / "run")
    net.run(20 * ms)
    assert len(net["spikes_recurrent"].t)
    np.testing.assert_allclose(net["output"].U_target / volt, np.asarray(task.targets.values)[19], rtol=1e-12)


def test_another_signal_can_take_its_place(task):
    other = Signal(-np.asarray(task.targets.values) * volt, 1 * ms)
    for k, step in enumerate(ss.steps(task, QUICK, eprop_network(5), block=10 * ms, **COURSE)):
        sign = 1 if k == 0 else -1
        row = (round(float(step.time) * 1e3) - 1) % 21
        expected = np.nan_to_num(np.asarray(task.targets.values)[row])
        np.testing.assert_allclose(step.state["output.U_target"], sign * expected, rtol=1e-12)
        step.targets = other
    for wrong in (Signal([1, 2] * volt, 1 * ms), task.inputs):
        steps = ss.steps(task, QUICK, eprop_network(5), block=10 * ms, **COURSE)
        next(steps).targets = wrong
        with pytest.raises(ValueError, match=r"targets must be a Signal of shape \(21, 2\)"):
            next(steps)


def test_a_script_has_the_signal_too(task):
    """The functions that make the parts take a signal, and the weights become those of a run."""
    network = chain([], BROADCAST)
    structure = Structure(QUICK, network.sized(8, 2), dt=1 * ms, samples=21)
    state = initial_state(structure, task, 0) | {"forward_1.w": np.linspace(0.5, 4, 16)}
    after, _ = RuntimeProgram(structure).run(state, 0, 50)
    with runtime_device():
        steps, units = task.inputs.steps(1 * ms)
        inputs = SpikeGeneratorGroup(8, units, steps * ms, period=LENGTH, dt=1 * ms)
        defaultclock.dt = 1 * ms
        output = ss.population(2, QUICK)
        synapses = ss.plastic_synapses(inputs, output, QUICK, initial=np.linspace(0.5, 4, 16) * volt)
        errors = ss.error_synapses(task.targets, output, QUICK)
        Network(inputs, output, synapses, errors).run(50 * ms)
        np.testing.assert_allclose(synapses.w / volt, after["forward_1.w"], rtol=1e-12)
        assert np.ptp(np.asarray(synapses.w) - np.linspace(0.5, 4, 16)) > 0
        with pytest.raises(ModelError, match=r"the signal has 2 units and population.* 3"):
            ss.error_synapses(task.targets, ss.population(3, QUICK), QUICK)
        defaultclock.dt = 0.1 * ms


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "values are .*; expected potentials"),
        ([1, 2] * second, "values are .*; expected potentials"),
        (np.zeros((2, 2, 2)) * volt, r"shape \(2, 2, 2\)"),
        (np.zeros(0) * volt, r"shape \(0, 1\)"),
        ([np.inf, 1] * volt, "finite"),
        ([np.nan, np.nan] * volt, "not all NaN"),
    ],
)
def test_what_is_no_signal_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Signal(values, 1 * ms)


def test_a_step_that_is_no_multiple_is_refused(task):
    with pytest.raises(ValueError, match=r"the signal's step, 1 ms, is 1.42857143 time steps"):
        task.targets.steps(0.7 * ms)


# what fits what


def test_tasks_and_error_signals_that_do_not_fit(task, poisson_task):
    with pytest.raises(ValueError, match=r"target of the task waves is a signal.*use EPROP"):
        ss.train(task, SUPERSPIKE.replace(axonal_delay=1 * ms), progress=False, **COURSE)
    with pytest.raises(ValueError, match=r"is spikes, and the error signal 'signal \(regression\)'"):
        ss.train(poisson_task(8, 2, 1), EPROP, progress=False, **COURSE)
    with pytest.raises(ValueError, match="expected the same period"):
        Task("x", task.inputs, Signal([1, 2] * volt, 1 * ms), "made up")


@pytest.mark.parametrize("feedback", [SYMMETRIC, RANDOM])
def test_impulses_of_spikes_that_are_not_there_are_refused(feedback):
    with pytest.raises(ModelError, match=r"sends impulses .* take feedback that sums errors in every step"):
        SUPERSPIKE.replace(error=REGRESSION, feedback=feedback)
    assert SUPERSPIKE.replace(error=REGRESSION, feedback=LAYERWISE)


def test_a_signal_is_no_source_of_spikes(task):
    network = eprop_network(5).add(Projection("targets", "recurrent", plastic=False))
    with pytest.raises(ModelError, match="the target is a signal: it has no spikes to send"):
        Structure(QUICK, network.sized(8, 2), dt=1 * ms, samples=21)


def test_a_signal_has_no_cues():
    with pytest.raises(ModelError, match="has no cues"):
        EPROP.replace(error=REGRESSION.replace(on_cue="U_target_post = 0*volt", on_deadline="U_target_post = 0*volt"))


def test_feedback_weights_can_be_given():
    weights = np.arange(6.0).reshape(2, 3)
    network = eprop_network(3).replace(pathways=[Pathway("output", "recurrent", weights=weights)]).sized(4, 2)
    structure = Structure(QUICK, network, dt=1 * ms, samples=21)
    state = initial_state(structure, waves(4, 2, 20 * ms), 0)
    # synapse j*2 + k leads from output k to unit j
    np.testing.assert_array_equal(state["feedback_recurrent.b"].reshape(3, 2), weights.T)
    for wrong, message in (
        (np.ones((3, 2)), r"shape \(3, 2\); expected \(2, 3\)"),
        ([1, 2], "expected finite numbers"),
        (np.full((2, 3), np.nan), "expected finite numbers"),
        (weights * volt, "without a unit"),
        ("abc", "expected an array of numbers"),
    ):
        with pytest.raises(ModelError, match=message):
            eprop_network(3).replace(pathways=[Pathway("output", "recurrent", weights=wrong)]).sized(4, 2)
    with pytest.raises(ModelError, match="symmetric feedback has no weights of its own"):
        Structure(
            SUPERSPIKE,
            chain([3]).replace(pathways=[Pathway("output", "hidden_1", weights=np.ones((1, 3)))]).sized(2, 1),
        )


# states that begin anew


def test_each_sequence_is_the_first_again(task):
    """Without learning: the same potentials in each, bit for bit; where states are kept they are others."""
    for states in ("reset", "kept"):
        model = QUICK.replace(r0=0 * mV, optimizer=QUICK.optimizer.replace(states=states, r0=0 * mV))
        found = [step.state for step in ss.steps(task, model, eprop_network(5), block=LENGTH, **COURSE)]
        same = [np.array_equal(found[0][name], found[1][name]) for name in ("recurrent.U", "output.U", "output.loss")]
        assert same == [states == "reset"] * 3


def test_everything_begins_anew_but_weights_optimiser_and_cost(task):
    model = QUICK.replace(optimizer=RMAXPROP.replace(states="reset", t_b=LENGTH))
    structure = Structure(model, eprop_network(5).sized(8, 2), dt=1 * ms, samples=21)
    with runtime_device():
        groups = Assembly(structure).groups
    for name, group in groups.items():
        stored = {
            e.varname
            for e in getattr(group, "equations", {}).values()
            if e.type != "subexpression" and "shared" not in e.flags
        }
        resets = [o.abstract_code for o in group.contained_objects if o.name == f"{name}_reset"]
        found = {line.partition(" = ")[0] for code in resets for line in code.splitlines()}
        brian2s = {
            "sigma_prime",
            "lastspike",
            "not_refractory",
        }  # an expression, and the refractory period, which goes on
        assert found == stored - {"w", "v", "b", "cost", "signal", "known"} - brian2s, name
    assert {"output", "recurrent", "inputs_to_recurrent", "terminals_recurrent_to_output"} <= groups.keys()


KERNEL_OF = {"auto": "events", "gemm": "gemm", "events": "events"}


def test_no_kernel_lags_behind_where_states_begin_anew(task):
    structure = Structure(QUICK, eprop_network(5).sized(8, 2), dt=1 * ms, samples=21)
    kept = Structure(
        QUICK.replace(optimizer=QUICK.optimizer.replace(states="kept")), structure.network, dt=1 * ms, samples=21
    )
    for kernel in ("auto", "gemm", "events"):
        with engine.standalone_device("double"):
            assert set(Assembly(structure, kernel).kernels.values()) <= {"dense", "stock"}
        with engine.standalone_device("double"):  # it is the reset, not the equations
            assert Assembly(kept, kernel).kernels["inputs_to_recurrent"] == KERNEL_OF[kernel]
    with pytest.raises(ModelError, match="states are 'kept' at its updates, and 'reset' in the model"):
        other = EPROP.optimizer.replace(states="kept", t_b=LENGTH)
        network = eprop_network(5)
        first, *rest = network.projections
        Structure(QUICK, network.replace(projections=[first.replace(optimizer=other), *rest]).sized(8, 2), dt=1 * ms)


def test_a_state_that_is_neither_kept_nor_reset():
    with pytest.raises(ModelError, match="states: 'gone' is unknown; there are kept, reset"):
        EPROP.optimizer.replace(states="gone")


def test_trials_can_begin_anew_as_well():
    """The reset is the optimiser's, of any model: temporal XOR with each interval on its own."""
    options = {
        "duration": 0.2 * second,
        "burn_in": 0 * second,
        "block": 0.1 * second,
        "device": "runtime",
        "dt": 0.5 * ms,
    }
    found = {}
    for states in ("reset", "kept"):
        optimizer = CLASSIFIER.optimizer.replace(states=states, t_b=0.1 * second)
        model = CLASSIFIER.replace(optimizer=optimizer, axonal_delay=1 * ms)
        found[states] = [step.state for step in ss.steps("xor", model, [4], **options)]
    names = ("hidden_1.I_syn", "hidden_1.U", "terminals_1.z", "forward_1.eligibility")
    same = [[np.array_equal(a[n], b[n]) for n in names] for a, b in zip(*found.values(), strict=True)]
    assert same == [[True] * 4, [False] * 4]  # alike up to the first reset


# the command line


def test_the_task_by_name(tmp_path, build_dir):
    options = ["--hidden", "3", "--duration", "2.002s", "--dt", "1ms", "--device", "runtime", "--burn-in", "0s"]
    superspike("run", "waves", *options, "--out", tmp_path / "run", "--quiet")
    run = ss.load(tmp_path / "run")
    assert json.loads(run.attrs["equations"])["optimizer"]["states"] == "reset" and run.sizes["target_sample"] == 1001
    assert (tmp_path / "run" / "figure.png").exists() and not (tmp_path / "run" / "activity.png").exists()
    text = superspike("describe", "waves", "--hidden", "3").out
    assert "targets of 1 output: a signal from" in text and "U_target_post = signal" in text


def test_waves_begin_at_0_and_come_to_1():
    values = np.asarray(waves(seed=2).targets.values)
    assert values.shape == (1001, 1) and values[0] == 0 and np.nanmax(np.abs(values)) == pytest.approx(1)
    assert np.isnan(values[-1]) and not np.isnan(values[:-1]).any()
    # fast and slow waves: 1, 2, 3 and 5 in the sequence, and nothing else but an offset
    spectrum = np.abs(np.fft.rfft(values[:-1, 0] - values[:-1].mean()))
    assert set(np.argsort(spectrum)[-4:]) == {1, 2, 3, 5}
    with pytest.raises(ValueError, match="whole milliseconds"):
        waves(length=1.5 * ms)
    with pytest.raises(ValueError, match="at most 1 kHz"):
        waves(rate=2000 * Hz)


def test_an_exported_script_has_the_spikes_and_potentials_of_the_probe_window(task, tmp_path):
    run = ss.train(task, QUICK, eprop_network(5), out=tmp_path / "run", progress=False, **COURSE)
    ss.export_brian2(tmp_path / "run", tmp_path / "net.py")
    (found,), _ = run_plainly(tmp_path / "net.py")
    there = run.spikes_recurrent_probe.values == run.sizes["probe"] - 1
    assert there.any() and np.array_equal(found["spikes_recurrent.i"], run.spikes_recurrent_unit.values[there])
    np.testing.assert_allclose(found["probe_output.U"].T, run.U_output.values[-1], rtol=1e-9, atol=1e-15)
    with pytest.raises(ValueError, match="NIR cannot say"):
        ss.to_nir(tmp_path / "run")

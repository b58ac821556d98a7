"""Scripts of Brian2 on the device `superspike_standalone`, against Brian2's runtime device in NumPy."""

from pathlib import Path

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    get_device,
    ms,
    prefs,
    second,
    set_device,
)
from superspike_brian.models import SUPERSPIKE

import superspike_brian as ss

N_PRE, N_POST = 20, 12
TRACES = """
dx/dt = -x/(20*ms)        : 1
dpulse/dt = -pulse/(2*ms) : 1
"""
RULE = """
delig/dt = (A_plus*x_pre*pulse_post - A_minus*pulse_pre*y_post)/(2*ms) - elig/tau_e : 1 (clock-driven)
dchange/dt = reward_post*elig/second                                                : 1 (clock-driven)
w : 1
"""


@pytest.fixture
def on(tmp_path, build_dir):
    """Switch the device; Brian2 is as before in the end."""

    def switch(device, **options):
        prefs.codegen.target = "numpy"
        if device == "runtime":
            set_device("runtime")
        else:
            set_device(device, directory=str(tmp_path / "program"), build_dir=build_dir, **options)
            get_device().reinit()
            get_device().activate(build_dir=build_dir, **{"directory": str(tmp_path / "program"), **options})
        return get_device()

    target = prefs.codegen.target
    yield switch
    prefs.codegen.target = target
    get_device().reinit()
    set_device("runtime")


def three_factor(connect, equations=RULE, name="S", runs=1, device=None, watch=False, **synapses):
    """Three-factor STDP that has nothing of this package; returns what came of it."""
    # names of the equations, found in this frame
    tau_e, A_plus, A_minus = 200 * ms, 1, 1.05  # noqa: F841
    rng = np.random.default_rng(1)
    steps = np.unique(rng.integers(3000 * N_PRE, size=200))
    generator = SpikeGeneratorGroup(N_PRE, steps % N_PRE, steps // N_PRE * 0.1 * ms, name="generator")
    pre = NeuronGroup(
        N_PRE,
        TRACES + "go : 1",
        threshold="go > 0",
        reset="go = 0; x += 1; pulse += 1",
        method="exact",
        name="pre",
    )
    drive = Synapses(generator, pre, on_pre="go_post = 1", name="drive")
    drive.connect(j="i")
    post = NeuronGroup(
        N_POST,
        TRACES.replace("x", "y")
        + """
        dv/dt = (-v + I)/(10*ms)      : 1 (unless refractory)
        dI/dt = -I/(5*ms)             : 1
        dreward/dt = -reward/(50*ms)  : 1
        """,
        threshold="v > 1",
        reset="v = 0; y += 1; pulse += 1",
        refractory=5 * ms,
        method="exact",
        name="post",
    )
    learn = Synapses(
        pre, post, equations, method="euler", name=name, **{"on_pre": "I_post += w", "delay": 1 * ms, **synapses}
    )
    connect(learn)
    learn.w = "0.3 + 0.4*(i + j)/(N_pre + N_post)"
    learn.run_regularly("w = clip(w + 0.1*change, 0, 2); change = 0", dt=30 * ms, when="start", name="update")
    rewards = SpikeGeneratorGroup(1, [0, 0], [80, 200] * ms, name="rewards")
    teach = Synapses(rewards, post, on_pre="reward_post += 1", name="teach")
    teach.connect()
    spikes = SpikeMonitor(post, name="spikes")
    objects = [generator, pre, drive, post, learn, rewards, teach, spikes]
    if watch:
        objects.append(StateMonitor(learn, "elig", record=[0, 5], name="watch"))
    net = Network(objects)
    for _ in range(runs):
        net.run(300 * ms / runs)
    if device is not None and not device.build_on_run:
        device.build(direct_call=False, **device.build_options)
    found = {n: np.array(learn.state(n)[:]) for n in ("w", "elig", "change")}
    if watch:
        found["watched"] = np.array(objects[-1].elig)
    return found | {
        "t": np.array(spikes.t),
        "i": np.array(spikes.i),
        "pre": np.array(learn.i[:]),
        "post": np.array(learn.j[:]),
    }


def same(found, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-10, err_msg=name)
    assert len(expected["t"]) > 3
    assert np.abs(expected["elig"]).max() > 1e-4


def all_pairs(synapses):
    synapses.connect()


def some_pairs(synapses):
    chosen = np.flatnonzero(np.random.default_rng(3).random(N_PRE * N_POST) < 0.4)
    synapses.connect(i=chosen // N_POST, j=chosen % N_POST)


def shuffled_pairs(synapses):
    chosen = np.random.default_rng(3).permutation(N_PRE * N_POST)[:90]
    synapses.connect(i=chosen // N_POST, j=chosen % N_POST)


def by_condition(synapses):
    synapses.connect(condition="(i + j) % 3 != 0")


def twice(synapses):
    synapses.connect(condition="i < 5")
    synapses.connect(condition="i >= 5")


@pytest.mark.parametrize(
    ("connect", "name", "kernel"),
    [
        (all_pairs, "S", "events"),  # by its name before the neurons' own step
        (all_pairs, "zzz", "events"),  # and after it
        (some_pairs, "S", "events"),
        (by_condition, "zzz", "events"),
        (shuffled_pairs, "S", "stock"),
        (twice, "S", "stock"),
    ],
)
def test_any_rule_with_any_connectivity(connect, name, kernel, on):
    on("runtime")
    expected = three_factor(connect, name=name)
    device = on("superspike_standalone")
    same(three_factor(connect, name=name), expected)
    assert device.kernels == {name: kernel}


@pytest.mark.parametrize("kernel", ["dense", "gemm"])
def test_the_kernel_can_be_chosen(kernel, on):
    on("runtime")
    expected = three_factor(all_pairs)
    device = on("superspike_standalone", kernel=kernel)
    same(three_factor(all_pairs), expected)
    assert device.kernels == {"S": kernel}


def test_postsynaptic_spikes_that_change_what_lags(on):
    changes = {"on_post": "elig += 0.1*x_pre; w = w + 0.001*elig", "delay": None}
    on("runtime")
    expected = three_factor(all_pairs, **changes)
    on("superspike_standalone")
    same(three_factor(all_pairs, **changes), expected)


def test_several_runs_and_a_monitor_of_synapses(on):
    on("runtime")
    expected = three_factor(all_pairs, runs=3, watch=True)
    device = on("superspike_standalone", build_on_run=False)
    same(three_factor(all_pairs, runs=3, watch=True, device=device), expected)


def test_a_second_run_needs_to_be_announced(on):
    on("superspike_standalone")
    with pytest.raises(RuntimeError, match="build_on_run=False"):
        three_factor(all_pairs, runs=2)


def test_a_probability_connects_and_learns(on):
    device = on("superspike_standalone")
    found = three_factor(lambda s: s.connect(p=0.3))
    assert device.kernels == {"S": "events"}
    chosen = found["pre"], found["post"]
    on("runtime")
    same(found, three_factor(lambda s: s.connect(i=chosen[0], j=chosen[1])))


def test_equations_that_no_kernel_fits_run_as_brian2s(on):
    equations = RULE.replace("elig/second", "elig**2/second")
    on("runtime")
    expected = three_factor(all_pairs, equations)
    device = on("superspike_standalone")
    same(three_factor(all_pairs, equations), expected)
    assert device.kernels == {"S": "dense"}


def test_event_driven_traces_are_brian2s(on):
    equations = RULE + "drecent/dt = -recent/(20*ms) : 1 (event-driven)\n"
    changes = {"equations": equations, "on_pre": "I_post += w + 0.1*recent; recent += 1"}
    on("runtime")
    expected = three_factor(all_pairs, **changes)
    device = on("superspike_standalone")
    same(three_factor(all_pairs, **changes), expected)
    assert device.kernels == {"S": "stock"}


def test_run_args(on):
    device = on("superspike_standalone", build_on_run=False)
    three_factor(all_pairs, device=device)
    learn = next(s for s in device.synapses if s.name == "S")
    first = np.array(learn.w)
    device.run(run_args={learn.w: np.full(N_PRE * N_POST, 0.1)})
    assert np.array(learn.w).max() < first.max()
    device.run(run_args={learn.w: 0.3 + 0.4 * (learn.i + learn.j) / (N_PRE + N_POST)})
    np.testing.assert_array_equal(learn.w, first)


def superspike_script():
    rng = np.random.default_rng(3)
    inputs = SpikeGeneratorGroup(N_PRE, np.arange(N_PRE), rng.integers(1000, size=N_PRE) * 0.1 * ms, period=100 * ms)
    targets = SpikeGeneratorGroup(2, [0, 1, 0], [20, 50, 70] * ms, period=100 * ms)
    hidden = ss.population(5, SUPERSPIKE, role="hidden", name="hidden")
    output = ss.population(2, SUPERSPIKE, name="output")
    below = ss.plastic_synapses(inputs, hidden, initial="40*mV*cos(i + 2*j)", name="below")
    above = ss.plastic_synapses(hidden, output, initial="40*mV*cos(i + 3*j)", name="above")
    errors = ss.error_synapses(targets, output)
    feedback = ss.feedback_synapses(targets, output, hidden, forward=above)
    spikes = SpikeMonitor(output)
    Network(inputs, targets, hidden, output, below, above, errors, feedback, spikes).run(2.1 * second)
    return {"below": np.array(below.w), "above": np.array(above.w), "t": np.array(spikes.t), "elig": np.array(below.m)}


def test_the_rule_of_the_package(on):
    on("runtime")
    expected = superspike_script()
    device = on("superspike_standalone")
    same(superspike_script(), expected)
    assert device.kernels == {"below": "events", "above": "events"}
    program = Path(
        device.project_dir, "main.cpp"
    ).read_text()  # what belongs to others is called when spikes arrive, too
    assert all(
        f"if (!{name}_pre.queue[0]->peek()->empty())" in program for name in ("below", "axons_below", "error_target")
    )

"""A rule of one's own on the fast device: STDP in which a reward turns eligibility into a change of the weight."""

import sys

import numpy as np
from brian2 import NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, get_device, ms, run, second, set_device

import superspike_brian  # noqa: F401  # brings the device

DEVICE = sys.argv[1] if len(sys.argv) > 1 else "superspike_standalone"  # or cpp_standalone, to compare
set_device(DEVICE)

duration, n_pre, n_post = 2 * second, 200, 256
rng = np.random.default_rng(1)
spike = np.unique(rng.integers(n_pre * 20_000, size=4000))  # 10 Hz on average
given = SpikeGeneratorGroup(n_pre, spike % n_pre, spike // n_pre * 0.1 * ms)

tau_trace, tau_pulse, tau_e, a_plus, a_minus = 20 * ms, 2 * ms, 200 * ms, 1, 1.05
traces = """
dx/dt = -x/tau_trace         : 1  # how recent the last spikes are
dpulse/dt = -pulse/tau_pulse : 1  # a spike, of 2 ms
"""
pre = NeuronGroup(n_pre, traces + "go : 1", threshold="go > 0", reset="go = 0; x += 1; pulse += 1", method="exact")
relay = Synapses(given, pre, on_pre="go_post = 1")
relay.connect(j="i")
post = NeuronGroup(
    n_post,
    traces
    + """
    dv/dt = (-v + I)/(10*ms)         : 1 (unless refractory)
    dI/dt = -I/(5*ms)                : 1
    dreward/dt = -reward/(100*ms)    : 1
    """,
    threshold="v > 1",
    reset="v = 0; x += 1; pulse += 1",
    refractory=5 * ms,
    method="exact",
)
synapses = Synapses(
    pre,
    post,
    """
    delig/dt = (a_plus*x_pre*pulse_post - a_minus*pulse_pre*x_post)/tau_pulse - elig/tau_e : 1 (clock-driven)
    dchange/dt = reward_post*elig/second                                                   : 1 (clock-driven)
    w : 1
    """,
    on_pre="I_post += w",
    delay=1 * ms,
    method="euler",
)
synapses.connect()
synapses.w = "0.05 + 0.4*(i + j)/(N_pre + N_post)"
synapses.run_regularly("w = clip(w + 0.01*change, 0, 1); change = 0", dt=100 * ms, when="start")
rewards = SpikeGeneratorGroup(1, np.zeros(10, int), (np.arange(10) + 0.5) * 200 * ms)
teach = Synapses(rewards, post, on_pre="reward_post += 1")
teach.connect()
spikes = SpikeMonitor(post)
run(duration)
print(f"{spikes.num_spikes} spikes, weights {np.sum(synapses.w):.9f}, {get_device()._last_run_time:.3f} s")

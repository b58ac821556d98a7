"""An own error signal: whether there was a spike in the trial is all that is known, and only at its end."""

import numpy as np
from brian2 import NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, defaultclock, ms, mV, run, seed
from superspike_brian.models import SUPERSPIKE

import superspike_brian as ss

defaultclock.dt = 0.2 * ms
seed(3)
trial, n_trials = 100 * ms, 20
# the eligibility trace must last until the trial ends: its decay is slower than the paper's
rule = SUPERSPIKE.replace(t_b=trial, r0=2 * mV, tau_decay=60 * ms)

rng = np.random.default_rng(3)
inputs = SpikeGeneratorGroup(60, np.arange(60), rng.integers(150, 300, size=60) * 0.2 * ms, period=trial)
neurons = ss.population(2, rule)
synapses = ss.plastic_synapses(
    inputs, neurons, rule, initial="0.8*mV*(1 + 7*j)"
)  # the second fires, the first does not

# wanted: unit 0 spikes in a trial, unit 1 does not. At its end a judge tells each what it should have done more of
judge = NeuronGroup(2, "wants : 1\nspoke : 1")
judge.wants = [1, 0]
heard = Synapses(neurons, judge, on_pre="spoke_post = 1")
heard.connect(j="i")
ends = SpikeGeneratorGroup(2, [0, 1], [95, 95] * ms, period=trial)
verdict = Synapses(ends, neurons, on_pre="error_post += 20*Hz*(wants - spoke)")
verdict.connect(j="i")
for name in ("wants", "spoke"):
    verdict.variables.add_reference(name, judge, name, index="_postsynaptic_idx")
forget = Synapses(ends, judge, on_pre="spoke_post = 0", delay=0.2 * ms)
forget.connect(j="i")
spikes = SpikeMonitor(neurons)

run(n_trials * trial)
trials = np.floor(spikes.t / trial).astype(int)
for unit in (0, 1):
    spoke = np.isin(np.arange(n_trials), trials[spikes.i == unit])
    print(f"unit {unit} spiked in", "".join("x" if s else "." for s in spoke))

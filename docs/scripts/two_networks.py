"""Two learning networks in one script: a small step of the learning rate and a large one, side by side."""

import numpy as np
from brian2 import Network, SpikeGeneratorGroup, SpikeMonitor, defaultclock, ms, mV, seed
from superspike_brian.models import SUPERSPIKE

import superspike_brian as ss

defaultclock.dt = 0.2 * ms
seed(1)
rng = np.random.default_rng(1)
times = rng.integers(2, 490, size=50) * 0.2 * ms


def network(rate):
    """A hidden and an output population with symmetric feedback."""
    rule = SUPERSPIKE.replace(t_b=100 * ms, r0=rate)
    inputs = SpikeGeneratorGroup(50, np.arange(50), times, period=100 * ms)
    targets = SpikeGeneratorGroup(1, [0], [60] * ms, period=100 * ms)
    hidden = ss.population(4, rule, role="hidden")
    output = ss.population(1, rule)
    below = ss.plastic_synapses(inputs, hidden, rule, initial="15*mV*(1 + cos(i + j))")
    above = ss.plastic_synapses(hidden, output, rule, initial="20*mV*(1 + cos(j))")
    errors = ss.error_synapses(targets, output, rule)
    feedback = ss.feedback_synapses(targets, output, hidden, rule, forward=above)
    spikes = SpikeMonitor(output)
    return Network(inputs, targets, hidden, output, below, above, errors, feedback, spikes), below, spikes


moved = {}
for rate in (0.2 * mV, 2 * mV):
    net, below, spikes = network(rate)
    before = np.array(below.w)
    net.run(600 * ms)
    moved[rate / mV] = np.abs(np.array(below.w) - before).mean() * 1000
    print(f"r0 = {rate}: weights moved by {moved[rate / mV]:.2f} mV on average, {spikes.num_spikes} output spikes")

"""A readout that learns from a balanced network, which is Brian2's alone and has no idea of learning."""

import numpy as np
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    collect,
    defaultclock,
    ms,
    mV,
    seed,
)
from superspike_brian.models import SUPERSPIKE

import superspike_brian as ss

defaultclock.dt = 0.2 * ms
seed(4)
n_exc, n_inh, period = 80, 20, 100 * ms

# every period begins alike, after 5 ms of silence: it repeats itself, so that there is something to learn
equations = """
du/dt = (-u + drive*int(t % period < 95*ms))/(20*ms) : volt (unless refractory)
drive : volt
u_start : volt
"""
cells = {"threshold": "u > 20*mV", "reset": "u = 10*mV", "refractory": 2 * ms, "method": "euler"}
exc = NeuronGroup(n_exc, equations, **cells)
inh = NeuronGroup(n_inh, equations, **cells)
rng = np.random.default_rng(4)
for group in (exc, inh):
    group.u_start = rng.uniform(0, 20, len(group)) * mV
    group.drive = rng.uniform(20, 26, len(group)) * mV
    group.run_regularly("u = u_start", dt=period)
recurrent = []
for source, target, jump in ((exc, exc, 0.4), (exc, inh, 0.4), (inh, exc, -2), (inh, inh, -2)):
    made = Synapses(source, target, on_pre=f"u_post += {jump}*mV", delay=1 * ms)
    made.connect(p=0.2)
    recurrent.append(made)

rule = SUPERSPIKE.replace(t_b=period, r0=0.5 * mV)
targets = SpikeGeneratorGroup(1, [0, 0], [30, 70] * ms, period=period)
readout = ss.population(1, rule)
synapses = ss.plastic_synapses(exc, readout, rule, initial="1*mV*randn()")
errors = ss.error_synapses(targets, readout, rule)
spikes, rates = SpikeMonitor(readout), SpikeMonitor(exc)
error = StateMonitor(readout, "error", record=0)

Network(collect(), recurrent).run(40 * period)
squared = ((error.error[0] / Hz) ** 2).reshape(4, -1).mean(axis=1)  # of ten periods each
print(f"excitatory rate {rates.num_spikes / n_exc / 4:.1f} Hz; mean squared error", np.round(squared))
last = np.round((spikes.t / ms)[spikes.t > 39 * period] - 3900, 1)
print("spikes of the last period:", last, "ms; targets: 30 and 70 ms")

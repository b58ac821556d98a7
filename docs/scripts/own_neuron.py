"""SuperSpike on a neuron of one's own: an adaptive threshold, learned with the package's synapses."""

import numpy as np
from brian2 import Hz, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, defaultclock, ms, mV, run, seed
from superspike_brian.models import SUPERSPIKE

import superspike_brian as ss

defaultclock.dt = 0.2 * ms
seed(2)
rule = SUPERSPIKE.replace(t_b=100 * ms, r0=4 * mV)  # an update of the weights every 100 ms

rng = np.random.default_rng(2)
inputs = SpikeGeneratorGroup(60, np.arange(60), rng.integers(2, 490, size=60) * 0.2 * ms, period=100 * ms)
targets = SpikeGeneratorGroup(1, [0, 0], [40, 80] * ms, period=100 * ms)

# the rule reads sigma_prime and error (of error_rise); everything else is this neuron's
neurons = NeuronGroup(
    1,
    """
    dU/dt = (U_rest - U + I_syn)/tau_mem                           : volt (unless refractory)
    dI_syn/dt = -I_syn/tau_syn                                     : volt
    dtheta/dt = (theta_rest - theta)/tau_theta                     : volt
    sigma_prime = 1/(1 + abs(beta*(U - theta)))**2                 : 1 (constant over dt)
    derror_rise/dt = -error_rise/tau_rise                    : 1
    derror/dt      = (error_rise/tau_rise - error)/tau_decay : Hz
    """,
    threshold="U > theta",
    reset="U = U_rest; theta += 3*mV",
    refractory=5 * ms,
    method="euler",
    namespace={
        "tau_mem": 10 * ms,
        "tau_syn": 5 * ms,
        "U_rest": -60 * mV,
        "theta_rest": -50 * mV,
        "tau_theta": 30 * ms,
        "beta": 1 / mV,
        "tau_rise": 5 * ms,
        "tau_decay": 10 * ms,
    },
)
neurons.U, neurons.theta = -60 * mV, -50 * mV

synapses = ss.plastic_synapses(inputs, neurons, rule)
errors = ss.error_synapses(targets, neurons, rule)
spikes = SpikeMonitor(neurons)
record = StateMonitor(neurons, ["error", "theta"], record=0)

run(2000 * ms)
squared = (record.error[0] / Hz).reshape(20, -1)  # one row per period
print("mean squared error of the first and the last periods:", np.round((squared**2).mean(axis=1)[[1, 2, -2, -1]], 1))
print(
    "spikes of the last period:", np.round((spikes.t / ms)[spikes.t > 1900 * ms] - 1900, 1), "ms; targets: 40 and 80 ms"
)

"""Leaky integrate-and-fire neuron with current-based synapses.

Source: Zenke & Ganguli (2018), Neural Computation 30:1514-1541, equations 5 and 6 and the section on neuron model.

======  ======  =========================================================
symbol  unit    meaning
======  ======  =========================================================
U       volt    membrane potential
I_syn   volt    synaptic current times membrane resistance
w       volt    synaptic weight: what one presynaptic spike adds to I_syn
======  ======  =========================================================

Deviations: linear equations are solved exactly over a time step (the authors' code uses forward Euler). The synaptic
current goes on while the membrane is clamped in the refractory period.
"""

from brian2 import ms, mV

from .specification import Neuron

LIF = Neuron(
    "leaky integrate-and-fire",
    equations="""
    dU/dt = (U_rest - U + I_syn)/tau_mem : volt (unless refractory)
    dI_syn/dt = -I_syn/tau_syn             : volt
    """,
    threshold="U > theta",
    reset="U = U_rest",
    refractory="tau_ref",
    on_input="I_syn_post += w",
    initial="U = U_rest",
    method="exact",
    parameters={
        "tau_mem": 10 * ms,  # membrane time constant
        "tau_syn": 5 * ms,  #  synaptic time constant
        "U_rest": -60 * mV,  # resting and reset potential
        "theta": -50 * mV,  #  firing threshold
        "tau_ref": 5 * ms,  #  refractory period
    },
    source="Zenke & Ganguli 2018, eqs 5-6",
)

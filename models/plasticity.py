"""SuperSpike: presynaptic trace, eligibility trace and accumulated weight gradient.

Source: Zenke & Ganguli (2018), equation 8 and section 2.2: dw_ij/dt = r e_i(t) (alpha * [sigma'(U_i) (epsilon * S_j)])(t).

================  ======  ============================================================================
symbol            unit    meaning
================  ======  ============================================================================
z                 1       presynaptic trace epsilon * S_j, of the shape of the postsynaptic potential
eligibility       1       alpha * [sigma_prime_post z_pre], alpha of unit area
m                 1       integral of error times eligibility since the last weight update
w                 volt    synaptic weight
================  ======  ============================================================================

The presynaptic trace has the time constants of the neuron, because it stands for the PSP. It starts when the spike
arrives, so that it overlaps with the PSP it explains. ``weight_decay`` comes from the regulariser, ``error`` and
``sigma_prime`` from the layer.

Deviations: the authors' code delays trace and surrogate derivative together by the axonal delay; here the trace alone is
delayed, as in the paper. Synaptic equations are integrated by forward Euler, as in the authors' code.
"""

from brian2 import ms, mV

from .specification import Plasticity

THREE_FACTOR = Plasticity(
    "SuperSpike",
    terminal_equations="""
    dz_rise/dt = -z_rise/tau_syn      : 1
    dz/dt      = (z_rise - z)/tau_mem : 1
    """,
    on_arrival="z_rise_post += 1",
    delay="axonal_delay",
    equations="""
    deligibility_rise/dt = (sigma_prime_post*z_pre - eligibility_rise)/tau_rise : 1 (clock-driven)
    deligibility/dt      = (eligibility_rise - eligibility)/tau_decay               : 1 (clock-driven)
    dm/dt                = error_post*eligibility - weight_decay                    : 1 (clock-driven)
    w : volt
    """,
    terminal_method="exact",
    method="euler",
    parameters={
        "tau_rise": 5 * ms,  #     rise time of alpha, the kernel of eligibility and error
        "tau_decay": 10 * ms,  #   decay time of alpha
        "axonal_delay": 0.8 * ms,  # from a spike to its arrival at the synapses
        "w_0": 50 * mV,  #         initial weights are drawn from N(0, w_0**2/number of presynaptic units)
    },
    source="Zenke & Ganguli 2018, eq. 8",
)

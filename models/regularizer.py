"""Heterosynaptic regularisers of hidden layers.

Source: Zenke & Ganguli (2018), section 2.4 and Figure 8: the term - rho w_ij zeta_i inside the integral of the update.

============  ======  =====================================================================================
symbol        unit    meaning
============  ======  =====================================================================================
rate_trace    1       trace of the unit's own spikes, 1 at a steady 10 Hz
zeta          1       rate_trace**a; error-gated: times error**2 over the integral of alpha**2, in Hz
zeta_0        1       what a silent unit has in place of 0
rho           1       strength: w of 1 V and zeta of 1 count as a gradient of rho Hz; a program input
a             1       exponent; a program input
weight_decay  Hz      what is subtracted from error times eligibility
============  ======  =====================================================================================

Deviation: rho has no unit here; the paper's rho is in its simulator's units.
"""

from brian2 import ms

from .specification import Regularizer

NO_DECAY = Regularizer(
    "none",
    layer_equations="",
    on_spike="",
    equations="weight_decay = 0*Hz : Hz",
    source="no regulariser",
)

HETEROSYNAPTIC = Regularizer(
    "heterosynaptic",
    layer_equations="""
    drate_trace/dt = -rate_trace/tau_het : 1
    zeta = rate_trace**a : 1 (constant over dt)
    a : 1 (shared, constant)
    """,
    on_spike="rate_trace += 1",
    equations="""
    weight_decay = rho*w/volt*zeta_post*Hz : Hz
    rho : 1 (shared, constant)
    """,
    parameters={
        "tau_het": 100 * ms,  # memory of the unit's rate
        "a": 4,
        "rho": 1.0,
    },
    source="Zenke & Ganguli 2018, section 2.4",
)

ERROR_GATED = HETEROSYNAPTIC.replace(
    name="error-gated",
    layer_equations="""
    drate_trace/dt = -rate_trace/tau_het : 1
    zeta = rate_trace**a*2*(tau_rise + tau_decay)*error**2/Hz : 1 (constant over dt)
    a : 1 (shared, constant)
    """,
    source="Zenke & Ganguli 2018, section 2.4: regularises only while the unit has an error",
)

# A unit that errors have silenced has no rate_trace, and its weights would run to -w_max, from where no error brings them back
ERROR_GATED_DECAY = ERROR_GATED.replace(
    name="error-gated-decay",
    layer_equations="""
    drate_trace/dt = -rate_trace/tau_het : 1
    zeta = (zeta_0 + rate_trace**a)*2*(tau_rise + tau_decay)*error**2/Hz : 1 (constant over dt)
    a      : 1 (shared, constant)
    zeta_0 : 1 (shared, constant)
    """,
    parameters={**HETEROSYNAPTIC.parameters, "rho": 0.1, "zeta_0": 0.1},
    source="the error-gated regulariser, and weight decay gated by the same error; not in the paper",
)

REGULARIZERS = {r.name: r for r in (NO_DECAY, HETEROSYNAPTIC, ERROR_GATED, ERROR_GATED_DECAY)}

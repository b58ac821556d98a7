"""Optimisers: the weight update, from the gradient accumulated over the interval ``t_b``.

Source: Zenke & Ganguli (2018), section 2.2 'per-parameter learning rates', equations 13 and 14; RMSProp after Hinton.

===============  ======  ==========================================================================
symbol           unit    meaning
===============  ======  ==========================================================================
r0               volt    learning rate; an input of the compiled program
v                Hz**2   upper bound (RMaxProp) or mean (RMSProp) of the squared gradient
m/t_b            Hz      mean gradient over the interval
===============  ======  ==========================================================================

With RMaxProp no weight changes by more than r0 in one update. The fixed rate applies r0 to the integral m, the other two
to the mean gradient over its own size, which has no unit: r0 is in volts for all three.
"""

from brian2 import Hz, mV, second, volt

from .specification import Optimizer

_COMMON = {
    "t_b": 0.5 * second,  #   time between weight updates
    "w_max": 0.1 * volt,  #   bound of the absolute weight
    "r0": 1 * mV,  #          learning rate
}
_RMS = {
    "tau_rms": 30 * second,  # memory of the gradient's size
    "tiny": 1e-12 * Hz,  #    keeps a silent synapse from dividing by zero
}

RMAXPROP = Optimizer(
    "rmaxprop",
    equations="""
    v  : Hz**2
    r0 : volt (shared, constant)
    """,
    update="""
    v = clip((m/t_b)**2, exp(-t_b/tau_rms)*v, inf*Hz**2)
    w = clip(w + r0*(m/t_b)/(sqrt(v) + tiny), -w_max, w_max)
    m = 0
    """,
    interval="t_b",
    parameters=_COMMON | _RMS,
    source="Zenke & Ganguli 2018, eqs 13-14: v is the larger of the new and the decayed squared gradient",
)

RMSPROP = Optimizer(
    "rmsprop",
    equations=RMAXPROP.equations,
    update="""
    v = exp(-t_b/tau_rms)*v + (1 - exp(-t_b/tau_rms))*(m/t_b)**2
    w = clip(w + r0*(m/t_b)/(sqrt(v) + tiny), -w_max, w_max)
    m = 0
    """,
    interval="t_b",
    parameters=_COMMON | _RMS,
    source="Hinton, RMSProp; the comparison of Zenke & Ganguli 2018, Figure 1",
)

FIXED = Optimizer(
    "fixed",
    equations="r0 : volt (shared, constant)",
    update="""
    w = clip(w + r0*m, -w_max, w_max)
    m = 0
    """,
    interval="t_b",
    parameters=_COMMON,
    source="Zenke & Ganguli 2018, Figure 1: one learning rate for all synapses",
)

OPTIMIZERS = {o.name: o for o in (RMAXPROP, RMSPROP, FIXED)}

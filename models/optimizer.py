"""Optimisers: the weight update, from the gradient accumulated over the interval ``t_b``.

Source: Zenke & Ganguli (2018), section 2.2 'per-parameter learning rates', equations 13 and 14; RMSProp after Hinton; Adam
after Kingma & Ba (2015), arXiv:1412.6980, algorithm 1.

===============  ======  ==========================================================================
symbol           unit    meaning
===============  ======  ==========================================================================
r0               volt    learning rate; an input of the compiled program
v                Hz**2   upper bound (RMaxProp) or mean (RMSProp) of the squared gradient
m/t_b            Hz      mean gradient over the interval
first_moment     Hz      running mean of the gradient (Adam)
second_moment    Hz**2   running mean of its square (Adam)
===============  ======  ==========================================================================

With RMaxProp no weight changes by more than r0 in one update. The fixed rate applies r0 to the integral m, the others
to the mean gradient over its own size, which has no unit: r0 is in volts for all.
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
    source="Tieleman & Hinton 2012, RMSProp; the comparison of Zenke & Ganguli 2018, Figure 1",
)

ADAM = Optimizer(
    "adam",
    equations="""
    first_moment  : Hz
    second_moment : Hz**2
    r0            : volt (shared, constant)
    """,
    # t/t_b + 1 is the number of the update: both means start at 0 and are divided by the weights that they hold by then
    update="""
    first_moment = beta_1*first_moment + (1 - beta_1)*m/t_b
    second_moment = beta_2*second_moment + (1 - beta_2)*(m/t_b)**2
    step = r0*first_moment/(1 - beta_1**(t/t_b + 1))/(sqrt(second_moment/(1 - beta_2**(t/t_b + 1))) + tiny)
    w = clip(w + step, -w_max, w_max)
    m = 0
    """,
    interval="t_b",
    parameters=_COMMON
    | {
        "beta_1": 0.9,  #       memory of the mean, an update
        "beta_2": 0.999,  #     memory of the mean square
        "tiny": 1e-12 * Hz,  #  keeps a silent synapse from dividing by zero
    },
    source="Kingma & Ba 2015, algorithm 1, with epsilon outside of the root as there",
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

OPTIMIZERS = {o.name: o for o in (RMAXPROP, RMSPROP, ADAM, FIXED)}

"""Feedback pathways: how hidden units get their error.

Source: Zenke & Ganguli (2018), section 2.3.

=========  ===========================  =================================================================
strategy   error of hidden unit i       what it is
=========  ===========================  =================================================================
symmetric  sum_k w_ik error_k           the forward weights in force (in volts) when the impulse occurs
random     sum_k b_ki error_k           feedback alignment: b drawn from N(0, 1) and fixed for the run
uniform    sum_k error_k                one global third factor
=========  ===========================  =================================================================

Impulses come from two Synapses groups a hidden layer: +1 from a target spike of unit k, -1 from an output spike of it.

Deviation: a symmetric impulse keeps the weight with which it arrived; a weight update changes later impulses only.
"""

from .specification import Feedback

SYMMETRIC = Feedback(
    "symmetric",
    equations="",
    on_target="error_impulse_post += w/volt",
    on_output="error_impulse_post -= w/volt",
    weights="forward",
    source="Zenke & Ganguli 2018, section 2.3",
)

RANDOM = Feedback(
    "random",
    equations="b : 1",
    on_target="error_impulse_post += b",
    on_output="error_impulse_post -= b",
    weights="normal",
    source="Zenke & Ganguli 2018, section 2.3; Lillicrap et al. 2016",
)

UNIFORM = Feedback(
    "uniform",
    equations="",
    on_target="error_impulse_post += 1",
    on_output="error_impulse_post -= 1",
    weights="none",
    source="Zenke & Ganguli 2018, section 2.3",
)

FEEDBACKS = {f.name: f for f in (SYMMETRIC, RANDOM, UNIFORM)}

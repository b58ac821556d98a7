"""Feedback pathways: how hidden units get their error.

Source: Zenke & Ganguli (2018), section 2.3.

=========  ===========================  =================================================================
strategy   error of hidden unit i       what it is
=========  ===========================  =================================================================
symmetric  sum_k w_ik error_k           the forward weights in force (in volts) when the impulse occurs
random     sum_k b_ki error_k           feedback alignment: b drawn from N(0, 1) and fixed for the run
uniform    sum_k error_k                one global third factor
layerwise  sum_k w_ik sigma'_k error_k  errors of the next layer, in every step, for networks of any depth
=========  ===========================  =================================================================

Impulses (of all but layerwise feedback) come from two Synapses groups a hidden layer: +target_impulse from a target spike of
unit k, -output_impulse from an output spike of it. Both sizes are the error signal's (`models/error.py`): parameters, or
variables of output unit k.

Deviation: a symmetric impulse keeps the weight with which it arrived; a weight update changes later impulses only.
"""

from .specification import Feedback

SYMMETRIC = Feedback(
    "symmetric",
    equations="",
    on_target="error_rise_post += target_impulse*w/volt",
    on_output="error_rise_post -= output_impulse*w/volt",
    weights="forward",
    source="Zenke & Ganguli 2018, section 2.3",
)

RANDOM = Feedback(
    "random",
    equations="b : 1",
    on_target="error_rise_post += target_impulse*b",
    on_output="error_rise_post -= output_impulse*b",
    weights="normal",
    source="Zenke & Ganguli 2018, section 2.3; Lillicrap et al. 2016",
)

UNIFORM = Feedback(
    "uniform",
    equations="",
    on_target="error_rise_post += target_impulse",
    on_output="error_rise_post -= output_impulse",
    weights="none",
    source="Zenke & Ganguli 2018, section 2.3",
)

# Experimental: of four ways to send errors through several layers the best in a prototype, but no better than one hidden layer
LAYERWISE = Feedback(
    "layerwise",
    equations="error_post = w/volt*sigma_prime_pre*error_pre : Hz (summed)",
    on_target="",
    on_output="",
    weights="forward",
    error_equations="error : Hz",
    source="the error of backpropagation with surrogate derivatives, without filtering it again at each layer",
)

FEEDBACKS = {f.name: f for f in (SYMMETRIC, RANDOM, UNIFORM, LAYERWISE)}

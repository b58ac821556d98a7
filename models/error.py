"""Error signals: what drives the third factor.

Source: Zenke & Ganguli (2018), equations 2, 3 and 9: the gradient of the van Rossum distance.

================  ======  ==========================================================================================
symbol            unit    meaning
================  ======  ==========================================================================================
error             Hz      alpha * (target spikes - output spikes), alpha of unit area
error_rise        1       the filter's first stage, with tau_rise; events add their impulses here
cost              Hz      running average of error**2 over the integral of alpha**2: an isolated unmatched spike per
                          second and unit costs 1 Hz. It starts at 0; divide by 1 - exp(-t/tau_cost)
target_impulse    1       size of the impulse of a target spike
output_impulse    1       size of the impulse of an output spike
================  ======  ==========================================================================================

Windowed classification (section 3.2 and Figure 5): a cue opens the window in which a unit should spike at least once, and
its target spike, the deadline, closes it. An output spike in the window is right and makes no impulse; at any other time it
is spurious. The target spike makes one only if the unit has not spiked since the cue.

With a margin, the threshold of the expected unit is higher in its window while the network learns, so that it answers the more
surely without: in tests and probe windows the margin is 0, as all that `judge_equations` declare starts anew there.

================  ======  ==========================================================================================
margin            volt    how much the threshold is higher; an input of the compiled program
================  ======  ==========================================================================================

Graded readout: output units do not spike. At the deadline of a trial each is judged by its membrane potential: the impulse is
what was expected of it, 1 for the unit of the class and 0 for the others, minus a logistic function of U. Its eligibility has
no surrogate: the gradient of U is exact. ``output_impulse`` has no effect.

================  ======  ==========================================================================================
expected          1       1 from the cue to the deadline in the unit of the class
width             volt    of the logistic function around theta
================  ======  ==========================================================================================

Filtering is linear: hidden layers receive the same impulses through their feedback pathway and filter them themselves.
"""

from brian2 import mV, second

from .specification import ErrorSignal

VAN_ROSSUM = ErrorSignal(
    "precise timing (van Rossum)",
    equations="""
    derror_rise/dt = -error_rise/tau_rise                   : 1
    derror/dt      = (error_rise/tau_rise - error)/tau_decay : Hz
    """,
    on_target="error_rise_post += target_impulse",
    on_output="error_rise_post -= output_impulse",
    cost_equations="cost : Hz",
    # 1/(2 (tau_rise + tau_decay)) is the integral of alpha**2
    cost_update="cost += (2*(tau_rise + tau_decay)*error**2 - cost)*dt/tau_cost",
    parameters={
        "tau_cost": 10 * second,  # memory of the cost
        "target_impulse": 1,
        "output_impulse": 1,
    },
    source="Zenke & Ganguli 2018, eqs 2, 3 and 9",
)

WINDOWED = VAN_ROSSUM.replace(
    name="windowed classification",
    judge_equations="""
    target_impulse : 1
    output_impulse : 1
    """,
    initial="output_impulse = 1",
    on_cue="""
    target_impulse_post = 1
    output_impulse_post = 0
    """,
    on_deadline="output_impulse_post = 1",
    on_answer="target_impulse = 0",
    parameters={"tau_cost": 10 * second},
    source="Zenke & Ganguli 2018, section 3.2 and Figure 5",
)

WINDOWED_MARGIN = WINDOWED.replace(
    name="windowed classification with a margin",
    judge_equations=WINDOWED.judge_equations + "\nmargin : volt (shared, constant)",
    output_threshold="U > theta + margin*(1 - output_impulse)",  # which is 0 in the window of the expected unit only
    parameters={**WINDOWED.parameters, "margin": 24 * mV},
    source="Zenke & Ganguli 2018, section 3.2, and a margin, which they do not have",
)

GRADED = VAN_ROSSUM.replace(
    name="graded readout",
    judge_equations="""
    target_impulse : 1
    expected       : 1
    """,
    on_cue="expected_post = 1",
    on_deadline="""
    target_impulse_post = expected_post - 1/(1 + exp((theta - U_post)/width))
    expected_post = 0
    """,
    output_threshold="False",
    output_equations="sigma_prime = 1 : 1 (constant over dt)",
    judged="every",
    parameters={
        "tau_cost": 10 * second,
        "output_impulse": 1,
        "width": 5 * mV,
    },
    source="the gradient of the cross entropy of independent logistic units with respect to U at the deadline",
)

ERRORS = {e.name: e for e in (VAN_ROSSUM, WINDOWED, WINDOWED_MARGIN, GRADED)}

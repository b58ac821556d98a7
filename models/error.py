"""Error signals: what drives the third factor.

Source: Zenke & Ganguli (2018), equations 2, 3 and 9: the gradient of the van Rossum distance.

================  ======  ==========================================================================================
symbol            unit    meaning
================  ======  ==========================================================================================
error             Hz      alpha * (target spikes - output spikes), alpha of unit area
error_impulse     1       a filter stage of it; events add their impulses here
cost              Hz      running average of error**2 over the integral of alpha**2: an isolated unmatched spike a
                          second and unit costs 1 Hz. It starts at 0; divide by 1 - exp(-t/tau_cost)
================  ======  ==========================================================================================

Filtering is linear: hidden layers receive the same impulses through their feedback pathway and filter them themselves.
"""

from brian2 import second

from .specification import ErrorSignal

VAN_ROSSUM = ErrorSignal(
    "precise timing (van Rossum)",
    equations="""
    derror_impulse/dt = -error_impulse/tau_rise                   : 1
    derror/dt         = (error_impulse/tau_rise - error)/tau_decay : Hz
    """,
    on_target="error_impulse_post += 1",
    on_output="error_impulse_post -= 1",
    cost_equations="cost : Hz",
    # 1/(2 (tau_rise + tau_decay)) is the integral of alpha**2
    cost_update="cost += (2*(tau_rise + tau_decay)*error**2 - cost)*dt/tau_cost",
    parameters={"tau_cost": 10 * second},
    source="Zenke & Ganguli 2018, eqs 2, 3 and 9",
)

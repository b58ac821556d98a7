"""Surrogate derivatives of the spike nonlinearity.

Source: Zenke & Ganguli (2018), equation 12 and section 2.2; 'linear' is the control of their Figure 7.

===========  ======  ==================================================================================
symbol       unit    meaning
===========  ======  ==================================================================================
sigma_prime  1       surrogate derivative at the membrane potential at the start of the time step
beta         1/volt  steepness; an input of the compiled program
===========  ======  ==================================================================================

``(constant over dt)`` makes Brian2 evaluate the expression once per neuron and step, not once per synapse.
A spike resets U in the step in which it occurs, so that sigma_prime never sees a potential above threshold.
"""

from brian2 import mV

from .specification import Surrogate

FAST_SIGMOID = Surrogate(
    "fast-sigmoid",
    equations="""
    sigma_prime = 1/(1 + abs(beta*(U - theta)))**2 : 1 (constant over dt)
    beta : 1/volt (shared, constant)
    """,
    parameters={"beta": 1 / mV},
    source="Zenke & Ganguli 2018, eq. 12: the derivative of the negative side of a fast sigmoid",
)

LINEAR = Surrogate(
    "linear",
    equations="sigma_prime = 1 : 1 (constant over dt)",
    source="Zenke & Ganguli 2018, Figure 7, 'symmetric linear': presynaptic activity and error only",
)

SURROGATES = {s.name: s for s in (FAST_SIGMOID, LINEAR)}

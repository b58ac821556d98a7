"""e-prop: another three-factor rule, in the same strings, and targets that are a signal.

Source: Bellec et al. (2020), Nature Communications 11:3625, doi:10.1038/s41467-020-17236-y; parameters and update once per
sequence as in NEST's test of its e-prop models, whose published losses the network of `eprop_network` gives.

===================  ======  ==================================================================================================
symbol               unit    meaning
===================  ======  ==================================================================================================
U                    volt    membrane potential before the reset, which comes with the next step: U - theta there ("soft")
spiked               1       1 in the step after a spike, 0 in others
I_syn                volt    what arrived in the step before
sigma_prime          1       pseudo-derivative: a triangle around the threshold
z                    1       presynaptic spikes, filtered as the membrane does
eligibility          1       sigma_prime_post z_pre, filtered as the readout does
error                Hz      U_target - U in the readout, 1 V over 1 ms; random combinations of these in recurrent units
activity             second  integral of sigma_prime_post z_pre over the sequence, for the regulariser of rates
spike_count          1       spikes in the sequence, up to the step before
cost                 Hz      running average of half the squared error in volts, summed over milliseconds, per second
loss                 1       half the squared error in volts, summed over the milliseconds of the sequence
===================  ======  ==================================================================================================

These are difference equations. `dx/dt = (y - x)/dt` by forward Euler sets x to y in the next step, and what decays with
`1 - exp(-dt/tau)` decays exactly; an input counts for the one step in which it acts, so that weights go with dt, 1 ms.

Errors are target minus output, as in all rules of this package, and weights go up the gradient of their product with
eligibility; e-prop's errors and signs are the opposite.
"""

from brian2 import Hz, ms, mV, second, volt

from .architecture import Architecture
from .projection import Pathway, Population, Projection
from .specification import ErrorSignal, Feedback, Model, Neuron, Optimizer, Plasticity, Regularizer, Surrogate

_SOURCE = "Bellec et al. 2020"

SOFT_RESET = Neuron(
    "leaky integrate-and-fire with a soft reset",
    equations="""
    dU/dt = ((I_syn - U)*(1 - exp(-dt/tau_mem)) - theta*spiked)/dt : volt
    dI_syn/dt = -I_syn/dt   : volt
    dspiked/dt = -spiked/dt : 1
    """,
    threshold="U >= theta",
    reset="spiked = 1",
    refractory="0*ms",
    on_input="I_syn_post += w",
    initial="",
    method="euler",
    parameters={
        "tau_mem": 30 * ms,  # membrane time constant
        "theta": 30 * mV,  #    firing threshold above rest, which is 0
    },
    source=f"{_SOURCE}, without refractory period",
)

LEAKY_READOUT = Neuron(
    "leaky readout",
    equations="dU/dt = -U/tau_mem : volt",
    threshold="U >= theta",  # not used: outputs do not spike
    reset="",
    refractory="0*ms",
    on_input="U_post += w*(1 - exp(-dt/tau_mem))",
    initial="",
    method="exact",
    parameters={"tau_mem": 30 * ms, "theta": 1 * volt},
    source=f"{_SOURCE}; it hears a spike in the step of the spike",
)

TRIANGLE = Surrogate(
    "triangle",
    equations="sigma_prime = gamma*clip(1 - abs(U - theta)/width, 0, 1) : 1 (constant over dt)",
    parameters={"gamma": 10.0, "width": 30 * mV},
    source=f"{_SOURCE}: 0.3/theta at the threshold, here in 1/volt",
)

REGRESSION = ErrorSignal(
    "signal (regression)",
    equations="error = has_target*(U_target - U)/volt/ms : Hz",
    on_target="""
    U_target_post = signal
    has_target_post = known
    """,
    on_output="",
    cost_equations="""
    cost       : Hz
    loss       : 1
    U_target   : volt
    has_target : 1
    """,
    cost_update="""
    square = 0.5*has_target*((U_target - U)/volt)**2
    loss += square*dt/ms
    cost += (square/ms - cost)*dt/tau_cost
    """,
    output_threshold="False",
    output_equations="sigma_prime = 1 : 1 (constant over dt)",
    target="signal",
    parameters={"tau_cost": 10 * second},
    source=_SOURCE,
)

BROADCAST = Feedback(
    "broadcast",
    equations="""
    b : 1
    error_post = b*error_pre : Hz (summed)
    """,
    on_target="",
    on_output="",
    weights="normal",
    error_equations="error : Hz",
    source=f"{_SOURCE}: fixed random weights from readouts to recurrent units, in every step",
)

EPROP_TRACES = Plasticity(
    "e-prop",
    terminal_equations="""
    dz_new/dt = -z_new/dt : 1
    dz/dt     = (z_new - z)*(1 - exp(-dt/tau_mem))/dt : 1
    """,
    on_arrival="z_new_post += 1",
    delay="axonal_delay",
    equations="""
    eligibility = filtered + (sigma_prime_post*z_pre - filtered)*(1 - exp(-dt/tau_readout)) : 1
    dfiltered/dt = (eligibility - filtered)/dt : 1 (clock-driven)
    dm/dt        = error_post*eligibility      : 1 (clock-driven)
    w : volt
    """,
    terminal_method="euler",
    method="euler",
    parameters={
        "tau_readout": 30 * ms,  # of the readout's membrane
        "axonal_delay": 0 * ms,
        "w_0": 1 * volt,  #         initial weights are drawn from N(0, w_0**2/number of presynaptic units)
    },
    source=_SOURCE,
)

READOUT_TRACES = EPROP_TRACES.replace(
    name="e-prop, onto a readout",
    terminal_equations="dz/dt = -z/tau_mem : 1",
    on_arrival="z_post += 1 - exp(-dt/tau_mem)",
    equations="""
    eligibility = z_pre : 1
    dm/dt = error_post*eligibility : 1 (clock-driven)
    w : volt
    """,
    terminal_method="exact",
    parameters={name: value for name, value in EPROP_TRACES.parameters.items() if name != "tau_readout"},
    source=f"{_SOURCE}: the gradient, as a readout has no threshold",
)

RATES = Regularizer(
    "target rate",
    layer_equations="""
    dspike_count/dt = uncounted/dt : 1
    duncounted/dt   = -uncounted/dt : 1
    """,
    on_spike="uncounted = 1",
    equations="""
    dactivity/dt = sigma_prime_post*z_pre : second (clock-driven)
    weight_decay = c_reg*(spike_count_post/length - f_target)*activity/length/t_b : Hz
    """,
    parameters={
        "c_reg": 300 * ms,  #    strength
        "f_target": 10 * Hz,  #  what each unit's rate in a sequence should be
        "length": 1 * second,  # of a sequence
    },
    source=f"{_SOURCE}; it acts with the update, when the rate of the sequence is known",
)

SEQUENCE_BY_SEQUENCE = Optimizer(
    "gradient descent, sequence by sequence",
    equations="r0 : volt (shared, constant)",
    update="""
    w = w + r0*(m - weight_decay*t_b)
    m = 0
    """,
    interval="t_b",
    states="reset",
    parameters={
        "t_b": 1001 * ms,  # a sequence and the step in which its last error is read
        "r0": 0.1 * mV,  #   learning rate
    },
    source=f"{_SOURCE}; NEST's `batch_size` 1",
)

EPROP = Model(
    neuron=SOFT_RESET,
    plasticity=EPROP_TRACES,
    surrogate=TRIANGLE,
    error=REGRESSION,
    feedback=BROADCAST,
    optimizer=SEQUENCE_BY_SEQUENCE,
    regularizer=RATES,
)


def eprop_network(n: int = 100, name: str = "recurrent") -> Architecture:
    """Make the network of e-prop: a recurrent population, and readouts that hear it.

    Parameters
    ----------
    n : int
        Recurrent units.
    name : str
        What the population is called.
    """
    return Architecture(
        populations=[Population(name, n), Population("output", neuron=LEAKY_READOUT)],
        projections=[
            Projection("inputs", name),
            Projection(name, name),
            Projection(name, "output", plasticity=READOUT_TRACES),
        ],
        pathways=[Pathway("output", name)],
    )

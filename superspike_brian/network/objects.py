"""The parts of a model as ordinary Brian2 objects: for a script of one's own, and for this package's networks.

===================  =================================================================================================
function             what it makes
===================  =================================================================================================
population           NeuronGroup: neuron, surrogate gradient, error trace
plastic_synapses     Synapses: eligibility trace, gradient, weight update; and the axon terminals with the presynaptic trace
error_synapses       Synapses: impulses of the output error, from target spikes and from output spikes
feedback_synapses    Synapses: the same impulses, to a hidden population
===================  =================================================================================================

What belongs to an object is among its ``contained_objects``, so that Brian2's magic network finds it, and one of
``Network(...)`` takes it along.

Within one time step synapses are integrated before neurons, so that both read the values of the step's start.
"""

from .error_pathway import ErrorPathway
from .feedback_pathway import FeedbackPathway
from .populations import Populations
from .projections import Projections


class Builder(Populations, Projections, ErrorPathway, FeedbackPathway):
    """What makes the objects, as a `Maker` is told: its methods, one file each, are the functions of this module."""


_builder = Builder()
population = _builder.population
plastic_synapses = _builder.plastic_synapses
error_synapses = _builder.error_synapses
feedback_synapses = _builder.feedback_synapses

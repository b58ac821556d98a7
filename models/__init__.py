"""What the network is: equation strings and their parameters, one file an aspect, and nothing else."""

from typing import TYPE_CHECKING

import lazy_loader
from brian2 import mV

from .architecture import Architecture, chain, connected
from .checks import ModelError
from .error import ERRORS, GRADED, VAN_ROSSUM, WINDOWED, WINDOWED_MARGIN
from .feedback import FEEDBACKS, LAYERWISE, RANDOM, SYMMETRIC, UNIFORM
from .neuron import LIF
from .optimizer import ADAM, FIXED, OPTIMIZERS, RMAXPROP, RMSPROP
from .plasticity import THREE_FACTOR
from .projection import Pathway, Population, Projection
from .regularizer import ERROR_GATED, ERROR_GATED_DECAY, HETEROSYNAPTIC, NO_DECAY, REGULARIZERS
from .specification import (
    Component,
    ErrorSignal,
    Feedback,
    Model,
    Neuron,
    Optimizer,
    Plasticity,
    Regularizer,
    Surrogate,
)
from .surrogate import FAST_SIGMOID, LINEAR, SURROGATES

if TYPE_CHECKING:
    from .eprop import BROADCAST, EPROP, LEAKY_READOUT, READOUT_TRACES, REGRESSION, eprop_network

# another rule: made, and checked, when it is used
__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submod_attrs={"eprop": ["BROADCAST", "EPROP", "LEAKY_READOUT", "READOUT_TRACES", "REGRESSION", "eprop_network"]},
)

SUPERSPIKE = Model(
    neuron=LIF,
    plasticity=THREE_FACTOR,
    surrogate=FAST_SIGMOID,
    error=VAN_ROSSUM,
    feedback=SYMMETRIC,
    optimizer=RMAXPROP,
    regularizer=NO_DECAY,
)

# What the command line takes for tasks of trials
CLASSIFIER = SUPERSPIKE.replace(error=WINDOWED, regularizer=ERROR_GATED_DECAY)

# For labelled data: the potential of outputs that do not spike is the answer
READOUT = SUPERSPIKE.replace(error=GRADED, r0=2 * mV, w_0=100 * mV)

__all__ = [
    "ADAM",
    "BROADCAST",
    "CLASSIFIER",
    "EPROP",
    "ERRORS",
    "ERROR_GATED",
    "ERROR_GATED_DECAY",
    "FAST_SIGMOID",
    "FEEDBACKS",
    "FIXED",
    "GRADED",
    "HETEROSYNAPTIC",
    "LAYERWISE",
    "LEAKY_READOUT",
    "LIF",
    "LINEAR",
    "NO_DECAY",
    "OPTIMIZERS",
    "RANDOM",
    "READOUT",
    "READOUT_TRACES",
    "REGRESSION",
    "REGULARIZERS",
    "RMAXPROP",
    "RMSPROP",
    "SUPERSPIKE",
    "SURROGATES",
    "SYMMETRIC",
    "THREE_FACTOR",
    "UNIFORM",
    "VAN_ROSSUM",
    "WINDOWED",
    "WINDOWED_MARGIN",
    "Architecture",
    "Component",
    "ErrorSignal",
    "Feedback",
    "Model",
    "ModelError",
    "Neuron",
    "Optimizer",
    "Pathway",
    "Plasticity",
    "Population",
    "Projection",
    "Regularizer",
    "Surrogate",
    "chain",
    "connected",
    "eprop_network",
]

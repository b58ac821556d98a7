"""What SuperSpike is compared with, on the same labelled samples.

`logistic_regression` and `perceptron` see what spikes tell without a network: of each unit the number of its spikes and the
time of its first one. `bptt` trains the network itself, by backpropagation through time.
"""

from .classifiers import Accuracy, features, logistic_regression, perceptron
from .gradient import bptt

__all__ = ["Accuracy", "bptt", "features", "logistic_regression", "perceptron"]

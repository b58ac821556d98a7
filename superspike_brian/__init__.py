"""SuperSpike: supervised learning in multilayer networks of spiking neurons, as Brian2 equations.

Source: Zenke & Ganguli, Neural Computation 30:1514-1541 (2018), doi:10.1162/neco_a_01086.
"""

from . import models, tasks
from ._version import __version__
from .grid import load_sweep, run_sweep
from .results import load
from .training import resume, train

__all__ = ["__version__", "load", "load_sweep", "models", "resume", "run_sweep", "tasks", "train"]

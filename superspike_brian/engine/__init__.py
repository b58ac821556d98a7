"""Programs that run a network: compiled C++ with its cache, or Brian2's runtime device. Imports the network and codegen."""

from .compiler import BuildError
from .program import Program, SimulationError, build

__all__ = ["BuildError", "Program", "SimulationError", "build"]

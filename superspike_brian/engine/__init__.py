"""Programs that run a network: compiled C++ with its cache, or Brian2's runtime device. Imports the network and codegen."""

from .cache import build, program_folder, standalone_device
from .compiler import BuildError
from .manifest import is_complete
from .program import Program, SimulationError, windows_within

__all__ = [
    "BuildError",
    "Program",
    "SimulationError",
    "build",
    "is_complete",
    "program_folder",
    "standalone_device",
    "windows_within",
]

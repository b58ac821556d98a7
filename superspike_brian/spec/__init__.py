"""What a run is: the one list of its options, its course, and how models and tasks are stored. Imports engine and network."""

from .protocol import Protocol
from .run import OPTIONS, Machine, RunSpec

__all__ = ["OPTIONS", "Machine", "Protocol", "RunSpec"]

"""From a model and sizes to Brian2 objects, their initial state and probes. Imports models, tasks, codegen."""

from .assembly import Assembly
from .structure import Structure

__all__ = ["Assembly", "Structure"]

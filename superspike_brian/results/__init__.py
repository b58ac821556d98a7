"""What a run leaves behind: its folder, its log, and the dataset made of them. Imports spec and what is below it."""

from .dataset import NoResultsError, assemble, has_ended, load, save, summary, summary_text

__all__ = ["NoResultsError", "assemble", "has_ended", "load", "save", "summary", "summary_text"]

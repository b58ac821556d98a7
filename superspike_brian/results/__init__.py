"""What a run leaves behind: its folder, its log, and the dataset made of them. Imports spec and what is below it."""

from .dataset import NoResultsError, assemble, has_ended, load, opened, save, summary, summary_text
from .trials import answers_of_test, what_was_tested

__all__ = [
    "NoResultsError",
    "answers_of_test",
    "assemble",
    "has_ended",
    "load",
    "opened",
    "save",
    "summary",
    "summary_text",
    "what_was_tested",
]

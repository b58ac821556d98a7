"""What shows a folder, whether a run, a sweep, or nothing is in it: a Bokeh layout that follows a `Watcher`."""

from __future__ import annotations

from typing import Any

from bokeh.models import Column

from .many import SweepSnapshot
from .plots import WIDE
from .run_view import RunView
from .snapshot import RunSnapshot
from .sweep_view import SweepView


class View:
    """A layout for a page or a notebook.

    Parameters
    ----------
    linked : bool
        Runs of a sweep have pages of their own at ``?run=FOLDER``.
    """

    def __init__(self, linked: bool = False) -> None:
        self.linked = linked
        self.layout = Column(styles={"max-width": "1100px", "margin": "0 auto", "padding": "0 8px"}, **WIDE)
        self._view: Any = None

    def update(self, found: RunSnapshot | SweepSnapshot) -> None:
        """Show what was seen last."""
        many = isinstance(found, SweepSnapshot)
        if self._view is None or isinstance(self._view, SweepView) != many:
            self._view = SweepView(self.linked) if many else RunView()
            self._view.update(found)
            self.layout.children = [self._view.layout]
        else:
            self._view.update(found)

"""The page as a panel in Jupyter: through the kernel's own connection, so that it needs no port, on a remote machine, too."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from ..console.progress import in_notebook
from ..errors import UserError
from .many import SweepSnapshot
from .server import needed
from .snapshot import RunSnapshot
from .watcher import INTERVAL, Watcher


def watch(path: Path | str) -> Panel:
    """Show a run or a sweep in Jupyter, while it goes on or afterwards.

    Parameters
    ----------
    path : path
        Folder of a run or a sweep, of this process or another; it need not be there yet. It is only read.

    Returns
    -------
    Panel
        What Jupyter shows at the end of a cell; it follows the folder until `close` is called.

    Raises
    ------
    UserError
        Elsewhere than in Jupyter, or for a file.
    MissingPackageError
        If Bokeh or its widget for Jupyter is not installed.

    Examples
    --------
    >>> ss.watch("runs/spike-timing-001")  # doctest: +SKIP
    """
    path = Path(path).expanduser()
    if path.is_file():
        raise UserError(f"{path} is a file: give the folder of a run or a sweep")
    if not in_notebook():
        raise UserError(
            f"watch shows a panel in Jupyter; elsewhere `superspike watch {path}` shows a page in the browser"
        )
    return Panel(Watcher(path))


class Panel:
    """A panel that follows a folder; `latest` is what it saw last."""

    def __init__(self, watcher: Watcher) -> None:
        with needed("bokeh and jupyter_bokeh"):
            from jupyter_bokeh import BokehModel

            from .view import View
        self._watcher, self._view = watcher, View()
        self._view.update(watcher.look())
        self.widget: Any = BokehModel(self._view.layout)
        self._end, self._follows = threading.Event(), False

    @property
    def latest(self) -> RunSnapshot | SweepSnapshot:
        """What was seen last."""
        return self._watcher.latest

    def close(self) -> None:
        """Follow the folder no longer; what is shown stays."""
        self._end.set()
        self._watcher.stop()

    def _ipython_display_(self) -> None:
        from bokeh.io import output_notebook
        from bokeh.resources import INLINE
        from IPython.display import display

        output_notebook(INLINE, hide_banner=True)  # the widget has no JavaScript of Bokeh's with it
        display(self.widget)
        if not self._end.is_set() and not self._follows:
            self._follows = True
            self._watcher.start()
            threading.Thread(target=self._follow, name="superspike-panel", daemon=True).start()

    def _follow(self):
        while not self._end.wait(INTERVAL):
            self._view.update(self._watcher.latest)

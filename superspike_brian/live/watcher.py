"""Looks at a folder again and again, however many watch it, and takes little of the machine's time for it."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path

from ..files.durable import RunFolderError
from ..results.following import Follower
from ..sweeps.sweep import is_sweep, read_plan
from .many import SweepSnapshot, sweep_snapshot
from .snapshot import RunSnapshot, snapshot

INTERVAL = 1.0  # s between looks, at least
SHARE = 0.05  #   of one core that looking may take
_UNREADABLE = (RunFolderError, OSError, ValueError, LookupError)


class Watcher:
    """What can be seen in a folder.

    Parameters
    ----------
    path : path
        Of a run or a sweep, which need not be there yet.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser()
        self.latest: RunSnapshot | SweepSnapshot = RunSnapshot(self.path)
        self._run = Follower(self.path)
        self._runs: dict[str, Follower] = {}
        self._end: threading.Event | None = None
        self._looking = threading.Lock()

    def look(self) -> RunSnapshot | SweepSnapshot:
        """Read what has come; where something cannot be read, what was seen before stays, with a message."""
        with self._looking:
            try:
                found = self._sweep() if is_sweep(self.path) else self._one()
            except _UNREADABLE as error:
                found = dataclasses.replace(self.latest, message=str(error))
            self.latest = found
            return found

    def _one(self):
        self._run.look()
        return snapshot(self._run, time.time())

    def _sweep(self):
        plan = read_plan(self.path)
        folders = [entry["folder"] for entry in plan["runs"]]
        self._runs = {f: self._runs.get(f) or Follower(self.path / f) for f in folders}
        unreadable = []
        for run in self._runs.values():
            try:
                run.look()
            except RunFolderError as error:
                unreadable.append(str(error))
        found = sweep_snapshot(self.path, plan, self._runs)
        return dataclasses.replace(found, message="; ".join(unreadable[:3]))

    def start(self) -> None:
        """Look in a thread of its own, from now on."""
        self._end = threading.Event()
        threading.Thread(target=self._look_on, args=(self._end,), name="superspike-watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        if self._end is not None:
            self._end.set()

    def _look_on(self, end):
        before = 0.0
        while not end.is_set():
            began = time.thread_time()
            self.look()
            took = time.thread_time() - began
            end.wait(max(INTERVAL, min(took, before) / SHARE))  # once in a while a look costs more, as the first does
            before = took

"""A run folder read while it grows: a look costs what has come since the one before, and changes nothing on disk.

The newest checkpoint says how much of ``log.bin`` is finished: records are read up to there, and of a record only the arrays
that are wanted, of probe windows the spikes of the newest one. The folder may appear later, vanish, or become another run's;
its writer may be killed between any two of its steps.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..files.arrays import Members, read_archive
from ..files.durable import RunFolderError, open_regular
from ..files.locks import Holder, holder
from ..spec.run import RunSpec
from ..tasks import Signal
from ..values.hints import Floats, State
from . import dataset
from .folder import RunFolder
from .stored import stored_request, stored_spec

if TYPE_CHECKING:
    import xarray as xr

_LARGE = ("probe/", "learning/", "snapshot_")  # beginnings of the names of what is not kept of every record
_SIGNALS = ("probe/probe_output.U", "probe/probe_output.U_target")  # shown where targets are signals
_TRIES = 5  # at files that are replaced while they are read


class Course(NamedTuple):
    """A learning curve over blocks: their ends (s), mean cost over outputs (Hz), computing time (s)."""

    time: Floats
    cost: Floats
    wall_s: Floats


class Follower:
    """What a run folder holds now; `look` first, and again whenever something may have come.

    Parameters
    ----------
    path : path
        The folder, which need not be there yet.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser()
        self._forget()

    def _forget(self):
        self.request: dict[str, Any] | None = None  # None: there is no run
        self.last_s: float | None = None  # when the newest block was saved, in seconds since 1970
        self._spec: RunSpec | None = None
        self._request_seen: Any = None
        self._newest: Path | None = None
        self._step = 0
        self._log_seen: Any = None
        self._at = 0  # bytes of the log that are read
        self._window_at, self._window_in = 0, 0  # where the newest probe window is: in the log, and among the records
        self._records: list[State] = []
        self._course: Course | None = None
        self._file: tuple[Any, xr.Dataset | None] = None, None  # run.nc
        self._data: tuple[Any, xr.Dataset | None] = None, None

    def look(self) -> bool:
        """Read what has come; return whether there is a run.

        Raises
        ------
        RunFolderError
            If a file is damaged or not readable.
        """
        for attempt in range(_TRIES):
            try:
                self._look()
                break
            except FileNotFoundError:  # two checkpoints are kept: one that is read may go
                continue
            except (OSError, ValueError) as error:
                if attempt == _TRIES - 1:
                    raise RunFolderError(f"cannot read the run in {self.path} ({error})") from error
        return self.request is not None

    def _look(self):
        seen = _seen(self.path / "run.json")
        if seen is None:
            self._forget()
            return
        if seen != self._request_seen:
            request = stored_request(RunFolder(self.path))
            if self.request is not None and request.get("identity") != self.request.get("identity"):
                self._forget()
            self.request, self._request_seen, self._spec = request, seen, None
        newest = RunFolder(self.path).newest_path
        if newest is not None and (newest != self._newest or self._log_is_another()):
            with open_regular(newest) as file:
                found = Members(file, archived=True)
                step, length, saved = int(found["_step"]), int(found["_log_length"]), os.fstat(file.fileno()).st_mtime
            self._read_log(length)
            self._newest, self._step, self.last_s = newest, step, saved

    def _log_is_another(self):
        seen = _seen(self.path / "log.bin")
        return seen is None or seen[:2] != self._log_seen or seen[2] < self._at

    def _read_log(self, length):
        with open_regular(self.path / "log.bin") as log:
            info = os.fstat(log.fileno())
            if (info.st_dev, info.st_ino) != self._log_seen or length < self._at:  # it was begun anew, or cut back
                self._at, self._records, self._log_seen = 0, [], (info.st_dev, info.st_ino)
            while self._at < length:
                found = Members(log, self._at)
                self._records.append({k: found[k] for k in found if not k.startswith((*_LARGE, "_run"))})
                if any(k.startswith("probe/") for k in found):
                    self._window_at, self._window_in = self._at, len(self._records) - 1
                self._at = found.end
        self._course = None

    @property
    def holder(self) -> Holder | None:
        """Who works in the folder, as its lock says."""
        return holder(self.path / ".lock")

    @property
    def duration_s(self) -> float:
        """Simulated time that is asked for (s); NaN before there is a run."""
        return float(self.request["protocol"]["duration"][0]) if self.request else float("nan")

    @property
    def simulated_s(self) -> float:
        """Simulated time that is on disk (s)."""
        if not self._records and (whole := self._results()) is not None:
            return float(whole.attrs["simulated_s"])
        return self._step * float(self.request["dt"][0]) if self.request else 0.0

    @property
    def has_ended(self) -> bool:
        """Whether the run has come to its duration, or met its criterion."""
        met = bool(self._records and self._records[-1].get("criterion_met", False))
        return met or self.simulated_s >= self.duration_s - 1e-9

    @property
    def course(self) -> Course:
        """The learning curve so far."""
        if not self._records and (whole := self._results()) is not None:  # somebody has tidied up
            return Course(whole.time.values, whole.cost.values.mean(axis=1), np.full(whole.sizes["block"], np.nan))
        if self._course is None:  # of many runs few have a new block
            columns = ([float(np.mean(block[name])) for block in self._records[1:]] for name in Course._fields)
            self._course = Course(*map(np.array, columns))
        return self._course

    @property
    def data(self) -> xr.Dataset | None:
        """The results, as of `load`, with the newest probe window alone while the run goes on; None before the first block.

        Raises
        ------
        RunFolderError
            If a file is damaged or not readable.
        """
        for _ in range(_TRIES):
            whole = self._results()
            key = self._request_seen, self._newest, self._log_seen, self._file[0]
            if whole is not None or not self._records or self._newest is None:
                return whole
            try:
                if self._data[0] != key:
                    self._data = key, self._so_far(self._newest)
                return self._data[1]
            except FileNotFoundError:
                self.look()
            except ValueError as error:
                raise RunFolderError(f"cannot read the run in {self.path} ({error})") from error
        return None

    def _results(self):
        """What ``run.nc`` holds but the course of variables in probe windows; None if it is missing, old or damaged."""
        path, seen = self.path / "run.nc", _seen(self.path / "run.nc")
        if self.request is None or seen is None:
            return None
        if self._file[0] != seen:
            try:
                self._file = seen, dataset.load_figures(path)
            except RunFolderError:  # `load` says so, and makes it from checkpoints and log
                self._file = seen, None
        found = self._file[1]
        if found is None or found.attrs.get("identity", "") not in ("", self.request.get("identity", "")):
            return None
        reached = self._step * float(self.request["dt"][0])
        return found if found.attrs["simulated_s"] >= reached - 1e-9 else None

    def _so_far(self, checkpoint: Path) -> xr.Dataset:
        spec = self._spec
        if spec is None:
            spec = stored_spec(RunFolder(self.path))
            spec = dataclasses.replace(spec, protocol=dataclasses.replace(spec.protocol, probe_learning=()))
            self._spec = spec
        state, _ = read_archive(checkpoint)
        newest = self._step, self._at, {k: v for k, v in state.items() if not k.startswith("_")}
        records = self._with_window(isinstance(getattr(spec.task, "targets", None), Signal))
        return dataset.assemble(RunFolder(self.path), spec, newest, records=records)

    def _with_window(self, is_signal):
        """The records, that with the newest probe window whole but for most of the state of its units and synapses."""
        with open_regular(self.path / "log.bin") as log:
            found = Members(log, self._window_at)
            times = next(k for k in found if k.startswith("probe/probe_") and k.endswith(".t"))
            more = {times, *_SIGNALS} if is_signal else {times}
            wanted = [k for k in found if k.startswith(("probe/spikes_", "probe/trials.")) or k in more]
            window = {k: found[k] for k in wanted}
        records = list(self._records)
        records[self._window_in] = records[self._window_in] | window
        return records


def _seen(path):
    """What tells one state of a file from another; None if it is not there."""
    try:
        info = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns

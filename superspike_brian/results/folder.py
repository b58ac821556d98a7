"""A run on disk while it grows: request, checkpoints, log. Everything survives a kill at any moment.

========================  =====================================================================================
file                      content
========================  =====================================================================================
run.json                  the request: model, protocol, seed; versions and commands, one more a resumption, and the
                          error that stopped the simulation, if one did
task.npz                  the spike patterns
checkpoint-STEP.npz       the whole state after a block; the last two are kept
log.bin                   what each block adds to the results (learning curve, watched spikes, snapshots), appended
run.nc                    the results, self-describing (`superspike_brian.results`); written when the run stops
========================  =====================================================================================

``.npz`` files are NumPy's archives without pickles, with a checksum of the file as zip comment. A record of ``log.bin`` is
SHA-256 of the payload, payload length, payload (such an archive without comment). Blocks are finished when the checkpoint of
the last one, which names the log's length, has been renamed into place: a longer log is cut back on resuming. Only then are
they reported: a kill loses what was not. (The next block is computed meanwhile, so that the disk costs no time.)

A checkpoint that is damaged, or whose part of the log is, is set aside (``.damaged``) and the one before it is taken. When
none is left the run starts again from 0 s: that costs time and changes no bit of the result.

Every file says what it belongs to: ``run.json`` has a checksum of each entry, one of ``task.npz``, and an `identity` that
checkpoints, log and results repeat. So a file of another run is noticed, too. (Files of older versions have none of these.)

Format 1 had checkpoints and ``task.npz`` in the form of a record; such runs are read and continued, in format 2 from then on.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..files.arrays import archive, checksum, pack, payload_of, read_archive, unpack
from ..files.durable import (
    RunFolderError,
    append_handle,
    json_with_checksums,
    open_regular,
    read_json,
    resume_command,
    write_durably,
)
from ..files.locks import Lock, LockedError
from ..values.as_json import without_texts
from ..values.hints import Report, State

FORMAT = 2
_NEWBORN = ("task.npz", "log.bin")  # what a run killed before its run.json has
_FIGURES = ("figure.png", "figure.pdf", "activity.png", "activity.pdf")
_FILES = ("checkpoint-*.*", *_FIGURES, "run.nc", "run.json", *_NEWBORN)
_UNFINISHED = ".*.[0-9]*.tmp"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)\.npz")
_UNSOUND = (ValueError, TypeError, KeyError, OSError)  # what reading a damaged checkpoint leads to
_LENGTH_ALONE = ("duration", "block")  # of a protocol: where a run stops and is cut, not what it computes


class FolderInUseError(RunFolderError):
    """Another process holds the run folder."""


def _identity(request, task_arrays):
    """Hash of what a run computes: equal for runs that are bit for bit the same up to where the shorter one ends."""
    what = {k: v for k, v in request.items() if k not in ("provenance", "device", "kernel")}
    if isinstance(protocol := what.get("protocol"), dict):
        what["protocol"] = {k: v for k, v in protocol.items() if k not in _LENGTH_ALONE}
    found = hashlib.sha256(json.dumps(without_texts(what), sort_keys=True).encode())
    for name, array in sorted(task_arrays.items()):
        if name not in ("name", "source"):
            array = np.asarray(array)
            found.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    return found.hexdigest()[:16]


@contextmanager
def _using(path, what="write in"):
    """Tell which folder a failure of the disk is about."""
    try:
        yield
    except OSError as error:
        raise RunFolderError(f"cannot {what} {path}: {error.strerror or error}") from error


class _ForeignError(ValueError):
    """A file of another run."""


class RunFolder:
    """One run's folder, held by one process at a time.

    Parameters
    ----------
    path : path
        The folder; see `create` and `open`.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = Lock(self.path / ".lock")
        self._request: dict[str, Any] | None = None  # once this process holds the folder, and so nobody else changes it
        self.log_length = 0  #  bytes of the log that belong to the block last saved or gone back to

    @classmethod
    def create(
        cls, path: Path | str, request: dict[str, Any], task_arrays: Mapping[str, Any], overwrite: bool = False
    ) -> Self:
        """Start a new run.

        Parameters
        ----------
        path : path
            A folder that is new or empty.
        request : dict
            Stored as JSON.
        task_arrays : dict of ndarray
            The spike patterns.
        overwrite : bool
            Replace a run that is there.

        Raises
        ------
        RunFolderError
            If the folder is not empty, not writable, or in use.
        """
        path = Path(path)
        cls.check_free(path, overwrite)
        with _using(path, "use for results"):
            path.mkdir(parents=True, exist_ok=True)
        folder = cls(path)
        folder.acquire()
        try:
            cls.check_free(path, overwrite)  # another process may have run here since
            with _using(path, "replace what is in"):
                for pattern in _FILES:
                    for old in path.glob(pattern):
                        old.unlink()
            task = archive(task_arrays)
            folder._write_new("task.npz", task)
            folder._write_new("log.bin", b"")
            marks = {"identity": _identity(request, task_arrays), "task_checksum": checksum(task)}
            folder._write_request({"format": FORMAT, **request, **marks})
        except BaseException:
            folder.release()
            raise
        return folder

    @staticmethod
    def check_free(path: Path | str, overwrite: bool = False) -> None:
        """Refuse a folder that holds something, unless it is a run and `overwrite` is given, or one killed at birth."""
        path = Path(path)
        try:
            if path.exists() and not path.is_dir():
                raise RunFolderError(f"cannot use {path} for results: it is a file")
            present = list(path.iterdir()) if path.exists() else []
            writable = next(p for p in (path, *path.absolute().parents) if p.exists())
        except OSError as error:
            raise RunFolderError(f"cannot use {path} for results: {error.strerror}") from error
        present = [p for p in present if p.name != ".lock" and not p.match(_UNFINISHED)]
        if {p.name for p in present} <= set(_NEWBORN):
            present = []
        if not os.access(writable, os.W_OK):
            raise RunFolderError(f"cannot use {path} for results: {writable} is not writable")
        if present and not overwrite:
            raise RunFolderError(
                f"{path} is not empty ({present[0].name}, ...): choose another --out, continue it with "
                f"{resume_command(path)}, or replace it with --overwrite"
            )
        if present and not (path / "run.json").exists():
            raise RunFolderError(f"{path} holds files but no run: --overwrite replaces runs only")
        if present:
            RunFolder(path).request  # noqa: B018 - refuse somebody else's run.json

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open an existing run for continuing."""
        folder = cls(path)
        folder.request  # noqa: B018 - refuse a folder without a run before locking it
        folder.acquire()
        try:
            folder._request = folder.request
        except BaseException:
            folder.release()
            raise
        return folder

    def acquire(self) -> None:
        """Hold the folder, and clear what killed writers left; RunFolderError if another process holds it."""
        try:
            self._lock.acquire()
        except LockedError as error:
            raise FolderInUseError(
                f"another process is running in {self.path}, {error}: wait for it, or choose another --out"
            ) from error
        except OSError as error:
            raise RunFolderError(f"cannot write in {self.path}: {error.strerror}") from error
        for unfinished in self.path.glob(_UNFINISHED):
            if unfinished.is_symlink() or not unfinished.is_dir():
                unfinished.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others use the folder."""
        self._lock.release()
        self._request = None

    def _write_new(self, name, data):
        write_durably(self.path / name, data)

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for, as a dict."""
        if self._request is not None:
            return self._request
        path = self.path / "run.json"
        if not path.exists():
            raise RunFolderError(f"{self.path} is not a run: it has no run.json")
        request = read_json(path, "put a copy of it back; run.nc beside it can be shown and loaded by itself")
        if request["format"] > FORMAT:
            raise RunFolderError(f"{path} has format {request['format']}, this version reads up to {FORMAT}: update it")
        return request

    @cached_property
    def identity(self) -> str | None:
        """What the run's checkpoints, log and results are marked with; None in folders of older versions."""
        return self.request.get("identity")

    def update_request(self, **changes: Any) -> None:
        """Change entries of the request (a new duration, one more command)."""
        self._write_request(self.request | changes)

    def _write_request(self, request):
        self._write_new("run.json", json_with_checksums(request))
        self._request = request

    @property
    def task_arrays(self) -> State:
        """The spike patterns, as arrays."""
        path = self.path / "task.npz"
        try:
            arrays, found = read_archive(path)
        except (ValueError, OSError) as error:
            raise RunFolderError(f"{path} is damaged ({_reason(error)}): put a copy of it back") from error
        if self.request.get("task_checksum", found) != found:
            raise RunFolderError(f"{path} is of another run: put the one of this run back")
        return arrays

    def save_blocks(self, step: int, state: State, *records: State) -> None:
        """Make blocks durable: a record of each joins the log, then the last one's state becomes the newest checkpoint."""
        log, mark = self.path / "log.bin", {"_run": np.array(self.identity or "")}
        try:
            with append_handle(log) as file:
                for record in records:
                    file.write(pack(record if file.tell() else record | mark))
                file.flush()
                os.fsync(file.fileno())
                length = file.tell()
        except OSError as error:
            raise RunFolderError(
                f"cannot write {log}: {error.strerror}; everything before is intact: make room, then "
                f"{resume_command(self.path)}"
            ) from error
        data = archive(state | mark | {"_step": np.array(step), "_log_length": np.array(length)})
        write_durably(self.path / f"checkpoint-{step:012d}.npz", data)
        self.log_length = length
        for old in self._checkpoints()[:-2]:
            old.unlink()

    @property
    def reached(self) -> int:
        """Step of the newest checkpoint by its name, sound or not; 0 without one."""
        return max(map(_step, self._checkpoints()), default=0)

    @property
    def newest_path(self) -> Path | None:
        """The newest checkpoint by its name, sound or not; None without one."""
        return max(self._checkpoints(), key=_step, default=None)

    def _checkpoints(self) -> list[Path]:
        return sorted((p for p in self.path.glob("checkpoint-*.npz") if _CHECKPOINT.fullmatch(p.name)), key=_step)

    def newest(self, warn: Report = lambda message: None) -> tuple[int, int, State] | None:
        """Return ``(step, log length, state)`` of the newest sound checkpoint, or None; changes nothing on disk.

        Parameters
        ----------
        warn : callable
            Receives a message for each damaged checkpoint that is passed over.
        """
        for path in reversed(self._checkpoints()):
            try:
                return self._read(path)
            except _UNSOUND as error:
                warn(f"{path} is damaged ({_reason(error)}): falling back to the checkpoint before it")
        return None

    def _read(self, path: Path) -> tuple[int, int, State]:
        """Step, log length and state of a checkpoint; one of `_UNSOUND` if it or its part of the log is not right."""
        state, _ = read_archive(path)
        step, length = (int(state.pop(name)) for name in ("_step", "_log_length"))
        if step != _step(path):
            raise ValueError(f"it is of step {step}")
        self._check_mine(state)
        self._check_log(length)
        return step, length, state

    def _is_foreign(self):
        """Whether a checkpoint or the log is another run's: to start again here would destroy it."""
        for path in self._checkpoints():
            try:
                self._read(path)
            except _ForeignError:
                return True
            except _UNSOUND:
                continue
        return False

    def _check_mine(self, arrays):
        """Take the mark out of a checkpoint or of the log's first record; ValueError if it is another run's."""
        if str(arrays.pop("_run", "")) != (self.identity or ""):
            raise _ForeignError("of another run")

    def _check_log(self, length):
        data, at = self._log(length), 0
        while at < length:
            try:
                if at == 0:
                    self._check_mine(unpack(data)[0])
                at = payload_of(data, at)[1]
            except _ForeignError as error:
                raise _ForeignError(f"log.bin is {error}") from error
            except ValueError as error:
                raise ValueError(f"log.bin after {at} bytes: {error}") from error

    def _log(self, length: int) -> bytes:
        with open_regular(self.path / "log.bin") as file:
            return file.read(min(length, os.fstat(file.fileno()).st_size))

    def rewind(self, warn: Report) -> tuple[int, State] | None:
        """Return ``(step, state)`` to continue from, or None for a start; cuts the log back to it."""
        newest = self.newest(warn)
        step, length, _ = newest or (0, 0, None)
        if newest is None and self._is_foreign():
            raise RunFolderError(f"{self.path} holds files of different runs: put those of one run together again")
        if self._checkpoints() and newest is None:
            warn(f"no sound checkpoint is left in {self.path}: starting again from 0 s")
        with _using(self.path):
            for path in self._checkpoints():
                if _step(path) > step or newest is None:
                    path.replace(path.with_suffix(".damaged"))
            self._cut_log(length)
        self.log_length = length
        return (newest[0], newest[2]) if newest else None

    def _cut_log(self, length):
        log = self.path / "log.bin"
        if log.is_symlink() or (
            log.exists() and log.stat().st_nlink > 1
        ):  # a file elsewhere, or a backup: a copy instead
            write_durably(log, self._log(length) if length else b"")
        with append_handle(log) as file:
            file.truncate(length)

    def records(self, length: int | None = None) -> list[State]:
        """Records of the finished blocks, oldest first; `length`: of the log, if it is known and sound that far."""
        if length is None:
            newest = self.newest()
            length = newest[1] if newest else 0
        data = self._log(length) if length else b""
        at, found = 0, []
        while at < len(data):
            record, at = unpack(data, at)
            record.pop("_run", None)
            found.append(record)
        return found


def _step(path: Path) -> int:
    return int(_CHECKPOINT.fullmatch(path.name)[1])  # type: ignore[index]  # only checkpoints are asked for


def _reason(error):
    return getattr(error, "strerror", None) or str(error)

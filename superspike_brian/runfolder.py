"""A run on disk while it grows: request, checkpoints, log. Everything survives a kill at any moment.

========================  =====================================================================================
file                      content
========================  =====================================================================================
run.json                  the request: model, protocol, seed; versions and commands, one more a resumption
task.npz                  the spike patterns
checkpoint-STEP.npz       the whole state after a block; the last two are kept
log.bin                   what each block adds to the results (learning curve, watched spikes, snapshots), appended
run.nc                    the results, self-describing (`superspike_brian.results`); written when the run stops
========================  =====================================================================================

A record of ``log.bin`` and a checkpoint are both: SHA-256 of the payload, payload length, payload (an npz archive without
pickles). A block is finished when its checkpoint, which names the log's length, has been renamed into place: a longer log is
cut back on resuming. Only then is it reported: a kill loses what was not. (The next block is computed meanwhile, so that the
disk costs no time.)

A checkpoint that is damaged, or whose part of the log is, is set aside (``.damaged``) and the one before it is taken. When
none is left the run starts again from 0 s: that costs time and changes no bit of the result.
"""

import hashlib
import io
import json
import os
import struct
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

FORMAT = 1
_HEADER = struct.Struct("<32sQ")
_NEWBORN = ("task.npz", "log.bin")  # what a run killed before its run.json has
_FIGURES = ("figure.png", "figure.pdf", "activity.png", "activity.pdf")
_FILES = ("checkpoint-*.*", *_FIGURES, "run.nc", "run.json", *_NEWBORN)
_UNFINISHED = ".*.[0-9]*.tmp"


class RunFolderError(RuntimeError):
    """A run folder that cannot be used; the message says why and what to do."""


class FolderInUseError(RunFolderError):
    """Another process holds the run folder."""


def pack(arrays):
    """Return a dict of arrays as checksummed bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    payload = buffer.getvalue()
    return _HEADER.pack(hashlib.sha256(payload).digest(), len(payload)) + payload


def unpack(data, at=0):
    """Return the dict of arrays at offset `at`, and the offset behind it; ValueError if it is damaged."""
    payload, end = _payload(data, at)
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        return dict(arrays), end


def _payload(data, at):
    if len(data) < at + _HEADER.size:
        raise ValueError("cut short")
    digest, size = _HEADER.unpack_from(data, at)
    payload = data[at + _HEADER.size : at + _HEADER.size + size]
    if len(payload) != size or hashlib.sha256(payload).digest() != digest:
        raise ValueError("the checksum does not match")
    return payload, at + _HEADER.size + size


def write_durably(path, data):
    """Write bytes to `path` so that a crash leaves either the old file or the new one."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}; what was written before is intact") from error
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class RunFolder:
    """One run's folder, held by one process at a time.

    Parameters
    ----------
    path : path
        The folder; see `create` and `open`.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._lock = FileLock(self.path / ".lock")

    @classmethod
    def create(cls, path, request, task_arrays, overwrite=False):
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
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"cannot use {path} for results: {error.strerror}") from error
        folder = cls(path)
        folder.acquire()
        try:
            cls.check_free(path, overwrite)  # another process may have run here since
            for pattern in _FILES:
                for old in path.glob(pattern):
                    old.unlink()
            folder._write_new("task.npz", pack(task_arrays))
            folder._write_new("log.bin", b"")
            folder._write_new("run.json", json.dumps({"format": FORMAT, **request}, indent=1).encode())
        except BaseException:
            folder.release()
            raise
        return folder

    @staticmethod
    def check_free(path, overwrite=False):
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
                f"`superspike resume {path}`, or replace it with --overwrite"
            )
        if present and not (path / "run.json").exists():
            raise RunFolderError(f"{path} holds files but no run: --overwrite replaces runs only")
        if present:
            RunFolder(path).request  # noqa: B018 - refuse somebody else's run.json

    @classmethod
    def open(cls, path):
        """Open an existing run for continuing."""
        folder = cls(path)
        folder.request  # noqa: B018 - refuse a folder without a run before locking it
        folder.acquire()
        return folder

    def acquire(self):
        """Hold the folder, and clear what killed writers left; RunFolderError if another process holds it."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise FolderInUseError(
                f"another process is running in {self.path}: wait for it, or choose another --out"
            ) from error
        except OSError as error:
            raise RunFolderError(f"cannot write in {self.path}: {error.strerror}") from error
        for unfinished in self.path.glob(_UNFINISHED):
            unfinished.unlink(missing_ok=True)

    def release(self):
        """Let others use the folder."""
        self._lock.release()

    def _write_new(self, name, data):
        write_durably(self.path / name, data)

    @property
    def request(self):
        """What was asked for, as a dict."""
        path = self.path / "run.json"
        if not path.exists():
            raise RunFolderError(f"{self.path} is not a run: it has no run.json")
        try:
            request = json.loads(path.read_text())
        except ValueError as error:
            raise RunFolderError(f"{path} is damaged ({error})") from error
        if not isinstance(request, dict) or "format" not in request:
            raise RunFolderError(f"{path} is not this program's: there is no run here")
        if request["format"] > FORMAT:
            raise RunFolderError(f"{path} has format {request['format']}, this version reads up to {FORMAT}: update it")
        return request

    def update_request(self, **changes):
        """Change entries of the request (a new duration, one more command)."""
        self._write_new("run.json", json.dumps(self.request | changes, indent=1).encode())

    @property
    def task_arrays(self):
        """The spike patterns, as arrays."""
        path = self.path / "task.npz"
        try:
            return unpack(path.read_bytes())[0]
        except ValueError as error:
            raise RunFolderError(f"{path} is damaged ({error})") from error

    def save_block(self, step, state, record):
        """Make a block durable: `record` joins the log, then `state` becomes the newest checkpoint."""
        log = self.path / "log.bin"
        try:
            with open(log, "ab") as file:
                file.write(pack(record))
                file.flush()
                os.fsync(file.fileno())
                length = file.tell()
        except OSError as error:
            raise RunFolderError(
                f"cannot write {log}: {error.strerror}; everything up to the block before is intact: make room, then "
                f"`superspike resume {self.path}`"
            ) from error
        data = pack(state | {"_step": np.array(step), "_log_length": np.array(length)})
        write_durably(self.path / f"checkpoint-{step:012d}.npz", data)
        for old in self._checkpoints()[:-2]:
            old.unlink()

    @property
    def reached(self):
        """Step of the newest checkpoint by its name, sound or not; 0 without one."""
        return max((int(path.stem.rsplit("-", 1)[1]) for path in self._checkpoints()), default=0)

    def _checkpoints(self):
        return sorted(self.path.glob("checkpoint-*.npz"))

    def newest(self, warn=lambda message: None):
        """Return ``(step, log length, state)`` of the newest sound checkpoint, or None; changes nothing on disk.

        Parameters
        ----------
        warn : callable
            Receives a message for each damaged checkpoint that is passed over.
        """
        for path in reversed(self._checkpoints()):
            try:
                state, _ = unpack(path.read_bytes())
                step, length = int(state.pop("_step")), int(state.pop("_log_length"))
                self._check_log(length)
                return step, length, state
            except (ValueError, FileNotFoundError) as error:
                warn(f"{path} is damaged ({error}): falling back to the checkpoint before it")
        return None

    def _check_log(self, length):
        data, at = self._log(length), 0
        while at < length:
            try:
                at = _payload(data, at)[1]
            except ValueError as error:
                raise ValueError(f"log.bin after {at} bytes: {error}") from error

    def _log(self, length):
        with open(self.path / "log.bin", "rb") as file:
            return file.read(length)

    def rewind(self, warn):
        """Return ``(step, state)`` to continue from, or None for a start; cuts the log back to it."""
        newest = self.newest(warn)
        step, length, state = newest or (0, 0, None)
        if self._checkpoints() and newest is None:
            warn(f"no sound checkpoint is left in {self.path}: starting again from 0 s")
        for path in self._checkpoints():
            if int(path.stem.rsplit("-", 1)[1]) > step or newest is None:
                path.replace(path.with_suffix(".damaged"))
        with open(self.path / "log.bin", "ab") as file:
            file.truncate(length)
        return (step, state) if newest else None

    def records(self):
        """Records of the finished blocks, oldest first."""
        newest = self.newest()
        length = newest[1] if newest else 0
        data = self._log(length) if length else b""
        at, found = 0, []
        while at < len(data):
            record, at = unpack(data, at)
            found.append(record)
        return found

"""A run on disk while it grows: request, checkpoints, log. Everything survives a kill at any moment.

========================  =====================================================================================
file                      content
========================  =====================================================================================
run.json                  the request: model, protocol, seeds, versions, command; written once
task.npz                  the spike patterns
checkpoint-STEP.npz       the whole state after a block; the last two are kept
log.bin                   what each block adds to the results (learning curve, watched spikes, snapshots), appended
run.nc                    the results, self-describing (`superspike_brian.results`); written when the run stops
========================  =====================================================================================

A record of ``log.bin`` and a checkpoint are both: SHA-256 of the payload, payload length, payload (an npz archive without
pickles). A block is finished when its checkpoint, which names the log's length, has been renamed into place: a longer log is
cut back on resuming.
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


class RunFolderError(RuntimeError):
    """A run folder that cannot be used; the message says why and what to do."""


def pack(arrays):
    """Return a dict of arrays as checksummed bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    payload = buffer.getvalue()
    return _HEADER.pack(hashlib.sha256(payload).digest(), len(payload)) + payload


def unpack(data, at=0):
    """Return the dict of arrays at offset `at`, and the offset behind it; ValueError if it is damaged."""
    if len(data) < at + _HEADER.size:
        raise ValueError("cut short")
    digest, size = _HEADER.unpack_from(data, at)
    payload = data[at + _HEADER.size : at + _HEADER.size + size]
    if len(payload) != size or hashlib.sha256(payload).digest() != digest:
        raise ValueError("the checksum does not match")
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        return dict(arrays), at + _HEADER.size + size


def write_durably(path, data):
    """Write bytes to `path` so that a crash leaves either the old file or the new one."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunFolderError(f"cannot write {path}: {error.strerror}; what was written before is intact") from error
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


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
        for old in (*path.glob("checkpoint-*.npz"), *path.glob("run.*"), *path.glob("log.bin"), *path.glob("figure.*")):
            old.unlink()
        folder._write_new("task.npz", pack(task_arrays))
        folder._write_new("log.bin", b"")
        folder._write_new("run.json", json.dumps({"format": FORMAT, **request}, indent=1).encode())
        return folder

    @staticmethod
    def check_free(path, overwrite=False):
        """Refuse a folder that holds something, unless it is a run and `overwrite` is given."""
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise RunFolderError(f"cannot use {path} for results: it is a file")
        try:
            present = [p for p in path.iterdir() if p.name != ".lock"] if path.exists() else []
        except OSError as error:
            raise RunFolderError(f"cannot use {path} for results: {error.strerror}") from error
        writable = next(p for p in (path, *path.absolute().parents) if p.exists())
        if not os.access(writable, os.W_OK):
            raise RunFolderError(f"cannot use {path} for results: {writable} is not writable")
        if present and not overwrite:
            raise RunFolderError(
                f"{path} is not empty ({present[0].name}, ...): choose another --out, continue it with "
                f"`superspike resume {path}`, or replace it with --overwrite"
            )
        if present and not (path / "run.json").exists():
            raise RunFolderError(f"{path} holds files but no run: --overwrite replaces runs only")

    @classmethod
    def open(cls, path):
        """Open an existing run for continuing."""
        folder = cls(path)
        folder.request  # noqa: B018 - refuse a folder without a run before locking it
        folder.acquire()
        return folder

    def acquire(self):
        """Hold the folder; RunFolderError if another process does."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise RunFolderError(
                f"another process is running in {self.path}: wait for it, or choose another --out"
            ) from error
        except OSError as error:
            raise RunFolderError(f"cannot write in {self.path}: {error.strerror}") from error

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
        request = json.loads(path.read_text())
        if request["format"] > FORMAT:
            raise RunFolderError(f"{path} has format {request['format']}, this version reads up to {FORMAT}: update it")
        return request

    def update_request(self, **changes):
        """Change entries of the request (a new duration, one more command)."""
        self._write_new("run.json", json.dumps(self.request | changes, indent=1).encode())

    @property
    def task_arrays(self):
        """The spike patterns, as arrays."""
        return unpack((self.path / "task.npz").read_bytes())[0]

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

    def _checkpoints(self):
        return sorted(self.path.glob("checkpoint-*.npz"))

    def latest(self, warn):
        """Return ``(step, state)`` of the newest sound checkpoint and cut the log to it; None if there is none.

        Parameters
        ----------
        warn : callable
            Receives a message for each damaged checkpoint.
        """
        for path in reversed(self._checkpoints()):
            try:
                state, _ = unpack(path.read_bytes())
            except ValueError as error:
                warn(f"{path} is damaged ({error}): falling back to the checkpoint before it")
                path.rename(path.with_suffix(".damaged"))
                continue
            step, length = int(state.pop("_step")), int(state.pop("_log_length"))
            with open(self.path / "log.bin", "r+b") as file:
                file.truncate(length)
            return step, state
        with open(self.path / "log.bin", "r+b") as file:
            file.truncate(0)
        return None

    def records(self):
        """Records of the finished blocks, oldest first."""
        data = (self.path / "log.bin").read_bytes()
        newest = self._sound_length()
        at, found = 0, []
        while at < min(len(data), newest):
            record, at = unpack(data, at)
            found.append(record)
        return found

    def _sound_length(self):
        for path in reversed(self._checkpoints()):
            try:
                return int(unpack(path.read_bytes())[0]["_log_length"])
            except ValueError:
                continue
        return 0

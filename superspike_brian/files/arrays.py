"""Arrays as bytes that carry their checksum: npz archives, and records of a log. Reading them executes nothing.

An archive is what ``numpy.savez`` writes, with a zip comment: ``SHA-256`` and the digest of all that is before it in the file.
A record is SHA-256 of its payload, the payload's length, and the payload: an archive without comment. Earlier versions wrote
archives as single records, too: `read_archive` reads both.
"""

import hashlib
import io
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .durable import open_regular

_HEADER = struct.Struct("<32sQ")  # of a record
_MARK = b"SHA-256 "  #              begins the comment of an archive
_DIGEST = 64  #                     hexadecimal digits that end it
_LENGTH = struct.Struct("<H")  #    of the comment: the end of an archive without one


def archive(arrays: Mapping[str, Any]) -> bytes:
    """Return a dict of arrays as the bytes of an npz file."""
    buffer = _savez(arrays)
    buffer.seek(-_LENGTH.size, os.SEEK_END)
    buffer.write(_LENGTH.pack(len(_MARK) + _DIGEST) + _MARK)
    buffer.write(hashlib.sha256(buffer.getbuffer()).hexdigest().encode())
    return buffer.getvalue()


def checksum(data: bytes) -> str:
    """Return the checksum that the bytes of `archive` carry."""
    return data[-_DIGEST:].decode()


def read_archive(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """Return the dict of arrays in a file that `archive` made, and its checksum; ValueError or OSError if it is damaged."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEADER.size)
        file.seek(max(size - len(_MARK) - _DIGEST, 0))
        sealed = file.read(len(_MARK)) == _MARK
        # before a large one is read
        if not sealed and (len(head) < _HEADER.size or _HEADER.unpack(head)[1] != size - _HEADER.size):
            raise ValueError("cut short, or not this program's")
        file.seek(0)
        try:
            data = file.read()
        except MemoryError as error:
            raise ValueError("it is too large") from error
    if not sealed:
        return unpack(data)[0], head[:32].hex()
    if hashlib.sha256(memoryview(data)[:-_DIGEST]).hexdigest().encode() != data[-_DIGEST:]:
        raise ValueError("the checksum does not match")
    return _load(data), checksum(data)


def pack(arrays: Mapping[str, Any]) -> bytes:
    """Return a dict of arrays as a record."""
    payload = _savez(arrays).getvalue()
    return _HEADER.pack(hashlib.sha256(payload).digest(), len(payload)) + payload


def unpack(data: bytes, at: int = 0) -> tuple[dict[str, np.ndarray], int]:
    """Return the dict of arrays of the record at offset `at`, and the offset behind it; ValueError if it is damaged."""
    payload, end = payload_of(data, at)
    return _load(payload), end


def payload_of(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the payload of the record at offset `at`, not looked into, and the offset behind it; else as `unpack`."""
    if len(data) < at + _HEADER.size:
        raise ValueError("cut short")
    digest, size = _HEADER.unpack_from(data, at)
    payload = data[at + _HEADER.size : at + _HEADER.size + size]
    if len(payload) != size or hashlib.sha256(payload).digest() != digest:
        raise ValueError("the checksum does not match")
    return payload, at + _HEADER.size + size


def _savez(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer


def _load(data):
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            if sum(part.file_size for part in parts.infolist()) > len(data):
                raise ValueError("it holds compressed arrays, which this program does not write")
            return {part.filename.removesuffix(".npy"): _array(parts.read(part)) for part in parts.infolist()}
    except Exception as error:  # an archive that is made up, its checksum too: readers of it fail in many ways
        raise ValueError(f"no archive of arrays ({type(error).__name__}: {error})") from error


def _array(data):
    """An array of the bytes of a npy file; quicker than `numpy.load`, which reads parts of an archive in small pieces."""
    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)


class Members(Mapping[str, np.ndarray]):
    """Arrays of a record or archive in an open file, by name; each is read, and its CRC checked, when it is asked for.

    For looking at a little of what may be large. ValueError where there is no whole archive, or an array of it is damaged.

    Parameters
    ----------
    file : BinaryIO
        Where it is.
    at : int
        Offset of the record.
    archived : bool
        A whole file, as of `archive` (or an earlier version), instead of a record of a log.
    """

    def __init__(self, file: BinaryIO, at: int = 0, archived: bool = False) -> None:
        size = os.fstat(file.fileno()).st_size
        if archived:
            begin, self.end = 0, size
        else:
            file.seek(at)
            head = file.read(_HEADER.size)
            if len(head) < _HEADER.size or (length := _HEADER.unpack(head)[1]) > size - at - _HEADER.size:
                raise ValueError("cut short")
            begin, self.end = at + _HEADER.size, at + _HEADER.size + length
        with _as_value_error():
            self._parts = zipfile.ZipFile(io.BufferedReader(_Part(file, begin, self.end)))
            self._sizes = {p.filename.removesuffix(".npy"): p for p in self._parts.infolist()}

    def __getitem__(self, name: str) -> np.ndarray:
        part = self._sizes[name]
        with _as_value_error():
            if part.compress_type != zipfile.ZIP_STORED or part.file_size > self.end:
                raise ValueError("it holds compressed arrays, which this program does not write")
            with self._parts.open(part) as file:
                return np.lib.format.read_array(file, allow_pickle=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)


class _Part(io.RawIOBase):
    """Bytes `begin` to `end` of an open file, as a file."""

    def __init__(self, file, begin, end):
        self._file, self._begin, self._size, self._at = file, begin, end - begin, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer):
        self._file.seek(self._begin + self._at)
        data = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def _as_value_error():
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # as in `_load`
        raise ValueError(f"no archive of arrays ({type(error).__name__}: {error})") from error

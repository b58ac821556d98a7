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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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

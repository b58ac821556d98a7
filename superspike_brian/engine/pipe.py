"""The pipes of a compiled program: records of arrays to and from it, and what it says on stderr."""

import struct
import threading
from collections.abc import Mapping
from io import BufferedReader
from typing import BinaryIO

import numpy as np

from ..values.hints import Array


class Errors(threading.Thread):
    """Reads what a program writes to stderr, so that a full pipe does not block it, and keeps the end of it."""

    KEPT = 3000  # bytes

    def __init__(self, stream: BufferedReader) -> None:
        super().__init__(daemon=True)
        self.stream, self.tail = stream, b""
        self.start()

    def run(self) -> None:
        """Read until the program ends."""
        while chunk := self.stream.read1(1 << 16):
            self.tail = (self.tail + chunk)[-self.KEPT :]

    def text(self) -> str:
        """Return the end of all that was written, once the program has ended."""
        self.join()
        return self.tail.decode(errors="replace").strip()


def write_record(stream: BinaryIO, name: str, array: Array) -> None:
    """Write an array to a program (format: ``codegen/superspike.h``)."""
    data = np.ascontiguousarray(array)
    stream.write(struct.pack("<I", len(name)) + name.encode() + struct.pack("<Q", data.nbytes))
    stream.write(data.data)


def read_record(stream: BufferedReader, places: Mapping[str, Array] | None = None) -> tuple[str, Array] | None:
    """Read what a program wrote: name and bytes, in `places` by name if there is one; None where its output ends."""
    head = stream.read(4)
    name = stream.read(struct.unpack("<I", head)[0]) if len(head) == 4 else b""
    size = stream.read(8)
    if len(size) < 8:
        return None
    text, n = name.decode(), struct.unpack("<Q", size)[0]
    data = places[text][:n] if places and text in places else np.empty(n, np.uint8)
    return (text, data) if n == data.size and stream.readinto(data.data) == n else None

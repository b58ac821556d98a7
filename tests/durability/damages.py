"""What can happen to a file, and what a command may say about it."""

import os
import random
import re
import shutil
from pathlib import Path


def _flip(data, bit):
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def flips(n, seed):
    """`n` damages of one bit each, at random."""
    rng = random.Random(seed)

    def flip(path, _):
        data = path.read_bytes()
        path.write_bytes(_flip(data, rng.randrange(8 * len(data))) if data else b"?")

    return {f"flip {k}": flip for k in range(n)}


def _write(content):
    return lambda path, _: path.write_bytes(content)


def _cut(fraction):
    return lambda path, _: os.truncate(path, int(fraction * path.stat().st_size))


def _replace(make):
    def replace(path, _):
        path.unlink()
        make(path)

    return replace


def _another(path, other):
    """Put the file of another run in the place."""
    name = path.name if (other / path.name).exists() else sorted(p.name for p in other.glob("checkpoint-*.npz"))[-1]
    shutil.copy(other / name, path)


def _each_other_file(path, _):
    """Put another kind of file of the same folder in the place."""
    shutil.copy(next(p for p in sorted(path.parent.iterdir()) if p.is_file() and p.suffix != path.suffix), path)


DAMAGES = {
    "empty": _cut(0),
    "first byte": _cut(1e-9),
    "half": _cut(0.5),
    "all but the end": _cut(0.9999),
    "longer": lambda path, _: os.truncate(path, path.stat().st_size + 1),
    "huge": lambda path, _: os.truncate(path, 2**40),
    "text": _write(b"Lorem ipsum\n" * 100),
    "zeros": _write(bytes(5000)),
    "null": _write(b"null"),
    "list": _write(b"[1, 2]"),
    "object": _write(b'{"format": 1}'),
    "odd object": _write(b'{"format": "1", "runs": 3, "model": null}'),
    "deep": _write(b"[" * 100_000),
    "no text": _write(b"\xff\xfe\x00{"),
    "long number": _write(b'{"format": ' + b"9" * 5000 + b"}"),
    "HDF5": _write(b"\x89HDF\r\n\x1a\n" + bytes(2000)),
    "archive": _write(b"PK\x03\x04" + bytes(200)),
    "folder": _replace(Path.mkdir),
    "pipe": _replace(os.mkfifo),
    "link to nothing": _replace(lambda path: path.symlink_to("nothing")),
    "link to itself": _replace(lambda path: path.symlink_to(path.name)),
    "link to zeros": _replace(lambda path: path.symlink_to("/dev/zero")),
    "missing": _replace(lambda path: None),
    "another run's": _another,
    "another kind": _each_other_file,
}


def _untimed(out):
    """What a command printed, without how long it took: a missing checkpoint is computed again."""
    return re.sub(r'"wall_s": [^,]*', "", out)


def problem(found, intact, folder):
    """What is wrong with how a command ended, or None.

    Good is: what it says of intact data, without a word; or a result with a message that names a file; or one line that names
    a file and exit code 2.
    """
    lines = found.err.splitlines()
    if "Traceback" in found.err + found.out or "unexpected" in found.err:
        return "traceback"
    if found.code == 0 and not lines:
        return None if _untimed(found.out) == _untimed(intact) else "silently different"
    if found.code not in (0, 2):
        return f"exit code {found.code}"
    if not all(line.startswith("superspike: ") for line in lines) or str(folder) not in found.err:
        return "a message that names no file"
    if found.code == 2 and len(lines) > 4:  # one for each checkpoint that was tried, and what ended the command
        return "many lines"
    return None

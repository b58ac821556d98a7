"""Files that last: written whole or not at all, never through a link; read with a check of what they hold."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shlex
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import UserError

CHECKSUMS = "checksums"  # entry of a JSON file: a checksum of each other entry
_SEAL = b"SHA-256\n"  #    behind the content of a binary file, with the digest of all before
_JSON_LIMIT = 2**28  #     bytes; a larger file is none of ours


class RunFolderError(UserError):
    """A run folder, or a sweep's, that cannot be used; the message says why and what to do."""


def resume_command(path: Path | str) -> str:
    """The command that continues a run, as a message shows it; a shell takes the folder as it is."""
    return f"`superspike resume {shlex.quote(str(path))}`"


def write_durably(path: Path | str, data: bytes) -> None:
    """Write bytes to `path` so that a crash leaves either the old file or the new one; a link there is replaced."""
    path = Path(path)
    try:
        replace_file(path, data, sync=True)
        _sync(path.parent)
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}; what was written before is intact") from error


def replace_file(path: Path | str, data: bytes, sync: bool = False) -> None:
    """Write bytes to `path`, whole or not at all, whoever reads it meanwhile; `sync`: they are on the disk then."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with open(temporary, "wb", opener=_create_anew) as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _create_anew(path, flags):
    """Open a file that nobody else has made, so that no link is followed."""
    Path(path).unlink(missing_ok=True)
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)


def _sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_regular(path: Path | str) -> BinaryIO:
    """Open a file for reading; ValueError if it is something else, such as a folder or a pipe (which would block)."""
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("it is no regular file")
    return file


def append_handle(path: Path | str) -> BinaryIO:
    """Open a file for appending; a link there is an error, and not followed."""

    def opener(name, flags):
        try:
            return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise OSError(errno.ELOOP, "it is a symbolic link; put the file itself there") from error
            raise

    return open(path, "ab", opener=opener)


# JSON


def json_with_checksums(content: dict[str, Any]) -> bytes:
    """Text of a JSON file as bytes, with a checksum of each entry: `read_json` finds any change but a missing entry."""
    entries = {k: v for k, v in content.items() if k != CHECKSUMS}
    return json.dumps(entries | {CHECKSUMS: {k: _checksum(v) for k, v in entries.items()}}, indent=1).encode()


def _checksum(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """Read what `json_with_checksums` made, or a file without checksums, as older versions wrote it.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What to do if it is damaged, for the message.

    Returns
    -------
    dict
        The entries; an entry may be missing, as those that came later are in older files.

    Raises
    ------
    RunFolderError
        If it is no such file, or was changed since.
    """
    try:
        with open_regular(path) as file:
            data = file.read(_JSON_LIMIT + 1)
        if len(data) > _JSON_LIMIT:
            raise ValueError("it is too large")
        content = json.loads(data.decode())
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged ({error}): {remedy}") from error
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        raise RunFolderError(f"{path} is not this program's, or damaged: there is no run here")
    expected = content.pop(CHECKSUMS, None)
    if expected is None:
        return content
    expected = expected if isinstance(expected, dict) else {}
    for name, value in content.items():
        if expected.get(name) != _checksum(value):
            raise RunFolderError(
                f"{path} is damaged (its entry {name!r:.80} is not what was written): {remedy}; if you changed it on "
                f'purpose, delete the entry "{CHECKSUMS}"'
            )
    return content


# binary files that other programs read, too


def seal(data: bytes) -> bytes:
    """Return the content of a file with its checksum behind it, where readers of HDF5 do not look."""
    return data + _SEAL + hashlib.sha256(data).digest()


def check_seal(path: Path | str) -> None:
    """Raise ValueError or OSError if a file is not what `seal` made; one without a seal (by older versions) passes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size - len(_SEAL) - hashlib.sha256().digest_size
        file.seek(max(size, 0))
        mark, digest = file.read(len(_SEAL)), file.read()
        if size < 0 or mark != _SEAL:
            return
        file.seek(0)
        found = hashlib.sha256()
        while size > 0 and (part := file.read(min(size, 2**20))):
            found.update(part)
            size -= len(part)
    if found.digest() != digest:
        raise ValueError("its checksum does not match")


def read_sealed(path: Path | str) -> tuple[bytes, bool]:
    """Return what is in a file that `seal` made, its seal included, and whether it has one; else as `check_seal`."""
    check_seal(path)
    with open_regular(path) as file:
        data = file.read()
    return data, data[: -hashlib.sha256().digest_size].endswith(_SEAL)

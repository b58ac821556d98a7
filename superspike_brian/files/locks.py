"""One process at a time: a lock on a file that says who holds it.

The kernel's lock (``flock``) ends with its holder. On a file system without it the file itself is the lock, made in one step
with its content: if its holder was killed on this host, the next process takes it over; if it was on another host, nobody
can tell whether it lives, and the message says which file to delete.
"""

import errno
import fcntl
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import UserError

POLL = 0.1  #      seconds between attempts of one that waits
PATIENCE = 5.0  #  seconds until it says for whom
_NO_FLOCK = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL}
_NO_LINK = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}  # file systems without hard links


class LockedError(UserError):
    """Another process holds the lock; the message says which."""


class Holder(NamedTuple):
    """The process that a lock names, its host, and whether it lives; None: that host is another one, nobody can tell."""

    process: int
    host: str
    lives: bool | None


def holder(path: Path | str) -> Holder | None:
    """Who holds the lock on a file, without touching it; None if nobody does, or if the file names none."""
    process, host = _parse(_content(path))
    if process is None or host is None:
        return None
    return Holder(process, host, _is_alive(process) if host == socket.gethostname() else None)


class Lock:
    """A lock on a file, for one process (and one such object) at a time.

    Parameters
    ----------
    path : path
        The file; it is there while the lock is held, with the process and the host of the holder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file: BinaryIO | None = None  # under the kernel's lock
        self._mark: bytes | None = None  # content of the file where there is none

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        LockedError
            If another process has it.
        OSError
            If the file cannot be written, or is a link.
        """
        while not self._take():
            pass

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._file is not None:
            with suppress(OSError):  # the folder may be gone, or have become read-only
                if _same_file(self._file, self.path):
                    self.path.unlink()
            self._file.close()
        elif self._mark is not None:
            with suppress(OSError):
                if _content(self.path) == self._mark:
                    self.path.unlink()
        self._file = self._mark = None

    @contextmanager
    def held(self, say: Callable[[str], object] = lambda message: None) -> Iterator[None]:
        """Wait for the lock and hold it; `say` receives a message if that takes long."""
        began, told = time.monotonic(), False
        while True:
            try:
                self.acquire()
                break
            except LockedError as error:
                if not told and time.monotonic() - began > PATIENCE:
                    told = True
                    say(f"waiting for {error}")
                time.sleep(POLL)
        try:
            yield
        finally:
            self.release()

    def _take(self):
        """Try once; False if the file was replaced meanwhile."""
        file, mine = self._open()
        if file is None:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if mine and error.errno in _NO_FLOCK:
                self.path.unlink(missing_ok=True)
            file.close()
            if error.errno in _NO_FLOCK:
                return self._take_by_existence()
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise LockedError(self._holder()) from None
            raise
        if not _same_file(file, self.path):  # its holder deleted it while we opened it
            file.close()
            return False
        self._file = file
        with suppress(OSError):  # a full disk: who holds the lock is news for others only
            file.truncate(0)
            file.write(_signature())
        return True

    def _open(self):
        """Open the file, or make it; and whether it was made. None if it came or went meanwhile. Never through a link."""
        try:
            file, mine = self._open_with(0), False
        except FileNotFoundError:
            try:
                file, mine = self._open_with(os.O_CREAT | os.O_EXCL), True
            except FileExistsError:
                return None, False
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise OSError(errno.EINVAL, f"{self.path} is no regular file: delete it")
        return file, mine

    def _open_with(self, flags):
        flags |= os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return os.fdopen(os.open(self.path, flags, 0o666), "r+b", buffering=0)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
                raise OSError(error.errno, f"{self.path} is a link or no regular file: delete it") from None
            raise

    def _take_by_existence(self):
        mark, made = _signature(), self.path.with_name(f"{self.path.name}.{threading.get_native_id()}.tmp")
        try:
            made.unlink(missing_ok=True)
            _create(made, mark)
            try:
                os.link(made, self.path)  # in one step with its content
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                _create(self.path, mark)
        except FileExistsError:
            if not self._clear_dead():
                raise LockedError(self._holder()) from None
            return False
        finally:
            made.unlink(missing_ok=True)
        self._mark = mark
        return True

    def _clear_dead(self):
        """Take the file of a holder away that was killed on this host; whether it is gone."""
        content = _content(self.path)
        process, host = _parse(content)
        if host != socket.gethostname() or _is_alive(process):
            return content is None  # gone already
        aside = self.path.with_name(f"{self.path.name}.{threading.get_native_id()}.gone")
        try:
            os.rename(self.path, aside)
            if aside.read_bytes() != content:  # another process was faster: what we took is its lock
                with suppress(FileExistsError):
                    os.link(aside, self.path)
            aside.unlink()
        except FileNotFoundError:
            pass
        return True

    def _holder(self):
        process, host = _parse(_content(self.path))
        if process is None:
            return f"a process that {self.path} does not name; if none is running there, delete that file"
        if host == socket.gethostname():
            return f"process {process} on this host ({self.path})"
        return f"process {process} on the host {host}; if it has ended, delete {self.path}"


def _create(path, content):
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(path, "wb", opener=lambda name, _: os.open(name, flags, 0o666)) as file:
        file.write(content)


def _content(path):
    try:
        with open(path, "rb", opener=lambda n, f: os.open(n, f | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            return file.read(1000)
    except OSError:
        return None


def _signature():
    return f"{os.getpid()}\n{socket.gethostname()}\n".encode()


def _parse(content: bytes | None) -> tuple[int, str] | tuple[None, None]:
    """Process and host that a lock file names; None and None if it names none."""
    process, host, *_ = [*(content or b"").decode(errors="replace").split("\n"), "", ""]
    if process.isascii() and process.isdigit() and 0 < int(process) < 2**31 and host.isprintable() and host:
        return int(process), host[:255]
    return None, None


def _is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _same_file(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False

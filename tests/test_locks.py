"""Locks: one holder at a time, who it is, and what becomes of a lock whose holder has ended, with and without `flock`."""

import errno
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from superspike_brian.files import locks
from superspike_brian.files.locks import Lock, LockedError
from superspike_brian.results.folder import FolderInUseError, RunFolder, RunFolderError


@pytest.fixture(params=["flock", *(errno.errorcode[code] for code in sorted(locks._NO_FLOCK))])
def path(request, tmp_path, monkeypatch):
    """Where the lock is, on a file system with `flock` and on ones that refuse it in each way that they do."""
    if request.param != "flock":

        def refuse(*_):
            raise OSError(getattr(errno, request.param), "no flock here")

        monkeypatch.setattr(locks.fcntl, "flock", refuse)
    return tmp_path / "lock"


def left_by(process, host=None):
    return f"{process}\n{host or socket.gethostname()}\n"


def ended():
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_second_is_told_who_is_first(path):
    first, second = Lock(path), Lock(path)
    first.acquire()
    assert path.read_text() == left_by(os.getpid())
    for _ in range(2):
        with pytest.raises(LockedError, match=rf"process {os.getpid()} on this host \(.*{path.name}\)"):
            second.acquire()
    first.release()
    assert not path.exists()
    second.acquire()
    first.release()  # it holds nothing: that changes nothing
    assert path.exists()
    second.release()
    assert list(path.parent.iterdir()) == []


def test_the_lock_of_a_process_that_ended_on_this_host_is_taken_over(path):
    path.write_text(left_by(ended()))
    lock = Lock(path)
    lock.acquire()
    assert path.read_text() == left_by(os.getpid())
    lock.release()
    assert list(path.parent.iterdir()) == []


FOREIGN = ["1\nother-node\n", "1\nother-node\n1\n", "", "?", "x\ny\nz\n", f"{2**40}\nhost\n", "\0" * 99]


@pytest.mark.parametrize("content", FOREIGN)
def test_a_lock_that_only_a_person_can_judge_is_named(path, content):
    path.write_text(content)
    if locks.fcntl.flock.__module__ != __name__:  # the kernel knows that nobody holds it
        Lock(path).acquire()
        return
    with pytest.raises(LockedError) as failure:
        Lock(path).acquire()
    assert str(path) in str(failure.value) and "delete" in str(failure.value)
    if "other-node" in content:
        assert "process 1 on the host other-node" in str(failure.value)
    assert path.read_text() == content and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("what", ["link", "dangling link", "folder", "pipe"])
def test_what_is_no_file_is_neither_followed_nor_waited_for(path, what):
    victim = path.with_name("victim")
    {
        "link": lambda: (victim.write_text("mine"), path.symlink_to(victim)),
        "dangling link": lambda: path.symlink_to(victim),
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
    }[what]()
    with pytest.raises(OSError, match=r"delete it"):
        Lock(path).acquire()
    assert not victim.exists() or victim.read_text() == "mine"


def test_file_systems_without_links(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    first, second = Lock(path), Lock(path)
    first.acquire()
    with pytest.raises(LockedError, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    assert list(path.parent.iterdir()) == []


def test_no_two_hold_it_at_a_time(path):
    """Threads with a lock each, as processes have; they add up what is lost if two are inside."""
    path.write_text(left_by(ended()))
    counter, within = path.with_name("counter"), []
    counter.write_text("0")

    def work():
        for _ in range(20):
            with Lock(path).held():
                within.append(1)
                assert len(within) == 1
                counter.write_text(str(int(counter.read_text()) + 1))
                within.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text() == "80" and not path.exists()


def test_one_that_waits_long_says_for_whom(path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    first, said = Lock(path), []
    first.acquire()

    def say(message):
        said.append(message)
        first.release()

    with Lock(path).held(say):
        pass
    assert said == [f"waiting for process {os.getpid()} on this host ({path})"]


def test_a_run_folder_tells_process_host_and_file(tmp_path):
    held = RunFolder.create(tmp_path / "run", {"seed": 1}, {})
    with pytest.raises(FolderInUseError, match=rf"process {os.getpid()} on this host .*run/\.lock"):
        RunFolder.open(tmp_path / "run")
    held.release()
    Path(tmp_path, "run", ".lock").symlink_to(tmp_path / "victim")
    with pytest.raises(RunFolderError, match=r"\.lock is a link"):
        RunFolder.open(tmp_path / "run")
    assert not (tmp_path / "victim").exists()

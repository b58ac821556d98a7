"""Full disks, and folders that cannot be written: a clear error, and nothing lost."""

import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from kill_harness import differences, start
from short_run import interrupted, run, trained

from superspike_brian.results.folder import RunFolder, RunFolderError
from superspike_brian.runs.training import resume

FULL = r"No space left on device|File too large|Disk quota"


def fill(disk, free):
    """Leave `free` bytes on `disk`; returns the file that takes the rest."""
    ballast = disk / "ballast"
    room = os.statvfs(disk)
    with open(ballast, "wb") as file:
        file.write(bytes(max(0, room.f_bavail * room.f_frsize - free)))
    return ballast


def test_full_disk(tmp_path, build_dir, whole, small_disk):
    """Whatever is written when the disk gets full: a clear error, nothing lost, and the same end when there is room."""
    page = os.statvfs(small_disk).f_frsize
    size = {p.name.split("-")[0]: -(-p.stat().st_size // page) for p in whole.iterdir()}
    birth, checkpoint = size["task.npz"] + size["run.json"], size["checkpoint"]
    first = birth + size["log.bin"] - 4  # nearly all of the log is its first record, a probe window
    rooms = (
        0,
        birth - 1,
        first // 2,
        *range(first + checkpoint - 1, first + 3 * checkpoint, 3),
        first + size["run.nc"],
    )
    seen = set()
    for number, room in enumerate(rooms):
        out, ballast = small_disk / f"run-{number}", fill(small_disk, room * page)
        with pytest.raises(RunFolderError, match=FULL) as failure:
            run(out, build_dir)
        seen |= {w for w in ("run.json", "task.npz", "log.bin", "checkpoint", "run.nc") if w in str(failure.value)}
        newest = RunFolder(out).newest()
        ballast.unlink()
        if (out / "run.json").exists():
            assert newest is None or RunFolder(out).newest()[0] == newest[0]
            resume(out, build_dir=build_dir)
        else:
            run(out, build_dir)
        assert not differences(whole, out)
        assert not list(out.glob(".*.tmp"))
        shutil.rmtree(out)
    assert seen == {"run.json", "task.npz", "log.bin", "checkpoint", "run.nc"}


def test_full_disk_of_temporary_files(tmp_path, build_dir, whole, small_disk, monkeypatch):
    out = tmp_path / "run"
    interrupted(out, build_dir, after=3)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    fill(small_disk, 0)
    resume(out, build_dir=build_dir)  # needs none
    assert not differences(whole, out)


def limited(out, build_dir, limit, message):
    """Train where no file may grow beyond `limit` bytes; write the error to `message`."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    trained(out, build_dir, message)


def test_log_that_may_not_grow(tmp_path, build_dir, whole):
    out, message = tmp_path / "run", tmp_path / "message"
    process = start(limited, out, build_dir, (whole / "log.bin").stat().st_size - 3000, message)
    process.join()
    assert process.exitcode == 0
    assert "log.bin: File too large; everything before is intact" in message.read_text()
    assert 0 < RunFolder(out).newest()[0] < 20000
    resume(out, build_dir=build_dir)
    assert not differences(whole, out)


def test_read_only_disk(tmp_path, build_dir, whole, small_disk):
    shutil.copytree(whole, out := small_disk / "run")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(RunFolderError, match=r"cannot write in .*Read-only file system"):
        resume(out, build_dir=build_dir)
    with pytest.raises(RunFolderError, match="disk is not writable"):
        run(small_disk / "other", build_dir)


def as_nobody(path, build_dir, message):
    """Train as a user without rights; write the error to `message`."""
    with open(message, "w") as file:
        if os.geteuid() == 0:
            os.setuid(65534)
        try:
            run(path, build_dir)
        except RunFolderError as error:
            file.write(str(error))


@pytest.mark.parametrize("where", ["there", "not there", "within"])
def test_unwritable_folder(build_dir, whole, where):
    with tempfile.TemporaryDirectory() as parent:  # pytest's own folders are closed to others altogether
        folder = Path(parent, "closed")
        folder.mkdir()
        os.chmod(parent, 0o755)
        os.chmod(folder, 0o555)
        out = {"there": folder, "not there": folder / "run", "within": folder / "run" / "deep"}[where]
        process = start(as_nobody, out, build_dir, message := Path(parent, "message"))
        process.join()
        assert "closed is not writable" in message.read_text()
        assert not list(folder.iterdir())

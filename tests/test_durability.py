"""A run survives kills, full disks, damaged files and vanished programs, and ends in the same bits as one left alone.

All tests but the slow ones share one compiled program, of the network that `kill_harness` trains.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import kill_harness
import numpy as np
import pytest
from brian2 import second
from kill_harness import differences, orphans, poisson_task, programs, start
from superspike_brian.models import SUPERSPIKE
from superspike_brian.tasks import ras, write_ras
from test_runfolder import DAMAGES, damage

from superspike_brian import engine, results
from superspike_brian.build import BuildError
from superspike_brian.engine import SimulationError
from superspike_brian.network import Structure
from superspike_brian.progress import Silent
from superspike_brian.runfolder import RunFolder, RunFolderError, unpack
from superspike_brian.training import resume, train

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
SHORT = {"duration": 2 * second, "burn_in": 0.5 * second, "block": 0.25 * second, "snapshot_every": 1 * second}
STRUCTURE = Structure(SUPERSPIKE, (12, 4, 3))
FULL = r"No space left on device|File too large|Disk quota"


class StopAfter(Silent):
    """Interrupts a run after `n` blocks, as Ctrl-C does; `then` may do something else instead."""

    def __init__(self, n, then=None):
        self.left, self.then = n, then

    def block(self, *figures):
        self.left -= 1
        if self.left == 0:
            if self.then is None:
                raise KeyboardInterrupt
            self.then()


def run(out, build_dir, **changes):
    """Train the short run in `out`."""
    return train(poisson_task(), hidden=(4,), out=out, build_dir=build_dir, **SHORT | changes)


def interrupted(out, build_dir, after, **changes):
    """Train the short run and interrupt it after so many blocks."""
    with pytest.raises(KeyboardInterrupt):
        run(out, build_dir, progress=StopAfter(after), **changes)


@pytest.fixture(scope="session")
def whole(tmp_path_factory, build_dir):
    """Folder of the short run, uninterrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run(out, build_dir)
    return out


@pytest.fixture
def copied(build_dir, tmp_path, whole):
    """A build folder of the test's own, which it may spoil."""
    shutil.copytree(build_dir, own := tmp_path / "build", copy_function=os.link)
    return own


@pytest.fixture
def objects_only(copied):
    """A build folder where the program has yet to be made, from object files that are there."""
    shutil.rmtree(copied / "programs")
    return copied


# interruptions


@linux
def test_kills_at_random_moments(tmp_path, build_dir):
    for trial in kill_harness.trials(4, seed=1, work=tmp_path, build_dir=build_dir):
        assert not trial["differences"] and not trial["orphans"], trial


@pytest.mark.slow
@linux
def test_fifty_kills_at_random_moments(tmp_path, build_dir):
    found = list(kill_harness.trials(50, seed=0, work=tmp_path, build_dir=build_dir))
    assert len(found) == 50 and not any(t["differences"] or t["orphans"] for t in found)


def long_block(out, build_dir):
    """Train in one block of many seconds of wall time."""
    train(poisson_task(), hidden=(4,), out=out, build_dir=build_dir, duration=5000 * second, block=5000 * second)


@linux
def test_program_ends_when_python_is_killed(tmp_path, build_dir, whole):
    process = start(long_block, tmp_path / "run", build_dir)
    _wait_for(lambda: list((tmp_path / "run").glob("checkpoint-*")) and programs(build_dir))
    time.sleep(0.3)
    assert programs(build_dir)
    process.kill()
    process.join()
    left, _ = orphans(build_dir, patience=5)
    assert not left
    assert not list(Path(tempfile.gettempdir()).glob(f"superspike-*{process.pid}*"))


def _wait_for(condition, patience=60):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


@linux
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_command_can_be_stopped_and_resumed(tmp_path, build_dir, whole, name):
    task, out = poisson_task(), tmp_path / "run"
    write_ras(tmp_path / "in.ras", task.inputs)
    write_ras(tmp_path / "target.ras", task.targets)
    arguments = ["ras", "--input", "in.ras", "--target", "target.ras", "--period", "200ms", "--hidden", "4"]
    arguments += ["--n-inputs", "12", "--n-outputs", "3", "--duration", "4000s", "--block", "1s", "--burn-in", "1s"]
    command = [
        sys.executable,
        "-m",
        "superspike_brian.cli",
        "run",
        *arguments,
        "--out",
        "run",
        "--build-dir",
        build_dir,
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        _wait_for(lambda: any(int(p.stem[-12:]) > 0 for p in out.glob("checkpoint-*.npz")))
        process.send_signal(getattr(signal, name))
        message = process.communicate(timeout=10)[1]
    assert process.returncode == 130 and "superspike resume run" in message and "Traceback" not in message
    assert not orphans(build_dir, patience=1)[0]
    at = RunFolder(out).newest()[0] * 1e-4 * second
    end = 2 * second + at
    resume(out, duration=end, build_dir=build_dir)
    task = ras(tmp_path / "in.ras", tmp_path / "target.ras", 0.2 * second, 12, 3)
    one_piece = train(
        task, hidden=(4,), duration=end, block=1 * second, burn_in=1 * second, out=tmp_path / "one", build_dir=build_dir
    )
    assert one_piece.sizes["block"] >= 3
    assert not differences(tmp_path / "one", out)


def test_interrupted_again_and_again(tmp_path, build_dir, whole):
    out = tmp_path / "run"
    interrupted(out, build_dir, after=1)
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            resume(out, build_dir=build_dir, progress=StopAfter(1))
    resume(out, build_dir=build_dir)
    assert not differences(whole, out)


# blocks that take long enough to report on their way
LONG = {"duration": 600 * second, "burn_in": 1 * second, "block": 300 * second, "snapshot_every": None}


class Within(Silent):
    """Does something when the program first reports within the last block of `LONG`."""

    def __init__(self, what):
        self.what, self.done = what, False

    def inside(self, start, stop, fraction):
        if start > 100 and not self.done:
            self.done = True
            self.what()


@linux
def test_stopped_within_a_block(tmp_path, build_dir):
    def ctrl_c():
        raise KeyboardInterrupt

    def kill_program():
        for program in programs(build_dir):
            os.kill(program, signal.SIGKILL)

    run(tmp_path / "whole", build_dir, **LONG)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", build_dir, progress=Within(ctrl_c), **LONG)
    assert not orphans(build_dir, patience=1)[0]
    with pytest.raises(SimulationError, match="was killed by signal 9"):
        resume(tmp_path / "run", build_dir=build_dir, progress=Within(kill_program))
    resume(tmp_path / "run", build_dir=build_dir)
    assert not differences(tmp_path / "whole", tmp_path / "run")


def test_resuming_a_finished_run_changes_nothing(tmp_path, build_dir, whole):
    shutil.copytree(whole, out := tmp_path / "run")
    resume(out, build_dir=build_dir)
    assert not differences(whole, out)


@pytest.mark.parametrize("first", [1 * second, 1.1 * second, 0.3 * second], ids=["at a block", "within", "in burn-in"])
def test_extending_equals_a_longer_run(tmp_path, build_dir, whole, first):
    out = tmp_path / "run"
    run(out, build_dir, duration=first)
    resume(out, duration=SHORT["duration"], build_dir=build_dir)
    longer, extended = results.load(whole), results.load(out)
    for name in (
        "weights_1_start",
        "weights_2_end",
        "weights_1_end",
        "weights_1_snapshots",
        "watched_time",
        "watched_unit",
        "U_output",
    ):
        assert longer[name].values.tobytes() == extended[name].values.tobytes(), name
    at = np.isin(extended.time, longer.time)
    assert at.sum() == longer.sizes["block"]  # the end of the first run may be one point more
    for name in ("time", "cost", "r0"):
        assert longer[name].values.tobytes() == extended[name].values[at].tobytes(), name


# damage


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("how_many", [1, 2])
def test_damaged_checkpoints(tmp_path, build_dir, whole, caplog, how, how_many):
    out = tmp_path / "run"
    interrupted(out, build_dir, after=5)
    for path in sorted(out.glob("checkpoint-*.npz"))[-how_many:]:
        damage(path, how)
    resume(out, build_dir=build_dir)
    assert "is damaged" in caplog.text and ("starting again from 0 s" in caplog.text) == (how_many == 2)
    assert not differences(whole, out)
    assert len(list(out.glob("checkpoint-*.damaged"))) == how_many


@pytest.mark.parametrize("at", [0.1, 0.99])
def test_damaged_log(tmp_path, build_dir, whole, caplog, at):
    out = tmp_path / "run"
    interrupted(out, build_dir, after=5)
    log = bytearray((out / "log.bin").read_bytes())
    log[int(at * len(log))] ^= 1
    (out / "log.bin").write_bytes(log)
    resume(out, build_dir=build_dir)
    assert "log.bin" in caplog.text
    assert not differences(whole, out)


# full disk, unwritable folder


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root on Linux")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small file system: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


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
    try:
        run(out, build_dir)
    except RunFolderError as error:
        message.write_text(str(error))


def test_log_that_may_not_grow(tmp_path, build_dir, whole):
    out, message = tmp_path / "run", tmp_path / "message"
    process = start(limited, out, build_dir, (whole / "log.bin").stat().st_size - 3000, message)
    process.join()
    assert process.exitcode == 0
    assert "log.bin: File too large; everything up to the block before is intact" in message.read_text()
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


# programs and compilers


@pytest.mark.parametrize("what", ["all", "main", "half a file"])
def test_program_that_vanishes_between_blocks(tmp_path, copied, whole, what):
    out, folder = tmp_path / "run", engine.build(STRUCTURE, build_dir=copied).folder

    def remove():
        if what == "all":
            shutil.rmtree(folder)
        elif what == "main":
            (folder / "main").unlink()
        else:
            array = sorted((folder / "static_arrays").iterdir())[0]
            half = array.read_bytes()[:10]
            array.unlink()
            array.write_bytes(half)

    with pytest.raises(SimulationError, match="is gone or incomplete: `superspike resume` builds it again"):
        run(out, copied, progress=StopAfter(3, then=remove))
    assert RunFolder(out).newest()[0] == 20000  # the running process needs its files no more; the last probe does
    resume(out, build_dir=copied)
    assert not differences(whole, out)


def compiler_that(tmp_path, body):
    """A C++ compiler that executes `body`, a few lines of sh, where it should compile."""
    wrapper = tmp_path / "cxx"
    wrapper.write_text(f'#!/bin/sh\ncase "$*" in *--version*|*--help*) exec g++ "$@";; esac\n{body}\nexec g++ "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def test_killed_compiler(tmp_path, objects_only, monkeypatch):
    programs = objects_only / "programs"
    for body, message in (("kill -9 $$", "killed by signal 9"), ('echo "no room" >&2; exit 1', "no room")):
        with monkeypatch.context() as patch, pytest.raises(BuildError, match=message):
            patch.setenv("CXX", compiler_that(tmp_path, body))
            engine.build(STRUCTURE, build_dir=objects_only)
        assert not list(programs.glob("*building*")) and not list(programs.glob("*/manifest.json"))
    assert engine.is_complete(engine.build(STRUCTURE, build_dir=objects_only).folder)


def build_slowly(build_dir, log):
    """Build, and note it in `log` when this process is the one that does it."""
    generate = engine._generate_and_compile

    def noted(*arguments):
        log.write_text("built")
        time.sleep(1)
        generate(*arguments)

    engine._generate_and_compile = noted
    engine.build(STRUCTURE, build_dir=build_dir)


def test_two_processes_share_one_build(tmp_path, objects_only):
    logs = [tmp_path / name for name in "ab"]
    processes = [start(build_slowly, objects_only, log) for log in logs]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert sum(log.exists() for log in logs) == 1  # the other waited
    assert len(list(objects_only.glob("programs/*/manifest.json"))) == 1


def build_with(build_dir, compiler):
    """Build with a compiler of the test's own."""
    os.environ["CXX"] = compiler
    engine.build(STRUCTURE, build_dir=build_dir)


def test_killed_build_is_cleared_by_the_next(tmp_path, objects_only):
    called = tmp_path / "called"
    process = start(build_with, objects_only, compiler_that(tmp_path, f"touch {called}; sleep 3"))
    _wait_for(called.exists)
    process.kill()
    process.join()
    assert list(objects_only.glob("programs/*.building-*"))
    engine.build(STRUCTURE, build_dir=objects_only)
    assert not list(objects_only.glob("programs/*.building-*"))


# two at once


def trained(out, build_dir, message):
    """Train the short run; write the error, if any, to `message`."""
    try:
        run(out, build_dir)
    except RunFolderError as error:
        message.write_text(str(error))


def test_second_run_in_a_folder_is_refused(tmp_path, build_dir, whole):
    out, message = tmp_path / "run", tmp_path / "message"

    def meanwhile():
        process = start(trained, out, build_dir, message)
        process.join()
        for attempt in (
            lambda: resume(out, build_dir=build_dir),
            lambda: run(out, build_dir, overwrite=True),
        ):
            with pytest.raises(RunFolderError, match="another process is running"):
                attempt()

    run(out, build_dir, progress=StopAfter(3, then=meanwhile))
    assert "is not empty" in message.read_text() or "another process" in message.read_text()
    assert not differences(whole, out)


def test_two_runs_of_one_program_at_once(tmp_path, build_dir, whole):
    processes = [start(trained, tmp_path / name, build_dir, tmp_path / f"{name}.message") for name in "ab"]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert not differences(whole, tmp_path / "a") and not differences(whole, tmp_path / "b")


# what is stored


def test_nothing_stored_is_a_pickle(whole):
    for path in (whole / "task.npz", *whole.glob("checkpoint-*.npz")):
        unpack(path.read_bytes())  # np.load(allow_pickle=False)
    RunFolder(whole).records()
    for path in whole.iterdir():
        assert b"cnumpy" not in path.read_bytes() and b"\x80\x04\x95" not in path.read_bytes(), path


def test_results_open_without_this_package(whole):
    code = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("superspike_brian", "brian2"):
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
import h5py, numpy as np, xarray
with h5py.File(sys.argv[1]) as file:
    assert file["weights_1_end"].shape == (12, 4) and file["weights_1_end"].attrs["units"] in ("volt", b"volt")
    assert "membrane" in str(file.attrs["equations"]) or "tau_mem" in str(file.attrs["equations"])
    def plain(name, item):
        assert not isinstance(item, h5py.Dataset) or item.dtype.kind in "iufSO" and item.dtype.metadata in (
            None, {"vlen": str}), (name, item.dtype)
    file.visititems(plain)
data = xarray.open_dataset(sys.argv[1], engine="h5netcdf").load()
trains = [data.watched_time.values[data.watched_unit.values == unit] for unit in range(3)]  # loads in a line
assert sum(map(len, trains)) == data.sizes["watched"]
assert not {"superspike_brian", "brian2"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, whole / "run.nc"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# growth


def grown(out, build_dir, duration, report):
    """Train a small network for `duration` (s) in blocks of 10 s; write what it took."""
    data = train(poisson_task(), hidden=(4,), duration=duration * second, out=out, build_dir=build_dir)
    asked = data.sizes["watched"] * 12 + data.sizes["block"] * 8 * (2 + 2 * data.sizes["output"])
    folder = sum(p.stat().st_size for p in out.iterdir())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.write_text(json.dumps((memory, folder / 1e6, asked / 1e6, data.sizes["block"])))


@pytest.mark.slow
def test_memory_and_disk_do_not_grow_with_the_run(tmp_path, build_dir, whole):
    """Only the watched spikes and the learning curve do; the compiled program is a new process every block."""
    found = []
    for duration in (1000, 10_000):
        process = start(
            grown, tmp_path / f"run-{duration}", build_dir, duration, report := tmp_path / f"{duration}.txt"
        )
        process.join()
        assert process.exitcode == 0
        found.append(json.loads(report.read_text()))
        print("{} s: {:.0f} MB memory, {:.1f} MB on disk, {:.1f} MB spikes and curve".format(duration, *found[-1]))
    memory, disk, asked, blocks = np.subtract(*reversed(found))
    assert memory < 5 * asked + 10
    assert (
        disk < 2 * asked + 2e-3 * blocks
    )  # they are in the log and in run.nc; a record has 2 kB of names and checksums


def test_an_interrupted_extension_shows_its_newest_block(build_dir, tmp_path, whole):
    """run.nc is older than the checkpoints then."""
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    stale = (out / "run.nc").read_bytes()
    resume(out, duration=3 * second, build_dir=build_dir, progress=False)
    (out / "run.nc").write_bytes(stale)
    assert results.load(out).attrs["simulated_s"] == 3
    assert results.load(out / "run.nc").attrs["simulated_s"] == 2

"""A run that is killed or interrupted at any moment ends in the same bits as one left alone, and leaves no process behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import kill_harness
import pytest
from brian2 import second
from kill_harness import differences, orphans, poisson_task, programs, start
from short_run import StopAfter, interrupted, linux, run, wait_for
from superspike_brian.tasks import ras, write_ras

from superspike_brian.console.progress import Silent
from superspike_brian.engine.program import SimulationError
from superspike_brian.results.folder import RunFolder
from superspike_brian.runs import loop
from superspike_brian.runs.training import resume, train


@linux
def test_kills_at_random_moments(tmp_path, copied):
    for trial in kill_harness.trials(4, seed=1, work=tmp_path, build_dir=copied):
        assert not trial["differences"] and not trial["orphans"], trial


@pytest.mark.slow
@linux
def test_fifty_kills_at_random_moments(tmp_path, copied, claim):
    found = list(kill_harness.trials(50, seed=0, work=tmp_path, build_dir=copied))
    assert len(found) == 50 and not any(t["differences"] or t["orphans"] for t in found)
    claim("A killed run is resumed to the same bits", "killed at 50 random moments; runs that differ", 0)


def long_block(out, build_dir):
    """Train in one block of many seconds of wall time."""
    train(poisson_task(), hidden=(4,), out=out, build_dir=build_dir, duration=5000 * second, block=5000 * second)


@linux
def test_program_ends_when_python_is_killed(tmp_path, copied):
    process = start(long_block, tmp_path / "run", copied)
    wait_for(lambda: list((tmp_path / "run").glob("checkpoint-*")) and programs(copied))
    time.sleep(0.3)
    assert programs(copied)
    process.kill()
    process.join()
    left, _ = orphans(copied, patience=5)
    assert not left
    assert not list(Path(tempfile.gettempdir()).glob(f"superspike-*{process.pid}*"))


@linux
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_command_can_be_stopped_and_resumed(tmp_path, copied, name):
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
        copied,
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: any(int(p.stem[-12:]) > 0 for p in out.glob("checkpoint-*.npz")))
        process.send_signal(getattr(signal, name))
        message = process.communicate(timeout=10)[1]
    assert process.returncode == 130 and "superspike resume run" in message and "Traceback" not in message
    assert not orphans(copied, patience=1)[0]
    at = RunFolder(out).newest()[0] * 1e-4 * second
    end = 2 * second + at
    resume(out, duration=end, build_dir=copied)
    task = ras(tmp_path / "in.ras", tmp_path / "target.ras", 0.2 * second, 12, 3)
    one_piece = train(
        task, hidden=(4,), duration=end, block=1 * second, burn_in=1 * second, out=tmp_path / "one", build_dir=copied
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
def test_stopped_within_a_block(tmp_path, copied):
    def ctrl_c():
        raise KeyboardInterrupt

    def kill_program():
        for program in programs(copied):
            os.kill(program, signal.SIGKILL)

    run(tmp_path / "whole", copied, **LONG)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", copied, progress=Within(ctrl_c), **LONG)
    assert not orphans(copied, patience=1)[0]
    with pytest.raises(SimulationError, match="was killed by signal 9"):
        resume(tmp_path / "run", build_dir=copied, progress=Within(kill_program))
    resume(tmp_path / "run", build_dir=copied)
    assert not differences(tmp_path / "whole", tmp_path / "run")


def test_short_blocks_are_saved_several_at_a_time(tmp_path, build_dir, whole, monkeypatch):
    saved, save = [], RunFolder.save_blocks

    def counted(folder, step, state, *records):
        saved.append(len(records))
        save(folder, step, state, *records)

    monkeypatch.setattr(RunFolder, "save_blocks", counted)
    monkeypatch.setattr(loop, "EVERY", 3600.0)
    run(tmp_path / "run", build_dir)
    assert saved == [1, 8]  # the start, and the whole run
    assert not differences(whole, tmp_path / "run")
    saved.clear()
    with pytest.raises(KeyboardInterrupt):  # what is computed by then is saved nevertheless
        run(tmp_path / "stopped", build_dir, progress=StopAfter(1))
    assert saved == [1, 8] and RunFolder(tmp_path / "stopped").newest()[0] == 20000

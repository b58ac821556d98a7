"""What there is to see of a run or a sweep, whatever state its folder is in."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from watched import contents, seen

import superspike_brian as ss
from superspike_brian.files.arrays import pack
from superspike_brian.files.durable import RunFolderError
from superspike_brian.files.locks import Lock, holder
from superspike_brian.live import text, watcher
from superspike_brian.live.many import sweep_snapshot
from superspike_brian.live.snapshot import RunSnapshot
from superspike_brian.live.watcher import Watcher
from superspike_brian.results.following import Follower

pytestmark = [pytest.mark.usefixtures("surroundings"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]


# folders in any state


def test_a_folder_that_comes_and_goes_and_comes_again(runs):
    watching, run = Watcher("later/run"), Path("later/run")
    assert watching.look().state == "waiting"
    run.mkdir(parents=True)
    assert watching.look().state == "waiting"
    for name, state in (("finished", "finished"), ("diverged", "diverged"), ("finished", "finished")):
        shutil.rmtree("later")
        if state == "diverged":
            assert (watching.look().state, watching.latest.curves) == ("waiting", None)
        shutil.copytree(getattr(runs, name), run)
        assert watching.look().state == state
        assert np.array_equal(watching.latest.curves.cost, ss.load(run).cost)


def test_half_written_blocks_are_not_there_yet(finished):
    whole = finished
    Path("run/run.nc").unlink()
    log, follower = Path("run/log.bin"), Follower("run")
    length = log.stat().st_size
    with log.open("ab") as file:  # a block whose checkpoint is missing, and another that is cut
        record = pack({"time": np.array(0.12), "cost": np.zeros(2)})
        file.write(record + record[: len(record) // 2])
    follower.look()
    assert len(follower.course.time) == 5 and np.array_equal(follower.data.cost, whole.cost)
    with log.open("r+b") as file:  # what resuming does
        file.truncate(length)
    follower.look()
    assert np.array_equal(follower.data.cost, whole.cost)
    Path("run", ".log.bin.1.2.tmp").write_bytes(b"half")
    sorted(Path("run").glob("checkpoint-*.npz"))[-1].unlink()  # and back to the one before
    with log.open("r+b") as file:
        file.truncate(length - 5)
    follower.look()
    assert len(follower.course.time) == 4 and follower.simulated_s == pytest.approx(0.08)


@pytest.mark.parametrize("name", ["run.json", "log.bin", "checkpoint-000000000500.npz", "task.npz"])
def test_damage_is_said_and_what_was_seen_stays(name, finished):
    Path("run/run.nc").unlink()
    watching, path = Watcher("run"), Path("run", name)
    good, data = watching.look(), path.read_bytes()
    for damaged in (data[: len(data) // 2], b"", b"x" * len(data)):
        path.write_bytes(damaged)
        found = Watcher("run").look()
        assert found.message and "Traceback" not in found.message
        again = watching.look()
        assert again.message or np.array_equal(again.curves.cost, good.curves.cost)
    path.write_bytes(data)
    assert Watcher("run").look().message == ""


def test_states(finished):
    assert seen("run").state == "finished"
    request = json.loads(Path("run/run.json").read_text())
    request["protocol"]["duration"][0] = 1.0
    Path("run/run.json").write_text(json.dumps({k: v for k, v in request.items() if k != "checksums"}))
    assert seen("run").state == "interrupted"
    with Lock("run/.lock").held():
        found = seen("run")
        assert (found.state, found.where) == ("running", f"process {os.getpid()} on {socket.gethostname()}")
        assert found.left_s > 0 and "left" in text.run_head(found)
        with pytest.raises(RunFolderError, match="another process"):  # looking has not let it go
            ss.resume("run", progress=False)
    assert seen("run").where == ""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    Path("run/.lock").write_text(f"{dead.pid}\n{socket.gethostname()}\n")  # what a killed run leaves
    assert (holder("run/.lock").lives, seen("run").state) == (False, "interrupted")
    Path("run/.lock").write_text("7\nnode17\n")
    found = seen("run")
    assert (found.state, found.where) == ("running", "process 7 on node17")
    old = dataclasses.replace(found, last_s=time.time() - 3 * 3600)
    assert "no block for 3 h 0 min: is it alive?" in text.run_head(old)


def test_a_run_that_diverged_says_why(runs):
    found = seen(runs.diverged)
    assert (found.state, found.message) == ("diverged", runs.message)
    assert "U of output" in text.run_head(found)


def test_nothing_of_a_folder_is_taken_for_html():
    evil = "<script>alert(1)</script>"
    run = RunSnapshot(Path(evil), "interrupted", evil, task=evil, about=evil, begun=evil, notes=(evil,))
    for found in (text.run_head(run), text.notes(run.notes), text.legend({evil: "#000000"})):
        assert "<script" not in found and "&lt;script" in found


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (99, "99 s"), (100, "2 min"), (3599, "60 min"), (7200, "2 h 0 min"), (180000, "2 d 2 h")],
)
def test_durations(seconds, said):
    assert text.duration_text(seconds) == said


# sweeps


def test_sweep(sweep):
    before = contents(sweep)
    watching = Watcher(sweep)
    found = watching.look()
    assert contents(sweep) == before
    assert [row.state for row in found.rows] == ["finished", "diverged", "waiting", "running"]
    assert [row.condition for row in found.rows] == [{"r0": "1 mV"}] * 2 + [{"r0": "5 mV"}] * 2
    assert found.rows[0].cost == pytest.approx(float(ss.load(sweep / "r0=1mV/seed-000").cost[-1].mean()))
    assert found.counts == {"running": 1, "finished": 1, "waiting": 1, "diverged": 1}
    assert {name: len(curves) for name, curves in found.conditions.items()} == {"r0 = 1 mV": 2, "r0 = 5 mV": 1}
    assert found.done == pytest.approx(3 / 4) and found.left_s > 0
    plan = {"grid": [], "runs": [{"folder": "a/b", "condition": {}, "seed": 0, "message": "no compiler"}]}
    (row,) = sweep_snapshot(sweep, plan, {"a/b": Follower("a/b")}).rows
    assert (row.state, row.message, row.title) == ("failed", "no compiler", "all runs")
    Path(sweep, "sweep.json").write_text("{")
    assert "sweep.json" in watching.look().message and len(watching.latest.rows) == 4


def test_quartiles_are_those_of_the_figure(sweep):
    pytest.importorskip("bokeh")
    from superspike_brian.live.sweep_view import colours, quartiles

    runs = [Follower(sweep / name) for name in ("r0=1mV/seed-000", "r0=5mV/seed-001")]
    assert all(run.look() for run in runs)
    a, b = (run.course for run in runs)
    time_s, low, middle, high = quartiles([a, b._replace(time=b.time[:3], cost=b.cost[:3])])
    np.testing.assert_allclose(time_s, a.time)
    np.testing.assert_allclose(middle, np.r_[(a.cost[:3] + b.cost[:3]) / 2, a.cost[3:]])
    np.testing.assert_allclose(low[:3], np.quantile([a.cost[:3], b.cost[:3]], 0.25, axis=0))
    assert high.shape == low.shape
    assert len({*colours(Watcher(sweep).look()).values()}) == 2


def test_looking_takes_a_small_share_of_a_core(monkeypatch):
    watching, waits = Watcher("run"), []
    end = threading.Event()
    took = iter([3.0, 1.0, 0.001, 0.2])  # seconds of computing
    clock = [0.0]
    monkeypatch.setattr(time, "thread_time", lambda: clock[0])
    monkeypatch.setattr(watching, "look", lambda: clock.append(clock.pop() + next(took)))
    monkeypatch.setattr(end, "wait", lambda seconds: waits.append(seconds) or (len(waits) == 4 and end.set()))
    watching._look_on(end)
    assert waits == pytest.approx([watcher.INTERVAL, 1 / watcher.SHARE, watcher.INTERVAL, watcher.INTERVAL])

"""What there is to see of a run while it goes on, and the page that shows it, in a real browser."""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import ms, mV
from browser import DESKTOP, PHONE, browser
from command import process, refused, superspike
from superspike_brian.models import LIF, SUPERSPIKE
from superspike_brian.tasks import LabelledSpikes, SpikePattern, Task

import superspike_brian as ss
from superspike_brian.console.progress import Silent
from superspike_brian.errors import MissingPackageError, UserError
from superspike_brian.files.arrays import Members, pack
from superspike_brian.files.durable import RunFolderError, json_with_checksums
from superspike_brian.files.locks import Lock, holder
from superspike_brian.live import server, text, watcher
from superspike_brian.live.many import sweep_snapshot
from superspike_brian.live.notebook import watch
from superspike_brian.live.server import Page, is_refused
from superspike_brian.live.snapshot import RunSnapshot, snapshot
from superspike_brian.live.watcher import Watcher
from superspike_brian.results import following
from superspike_brian.results.following import Follower
from superspike_brian.runs.divergence import DivergedError
from superspike_brian.values.as_json import quantity_to_json

pytestmark = [pytest.mark.usefixtures("surroundings"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]
SHORT = {"device": "runtime", "dt": 0.2 * ms, "burn_in": 20 * ms, "block": 20 * ms, "seed": 1, "progress": False}
RUNAWAY = SUPERSPIKE.replace(
    neuron=LIF.replace(name="runaway", equations="dU/dt = 1000*U/ms + 0*I_syn/ms : volt\nI_syn : volt", method="euler")
)


TASK = Task(  # a loop of 20 ms
    "test",
    SpikePattern(3, np.array([0, 1, 2, 0]), np.array([1, 2, 4, 11]) * ms, 20 * ms),
    SpikePattern(2, np.array([0, 1]), np.array([8, 12]) * ms, 20 * ms),
    "made for a test",
)
LEARNS = SUPERSPIKE.replace(t_b=20 * ms)


def train(out, model=LEARNS, **options):
    return ss.train(TASK, model, **SHORT | options, out=out)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run, and one that diverged with a message; to be copied."""
    folder = tmp_path_factory.mktemp("runs")
    train(folder / "finished", hidden=[2], duration=100 * ms)
    with pytest.raises(DivergedError) as caught:
        train(folder / "diverged", RUNAWAY, duration=100 * ms, burn_in=0 * ms)
    return SimpleNamespace(finished=folder / "finished", diverged=folder / "diverged", message=str(caught.value))


@pytest.fixture
def finished(runs):
    """A finished run of five blocks in the folder ``run``."""
    shutil.copytree(runs.finished, "run")
    return ss.load("run")


class Beside(Silent):
    """Does something after each block of a run."""

    def __init__(self, do):
        self.do = do

    def block(self, *_):
        """A block has ended, and is on disk."""
        self.do()


def seen(path):
    found = Watcher(path).look()
    assert isinstance(found, RunSnapshot)
    return found


def contents(path):
    """Every file below a folder, with its content and when it was written."""
    files = [p for p in Path(path).rglob("*") if p.is_file()]
    return {p: (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}


# reading while it grows


def test_after_every_block_the_follower_has_what_loading_has():
    follower, reads = Follower("run"), []

    def compare():
        before = contents("run")
        follower.look()
        mine, whole = follower.data, ss.load("run")
        assert contents("run") == before
        for name in ("time", "cost", "rate", "r0", "weights_1_end", "weights_2_end"):
            assert np.array_equal(mine[name], whole[name]), name
        newest = whole.sizes["probe"] - 1
        assert mine.probe_start.values.tolist() == [float(whole.probe_start[newest])]
        for name in ("inputs", "hidden_1", "output", "targets"):
            there = whole[f"spikes_{name}_probe"].values == newest
            assert np.array_equal(mine[f"spikes_{name}_time"], whole[f"spikes_{name}_time"].values[there])
        assert mine.attrs["notes"] == whole.attrs["notes"]
        np.testing.assert_allclose(follower.course.cost, whole.cost.mean("output"))
        assert follower.simulated_s == pytest.approx(float(whole.time[-1]))
        assert snapshot(follower, time.time()).state == "running"
        reads.append(follower.simulated_s)

    options = {"hidden": [2], "probe_at": [40 * ms], "duration": 80 * ms, "progress": Beside(compare)}
    whole = train("run", **options)
    assert len(reads) == 4
    follower.look()
    found = snapshot(follower, time.time())
    assert (found.state, found.window.start) == ("finished", pytest.approx(0.08))
    assert np.array_equal(found.curves.cost, whole.cost)
    assert found.rates.keys() == {"hidden_1", "output"}


def test_a_look_reads_what_has_come_and_no_large_window(monkeypatch):
    kept, follower, opened = {}, Follower("run"), []

    class Counted(Members):
        def __getitem__(self, name):
            opened.append(name)
            return super().__getitem__(name)

    monkeypatch.setattr(following, "Members", Counted)

    def look():
        opened.clear()
        follower.look()
        kept[follower.simulated_s] = list(opened)
        opened.clear()
        follower.look()
        assert opened == []

    train("run", probe_every=20 * ms, duration=100 * ms, snapshot_every=20 * ms, progress=Beside(look))
    counts = [len(names) for names in list(kept.values())[1:]]
    assert len(counts) == 4 and max(counts) == min(counts) < 20  # as much for the last block as for the second
    assert not any(name.startswith(("probe/", "snapshot_")) for names in kept.values() for name in names)
    whole = Follower("run")
    assert whole.look() and "spikes_output_time" in whole.data
    assert not {"U_output", "w_forward_1", "weights_1_snapshots"} & whole.data.keys()
    Path("run/run.nc").unlink()
    opened.clear()
    assert follower.data is not None
    state = {name for name in opened if name.startswith("probe/probe_")}
    assert len(state) == 1 and next(iter(state)).endswith(".t")


def test_trials_and_tests():
    times = [np.array([1, 2 + k]) * ms for k in range(6)]
    samples = LabelledSpikes.from_arrays(times, [[0, 1]] * 6, [0, 1] * 3)
    course = {"duration": 200 * ms, "block": 100 * ms, "test_every": 100 * ms}
    ss.train(samples, hidden=[2], test=samples, out="run", **SHORT | course)
    found = seen("run")
    onsets, deadlines, classes = found.window.targets
    assert len(classes) and (deadlines > onsets).all() and set(classes) <= {0, 1} and len(found.answers.time) > 1
    assert len(found.answers.test_correct) == 2 and "of the last trials correct" in text.run_head(found)
    Path("run/run.nc").unlink()  # as while it goes on
    running = seen("run")
    np.testing.assert_allclose(running.answers.correct, found.answers.correct)
    assert np.array_equal(running.answers.test_correct, found.answers.test_correct[:1])


def test_signals():
    short = {"duration": 400 * ms, "burn_in": 0 * ms, "block": 200 * ms, "probe_length": 100 * ms, "dt": 1 * ms}
    ss.train("waves", hidden=[3], out="waves", **SHORT | short)
    whole = seen("waves").window.signals
    Path("waves/run.nc").unlink()
    for signals in (whole, seen("waves").window.signals):
        times, units, potentials, targets = signals
        assert potentials.shape == targets.shape == (len(times), len(units)) and np.isfinite(targets[1:-1]).all()


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


def test_members_of_an_archive_are_checked():
    whole, path = pack({"a": np.arange(5), "b": np.zeros((2, 3))}), Path("log")
    path.write_bytes(whole + whole)
    with path.open("rb") as file:
        second_one = Members(file, Members(file).end)
        assert second_one.end == 2 * len(whole) and list(second_one) == ["a", "b"]
        assert second_one["a"].tolist() == [0, 1, 2, 3, 4] and second_one["b"].shape == (2, 3)
    for damaged in (whole[:-1], whole[:20], whole[:40] + bytes(len(whole) - 40), bytes(50)):
        path.write_bytes(damaged)
        with path.open("rb") as file, pytest.raises(ValueError, match=r"cut short|no archive"):
            Members(file)["a"]
    at = whole.index(np.arange(5).tobytes())
    path.write_bytes(whole[:at] + b"\x07" + whole[at + 1 :])
    with path.open("rb") as file, pytest.raises(ValueError, match="CRC"):
        Members(file)["a"]


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


def test_notes_and_weights_at_their_bound():
    model = SUPERSPIKE.replace(t_b=20 * ms, w_max=1 * mV, r0=50 * mV)
    train("run", model, duration=60 * ms)
    for _ in range(2):
        found = seen("run")
        (weights,) = found.weights
        assert weights.at_bound > 0.1 and any("are at their bound" in note for note in found.notes)
        assert f"{weights.at_bound:.1%}" in text.weights_table(found)
        Path("run/run.nc").unlink(missing_ok=True)


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


@pytest.fixture
def sweep(runs):
    """A sweep of two conditions and two seeds, of which one diverged, one is not there and one runs elsewhere."""
    plan = []
    for name, value in (("r0=1mV", 1 * mV), ("r0=5mV", 5 * mV)):
        condition = {"r0": {"quantity": quantity_to_json(value)}}
        plan += [{"folder": f"{name}/seed-00{seed}", "condition": condition, "seed": seed} for seed in (0, 1)]
    shutil.copytree(runs.finished, "sweep/r0=1mV/seed-000")
    shutil.copytree(runs.diverged, "sweep/r0=1mV/seed-001")
    shutil.copytree(runs.finished, "sweep/r0=5mV/seed-001")
    Path("sweep/r0=5mV/seed-001/.lock").write_text("7\nnode17\n")
    Path("sweep/sweep.json").write_bytes(json_with_checksums({"format": 1, "grid": ["r0"], "runs": plan}))
    return Path("sweep")


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


# who may look


@pytest.mark.parametrize("host", ["localhost:5006", "127.0.0.1:5006", "[::1]:9000", "LOCALHOST", "localhost:9000"])
def test_this_machine_may_look(host):
    assert not is_refused(host, None)
    assert not is_refused(host, f"http://{host}")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.com", None),
        ("evil.com:5006", "http://evil.com:5006"),
        ("localhost.evil.com:5006", None),
        ("127.0.0.1.evil.com", None),
        ("", None),
        ("localhost:5006", "http://evil.com"),
        ("localhost:5006", "http://localhost:8000"),
        ("localhost:5006", "null"),
    ],
)
def test_others_may_not(host, origin):
    assert is_refused(host, origin)


def test_bad_arguments_are_refused(finished, monkeypatch):
    pytest.importorskip("bokeh")
    assert "run/run.nc is a file: give the folder" in refused("watch", "run/run.nc")
    assert "expected a number from 1 to 65535" in refused("watch", "run", "--port", "70000")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port {port} cannot be used (Address already in use)" in refused("watch", "run", "--port", port)
        monkeypatch.setattr(server, "PORT", port)
        assert Page(Watcher("run")).url not in (f"http://127.0.0.1:{port}/", "")  # the next one
    with pytest.raises(UserError, match="`superspike watch run` shows a page in the browser"):
        watch("run")


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh.server.server", None)
    with pytest.raises(MissingPackageError, match=r"superspike_brian\[watch\]"):
        Page(Watcher("run"))
    assert "superspike_brian[watch]" in refused("watch", "run", "--no-browser")


# in a browser


def opened(chromium, url, size=DESKTOP):
    """A page, and what went wrong on it: requests to others, errors."""
    page, faults = chromium.new_context(viewport=size).new_page(), []
    page.set_default_timeout(90_000)
    page.on("request", lambda r: r.url.startswith((url.partition("?")[0], "data:")) or faults.append(r.url))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(url)
    return page, faults


POINTS = """() => Math.max(0, ...[...window.Bokeh?.documents[0]?._all_models.values() ?? []]
    .filter(m => m.type == "ColumnDataSource" && "value" in m.data).map(m => m.data.time.length))"""


def points(page, more_than=0):
    """Points of the longest curve on the page, once there are more than some."""
    return page.wait_for_function(f"() => {{ const n = ({POINTS})(); return n > {more_than} ? n : 0 }}").json_value()


@contextlib.contextmanager
def page_of(path):
    """The address of a page that this process serves."""
    page, ready = Page(Watcher(path)), threading.Event()
    page.watcher.look()
    serving = threading.Thread(target=page.serve, args=(ready.set,))
    serving.start()
    assert ready.wait(20)
    try:
        yield page.url
    finally:
        page.close()
        serving.join(20)


def test_a_run_is_watched_from_before_it_begins_to_its_end(rasters, tmp_path):
    pytest.importorskip("bokeh")
    note = f"{sys.executable} -c \"import sys; open(r'{tmp_path / 'opened'}', 'w').write(sys.argv[1])\" %s"
    watching = process("watch", "run", env={**os.environ, "BROWSER": note})
    options = (
        *rasters,
        "--duration",
        "300ms",
        "--dt",
        "200us",
        "--burn-in",
        "40ms",
        "--block",
        "20ms",
        "--hidden",
        "2",
    )
    try:
        url = watching.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        with browser() as chromium:
            page, faults = opened(chromium, url)
            page.get_by_text("There is no run in").wait_for()
            training = process("run", *options, "--out", "run", "--quiet")
            page.get_by_text("running").first.wait_for()
            few = points(page)
            page.close()
            late, late_faults = opened(chromium, url)
            twice, twice_faults = opened(chromium, url)
            grown = points(late, more_than=few)
            assert points(twice, more_than=few) >= few and grown > few
            late.close()
            watching.kill()  # in the middle of the run
            assert training.wait(300) == 0
            assert (late_faults, [f for f in faults if "WebSocket" not in f]) == ([], [])
            assert [f for f in twice_faults if "ebSocket" not in f and "ERR_CONNECTION" not in f] == []
        assert (tmp_path / "opened").read_text() == url
    finally:
        watching.kill()
        watching.communicate()
    training.communicate()
    assert superspike("run", *options, "--out", "alone", "--quiet").code == 0
    watched, alone = ss.load("run"), ss.load("alone")
    names = [name for name, v in watched.data_vars.items() if v.dtype.kind in "fi"]
    assert names and all(np.array_equal(watched[n], alone[n], equal_nan=True) for n in names)


def test_a_finished_run_and_a_phone(finished):
    pytest.importorskip("bokeh")
    with browser() as chromium, page_of("run") as url:
        for size in (DESKTOP, PHONE):
            page, faults = opened(chromium, url, size)
            page.get_by_text("finished").first.wait_for()
            assert points(page) == 5 and page.get_by_text("Weights", exact=True).is_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            page.get_by_text("log", exact=True).click()
            assert page.title() == "run (finished)" and faults == []


def test_a_sweep_and_a_run_of_it_that_diverged(sweep):
    pytest.importorskip("bokeh")
    with browser() as chromium, page_of(sweep) as url:
        for size in (DESKTOP, PHONE):
            page, faults = opened(chromium, url, size)
            page.get_by_text("1 diverged").wait_for()
            page.get_by_text("r0 = 5 mV").first.wait_for()
            page.locator(".slick-row").nth(3).wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        with page.context.expect_page() as other:
            page.locator(".slick-row a").nth(1).click()
        other.value.get_by_text("U of output, unit 0 became").wait_for()
        assert faults == []


def test_strangers_are_turned_away():
    pytest.importorskip("bokeh")
    with page_of("nothing") as url:

        def answer(path="", **headers):
            try:
                with urllib.request.urlopen(urllib.request.Request(url + path, headers=headers)) as found:
                    return found.status
            except urllib.error.HTTPError as error:
                return error.code

        assert answer() == answer(Host="localhost:9000") == 200
        socket_of = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        for path in ("", "ws", "static/js/bokeh.min.js", "autoload.js"):
            assert answer(path, Host="evil.com") == 403, path
            assert answer(path, Origin="http://evil.com") == 403, path
        assert answer("ws", **socket_of, **{"Sec-WebSocket-Key": "a" * 24, "Origin": "http://evil.com"}) == 403
        port = int(url.rpartition(":")[2].strip("/"))
        with socket.socket() as other, pytest.raises(OSError):  # bound to 127.0.0.1 alone
            other.settimeout(2)
            other.connect(("127.0.0.2", port))


def test_no_browser_and_port(monkeypatch):
    pytest.importorskip("bokeh")
    calls = []
    monkeypatch.setenv("BROWSER", "true")
    monkeypatch.setattr("webbrowser.open", calls.append)
    monkeypatch.setattr(Page, "serve", lambda self, ready: ready())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = superspike("watch", "later", "--port", port, "--no-browser")
    assert (found.code, found.out, calls) == (0, f"http://127.0.0.1:{port}/\n", [])
    assert "later is not there yet" in found.err
    found = superspike("watch", "later")
    assert calls == [found.out.strip()]
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    superspike("watch", "later")
    assert len(calls) == (2 if sys.platform == "darwin" else 1)  # no text browser in the terminal


# in Jupyter


def test_a_panel_follows_a_run_of_its_own_kernel(tmp_path):
    pytest.importorskip("jupyter_bokeh")
    import nbformat
    from nbclient import NotebookClient

    code = [
        "import superspike_brian as ss\nfrom brian2 import ms\npanel = ss.watch('run')\npanel",
        "ss.train('spike-timing', device='runtime', dt=0.2*ms, duration=120*ms, burn_in=0*ms, block=20*ms,\n"
        "         probe_length=40*ms, out='run', progress=False)\n"
        "import time\nfor _ in range(600):\n    drawn = len(panel._view._view._cost.data['time'])\n"
        "    if drawn == 6 and panel.latest.state == 'finished': break\n    time.sleep(0.1)\n"
        "panel.close()\nprint(panel.latest.state, len(panel._view._view._cost.data['time']))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in code])
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [o["data"] for o in notebook.cells[0].outputs if "data" in o]
    (model,) = (d[kind]["model_id"] for d in shown if (kind := "application/vnd.jupyter.widget-view+json") in d)
    scripts = "".join("".join(d.get("application/javascript", "")) for d in shown)
    assert "Bokeh" in scripts and len(scripts) > 500_000  # the widget has none with it; from no other host
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert states[model]["model_name"] == "BokehModel"
    assert notebook.cells[1].outputs[-1]["text"] == "finished 6\n"


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

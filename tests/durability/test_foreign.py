"""Folders that are damaged, mixed up, or somebody else's: intact data or one line that names the file, and nothing else.

The runs are on Brian2's runtime device. What there is to damage is what the commands write, read off the folder.
"""

import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, mV
from command import superspike
from damages import DAMAGES, flips, problem
from kill_harness import differences
from superspike_brian.models import SUPERSPIKE
from superspike_brian.tasks import SpikePattern, Task

import superspike_brian as ss
from superspike_brian import results
from superspike_brian.files.arrays import archive
from superspike_brian.files.datasets import is_sound
from superspike_brian.files.durable import json_with_checksums
from superspike_brian.results.folder import RunFolder, RunFolderError, pack
from superspike_brian.results.stored import ALWAYS, stored_request
from superspike_brian.sweeps import jobs as sweep

pytestmark = pytest.mark.usefixtures("surroundings")
SHORT = {"duration": 60 * ms, "burn_in": 20 * ms, "block": 20 * ms, "device": "runtime", "progress": False}
FILES = ("checkpoint", "log.bin", "run.json", "run.nc", "task.npz")


def task(first=1):
    """A loop of 20 ms, for 4 inputs, the first at a time (ms), and 2 outputs."""
    spikes = [0, 1, 2, 3, 0], [first, 3, 5, 7, 11] * ms
    return Task(
        "short", SpikePattern(4, *spikes, 20 * ms), SpikePattern(2, [0, 1], [10, 15] * ms, 20 * ms), "for tests"
    )


def train(out, seed=0, **changes):
    return ss.train(task(1 + seed), SUPERSPIKE, (2,), seed=seed, out=out, **SHORT | changes)


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """Folder of a whole run, and of another one."""
    folder = tmp_path_factory.mktemp("intact")
    for name, seed in (("run", 0), ("other", 1)):
        train(folder / name, seed, probe_at=[40 * ms])
    return folder


@pytest.fixture
def copy(intact, tmp_path):
    """Function that makes a fresh copy of the run."""

    def make():
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        return Path(shutil.copytree(intact / "run", tmp_path / "run"))

    return make


def test_the_files_are_those_that_are_damaged_here(intact):
    assert {p.name.split("-")[0] for p in (intact / "run").iterdir()} == set(FILES)


def named(folder, name):
    return sorted(folder.glob(f"{name}*"))[-1]


def try_all(copy, intact, name, damages, *command):
    """Damage the file in each way, and look at what the command says; returns how often it ended in which way."""
    expected, counts = superspike(*command, copy()), {}
    assert expected.code == 0 and expected.err == ""
    for what, damage in damages.items():
        folder = copy()
        damage(named(folder, name), intact / "other")
        found = superspike(*command, folder)
        assert problem(found, expected.out, folder) is None, (name, what, found)
        counts[found.code, bool(found.err)] = counts.get((found.code, bool(found.err)), 0) + 1
    return counts


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(copy, intact, name):
    try_all(copy, intact, name, DAMAGES | flips(5, seed=1), "show")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plot", "animate", "resume"])
@pytest.mark.parametrize("name", FILES)
def test_damaged_files_in_other_commands(copy, intact, name, command):
    arguments = {"resume": ("--quiet", "--json")}.get(command, ())
    if command == "animate":
        for what, damage in DAMAGES.items():
            folder = copy()
            damage(named(folder, name), intact / "other")
            found = superspike("animate", folder, "x.gif")
            assert problem(found, "x.gif: 3 windows\n", folder) is None or "needs more" in found.err, (what, found)
        return
    try_all(copy, intact, name, DAMAGES, command, *arguments)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_many_flipped_bits(copy, intact, name):
    print(name, try_all(copy, intact, name, flips(300, seed=2), "show"))


def test_every_flipped_bit_of_run_json_is_found_or_harmless(copy):
    """Positions are derived: every bit of every seventh byte; what is read is what was written, or an error."""
    folder = copy()
    path, written = folder / "run.json", RunFolder(folder).request
    data, refused = path.read_bytes(), 0
    for at in range(0, len(data), 7):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                assert stored_request(RunFolder(folder)) == written
            except RunFolderError as error:
                assert str(path) in str(error)
                refused += 1
    assert refused > 0.7 * 8 * len(range(0, len(data), 7))  # the others are within blanks and the checksums' names


def test_a_damaged_run_nc_is_replaced_by_what_the_folder_holds_and_written_again_by_resume(copy, intact, caplog):
    folder = copy()
    (folder / "run.nc").write_bytes((folder / "run.nc").read_bytes()[:-50])
    assert is_sound(folder / "run.nc") and "cut" not in caplog.text  # without its seal it is as older versions wrote it
    with open(folder / "run.nc", "r+b") as file:
        file.truncate(5000)
    whole, found = results.load(intact / "run"), results.load(folder)
    assert "run.nc is damaged" in caplog.text and "superspike resume" in caplog.text
    assert found.sizes["probe"] == whole.sizes["probe"] - 1
    for name in ("cost", "rate", "time", "weights_1_end", "watched_time"):
        np.testing.assert_array_equal(found[name], whole[name])
    ss.resume(folder, progress=False)
    assert not differences(intact / "run", folder)


def test_a_damaged_run_json_leaves_the_results_readable(copy, intact, caplog):
    folder = copy()
    (folder / "run.json").write_text("{")
    assert results.load(folder).identical(results.load(intact / "run"))
    assert "run.json is damaged" in caplog.text
    with pytest.raises(RunFolderError, match=r"run\.json is damaged"):
        ss.resume(folder, progress=False)


@pytest.mark.parametrize("name", FILES)
def test_files_of_another_run_are_noticed(copy, intact, name, caplog):
    folder = copy()
    for path in folder.glob(f"{name}*"):
        shutil.copy(intact / "other" / path.name, path)
    if name == "run.nc":
        assert results.load(folder).attrs["seed"] == 0 and "run.nc is of another run" in caplog.text
        ss.resume(folder, progress=False)
        assert not differences(intact / "run", folder)
        return
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RunFolderError, match=r"task.npz is of another run|files of different runs"):
        ss.resume(folder, progress=False)
    after = {path: path.read_bytes() for path in folder.iterdir()}
    del after[folder / "run.json"], before[folder / "run.json"]  # it tells of the attempt
    assert after == before


def test_a_run_of_an_older_version_is_read_and_resumed(copy, intact):
    """Without checksums, marks and seals, as the first versions wrote it."""
    folder = copy()
    request = json.loads((folder / "run.json").read_text())
    for name in ("checksums", "identity", "task_checksum", "kernel"):
        del request[name]
    (folder / "run.json").write_text(json.dumps(request))
    for path in folder.glob("checkpoint-*.npz"):
        path.unlink()
    (folder / "log.bin").unlink()
    old, new = RunFolder(folder), RunFolder(intact / "run")
    newest = new.newest()
    records = new.records()
    (folder / "log.bin").write_bytes(b"".join(pack(r) for r in records))
    length = (folder / "log.bin").stat().st_size
    state = newest[2] | {"_step": np.array(newest[0]), "_log_length": np.array(length)}
    (folder / f"checkpoint-{newest[0]:012d}.npz").write_bytes(pack(state))
    (folder / "run.nc").unlink()
    assert old.newest()[0] == newest[0] and results.load(folder).sizes["block"] == len(records) - 1
    ss.resume(folder, duration=80 * ms, progress=False)
    assert results.load(folder).attrs["simulated_s"] == pytest.approx(0.08)


# what a hostile run.json may hold


def hostile_values(value):
    """Values that an entry of this kind cannot have."""
    yield from (None, [], {}, "x" * 30_000, -1, 2**200, 1e999, float("nan"), [[[]]], {"list": 3}, "../../etc/passwd\0")
    if isinstance(value, dict):
        yield {**value, "import os": value}
        yield {k: None for k in value}
    if isinstance(value, list):
        yield value * 10_000
        yield [*value[:-1], None]


def paths(value, at=()):
    """Where there is something in a JSON value; every entry and every leaf."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from paths(part, (*at, key))


def changed(value, at, new):
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = changed(copy[at[0]], at[1:], new)
    return copy


def test_every_entry_of_a_hostile_run_json_is_checked(copy, monkeypatch):
    """With right checksums, so that nothing but the check of the entries stands against it."""
    folder, rng = copy(), random.Random(0)
    request = json.loads((folder / "run.json").read_text())
    request.pop("checksums")
    (folder / "run.nc").unlink()
    everywhere = [at for at in paths(request) if at]
    tried = 0
    for at in rng.sample(everywhere, 150) + [(name,) for name in ALWAYS]:
        value = request
        for key in at:
            value = value[key]
        for new in rng.sample(list(hostile_values(value)), 3):
            (folder / "run.json").write_bytes(json_with_checksums(changed(request, at, new)))
            try:
                results.load(folder)
            except RunFolderError as error:
                assert str(folder) in str(error) and "\n" not in str(error), (at, str(new)[:80])
            tried += 1
    assert tried > 400
    for name in ALWAYS:
        (folder / "run.json").write_bytes(json_with_checksums({k: v for k, v in request.items() if k != name}))
        with pytest.raises(RunFolderError, match=f"run.json cannot be used .*{name}"):
            results.load(folder)


def test_a_checkpoint_that_would_write_outside_its_arrays_is_refused(copy):
    step, length, state = RunFolder(copy()).newest()
    for name, new in (
        ("forward_1.w", np.zeros(3)),
        ("inputs.neuron_index", state["inputs.neuron_index"] + 1000),
        ("forward_1_pre.queue", np.array([1, 10**6], np.int32)),
        ("forward_1_pre.queue", np.array([-5, 0], np.int32)),
        ("axons_1_pre.queue", np.array([3, 0], np.int32)),
        ("feedback_output_1_pre.queue", np.array([1, 4], np.int32)),
    ):
        folder = copy()
        run = RunFolder(folder)
        bad = state | {name: new, "_step": np.array(step), "_log_length": np.array(length)}
        named(folder, "checkpoint").write_bytes(archive(bad | {"_run": np.array(run.identity)}))
        with pytest.raises(RunFolderError, match=name.replace(".", r"\.")):
            ss.resume(folder, progress=False)


# links


def victims(folder, outside):
    """Put links to files outside in the place of everything in a folder; returns what the files hold."""
    outside.mkdir()
    for path in sorted(folder.iterdir()):
        target = outside / path.name
        shutil.move(path, target)
        path.symlink_to(target)
    for name in (".lock", f".run.json.{os.getpid()}.tmp", f".log.bin.{os.getpid()}.tmp"):
        (outside / name).write_text("mine")
        (folder / name).symlink_to(outside / name)
    return {path: path.read_bytes() for path in outside.iterdir()}


COMMANDS = {
    "plot": lambda folder: superspike("plot", folder),
    "show": lambda folder: superspike("show", folder),
    "resume": lambda folder: superspike("resume", folder, "--duration", "80ms", "--quiet"),
    "animate": lambda folder: superspike("animate", folder, folder / "learning.gif"),
    "load": lambda folder: results.load(folder),
    "overwrite": lambda folder: train(folder, overwrite=True),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_link_in_a_run_folder_is_written_through(copy, tmp_path, command):
    folder = copy()
    assert COMMANDS["plot"](folder).code == 0 and COMMANDS["animate"](folder).code == 0
    before = victims(folder, tmp_path / "outside")
    for lock in (True, False):
        if not lock:
            (folder / ".lock").unlink()
        try:
            found = COMMANDS[command](folder)
        except RunFolderError as error:
            assert lock and ".lock is a link" in str(error)
        else:
            if command in ("resume", "overwrite"):
                assert not lock or (found.code == 2 and ".lock is a link" in found.err)
            if command in ("resume", "plot", "animate", "show") and not lock:
                assert found.code == 0
        assert {path: path.read_bytes() for path in (tmp_path / "outside").iterdir()} == before
    if command in ("resume", "overwrite"):  # what was written is in the folder
        assert not any(named(folder, name).is_symlink() for name in FILES if name != "task.npz")


def test_a_log_that_is_a_backups_too_is_copied_first(copy, tmp_path):
    """`cp -al` and the like make backups of hard links."""
    folder = copy()
    os.link(folder / "log.bin", tmp_path / "backup")
    before = (tmp_path / "backup").read_bytes()
    ss.resume(folder, duration=80 * ms, progress=False)
    assert (tmp_path / "backup").read_bytes() == before


# sweeps


def make(seed, r0):
    return {"task": task(), "model": SUPERSPIKE.replace(r0=r0)}


def run_sweep(out, r0, seeds=1, **options):
    shared = {k: v for k, v in SHORT.items() if k != "progress"}
    return ss.run_sweep(make, {"r0": r0}, seeds, out, **{"report": lambda text: None} | shared | options)


def test_a_sweep_within_a_sweep_loses_nothing(tmp_path):
    """The second begins after the first has read the plan, and ends before the first writes it."""
    out, said = tmp_path / "s", []

    def report(text):
        if not said:
            said.append(text)
            run_sweep(out, [2 * mV])

    data = run_sweep(out, [1 * mV], report=report)
    assert sorted(data.r0.values) == [1e-3, 2e-3] and np.isfinite(data.final_cost).all()
    assert ss.load_sweep(out / "sweep.nc").identical(data)
    assert not (out / ".lock").exists()


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp("swept") / "s"
    run_sweep(out, [1 * mV, 2 * mV])
    return out


@pytest.mark.parametrize("name", ["sweep.json", "sweep.nc", "run.nc", "run.json", "checkpoint"])
def test_damaged_sweeps(swept, tmp_path, name):
    expected = superspike("show", swept)
    for what, damage in (DAMAGES | flips(5, seed=1)).items():
        shutil.rmtree(tmp_path / "s", ignore_errors=True)
        folder = Path(shutil.copytree(swept, tmp_path / "s"))
        path = next(p for p in sorted(folder.rglob(f"{name}*")))
        damage(path, next((swept / "r0=2mV").iterdir()))
        found = superspike("show", folder)
        assert problem(found, expected.out, tmp_path) is None, (what, found)
    if name == "sweep.nc":
        shutil.copy(swept / "sweep.json", folder / "sweep.nc")
        found = superspike("show", folder / "sweep.nc")
        assert found.code == 2 and "sweep.nc is damaged or no file of results" in found.err


def test_a_sweep_heals_what_is_damaged(swept, tmp_path):
    folder = Path(shutil.copytree(swept, tmp_path / "s"))
    whole = ss.load_sweep(swept)
    os.truncate(folder / "r0=1mV" / "seed-000" / "run.nc", 3000)
    (folder / "sweep.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"sweep\.json is damaged .* delete it and give the commands"):
        run_sweep(folder, [1 * mV, 2 * mV])
    (folder / "sweep.json").unlink()
    assert run_sweep(folder, [1 * mV, 2 * mV]).drop_vars("wall_s").identical(whole.drop_vars("wall_s"))


@pytest.mark.parametrize("at", ["r0=1mV", "r0=1mV/seed-000"])
def test_a_sweep_does_not_run_through_a_link(tmp_path, at):
    outside, link = tmp_path / "outside", tmp_path / "s" / at
    outside.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    with pytest.raises(RunFolderError, match="is a symbolic link"):
        run_sweep(tmp_path / "s", [1 * mV])
    assert not list(outside.iterdir())


@pytest.mark.parametrize("folder", ["../outside/x", "/etc/x", "a", "a/b/c", "a\0/b"])
def test_a_plan_does_not_lead_out_of_its_folder(swept, tmp_path, folder):
    (tmp_path / "s").mkdir()
    plan = json.loads((swept / "sweep.json").read_text())
    plan["runs"][0]["folder"] = folder
    (tmp_path / "s" / "sweep.json").write_bytes(json_with_checksums(plan))
    found = superspike("show", tmp_path / "s")
    assert found.code == 2 and "sweep.json cannot be used" in found.err


class Broken(sweep.LocalPool):
    """An executor that takes `n` jobs, then none."""

    def __init__(self, n):
        super().__init__(1)
        self.left = n

    def submit(self, function, /, *arguments):
        if self.left == 0:
            raise OSError("the cluster is gone")
        self.left -= 1
        return super().submit(function, *arguments)


@pytest.mark.parametrize("n", [0, 1])
def test_an_executor_that_fails_tells_why(tmp_path, n):
    with Broken(n) as executor, pytest.raises(OSError, match="the cluster is gone"):
        run_sweep(tmp_path / "s", [1 * mV, 2 * mV], executor=executor)

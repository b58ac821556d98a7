"""The run folder by itself: what is written is whole or absent, what is damaged is found, what is not ours is left alone."""

import errno
import hashlib
import io
import json
import os
import random
import re
import shutil
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from brian2 import Quantity, get_or_create_dimension, ms, second
from superspike_brian.models import SUPERSPIKE

from superspike_brian import results
from superspike_brian.files import durable
from superspike_brian.files.arrays import archive, read_archive
from superspike_brian.files.durable import write_durably
from superspike_brian.results import folder as runfolder
from superspike_brian.results.folder import RunFolder, RunFolderError, pack, unpack
from superspike_brian.results.stored import stored_spec
from superspike_brian.runs.training import resume, train

REQUEST, TASK = {"seed": 1}, {"spikes": np.arange(3)}
STORED = Path(__file__).parent / "data" / "run-format-1.nc"
OLD_RUN = STORED.with_suffix("")
ARRAYS = {"a": np.arange(3, dtype=np.int32), "b": np.array(2.5), "c": np.zeros((2, 0)), "d.e": np.array("text")}


@pytest.fixture
def folder(tmp_path):
    """A run with the checkpoints of steps 0, 10, 20 (two are kept) and a record each."""
    run = RunFolder.create(tmp_path / "run", REQUEST, TASK)
    for step in (0, 10, 20):
        run.save_blocks(step, {"w": np.full(3, float(step))}, {"time": np.array(float(step))})
    yield run
    run.release()


def checkpoint(folder, number):
    return sorted(folder.path.glob("checkpoint-*.npz"))[number]


def times(folder):
    return [float(r["time"]) for r in folder.records()]


def same(found, arrays):
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_arrays_survive_packing():
    found, end = unpack(pack(ARRAYS))
    assert end == len(pack(ARRAYS))
    same(found, ARRAYS)


@pytest.mark.parametrize("arrays", [ARRAYS, {}])
def test_an_archive_is_a_npz_file_with_its_checksum(tmp_path, arrays):
    path = tmp_path / "a.npz"
    path.write_bytes(archive(arrays))
    same(dict(np.load(path, allow_pickle=False)), arrays)
    with zipfile.ZipFile(path) as parts:
        assert parts.testzip() is None
        what, digest = parts.comment.decode().split()
    assert what == "SHA-256" and hashlib.sha256(path.read_bytes()[: -len(digest)]).hexdigest() == digest
    found, checksum = read_archive(path)
    assert checksum == digest
    same(found, arrays)


def test_the_bytes_of_an_archive_do_not_depend_on_the_time(monkeypatch):
    now = archive(ARRAYS)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    assert archive(ARRAYS) == now


def test_a_file_that_an_earlier_version_wrote_as_a_record_is_read(tmp_path):
    (tmp_path / "a.npz").write_bytes(pack(ARRAYS))
    found, checksum = read_archive(tmp_path / "a.npz")
    assert checksum == pack(ARRAYS)[:32].hex()
    same(found, ARRAYS)


@pytest.mark.parametrize("write", [archive, pack])
def test_any_flipped_bit_of_a_file_is_found(tmp_path, write):
    path, data = tmp_path / "a.npz", write({"w": np.arange(5.0)})
    for bit in range(0, 8 * len(data), 9):  # one of every byte, or nearly
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError):
            read_archive(path)


@pytest.mark.parametrize("write", [archive, pack])
def test_any_other_length_of_a_file_is_found(tmp_path, write):
    path, data = tmp_path / "a.npz", write({"w": np.arange(5.0)})
    for damaged in (*(data[:n] for n in range(len(data))), data + b"\0", data + data, data + data[-72:], data[1:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError):
            read_archive(path)
    os.truncate(path, 2**40)  # and is not read for it
    with pytest.raises(ValueError, match="cut short"):
        read_archive(path)


def test_any_flipped_bit_is_found():
    data, rng = pack({"w": np.arange(20.0)}), random.Random(0)
    for bit in rng.sample(range(8 * len(data)), 300):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError):
            unpack(bytes(damaged))


def test_any_missing_end_is_found():
    data = pack({"w": np.arange(20.0)})
    for length in range(len(data)):
        with pytest.raises(ValueError):
            unpack(data[:length])


def as_record(payload):
    return struct.pack("<32sQ", hashlib.sha256(payload).digest(), len(payload)) + payload


def as_archive(payload):
    content = payload[:-2] + struct.pack("<H", 72) + b"SHA-256 "
    return content + hashlib.sha256(content).hexdigest().encode()


@pytest.mark.parametrize("seal", [as_record, as_archive])
def test_what_this_program_does_not_write_is_refused_even_with_its_checksum(tmp_path, seal):
    path = tmp_path / "a.npz"
    for save, arrays, why in (
        (np.savez, {"bad": np.array([{"an": "object"}], dtype=object)}, "pickle"),
        (np.savez_compressed, {"large": np.zeros(10**6)}, "compressed"),
    ):
        buffer = io.BytesIO()
        save(buffer, **arrays)
        path.write_bytes(seal(buffer.getvalue()))
        with pytest.raises(ValueError, match=why):
            read_archive(path)
    path.write_bytes(seal(b"no archive" * 20))
    with pytest.raises(ValueError, match="no archive"):
        read_archive(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_durably(path, b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_contents_are_on_the_disk_before_they_get_their_name(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(os, "fsync", lambda handle: calls.append("sync"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("rename"), replace(*paths)))
    write_durably(tmp_path / "file", b"x")
    assert calls == ["sync", "rename", "sync"]  # the last one is the folder's


def test_a_record_is_on_the_disk_before_the_checkpoint_that_counts_on_it(folder, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: (calls.append(Path(f"/proc/self/fd/{handle}").resolve().name), fsync(handle))
    )
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append(Path(paths[1]).name), replace(*paths)))
    folder.save_blocks(30, {"w": np.zeros(3)}, {"time": np.array(30.0)})
    assert calls.index("log.bin") < calls.index("checkpoint-000000000030.npz")


def test_two_checkpoints_are_kept(folder):
    assert [p.name for p in sorted(folder.path.glob("checkpoint-*"))] == [
        "checkpoint-000000000010.npz",
        "checkpoint-000000000020.npz",
    ]
    assert times(folder) == [0, 10, 20]


def test_newest_checkpoint_is_taken(folder):
    step, state = folder.rewind(pytest.fail)
    assert step == 20 and state["w"][0] == 20 and set(state) == {"w"}


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "bit flip":
        data[len(data) // 2] ^= 8
    elif how == "truncation":
        del data[len(data) // 2 :]
    else:
        data.clear()
    path.write_bytes(data)


DAMAGES = ("bit flip", "truncation", "zero length")


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_newest_checkpoint_falls_back(folder, how):
    damage(checkpoint(folder, -1), how)
    messages = []
    step, state = folder.rewind(messages.append)
    assert step == 10 and state["w"][0] == 10 and times(folder) == [0, 10]
    assert len(messages) == 1 and "000020.npz is damaged" in messages[0] and "falling back" in messages[0]
    assert checkpoint(folder, -1).name == "checkpoint-000000000010.npz"


@pytest.mark.parametrize("how", DAMAGES)
def test_two_damaged_checkpoints_start_from_zero_with_a_message(folder, how):
    for number in (0, 1):
        damage(checkpoint(folder, number), how)
    messages = []
    assert folder.rewind(messages.append) is None
    assert "starting again from 0 s" in messages[-1] and len(messages) == 3
    assert times(folder) == [] and not list(folder.path.glob("checkpoint-*.npz"))


def test_longer_log_is_cut_back(folder):
    log = folder.path / "log.bin"
    whole = log.read_bytes()
    for extra in (
        b"x",
        whole[:100],
        pack({"time": np.array(30.0)}),
    ):  # half a record, a record whose checkpoint is not there
        log.write_bytes(whole + extra)
        assert times(folder) == [0, 10, 20]
        assert folder.rewind(pytest.fail)[0] == 20
        assert log.read_bytes() == whole


def test_checkpoint_newer_than_the_log_is_passed_over(folder):  # a copy of a running folder can be so
    log = folder.path / "log.bin"
    log.write_bytes(log.read_bytes()[:-1])
    messages = []
    assert folder.rewind(messages.append)[0] == 10
    assert "log.bin" in messages[0] and times(folder) == [0, 10]


@pytest.mark.parametrize("missing", [False, True])
def test_log_damaged_at_its_beginning_starts_from_zero(folder, missing):
    log = folder.path / "log.bin"
    if missing:
        log.unlink()
    else:
        log.write_bytes(b"?" + log.read_bytes()[1:])
    messages = []
    assert folder.rewind(messages.append) is None
    assert "starting again" in messages[-1] and log.read_bytes() == b""


def test_looking_changes_nothing(folder):
    damage(checkpoint(folder, -1), "bit flip")
    before = {p.name: p.read_bytes() for p in folder.path.iterdir()}
    assert folder.newest()[0] == 10 and times(folder) == [0, 10]
    assert {p.name: p.read_bytes() for p in folder.path.iterdir()} == before


def test_a_new_run_has_no_checkpoint_and_no_message(tmp_path):
    run = RunFolder.create(tmp_path / "run", REQUEST, TASK)
    assert run.rewind(pytest.fail) is None and run.records() == []


def test_second_process_is_refused(folder):
    for attempt in (
        lambda: RunFolder.open(folder.path),
        lambda: RunFolder.create(folder.path, REQUEST, TASK, overwrite=True),
    ):
        with pytest.raises(RunFolderError, match="another process"):
            attempt()
    assert times(folder) == [0, 10, 20]
    folder.release()
    RunFolder.open(folder.path).release()


def test_run_is_not_overwritten_unasked(folder):
    folder.release()
    with pytest.raises(RunFolderError, match="superspike resume"):
        RunFolder.create(folder.path, REQUEST, TASK)
    assert times(folder) == [0, 10, 20]


def test_overwriting_leaves_other_files(folder):
    folder.release()
    for name in ("notes.txt", "run.py", "figure.svg"):
        (folder.path / name).write_text("mine")
    damage(checkpoint(folder, -1), "bit flip")
    folder.rewind(lambda message: None)
    run = RunFolder.create(folder.path, {"seed": 2}, TASK, overwrite=True)
    names = {p.name for p in folder.path.iterdir()}
    assert names == {"notes.txt", "run.py", "figure.svg", ".lock", "log.bin", "run.json", "task.npz"}
    assert run.request["seed"] == 2 and run.records() == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_folder_of_other_files_is_refused(tmp_path, overwrite):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunFolderError, match=r"not empty|no run"):
        RunFolder.create(tmp_path, REQUEST, TASK, overwrite)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("at", ["task.npz", "log.bin", "run.json"])
def test_run_killed_at_birth_can_be_begun_again(tmp_path, monkeypatch, at):
    def killed(path, data):
        if Path(path).name == at:
            Path(path).with_name(f".{at}.4711.tmp").write_bytes(data[:10])
            raise KeyboardInterrupt
        write_durably(path, data)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runfolder, "write_durably", killed)
        RunFolder.create(tmp_path, REQUEST, TASK)
    with pytest.raises(RunFolderError, match="not a run"):
        RunFolder.open(tmp_path)
    run = RunFolder.create(tmp_path, REQUEST, TASK)
    assert run.request["seed"] == 1 and not list(tmp_path.glob(".*.tmp"))


def test_what_killed_writers_left_is_cleared(folder):
    folder.release()
    (folder.path / ".checkpoint-000000000030.npz.4711.tmp").write_bytes(b"half")
    RunFolder.open(folder.path).release()
    assert not list(folder.path.glob(".*.tmp"))


def test_newer_format_is_refused_with_advice(folder):
    folder.update_request(format=runfolder.FORMAT + 1)
    with pytest.raises(RunFolderError, match="update it"):
        RunFolder.open(folder.path)


@pytest.mark.parametrize("name", ["run.json", "task.npz"])
def test_damaged_request_is_named(folder, name):
    damage(folder.path / name, "truncation")
    with pytest.raises(RunFolderError, match=f"{name} is damaged"):
        _ = RunFolder(folder.path).request if name == "run.json" else folder.task_arrays


def test_stored_file_of_format_1_is_read():
    """`STORED` was written by ``data/make_run_format.py`` when format 1 was new."""
    data = results.load(STORED)
    assert data.attrs["format"] == 1 and data.attrs["seed"] == 3 and list(data.attrs["sizes"]) == [4, 2]
    assert data.weights_1_start.shape == data.weights_1_end.shape == (4, 2)
    assert not (data.weights_1_start == data.weights_1_end).all()
    np.testing.assert_allclose(data.time, [0.3, 0.6, 0.9, 1.2])
    assert data.cost.shape == data.rate.shape == (4, 2) and np.isfinite(data.cost).all()
    assert data.time.attrs["units"] == "s" and data.weights_1_end.attrs["units"] == "volt"
    assert set(data.parameter_name.values) >= {"tau_mem", "theta", "r0"}
    assert results.summary(data, "here")["n_synapses"] == 8
    assert "4-2" in results.summary_text(data)


def test_file_of_a_newer_format_is_refused(tmp_path):
    data = results.load(STORED)
    data.attrs["format"] = runfolder.FORMAT + 1
    results.save(data, tmp_path / "run.nc")
    with pytest.raises(RunFolderError, match="update it"):
        results.load(tmp_path / "run.nc")


def test_a_run_folder_of_format_1_is_shown_and_resumed(tmp_path):
    """Written, as `STORED`, by a version whose checkpoints NumPy did not open."""
    old = Path(shutil.copytree(OLD_RUN, tmp_path / "old"))
    with pytest.raises(ValueError, match=r"pickle|Cannot"):
        np.load(old / "task.npz", allow_pickle=False)
    shown, reference = results.load(old), results.load(STORED)
    assert shown.attrs["simulated_s"] == 1.2 and shown.sizes["block"] == 4 and shown.attrs["format"] == 1
    np.testing.assert_allclose(shown.weights_1_end, reference.weights_1_end, rtol=1e-6)
    spec = stored_spec(RunFolder(old)).extended(1.5 * second)
    resumed = resume(old, duration=1.5 * second, progress=False)
    anew = train(
        spec.task,
        device="runtime",
        seed=3,
        out=tmp_path / "new",
        progress=False,
        **{name: getattr(spec.protocol, name) for name in ("duration", "burn_in", "block")},
    )
    for name in ("cost", "rate", "weights_1_end", "watched_time"):
        np.testing.assert_allclose(resumed[name], anew[name], rtol=1e-6, err_msg=name)
    assert results.load(old).identical(resumed)
    np.load(sorted(old.glob("checkpoint-*.npz"))[-1], allow_pickle=False)["forward_1.w"]


def quantities_in(entry):
    """Every [value, exponents, text] within JSON."""
    if isinstance(entry, list) and len(entry) == 3 and isinstance(entry[1], list) and isinstance(entry[2], str):
        yield entry
    elif isinstance(entry, list | dict):
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from quantities_in(part)


def test_texts_beside_numbers_are_as_people_write_them_and_make_no_difference(tmp_path, poisson_task):
    task, out = poisson_task(3, 1, 0), tmp_path / "run"
    times = {"duration": 60 * ms, "burn_in": 20 * ms, "block": 20 * ms, "r0_decay_at": [30 * ms, 40 * ms, 50 * ms]}
    train(task, SUPERSPIKE, [2], device="runtime", out=out, progress=False, **times)
    request = json.loads((out / "run.json").read_text())
    assert (request["dt"][2], request["protocol"]["duration"][2]) == ("0.1 ms", "60 ms")
    assert [q[2] for q in request["protocol"]["r0_decay_at"]["list"]] == ["30 ms", "40 ms", "50 ms"]
    assert request["model"]["neuron"]["parameters"]["tau_mem"][2] == "10 ms"
    found = list(quantities_in(request))
    assert len(found) > 20 and not [q for q in found if re.search(r"\d\.(\s|$)", q[2])]
    spec, identity = stored_spec(RunFolder(out)), RunFolder(out).identity
    for quantity in found:  # as earlier versions wrote it
        quantity[2] = str(Quantity(quantity[0], dim=get_or_create_dimension(quantity[1])))
    assert request["dt"][2] == "100. us" and request["protocol"]["duration"][2] == "60. ms"
    (out / "run.json").write_text(json.dumps({k: v for k, v in request.items() if k != "checksums"}))
    assert not stored_spec(RunFolder(out)).differences(spec)
    marks = ("format", "identity", "task_checksum", "checksums")
    bare = {name: entry for name, entry in request.items() if name not in marks}
    twin = RunFolder.create(tmp_path / "twin", bare, spec.arrays())
    twin.release()
    assert twin.identity == identity
    resumed = resume(out, duration=80 * ms, progress=False)
    assert resumed.attrs["simulated_s"] == pytest.approx(0.08)


def test_a_run_does_not_read_back_what_it_wrote(tmp_path, monkeypatch):
    found = []

    def spy(path, mode="r", *arguments, **options):
        found.extend([Path(path).name] if mode == "rb" else [])
        return open(path, mode, *arguments, **options)

    monkeypatch.setattr(durable, "open", spy, raising=False)
    spec = stored_spec(RunFolder(OLD_RUN))
    assert sorted(found) == ["run.json", "run.json", "task.npz"]
    found.clear()
    course = {"duration": 0.6 * second, "burn_in": 0.3 * second, "block": 0.3 * second, "progress": False}
    data = train(spec.task, device="runtime", out=tmp_path / "run", **course)
    assert found == []
    read = results.assemble(RunFolder(tmp_path / "run"))  # what was passed as objects is what is in the files
    assert read.weights_1_end.identical(data.weights_1_end) and read.cost.identical(data.cost)
    assert {k for k in data.attrs if read.attrs[k] != data.attrs[k]} <= {"build_s", "notes"}

"""The run folder by itself: what is written is whole or absent, what is damaged is found, what is not ours is left alone."""

import errno
import os
import random
from pathlib import Path

import numpy as np
import pytest

from superspike_brian import results
from superspike_brian.files.durable import write_durably
from superspike_brian.results import folder as runfolder
from superspike_brian.results.folder import RunFolder, RunFolderError, pack, unpack

REQUEST, TASK = {"seed": 1}, {"spikes": np.arange(3)}
STORED = Path(__file__).parent / "data" / "run-format-1.nc"


@pytest.fixture
def folder(tmp_path):
    """A run with the checkpoints of steps 0, 10, 20 (two are kept) and a record each."""
    run = RunFolder.create(tmp_path / "run", REQUEST, TASK)
    for step in (0, 10, 20):
        run.save_block(step, {"w": np.full(3, float(step))}, {"time": np.array(float(step))})
    yield run
    run.release()


def checkpoint(folder, number):
    return sorted(folder.path.glob("checkpoint-*.npz"))[number]


def times(folder):
    return [float(r["time"]) for r in folder.records()]


def test_arrays_survive_packing():
    arrays = {"a": np.arange(3, dtype=np.int32), "b": np.array(2.5), "c": np.zeros((2, 0))}
    found, end = unpack(pack(arrays))
    assert end == len(pack(arrays)) and found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


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


def test_objects_are_neither_stored_nor_loaded(tmp_path):
    with pytest.raises(ValueError, match="pickle"):
        unpack(_with_pickle())


def _with_pickle():
    import hashlib
    import io

    buffer = io.BytesIO()
    np.savez(buffer, bad=np.array([{"an": "object"}], dtype=object))
    payload = buffer.getvalue()
    return runfolder._HEADER.pack(hashlib.sha256(payload).digest(), len(payload)) + payload


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
        _ = folder.request if name == "run.json" else folder.task_arrays


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

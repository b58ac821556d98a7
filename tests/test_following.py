"""Reading a run while it grows: after every block the same as loading it, and no more of it than has come."""

import time
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, mV
from superspike_brian.models import SUPERSPIKE
from superspike_brian.tasks import LabelledSpikes
from watched import SHORT, Beside, contents, seen, train

import superspike_brian as ss
from superspike_brian.files.arrays import Members, pack
from superspike_brian.live import text
from superspike_brian.live.snapshot import snapshot
from superspike_brian.results import following
from superspike_brian.results.following import Follower

pytestmark = [pytest.mark.usefixtures("surroundings"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]


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


def test_notes_and_weights_at_their_bound():
    model = SUPERSPIKE.replace(t_b=20 * ms, w_max=1 * mV, r0=50 * mV)
    train("run", model, duration=60 * ms)
    for _ in range(2):
        found = seen("run")
        (weights,) = found.weights
        assert weights.at_bound > 0.1 and any("are at their bound" in note for note in found.notes)
        assert f"{weights.at_bound:.1%}" in text.weights_table(found)
        Path("run/run.nc").unlink(missing_ok=True)

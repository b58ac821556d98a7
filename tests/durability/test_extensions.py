"""A finished run can be resumed and extended, to the same bits as one that was longer from the start."""

import shutil

import numpy as np
import pytest
from brian2 import second
from kill_harness import differences
from short_run import SHORT, run

from superspike_brian import results
from superspike_brian.runs.training import resume


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


def test_an_interrupted_extension_shows_its_newest_block(build_dir, tmp_path, whole):
    """run.nc is older than the checkpoints then."""
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    stale = (out / "run.nc").read_bytes()
    resume(out, duration=3 * second, build_dir=build_dir, progress=False)
    (out / "run.nc").write_bytes(stale)
    assert results.load(out).attrs["simulated_s"] == 3
    assert results.load(out / "run.nc").attrs["simulated_s"] == 2

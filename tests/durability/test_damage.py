"""Damaged files are found and set aside; the run ends in the same bits."""

import pytest
from kill_harness import differences
from short_run import interrupted
from test_runfolder import DAMAGES, damage

from superspike_brian.runs.training import resume


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

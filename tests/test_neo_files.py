"""Recordings in files of other programs, read through Neo; each file is made by the library of its format."""

import datetime

import neo
import numpy as np
import pytest
import quantities as pq
from brian2 import ms, second
from superspike_brian.tasks import read_neo, read_ras

from superspike_brian.cli.convert import convert
from superspike_brian.cli.main import main

TIMES = [[10.0, 70.0], [], [12.5, 13.0, 99.0]]


def write(path, segments=1):
    block = neo.Block(session_start_time=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    for _ in range(segments):
        segment = neo.Segment()
        for k, times in enumerate(TIMES):
            segment.spiketrains.append(neo.SpikeTrain(times * pq.ms, t_stop=100 * pq.ms, name=f"unit {k}"))
        block.segments.append(segment)
    if path.suffix == ".nix":
        writer = neo.NixIO(str(path), "ow")
    elif path.suffix == ".nwb":
        writer = neo.NWBIO(str(path), mode="w")
    else:
        writer = neo.NeoMatlabIO(str(path))
    writer.write_block(block)
    if hasattr(writer, "close"):
        writer.close()
    return path


@pytest.fixture(params=["nix", "nwb", "mat"])
def recording(request, tmp_path):
    return write(tmp_path / f"recording.{request.param}")


def test_a_recording_is_a_pattern(recording):
    found = read_neo(recording, 100 * ms)
    assert found.n == 3 and found.period == 100 * ms
    np.testing.assert_allclose(found.times / ms, [10, 70, 12.5, 13, 99])
    np.testing.assert_array_equal(found.ids, [0, 0, 2, 2, 2])


def test_a_window_of_it(tmp_path):
    found = read_neo(write(tmp_path / "recording.nix"), 60 * ms, n=5, start=12 * ms)
    assert found.n == 5
    np.testing.assert_allclose(np.sort(found.times / ms), [0.5, 1, 58])


def test_the_command(tmp_path, capsys):
    source, out = write(tmp_path / "recording.nix"), tmp_path / "target.ras"
    assert main(["convert", "neo", str(source), str(out), "--period", "50ms", "--start", "50ms"]) == 0
    assert "2 spikes of 3 units" in capsys.readouterr().out
    np.testing.assert_allclose(read_ras(out, 50 * ms).times / ms, [20, 49])


def test_what_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"recording.nix has spike trains in 2 segments"):
        read_neo(write(tmp_path / "recording.nix", segments=2), 100 * ms)
    with pytest.raises(ValueError, match=r"last spike at 0.099 s.*start=0\*ms"):
        read_neo(write(tmp_path / "one.nix"), 50 * ms)
    (tmp_path / "noise.nwb").write_bytes(b"no recording")
    with pytest.raises(ValueError, match=r"noise.nwb cannot be read by Neo"):
        read_neo(tmp_path / "noise.nwb", 100 * ms)
    with pytest.raises(FileNotFoundError, match=r"other.nix is not a file"):
        read_neo(tmp_path / "other.nix", 100 * ms)
    for change in ({"time_unit": 1 * ms}, {"kind": "csv", "start": 1 * second}):
        with pytest.raises(ValueError, match="is given, and the source is of the kind"):
            convert(**{"kind": "neo", "source": tmp_path / "one.nix", "out": tmp_path / "x.ras"} | change)

"""Probe windows as objects of Neo: every spike and value, in its unit, and back again."""

import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from brian2 import ms, second
from superspike_brian.tasks import SpikePattern, Task

import superspike_brian as ss
from superspike_brian.errors import MissingPackageError
from superspike_brian.results.network import populations

neo = pytest.importorskip("neo")

OLD = Path(__file__).parent / "data" / "run-format-1.nc"
INPUTS = SpikePattern(30, np.arange(90) % 30, np.linspace(0, 19.9, 90) * ms, 20 * ms)
TARGETS = SpikePattern(2, [1, 0, 1], [15, 10, 19.9] * ms, 20 * ms)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """With a window of its own at start and end, and one of the run that its end cuts short."""
    options = {"duration": 0.1 * second, "block": 0.05 * second, "burn_in": 0.02 * second, "probe_units": [1, 0]}
    windows = {"probe_learning": 0.09 * second, "probe_variables": "U,error,w,I_syn"}
    out = tmp_path_factory.mktemp("neo") / "run"
    ss.train(Task("t", INPUTS, TARGETS, "made up"), hidden=4, device="runtime", out=out, **options, **windows)
    return ss.load(out)


@pytest.fixture
def block(run):
    return ss.to_neo(run, window=None)


def spikes(trains):
    return sorted((float(t.rescale("s")), train.annotations["unit"]) for train in trains for t in train.times)


def test_every_spike_of_every_unit_is_there(run, block):
    assert len(block.segments) == run.sizes["probe"] == 3 and block.annotations["task"] == "t"
    for number, segment in enumerate(block.segments):
        for name, n in {**populations(run), "targets": 2}.items():
            trains = segment.filter(objects="SpikeTrain", population=name)
            assert [t.annotations["unit"] for t in trains] == list(range(n))
            mine = run[f"spikes_{name}_probe"].values == number
            times, units = (run[f"spikes_{name}_{v}"].values[mine].tolist() for v in ("time", "unit"))
            assert spikes(trains) == sorted(zip(times, units, strict=True))
    assert len(segment.spiketrains) == 30 + 2 + 4 + 2


def test_times_are_those_of_the_run(run, block):
    kinds = [s.annotations["learning"] for s in block.segments]
    assert kinds == [False, True, False]
    ends = [(float(s.spiketrains[0].t_start), float(s.spiketrains[0].t_stop)) for s in block.segments]
    np.testing.assert_allclose(ends, [(0, 0.02), (0.09, 0.1), (0.1, 0.12)])
    for segment, end in zip(block.segments, ends, strict=True):
        for signal in segment.analogsignals:
            np.testing.assert_allclose((signal.t_start.rescale("s"), signal.t_stop.rescale("s")), end)


def test_what_was_recorded_has_units_and_says_of_whom(run, block):
    signals = {s.name: s for s in block.segments[-1].analogsignals}
    assert signals.keys() == {str(n) for n, v in run.data_vars.items() if v.dims[:2] == ("probe", "probe_time")}
    for name, signal in signals.items():
        np.testing.assert_array_equal(signal.magnitude, run[name].values[-1])
    units = {name: signals[name].units.dimensionality.string for name in ("U_output", "error_output", "I_syn_hidden_1")}
    assert units == {"U_output": "V", "error_output": "Hz", "I_syn_hidden_1": "V"}
    assert signals["U_output"].array_annotations["unit"].tolist() == run.probed_unit_output.values.tolist()
    ends = signals["w_forward_1"].array_annotations
    assert ends["pre"].tolist() == run.probed_pre_1.values.tolist()
    assert ends["post"].tolist() == run.probed_post_1.values.tolist()


def test_the_end_of_a_run_within_a_window_leaves_no_gaps(block):
    cut = block.segments[1].analogsignals
    assert {s.shape[0] for s in cut} == {100} and all(np.isfinite(s.magnitude).all() for s in cut)


@pytest.mark.parametrize("window", [0, -1, np.int64(2), -3])
def test_one_window(run, block, window):
    (segment,) = ss.to_neo(run, window).segments
    assert spikes(segment.spiketrains) == spikes(block.segments[window].spiketrains)


@pytest.mark.parametrize("window", [3, -4, 1.5, "last"])
def test_a_window_that_is_not_there_is_refused(run, window):
    with pytest.raises(ValueError, match=r"window is .*; the run has 3: expected -3 to 2, or None"):
        ss.to_neo(run, window)


def test_patterns_come_back(run, block):
    for segment in (block.segments[0], block.segments[-1]):
        for name, pattern in (("inputs", INPUTS), ("targets", TARGETS)):
            found = SpikePattern.of(segment.filter(objects="SpikeTrain", population=name), 20 * ms)
            assert found.n == pattern.n
            for one, other in zip(found.steps(0.1 * ms), pattern.steps(0.1 * ms), strict=True):
                assert np.array_equal(one, other)


def test_a_file_of_neo_keeps_it_all(block, tmp_path):
    neo.io.PickleIO(str(tmp_path / "a.pkl")).write_block(block)
    (again,) = neo.io.PickleIO(str(tmp_path / "a.pkl")).read(lazy=False)
    for one, other in zip(again.segments, block.segments, strict=True):
        assert spikes(one.spiketrains) == spikes(other.spiketrains) and one.annotations == other.annotations
        for a, b in zip(one.analogsignals, other.analogsignals, strict=True):
            assert a.name == b.name and a.units == b.units and np.array_equal(a.magnitude, b.magnitude)


def test_elephant_reads_the_trains(run, block):
    statistics = pytest.importorskip("elephant.statistics")
    train = block.segments[-1].filter(objects="SpikeTrain", population="inputs")[3]
    assert float(statistics.mean_firing_rate(train).rescale("Hz")) == pytest.approx(3 / 0.02)


def test_files_of_older_versions_and_of_xarray_alone(run):
    for data in (ss.load(OLD), xr.open_dataset(OLD, engine="h5netcdf").load()):
        segment = ss.to_neo(data, 0).segments[0]
        assert len(segment.spiketrains) == 4 + 2 + 2
        assert {"U_output", "error_output"} <= {s.name for s in segment.analogsignals}
        assert spikes(segment.filter(objects="SpikeTrain", population="targets"))


def test_without_neo_the_message_says_how_to_get_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "neo", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'superspike_brian\[neo\]'"):
        ss.to_neo(run)

"""Spikes of other programs as a pattern: the same ones from each source, units respected, what is none refused."""

import re

import numpy as np
import pytest
from brian2 import Network, Quantity, SpikeGeneratorGroup, SpikeMonitor, ms, mV, second, us
from superspike_brian.tasks import SpikePattern, write_ras
from test_task_arguments import WRONG

neo = pytest.importorskip("neo")
pq = pytest.importorskip("quantities")

IDS, TIMES, PERIOD = [2, 0, 2], [1.5, 4, 83.7], 100 * ms  # TIMES in ms
ALIKE = SpikePattern(3, IDS, TIMES * ms, PERIOD)


def trains(t_start=0.0, unit="ms"):
    """Neo's spike trains of the same, at other times."""
    mine = ([t_start + t for t, i in zip(TIMES, IDS, strict=True) if i == k] for k in range(3))
    return [neo.SpikeTrain(each, 900, "ms", t_start=t_start).rescale(unit) for each in mine]


def monitor(n=3, record=True):
    group = SpikeGeneratorGroup(n, IDS, TIMES * ms)
    found = SpikeMonitor(group, record=record)
    Network(group, found).run(90 * ms)
    return found


def segment():
    found = neo.Segment()
    found.spiketrains.extend(trains(50))
    return found


def events(p=1, **more):
    kind = [("t", "<i8"), ("x", "<i8"), ("p", "<i8")]
    return np.array([(round(1000 * t), i, p) for t, i in zip(TIMES, IDS, strict=True)], kind)


def file(name, path):
    pattern = path / name
    if name == "a.npz":
        np.savez(pattern, times=np.array(TIMES) / 1e3, units=IDS)
    elif name == "a.ras":
        write_ras(pattern, ALIKE, overwrite=True)
    else:
        head = {"a.csv": "time_ms,unit\n", "a.dat": "# NEST\nunit time_ms\n"}[name]
        rows = (f"{t},{i}" if name == "a.csv" else f"{i}\t{t}" for t, i in zip(TIMES, IDS, strict=True))
        pattern.write_text(head.replace(" time", "\ttime") + "\n".join(rows) + "\n")
    return pattern


SOURCES = {
    "monitor": lambda _: monitor(),
    "pair of lists": lambda _: (IDS, TIMES * ms),
    "pair of arrays": lambda _: (np.array(IDS, np.uint8), np.array(TIMES) * 1000 * us),
    "pair with times of Neo": lambda _: [np.array(IDS), TIMES * pq.ms],
    "pair of a monitor": lambda _: ((found := monitor()).i, found.t),
    "times of each unit": lambda _: [[4] * ms, [], [1.5, 83.7] * ms],
    "times of Neo of each unit": lambda _: [[4] * pq.ms, [] * pq.s, [0.0015, 0.0837] * pq.s],
    "spike trains": lambda _: trains(),
    "spike trains that begin later": lambda _: trains(120, "us"),
    "segment": lambda _: segment(),
    "tonic": lambda _: events(),
    "NEST": lambda _: {"senders": np.array(IDS) + 1, "times": np.array(TIMES)},
    "NEST with a unit": lambda _: {"senders": np.array(IDS) + 1, "times": TIMES * ms},
    **{f"a.{kind}": lambda path, name=f"a.{kind}": file(name, path) for kind in ("ras", "npz", "csv", "dat")},
}


def in_order(pattern):
    return sorted(zip(np.round(pattern.times / ms, 9).tolist(), pattern.ids.tolist(), strict=True))


@pytest.mark.parametrize("name", SOURCES)
def test_the_same_pattern_comes_from_every_source(name, tmp_path):
    found = SpikePattern.of(SOURCES[name](tmp_path), PERIOD)
    assert found.n == 3 and in_order(found) == in_order(ALIKE) and found.period == PERIOD
    assert SpikePattern.of(SOURCES[name](tmp_path), PERIOD, 7).n == 7


@pytest.mark.parametrize("name", SOURCES)
def test_a_window_of_every_source(name, tmp_path):
    begin = {"spike trains that begin later": 120, "segment": 50}.get(name, 0)
    found = SpikePattern.of(SOURCES[name](tmp_path), 79.7 * ms, 3, start=(begin + 4) * ms)  # the last is at its end
    assert in_order(found) == [(0, 0)] and found.n == 3


def test_silent_units_of_a_group_count():
    assert SpikePattern.of(monitor(8), PERIOD).n == 8
    assert len(SpikePattern.of([[] * ms, []], PERIOD)) == 0
    silent = neo.SpikeTrain([], 1, "s")
    assert SpikePattern.of(silent, PERIOD).n == 1 and SpikePattern.of([silent] * 4, PERIOD).n == 4


def test_the_first_unit_may_have_any_number(tmp_path):
    recording = {"senders": np.array(IDS) + 101, "times": TIMES}
    assert in_order(SpikePattern.of(recording, PERIOD, first=101)) == in_order(ALIKE)
    assert SpikePattern.of((np.array(IDS) + 5, TIMES * ms), PERIOD, first=5).n == 3
    path = tmp_path / "a.gdf"  # numbered from 1
    path.write_text("".join(f"{i + 1}\t{t}\n" for t, i in zip(TIMES, IDS, strict=True)))
    assert in_order(SpikePattern.of(path, PERIOD, 3, first=1)) == in_order(ALIKE)
    with pytest.raises(ValueError, match="unit 0; expected 1 or more, as of first: give first=0"):
        SpikePattern.of({"senders": IDS, "times": TIMES}, PERIOD)


def test_a_picture_and_pixels_of_a_camera(tmp_path):
    import matplotlib.image

    matplotlib.image.imsave(tmp_path / "a.png", np.zeros((2, 2, 3)))
    assert SpikePattern.of(tmp_path / "a.png", PERIOD).n == 2
    kind = [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "?")]
    pixels = np.array([(0, 2, 1, 0), (1500, 0, 3, 1)], kind)
    assert SpikePattern.of(pixels, PERIOD, sensor_size=(3, 4, 2)).ids.tolist() == [5, 21]
    assert SpikePattern.of(events(), PERIOD, sensor_size=(700, 1, 1)).n == 700


def test_an_earlier_run_is_a_target():
    pattern = SpikePattern.of(monitor(), 20 * ms, start=70 * ms)
    assert in_order(pattern) == [(13.7, 2)]


def test_what_hardly_is_meant_is_warned_of(caplog):
    SpikePattern.of(([40000], [1] * ms), PERIOD)
    assert "unit 40000 implies 40001 units, of which only 1 spike" in caplog.text


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (3, {}, "source is an int: 3; expected a SpikeMonitor, (ids, times)"),
        ([], {}, "source is a list: []; expected"),
        ({}, {}, "senders and times (ms) of NEST"),
        ({"senders": [1], "t": [1]}, {}, "source has the entries senders, t; expected senders and times"),
        ({"senders": [1], "times": [5], "offsets": [0.1]}, {}, "time_in_steps=False"),
        ({"senders": [1, 2], "times": [5]}, {}, "2 senders and 1 times"),
        ({"senders": [1], "times": [-5.0]}, {}, "times holds -5.0 at index 0"),
        ((TIMES * ms, IDS), {}, "unit 1 of source has no unit: [2, 0, 2]; expected a time"),
        ((IDS, TIMES), {}, "times of source has no unit"),
        ((IDS, TIMES * mV), {}, "times of source has the dimensions"),
        ((IDS, TIMES * pq.mV), {}, "times of source is"),
        ((IDS, [1, 2] * ms), {}, "ids of the shape (3,), times of (2,)"),
        ([[1] * ms, [2] * mV, []], {}, "unit 1 of source has the dimensions"),
        ([1 * ms, 2 * ms, 3 * ms], {}, "unit 0 of source has times of the shape ()"),
        ([1, 2] * ms, {}, "unit 0 of source has times of the shape ()"),
        (np.zeros(3, [("t", "<i8"), ("p", "?")]), {}, "the fields t, p; expected a structured array"),
        (neo.SpikeTrain([1], 5, "s"), {}, "last spike at 1 s; expected times below the period, 0.1 s. Give start"),
        ((IDS, TIMES * ms), {"n": 2}, "expected a unit from 0 to 1"),
        (([], [] * ms), {}, "give n"),
        (
            (IDS, TIMES * ms),
            {"time_unit": 1 * ms},
            "time_unit is 1 ms, and source is a tuple; expected time_unit only",
        ),
        ((IDS, TIMES * ms), {"sensor_size": (3, 1, 1)}, "expected sensor_size only for events of tonic"),
        ("a.h5", {}, "read_samples"),
        ("a.png", {"start": 0 * ms}, "a picture; expected neither start"),
        ("a.ras", {"time_unit": 1 * ms}, "in seconds; expected no time_unit"),
        ("nowhere.csv", {}, "nowhere.csv is not a file"),
    ],
)
def test_what_is_none_is_refused_with_what_was_expected(source, options, message):
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(message)) as failure:
        SpikePattern.of(source, PERIOD, **options)
    assert "\n" not in str(failure.value) and len(str(failure.value)) < 500


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("name", ["source", "period", "n", "start", "first", "time_unit", "sensor_size"])
def test_wrong_arguments_are_refused_by_name(name, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = (
        file("a.csv", tmp_path) if name == "time_unit" else events() if name == "sensor_size" else (IDS, TIMES * ms)
    )
    value = WRONG[what]
    taken = value is None or (name == "start" and what == "negative time")
    if taken and name not in ("source", "period"):
        assert SpikePattern.of(source, 100 * second, **{name: value}).n
        return
    with pytest.raises((ValueError, OSError)) as failure:
        SpikePattern.of(**{"source": source, "period": PERIOD, name: value})
    message = str(failure.value)
    assert name in message or (isinstance(value, str) and value in message), message
    assert "\n" not in message and len(message) < 500


def test_monitors_without_spikes_are_named():
    with pytest.raises(ValueError, match="records no spikes; expected a monitor with record=True"):
        SpikePattern.of(monitor(record=False), PERIOD)
    assert type(SpikePattern.of(monitor(), PERIOD).times) is Quantity

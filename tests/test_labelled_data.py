"""Labelled samples: what is refused, how they are made of arrays, images, files and other packages' objects, and rounded."""

import gzip
import inspect
import itertools
import logging
import tracemalloc

import h5py
import numpy as np
import pytest
from brian2 import Quantity, ms, mV, second
from hypothesis import given
from hypothesis import strategies as st
from superspike_brian.tasks import LabelledSpikes, read_samples, samples
from superspike_brian.tasks.encoding import CODES

DT = 0.1 * ms
# times in ms and units of each sample; two spikes of a unit in one step, an empty sample, none of it in order
PLAIN = [([1.0, 2.5, 2.52, 0.3], [0, 2, 2, 1]), ([], []), ([7.9], [3]), ([4.0, 4.0], [2, 0])]
LABELS = [0, 2, 1, 0]


def lists():
    return [np.array(t) * ms for t, _ in PLAIN], [np.array(u, int) for _, u in PLAIN], LABELS


def flat():
    times, units = (np.concatenate([np.array(sample[k], float) for sample in PLAIN]) for k in (0, 1))
    return times * ms, units.astype(int), np.cumsum([0, *(len(t) for t, _ in PLAIN)])


def fields(**changes):
    times, units, offsets = flat()
    more = {"labels": LABELS, "lengths": 8 * ms, "n_classes": 3, "source": "made up"}
    return {"name": "mine", "n": 4, "times": times, "units": units, "offsets": offsets, **more} | changes


def made(**changes):
    return LabelledSpikes(**fields(**changes))


def write_hdf5(path, extra=True, **changes):
    """A file in the layout of the Heidelberg datasets: ragged arrays, times in seconds with 16 bits."""
    with h5py.File(path, "w") as file:
        for name, k, kind, scale in (("times", 0, changes.get("kind", np.float16), 1e-3), ("units", 1, np.uint16, 1)):
            ragged = file.create_dataset(f"spikes/{name}", (len(PLAIN),), h5py.vlen_dtype(kind))
            for at, sample in enumerate(PLAIN):
                ragged[at] = np.array(sample[k], float) * scale
        file["labels"] = np.array(LABELS, np.uint16)
        if extra:
            file["extra/keys"] = [b"zero", b"one", b"two"]


def write_folder(folder):
    folder.mkdir()
    rows = ["file,label"]
    for k, (times, units) in enumerate(PLAIN):
        spikes = list(zip(times, units, strict=True))
        name = f"{k}.csv" if k % 2 else f"{k}.ras"
        head = "time_ms,unit\n" if k % 2 else "# seconds, unit\n"
        line = "{} ,{}\n" if k % 2 else "{}e-3 {}\n"
        (folder / name).write_text(head + "".join(line.format(t, u) for t, u in spikes))
        rows.append(f"{name},{LABELS[k]}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def of_hdf5(tmp_path):
    write_hdf5(tmp_path / "a.h5")
    return LabelledSpikes.from_hdf5(tmp_path / "a.h5")


def of_compressed(tmp_path):
    write_hdf5(tmp_path / "a.h5")
    (tmp_path / "b.h5.gz").write_bytes(gzip.compress((tmp_path / "a.h5").read_bytes()))
    return LabelledSpikes.from_hdf5(tmp_path / "b.h5.gz")


def of_npz(tmp_path):
    times, units, offsets = flat()
    found = {"spikes/times": np.asarray(times), "spikes/units": units, "offsets": offsets, "labels": LABELS}
    np.savez(tmp_path / "a.npz", **found)
    return LabelledSpikes.from_npz(tmp_path / "a.npz")


def of_folder(tmp_path):
    write_folder(tmp_path / "set")
    return LabelledSpikes.from_folder(tmp_path / "set")


def of_events(tmp_path):
    kind = [("t", np.int64), ("x", np.int16), ("p", bool)]
    events = [np.array([(round(t * 1000), u, 0) for t, u in zip(ts, us, strict=True)], kind) for ts, us in PLAIN]
    return LabelledSpikes.from_events(events, LABELS, sensor_size=(4, 1, 1))


def of_neo(tmp_path):
    neo, pq = pytest.importorskip("neo"), pytest.importorskip("quantities")
    trains = [
        [
            neo.SpikeTrain([5 + t for t, u in zip(*sample, strict=True) if u == unit], 13, "ms", t_start=5)
            for unit in range(4)
        ]
        for sample in PLAIN
    ]
    trains[0][0] = trains[0][0].rescale(pq.us)
    segment = neo.Segment()
    segment.spiketrains.extend(trains[3])
    trains[3] = segment.spiketrains  # no list, but like one
    return LabelledSpikes.from_neo(trains, LABELS)


MAKERS = {
    "fields": lambda _: made(),
    "lists": lambda _: LabelledSpikes.from_arrays(*lists()),
    "flat": lambda _: LabelledSpikes.from_arrays(*flat()[:2], LABELS, offsets=flat()[2]),
    "hdf5": of_hdf5,
    "hdf5.gz": of_compressed,
    "npz": of_npz,
    "folder": of_folder,
    "events": of_events,
    "neo": of_neo,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_samples_from_everywhere(kind, tmp_path, caplog):
    found = MAKERS[kind](tmp_path)
    assert (found.n, found.n_classes, len(found), found.n_spikes) == (4, 3, 4, 7)
    assert found.labels.tolist() == LABELS and found.offsets.tolist() == flat()[2].tolist()
    assert np.max(found.lengths / ms) == pytest.approx(8)  # given, or the end of the latest spike
    for k, (times, units) in enumerate(PLAIN):
        inside = slice(found.offsets[k], found.offsets[k + 1])
        seen = sorted(zip(np.asarray(found.times[inside] / ms), found.units[inside].tolist(), strict=True))
        want = sorted(zip(times, units, strict=True))
        np.testing.assert_allclose([t for t, _ in seen], [t for t, _ in want], rtol=5e-4)
        assert [u for _, u in seen] == [u for _, u in want]
    if kind != "fields":
        (said,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        assert "1 of 4 samples have no spikes; the first is 1" in said


def test_every_constructor_has_a_maker():
    found = {name for name, _ in inspect.getmembers(LabelledSpikes) if name.startswith("from_")}
    named = {"from_hdf5", "from_npz", "from_folder", "from_events", "from_neo", "from_arrays"}
    assert found == named | {"from_stored", "from_images"}


def test_types_are_small_and_nothing_is_copied_or_written():
    times, units, offsets = flat()
    units, offsets = units.astype(np.int32), offsets.astype(np.int64)
    found = made(times=times, units=units, offsets=offsets)
    assert np.shares_memory(found.times, times) and np.shares_memory(found.units, units)
    assert np.shares_memory(found.offsets, offsets)
    short = made(times=Quantity(np.asarray(times).astype(np.float32), dim=second.dim), units=units.astype(np.uint8))
    assert (short.times.dtype, short.units.dtype) == (np.float32, np.int32)
    assert (found.labels.dtype, found.offsets.dtype, found.times.dtype) == (np.int32, np.int64, np.float64)
    for name in ("times", "units", "offsets", "labels"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(found, name)[0] = 0
    times[0] = times[1]  # the caller's own can be


BAD = [
    ({"n": 0}, "n is 0"),
    ({"n": 3}, r"mine: sample 2, spike 0 \(unit 3, time 0.0079 s\): expected a unit from 0 to 2, as n is 3"),
    ({"n_classes": 2}, "mine: sample 1: label 2; expected a class from 0 to 1"),
    ({"labels": [0, -1, 1, 0]}, "sample 1: label -1"),
    ({"labels": [0, 0.5, 1, 0]}, "labels hold float64 values"),
    ({"labels": ["a", "b", "a", "b"]}, "labels hold <U1 values, first .*'a'"),
    ({"labels": [0, 1, 2]}, "offsets has the shape .*5.*expected 4, for 3 samples"),
    ({"labels": []}, "labels has the shape"),
    ({"labels": np.zeros((2, 2), int)}, "labels has the shape"),
    ({"offsets": [0, 4, 4, 5, 8]}, "0 to 8; expected 5, for 4 samples, from 0 to the number of spikes, 7"),
    ({"offsets": [1, 4, 4, 5, 7]}, "1 to 7"),
    ({"offsets": [0, 5, 4, 5, 7]}, "sample 1: end in offsets 4; expected one that is not before its begin"),
    ({"offsets": [0, 4, 5, 7]}, "offsets has the shape"),
    ({"lengths": 0 * ms}, "length .* 0.0; expected a positive"),
    ({"lengths": 5 * ms}, r"sample 2, spike 0 \(unit 3, .*below the length of the stimulus, 0.005 s"),
    ({"lengths": [9, 9, 7.9, 9] * ms}, "sample 2, spike 0 .*0.0079 s$"),
    ({"lengths": [9, 9, np.nan, 9] * ms}, "sample 2: length .* nan"),
    ({"lengths": [9, 9] * ms}, "lengths has the shape"),
    ({"lengths": 3 * mV}, "lengths has the dimensions"),
    ({"times": flat()[0][:3]}, "times and units have the shapes"),
    ({"times": -flat()[0]}, r"sample 0, spike 0 \(unit 0, time -0.001 s\): expected a time of at least 0 s"),
    ({"times": np.nan * flat()[0]}, "sample 0, spike 0"),
    ({"times": np.asarray(flat()[0])}, "times has no unit"),
    ({"units": [0.5] * 7}, "units hold float64"),
    ({"units": [0, 2, 2, 1, 3, 2, -1]}, r"sample 3, spike 1 \(unit -1"),
    ({"units": np.array([0, 2, 2, 1, 3, 2, 2**64 - 1], np.uint64)}, "unit 18446744073709551615"),
    ({"name": None}, "name is None"),
    ({"source": 3}, "source is 3"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_what_is_wrong_is_named(changes, message, monkeypatch):
    for block in (2**22, 2):
        monkeypatch.setattr(samples, "BLOCK", block)
        with pytest.raises(ValueError, match=message.removesuffix("$")) as error:
            made(**changes)
        assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_every_field_is_checked():
    checked = {name for changes, _ in BAD for name in changes}
    assert checked == set(inspect.signature(LabelledSpikes).parameters)


# rounding


def loop(found, dt):
    """Distinct spikes of each sample in order, one at a time."""
    times = np.asarray(found.times, float)
    return [
        sorted({(round(times[k] / float(dt)), int(found.units[k])) for k in range(a, b)})
        for a, b in itertools.pairwise(found.offsets)
    ]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=8), min_size=1, max_size=8),
    st.integers(1, 10),
    st.booleans(),
)
def test_rounding_is_that_of_a_plain_loop(ragged, block, ordered):
    ragged = [sorted(each) if ordered else each for each in ragged]
    times = [np.array([t for t, _ in each]) * 0.3 * ms for each in ragged]
    found = LabelledSpikes.from_arrays(times, [[u for _, u in each] for each in ragged], [0] * len(ragged))
    before, samples.BLOCK = samples.BLOCK, block
    try:
        steps, units, offsets = found.steps(0.7 * ms)
    finally:
        samples.BLOCK = before
    seen = [list(zip(steps[a:b].tolist(), units[a:b].tolist(), strict=True)) for a, b in itertools.pairwise(offsets)]
    assert seen == loop(found, 0.7 * ms)


def test_merged_spikes_are_counted_once(caplog):
    found = made()
    first = found.steps(0.1 * ms)
    assert found.steps(0.1 * ms) is first
    (said,) = [r.getMessage() for r in caplog.records]
    assert "1 of 7 spikes merged" in said and "mine" in said


def test_many_units_and_steps_are_kept_apart():
    """Numbers of 64 bits do not hold sample, step and unit together, but for few samples at once."""
    n = 2**31 - 1
    times = [np.array([2e5, 2e5, 0]) * second, np.array([2e5]) * second]
    found = LabelledSpikes.from_arrays(times, [[n - 1, 0, n - 1], [5]], [0, 1], n=n)
    steps, units, offsets = found.steps(DT)
    assert offsets.tolist() == [0, 3, 4] and units.tolist() == [n - 1, 0, n - 1, 5]
    assert steps.tolist() == [0, 2 * 10**9, 2 * 10**9, 2 * 10**9]
    with pytest.raises(ValueError, match="time steps of 1e-05 s, dt"):
        found.steps(0.01 * ms)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_fifty_million_spikes_need_little_memory(kind):
    n, each = 8000, 7000
    rng = np.random.default_rng(0)
    times = rng.random(n * each, np.float32).astype(kind) * kind(0.99)
    units = rng.integers(0, 700, n * each, np.int32)
    given = times.nbytes + units.nbytes
    tracemalloc.start()
    quantity = Quantity(times, dim=second.dim, copy=False)
    found = LabelledSpikes("big", 700, quantity, units, np.arange(n + 1) * each, np.arange(n) % 20, 1 * second, 20, "x")
    steps, ids, offsets = found.steps(DT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak + given < 1.7e9
    assert steps.dtype == ids.dtype == np.int32
    k = n - 1
    want = sorted(
        set(zip(np.rint(times[-each:].astype(float) / 1e-4).astype(int).tolist(), units[-each:].tolist(), strict=True))
    )
    assert list(zip(steps[offsets[k] :].tolist(), ids[offsets[k] :].tolist(), strict=True)) == want


# constructors


def test_lists_that_do_not_fit_are_named():
    times, units, labels = lists()
    for arguments, message in (
        ((times[:2], units, labels), "times and units are of 2 and 4 samples"),
        ((times, [units[1], *units[1:]], labels), "sample 0: times and units of the shapes"),
        (([np.asarray(t) for t in times], units, labels), "times of sample 0 has no unit"),
        ((times, [["a"], *units[1:]], labels), "units of sample 0 hold"),
        ((5 * ms, units, labels), "times is 5 ms; expected a list"),
        ((times, None, labels), "units is None"),
        ((times, units, LABELS[:3]), "offsets has the shape"),
    ):
        with pytest.raises(ValueError, match=message):
            LabelledSpikes.from_arrays(*arguments)


def test_the_stimulus_ends_after_the_latest_spike():
    for latest, end in ((0, 1), (0.999, 1), (1, 2), (3.2, 4), (7, 8)):
        found = LabelledSpikes.from_arrays([[latest] * ms], [[0]], [0])
        assert found.lengths / ms == pytest.approx(end)


def test_a_row_a_sample_and_empty_lists_are_taken():
    found = LabelledSpikes.from_arrays(np.ones((3, 2)) * ms, np.tile([0, 1], (3, 1)), [0, 1, 1])
    assert found.n_spikes == 6 and found.offsets.tolist() == [0, 2, 4, 6]
    silent = LabelledSpikes.from_arrays([[], [1] * ms], [[], [3]], [0, 0])
    assert silent.units.dtype == np.int32 and silent.n == 4


def code_loop(image, code, stimulus):
    """Spikes of one image, pixel by pixel; the last unit marks the onset."""
    found = [(0.0, len(image))]
    for pixel, bright in enumerate(image):
        if code == "rate":
            number = round(7 * bright)
            found += [((j + 0.5) * stimulus / number, pixel) for j in range(number)]
        elif bright > 0 or code == "on-off":
            found.append(((1 - bright) * stimulus, pixel))
    return sorted(found)


@pytest.mark.parametrize("code", CODES)
def test_codes_are_those_of_a_plain_loop(code):
    X = np.random.default_rng(1).integers(0, 17, (9, 4, 3)) * (np.arange(3) > 0)
    found = LabelledSpikes.from_images(X, np.arange(9) % 3, code, 20 * ms, brightest=16)
    assert found.n == 13 and len(found) == 9 and float(found.lengths) == 0.02
    for k in range(9):
        inside = slice(found.offsets[k], found.offsets[k + 1])
        seen = sorted(zip(np.asarray(found.times[inside]).tolist(), found.units[inside].tolist(), strict=True))
        want = code_loop(X[k].ravel() / 16, code, 0.02)
        np.testing.assert_allclose([t for t, _ in seen], [t for t, _ in want], rtol=1e-9)
        assert [u for _, u in seen] == [u for _, u in want]
    again = LabelledSpikes.from_images(X.reshape(9, 12), np.arange(9) % 3, code, 20 * ms, brightest=16.0)
    assert found.key == again.key


def test_images_that_are_none_are_refused():
    X, y = np.ones((3, 4)), [0, 1, 0]
    for arguments, more, message in (
        ((X[0], y), {}, "X holds float64 values in the shape"),
        ((X * 1j, y), {}, "X holds complex128"),
        ((-X, y), {}, "X is -1.0"),
        ((np.where(np.eye(3, 4), np.nan, 1), y), {"brightest": 1}, "sample 0, pixel 0: nan"),
        ((2 * X, y), {"brightest": 1}, "sample 0, pixel 0: 2.0; expected 0 to 1"),
        ((0 * X, y), {}, "X is 0.0"),
        ((X, y), {"code": "rank"}, "code is 'rank'; expected one of rate, latency, on-off"),
        ((X, y), {"stimulus": 20}, "stimulus has no unit"),
        ((X, y[:2]), {}, "offsets has the shape"),
    ):
        with pytest.raises(ValueError, match=message):
            LabelledSpikes.from_images(*arguments, **more)


def test_events_of_cameras_have_a_unit_a_pixel_and_polarity():
    kind = [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "?")]
    events = [np.array([(0, 2, 1, 0), (1500, 0, 3, 1)], kind)]
    found = LabelledSpikes.from_events(events, [0], sensor_size=(3, 4, 2))
    assert found.n == 24 and found.units.tolist() == [2 + 3 * 1, 0 + 3 * (3 + 4 * 1)]
    assert (found.times / ms).tolist() == [0, 1.5]
    assert LabelledSpikes.from_events(events, [0]).n == 24
    for wrong, size, message in (
        (events, (2, 4, 2), "sample 0, event 0: x is 2; expected 0 to 1"),
        (events, (3, 4), "sensor_size is"),
        ([np.ones(3)], None, "sample 0 has .*; expected a structured array"),
        ([np.zeros(3, [("t", "<i8"), ("p", "?")])], None, "sample 0 has the fields t, p"),
        ([], None, "events is"),
    ):
        with pytest.raises(ValueError, match=message):
            LabelledSpikes.from_events(wrong, [0], size)


def test_spike_trains_that_are_none_are_named():
    neo = pytest.importorskip("neo")
    train = neo.SpikeTrain([1, 8], 8, "ms")
    found = LabelledSpikes.from_neo([[train]], [0])
    assert float(found.times[1]) < 0.008 and float(found.times[1]) == pytest.approx(0.008)
    for wrong, message in (
        ([[train], [train, train]], "sample 1 has 2"),
        ([[3]], "sample 0: .*SpikeTrain"),
        (3, "trains"),
    ):
        with pytest.raises(ValueError, match=message):
            LabelledSpikes.from_neo(wrong, [0] * 2)


# files


def test_what_a_file_lacks_is_said(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spikes/times"] = [1.0]
        file["label"] = [1]
    np.savez(tmp_path / "a.npz", times=[0.1], units=[0], labels=[0])
    np.savez(tmp_path / "b.npz", times=["a"], units=[0], labels=[0], offsets=[0, 1])
    np.savez(tmp_path / "c.npz", times=[0.1], units=[0], labels=[3.5], offsets=[0, 1])
    np.savez(tmp_path / "d.npz", times=np.array([None, {}]), units=[0], labels=[0], offsets=[0, 1])
    (tmp_path / "b.h5").write_text("no HDF5")
    (tmp_path / "b.h5.gz").write_text("not compressed")
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "set").mkdir()
    for name, message in (
        ("a.h5", "a.h5 holds label, spikes/times; expected .*, but spikes/units is missing"),
        ("b.h5", "b.h5 cannot be read as HDF5"),
        ("b.h5.gz", "b.h5.gz cannot be unpacked"),
        ("a.npz", "a.npz holds .*, but offsets is missing; np.savez"),
        ("b.npz", "b.npz: times holds <U1"),
        ("c.npz", "c.npz: labels hold float64"),
        ("d.npz", "d.npz cannot be read.*offsets=offsets, labels=labels\\) writes one"),
        ("a.txt", "expected a file that ends in .h5, .hdf5, .h5.gz, .npz, or a folder"),
        ("set", "labels.csv is not a file"),
        ("c.h5", "c.h5 is not a file"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            read_samples(tmp_path / name)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "labels.csv has no rows"),
        ("name,label\n0.ras,1\n", "has name, label; expected the columns file and label"),
        ("file,label\n0.ras,one\n", "sample 0: file '0.ras', label 'one'"),
        ("file,label\n9.ras,1\n", "9.ras is not a file"),
        ("file,label\nbad.ras,1\n", "bad.ras, line 1"),
    ],
)
def test_a_table_of_labels_that_is_wrong_is_refused(table, message, tmp_path):
    write_folder(tmp_path / "set")
    (tmp_path / "set" / "bad.ras").write_text("abc\n")
    (tmp_path / "set" / "labels.csv").write_text(table)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_samples(tmp_path / "set")


def test_a_file_of_the_arrays_gives_them_back(tmp_path):
    for k, found in enumerate((made(), made(lengths=[8, 9, 10, 11] * ms), made(n=9, n_classes=5))):
        np.savez(tmp_path / f"{k}.npz", **found.arrays)
        assert read_samples(tmp_path / f"{k}.npz").key == found.key
        stored = LabelledSpikes.from_stored(found.arrays, "x", "y")
        assert stored.key == found.key and (stored.name, stored.source) == ("x", "y")


def test_the_number_of_units_and_the_length_can_be_given(tmp_path):
    write_hdf5(tmp_path / "a.h5", extra=False)
    found = read_samples(tmp_path / "a.h5", 700, 1.4 * second)
    assert (found.n, float(found.lengths), found.n_classes) == (700, 1.4, 3)
    assert found.times.dtype == np.float32 and str(tmp_path) in found.source
    with pytest.raises(ValueError, match=r"a.h5.*sample 2, spike 0 .*expected a unit from 0 to 2, as n is 3"):
        read_samples(tmp_path / "a.h5", 3)


def test_compressed_files_are_recognised(tmp_path):
    of_compressed(tmp_path)
    assert len(read_samples(tmp_path / "b.h5.gz")) == 4

"""One set of number rules for rasters, tables, NEST's recordings and archives: the same spikes, or a message with the file."""

import io
import random
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, second, us
from command import superspike
from hypothesis import example, given, settings
from hypothesis import strategies as st
from superspike_brian.tasks import ras, read_csv, read_npz, read_ras, write_ras

PERIOD = 500 * ms
TIMES, UNITS = [0.0834, 0.0121, 0.4999, 0.25], [4, 0, 2, 11]
# how a spike is written in each kind of text, after which first line
TEXTS = {
    "a.ras": ("# spikes", "{} {}"),
    "comma.csv": ("time,unit", "{},{}"),
    "named.csv": ("unit,trial,time", "{1},3,{0}"),
    "bare.csv": ("0.4,1", "{},{}"),
    "semicolon.csv": ("Time (s);Neuron", "{};{}"),
    "tab.tsv": ("t\ti", "{}\t{}"),
    "blank.txt": ("# unit time", "{1}  {0}"),
    "quoted.csv": ('"id","spike_times"', '"{1}","{0}"'),
    "nest.dat": ("# NEST version: 3.6.0\n# RecordingBackendASCII version: 2\nsender\ttime_ms", "{1}\t{0}"),
    "nest.gdf": ("1 3.5", "{1} {0}"),
}
IN_MS = {"nest.dat", "nest.gdf"}
READERS = {name: read_ras if name.endswith(".ras") else read_csv for name in TEXTS}


def spikes(pattern):
    return list(zip(np.asarray(pattern.times).tolist(), pattern.ids.tolist(), strict=True))


def put(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(read, path, *arguments, **options):
    """Return the message that a file is refused with: one line with its name."""
    with pytest.raises((ValueError, OSError)) as caught:
        read(path, *arguments, **options)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and len(message) < 700
    return message


@pytest.fixture(params=TEXTS)
def kind(request, tmp_path):
    """A kind of text: function from cells of a spike to the file's content, and the reader."""
    first, line = TEXTS[request.param]
    path = tmp_path / request.param

    def read(*rows):
        put(path, first + "\n" + "".join(line.format(*row) + "\n" for row in rows))
        return READERS[request.param](path, PERIOD, 12)

    read.path, read.lines, read.scale = path, first.count("\n") + 1, 1e-3 if request.param in IN_MS else 1
    return read


# number rules, the same in every text

RIGHT = [
    "0",
    "0.083",
    "83e-3",
    ".083",
    "0.",
    "0.0834000000",
    "1E-2",
    "+0.1",
    "-0",
    "-0.0",
    "00.1",
    "1e-400",
    "0.1" + "0" * 400,
]
WRONG_TIMES = [
    *(
        "0,083",
        "1_0",
        "0x1",
        "1e400",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "-0.1",
        "-1e-400",
        "1e",
        "e1",
        "1.2.3",
        "1'000",
        "0.1s",
    ),
    *(
        "٣",
        "１",
        "0.1e1.5",
        "1d-3",
        "--1",
        "+",
        ".",
        "",
        "two",
        "0.1j",
        "True",
        "None",
        "½",
        "1/2",
        "0.1%",
        "1e99999999999",
    ),
]
WRONG_UNITS = [
    *(
        "-1",
        "+1",
        "1.0",
        "1.5",
        "1e1",
        "1_0",
        "0x1",
        "٣",
        "१",
        "²",
        "two",
        "",
        "nan",
        "True",
        "1,000",
        "4j",
        "1/2",
        "-0",
        "4-5",
    ),
    *("2147483647", "4294967296", "18446744073709551615", "99999999999999999999", "1" * 5000),
]


@pytest.mark.parametrize("time", RIGHT)
def test_a_decimal_number_is_a_time(kind, time):
    found = spikes(kind((time, 3), ("0.01", 4)))[-2]
    assert found == (pytest.approx(float(time) * kind.scale, rel=1e-15), 3)


def test_a_time_is_what_one_would_write(kind):
    """Not 0.08370000000000001 for 83.7 ms."""
    rng = random.Random(1)
    tenths = [rng.randrange(5000 if kind.scale < 1 else 5) for _ in range(300)]
    found = spikes(kind(*((f"{k // 10}.{k % 10}", 1) for k in tenths)))[-300:]
    assert [t for t, _ in found] == [float(f"{k}e-{1 if kind.scale == 1 else 4}") for k in tenths]


@pytest.mark.parametrize("time", WRONG_TIMES)
def test_what_is_no_time_is_refused_with_its_line(kind, time):
    assert f"line {kind.lines + 2}: " in refused(lambda path: kind(("0.1", 3), (time, 2)), kind.path)


@pytest.mark.parametrize("unit", WRONG_UNITS)
def test_what_is_no_unit_is_refused_with_its_line(kind, unit):
    assert f"line {kind.lines + 2}: " in refused(lambda path: kind(("0.1", 3), ("0.1", unit)), kind.path)


@settings(max_examples=150)
@given(st.text("0123456789.,eE+-_ xnaif٣½", max_size=7), st.text("0123456789.+-_e ٣", max_size=5))
@example("0", "083")
@pytest.mark.parametrize("name", TEXTS)
def test_whatever_stands_in_a_row_is_read_as_what_it_says_or_refused(tmp_path_factory, name, time, unit):
    first, line = TEXTS[name]
    if set(line) <= set("{}01 "):  # between blanks, one within a cell would make two of it
        time, unit = time.replace(" ", ""), unit.replace(" ", "")
    path = tmp_path_factory.getbasetemp() / name
    text = line.format(time, unit)
    put(path, f"{first}\n{text}\n")
    sound = re.fullmatch(r" *\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? *", time) and re.fullmatch(
        " *[0-9]+ *", unit
    )
    scale = 1e-3 if name in IN_MS else 1
    if sound and float(time) * scale < 0.5 and int(unit) < 12:
        assert spikes(READERS[name](path, PERIOD, 12))[-1] == (pytest.approx(float(time) * scale, rel=1e-15), int(unit))
    elif not re.fullmatch(r"[ +-]*[0.]*([eE][+-]?[0-9]+)? *", time) and text.strip(' ,;\t"'):
        refused(READERS[name], path, PERIOD, 12)


@pytest.mark.parametrize(
    "values",
    [
        np.array([True, False]),
        np.array([0.1, 0.2], complex),
        np.array([1, 2], "m8[ms]"),
        np.array(["2020-01-01", "2020-01-02"], "M8[D]"),
        np.array(["0.1", "0.2"]),
        np.array([b"0.1", b"0.2"]),
        np.zeros(2, [("t", float), ("i", int)]),
        np.zeros(2, "V4"),
        np.zeros((2, 1)),
        np.array(0.1),
    ],
    ids=lambda v: f"{v.dtype}{v.shape}",
)
@pytest.mark.parametrize("name", ["times", "units"])
def test_an_array_of_another_kind_is_refused_by_name(tmp_path, name, values):
    np.savez(tmp_path / "a.npz", **{"times": [0.1, 0.2], "units": [0, 1], name: values})
    message = refused(read_npz, tmp_path / "a.npz", PERIOD)
    assert f"the array {name} holds {values.dtype} values" in message


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *(("times", [0.1, bad]) for bad in (-0.1, np.nan, np.inf, -np.inf)),
        ("times", np.array([0, -1])),
        *(("units", np.array([0, bad])) for bad in (-1, 2**31 - 1, 2**40, -(2**63))),
        *(("units", np.array([0, bad], np.uint64)) for bad in (2**64 - 1, 2**63)),
        *(("units", np.array([0, bad])) for bad in (0.5, np.nan, 1e300, -1.0)),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(tmp_path, name, values):
    np.savez(tmp_path / "a.npz", **{"times": [0.1, 0.2], "units": [0, 1], name: values})
    assert name in refused(read_npz, tmp_path / "a.npz", PERIOD)


@pytest.mark.parametrize("dtype", [*"bBhHiIlLqQefdg", ">i2", ">f8", "<u4"])
def test_an_array_of_any_real_kind_is_read(tmp_path, dtype):
    np.savez(tmp_path / "a.npz", times=np.array([64, 3], dtype), units=np.array([2, 0], dtype))
    assert spikes(read_npz(tmp_path / "a.npz", 500 * ms, time_unit=ms)) == [(0.064, 2), (0.003, 0)]


# columns


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        *(
            (f"{unit},{time}", second)
            for time in ("time", "Time", "times", "t", "spike_times", " TIME ")
            for unit in ("unit", "i")
        ),
        *((f"{unit},time", second) for unit in ("id", "ids", "Units", "neuron", "sender", "neuron_id", "unit id")),
        ("sender,time_ms", ms),
        ("i,t [us]", us),
        ("unit,time(ms)", ms),
        ("Unit,Time (ms)", ms),
        ("unit,time_s", second),
        ("unit,t/ms", ms),
        ("# unit,time_ms", ms),
        ("#unit,time", second),
    ],
)
def test_a_header_says_which_column_is_which_and_in_what_unit(tmp_path, header, unit):
    number = 0.2 * second / unit
    path = put(tmp_path / "a.csv", f"# a comment\n{header}\n3,{number!r}\n1,0\n")
    found = [(pytest.approx(0.2), 3), (0, 1)]
    assert spikes(read_csv(path, PERIOD)) == found
    named = any(each in header for each in ("ms", "us", "_s"))
    if named and unit is not second:
        assert "time_unit is 1 s" in refused(read_csv, path, PERIOD, time_unit=1 * second)
    assert spikes(read_csv(path, PERIOD, time_unit=unit)) == found


def test_arrays_of_an_archive_are_found_by_the_same_names(tmp_path):
    for names, unit in ((("i", "t"), second), (("senders", "times_ms"), ms), (("ids", "spike_times"), second)):
        np.savez(tmp_path / "a.npz", **{names[0]: [3, 1], names[1]: [0.2 * second / unit, 0], "other": [1, 2, 3]})
        assert spikes(read_npz(tmp_path / "a.npz", PERIOD)) == [(pytest.approx(0.2), 3), (0, 1)]
    np.savez(tmp_path / "a.npz", times=[0.1], units=[1], t=[0.0, 0.1, 0.2])  # the documented names before others
    assert spikes(read_npz(tmp_path / "a.npz", PERIOD)) == [(0.1, 1)]
    np.savez(tmp_path / "a.npz", t=[0.1], time=[0.1], units=[1])
    assert "t and time both say times" in refused(read_npz, tmp_path / "a.npz", PERIOD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "0,083,4\n0,010,2\n",
            "line 1: '0,083,4': expected two columns, time and unit, but found 3. Numbers have a decimal",
        ),
        (
            "time,unit\n0,083,4\n",
            "line 2: '0,083,4': expected 2 columns, as in line 1, but found 3; numbers have a decimal",
        ),
        ("time;unit\n0,083;4\n", "line 2: '0,083;4': expected a time, with a decimal point, instead of '0,083'"),
        ("0,083;4\n", "line 1: '0,083;4': expected a time, with a decimal point, instead of '0,083'"),
        ("0,083\t4\n", "instead of '0,083'"),
        ("0,083 4\n", "line 1"),
        ('"0,083","4"\n', "instead of '0,083'"),
        ('"1,234.5",4\n', "instead of '1,234.5'"),
        ("7,0.0837\n14,0.0834\n", "instead of '0.0837'; time first, id second"),
        ("7\t83.7\n", "instead of '83.7'; time first, id second"),
        ("7,83\n14,85\n", "all numbers are whole, so that either column may be the time"),
        ("0,083\n0,01\n", "all numbers are whole"),
        ("0.1,2,3\n", "expected two columns"),
        ("0.1\n", "expected two columns"),
        ("0.1,2\n0.2,3,4\n", "line 2: '0.2,3,4': expected 2 columns, as in line 1, but found 3"),
        ("0.1,2\n0.2\n", "line 2: '0.2': expected 2 columns, as in line 1, but found 1"),
        ("0.1,2\n0.2;3\n", "line 2"),
        ("time,unit\n0.1,2\n\n0.2,3,\n", "line 4"),
        ("time,time,unit\n0.1,0.2,3\n", "time and time both say time"),
        ("unit,time,unit\n1,0.2,3\n", "unit and unit both say unit"),
        ("time_ms,t,unit\n1,0.2,3\n", "time_ms and t both say time"),
        ("id,neuron,t\n1,2,0.2\n", "id and neuron both say unit"),
        ("when,unit\n0.1,2\n", "its columns are when, unit; expected two named time and unit"),
        ("sender\ttime_step\ttime_offset\n7\t837\t0.0\n", "none says time"),
        ("time,unit\n", "holds no spikes"),
        ("\n \n,,\n# nothing\n", "holds no spikes"),
        ("", "holds no spikes"),
        ('time,unit\n0.1,"2\n0.2,3\n', "line 2"),
        ('time,unit\n0.1,"2"3\n', "line 2"),
        ("time,unit\n0.1," + "1" * 200_000 + "\n", "line 2"),
        ("0.1," + "x" * 10**6, "line 1"),
        ("1 " * 10**5, "line 1"),
        ("time,unit\n0.1,2\n0.6,3\n", "line 3: a spike at 0.6 s; expected times below the period, 0.5 s"),
        ("time,unit\n0.1,2\n0.2,12\n", "line 3: unit 12; expected 0 to 11, as n is 12"),
        (b"\x89PNG\r\n\x1a\n", "not a text file"),
        (b"0.1,\x002\n", "not a text file: it holds a zero byte (line 1)"),
        ("# Zürich\n0.1,2\n".encode("latin-1"), "byte 3 is not UTF-8 (line 1); save it as UTF-8"),
        ("time,unit\n0.1,2 # µs\n".encode("latin-1"), "is not UTF-8 (line 2)"),
        ("0.1,2\n".encode("utf-16")[:-1], "is not UTF-16"),
        ("0.1,2\n".encode("utf-16-le"), "zero byte"),
        ("0.1,2\n".encode("utf-32"), "not a text file"),
    ],
)
def test_a_table_that_cannot_be_understood_is_refused(tmp_path, text, expected):
    path = put(tmp_path / "a.csv", text)
    assert expected in refused(read_csv, path, PERIOD, 12)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_do_not_matter(kind, encoding, end):
    written = spikes(kind(*zip(TIMES, UNITS, strict=True)))
    assert written[-4:] == [(pytest.approx(t * kind.scale), i) for t, i in zip(TIMES, UNITS, strict=True)]
    text = kind.path.read_text() + "\n# Zürich\n\n"
    put(kind.path, text.replace("\n", end).encode(encoding))
    assert spikes(READERS[kind.path.name](kind.path, PERIOD, 12)) == written


@pytest.mark.parametrize(
    "comment", ['# it is "open, says he', "#", "# unit", "# unit,time,trial", "#,,", "# 1,2", "#\t;"]
)
def test_any_comment_may_stand_before_a_table(tmp_path, comment):
    path = put(tmp_path / "a.csv", f"# unit,time\n{comment}\n0.1,3\n\n# 0.2,4\n0.25,1\n")
    assert spikes(read_csv(path, PERIOD)) == [(0.1, 3), (0.25, 1)]


def test_nest_recordings_become_rasters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "7\t83.700\n14\t83.400\n"
    put(Path("a.dat"), "# NEST version: 3.6.0\n# RecordingBackendASCII version: 2\nsender\ttime_ms\n" + rows)
    put(Path("a.gdf"), rows)
    for options in ((), ("--time-unit", "1ms")):
        for source in ("a.dat", "a.gdf"):
            found = superspike("convert", "csv", source, "o.ras", "--period", "200ms", "--overwrite", *options)
            assert (found.code, found.err) == (0, "")
            assert Path("o.ras").read_text().splitlines()[1:] == ["0.0837 7", "0.0834 14"]
    found = superspike("convert", "csv", "a.dat", "o.ras", "--period", "200s", "--time-unit", "1s", "--overwrite")
    assert found.code == 2 and "a.dat says that its times are in units of 0.001 s, but time_unit is 1 s" in found.err


# many units


def test_a_unit_of_a_thousand_million_is_read_written_and_said(tmp_path, caplog):
    put(tmp_path / "a.csv", "time,unit\n0.1,1000000000\n0.2,0\n0.3,17\n")
    np.savez(tmp_path / "a.npz", times=[0.1, 0.2, 0.3], units=[10**9, 0, 17])
    pattern = read_csv(tmp_path / "a.csv", PERIOD)
    write_ras(tmp_path / "a.ras", pattern)
    found = [pattern, read_npz(tmp_path / "a.npz", PERIOD), read_ras(tmp_path / "a.ras", PERIOD)]
    assert [(p.n, spikes(p)) for p in found] == [(10**9 + 1, spikes(pattern))] * 3
    assert [r.levelname for r in caplog.records] == ["WARNING"] * 3
    assert all("implies 1000000001 units, of which only 3 spike" in r.getMessage() for r in caplog.records)


def test_a_task_of_units_that_hardly_spike_needs_their_number(tmp_path):
    many, few = put(tmp_path / "many.ras", "0.1 1000000000\n0.2 0\n"), put(tmp_path / "few.ras", "0.1 0\n0.2 1\n")
    assert "give n_inputs if it is meant" in refused(lambda path: ras(path, few, PERIOD), many)
    assert "give n_outputs if it is meant" in refused(lambda path: ras(few, path, PERIOD), many)
    assert ras(many, few, PERIOD, n_inputs=10**9 + 1).n_inputs == 10**9 + 1
    sparse = put(tmp_path / "sparse.ras", "0.1 1999\n0.2 0\n")
    assert ras(sparse, few, PERIOD).n_inputs == 2000


# archives: damaged, foreign, hostile


def archive(save=np.savez, **arrays):
    file = io.BytesIO()
    save(file, **{"times": TIMES, "units": UNITS} | arrays)
    return file.getvalue()


def zipped(compression=zipfile.ZIP_STORED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for name, content in members.items():
            target.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(header, data=b""):
    text = f"{header}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def single(values):
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def patched(data, *changes):
    """Change fields of every header of an archive, local and central: offsets from their signatures."""
    data = bytearray(data)
    for signature, offset, value in changes:
        at = data.find(signature)
        while at >= 0:
            data[at + offset : at + offset + len(value)] = value
            at = data.find(signature, at + 4)
    return bytes(data)


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }"
SINGLE = single(np.array(TIMES))
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
FOREIGN = {
    "empty": b"",
    "text": b"0.1 2\n",
    "zeros": bytes(1000),
    "npy": SINGLE,
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00K\x01.",
    "object": archive(times=np.array([{}, 1], object)),
    "no arrays": zipped(),
    "half": archive()[: len(archive()) // 2],
    "no end": archive()[:-10],
    "one array": zipped(times=SINGLE),
    "of one name twice": zipped(times=SINGLE, units=SINGLE, tymes=SINGLE).replace(b"tymes", b"times"),
    "names of two lines": zipped(times=SINGLE, units=SINGLE).replace(b"times", b"ti\nes"),
    "empty members": zipped(times=b"", units=b""),
    "text members": zipped(times=b"0.1", units=b"2"),
    "a million million": zipped(times=npy(HUGE % 10**12), units=single(np.array(UNITS))),
    "more than 64 bits": zipped(times=npy(HUGE % 10**30), units=single(np.array(UNITS))),
    "negative": zipped(times=npy(HUGE % -1), units=single(np.array(UNITS))),
    "deep": zipped(times=npy("(" * 5000), units=b""),
    "code": zipped(times=npy("__import__('os').system('touch hacked')"), units=b""),
    "no dict": zipped(times=npy("[1, 2]"), units=b""),
    "strange type": zipped(times=npy("{'descr': 'q#', 'fortran_order': False, 'shape': (1,), }"), units=b""),
    "half header": zipped(times=SINGLE[:20], units=single(np.array(UNITS))),
    "half data": zipped(times=SINGLE[:-5], units=single(np.array(UNITS))),
    "version 9": zipped(times=b"\x93NUMPY\x09\x00" + bytes(100), units=b""),
    "encrypted": patched(archive(), (LOCAL, 6, b"\x01"), (CENTRAL, 8, b"\x01")),
    "method 99": patched(archive(), (LOCAL, 8, b"\x63"), (CENTRAL, 10, b"\x63")),
    "not deflated": patched(archive(), (LOCAL, 8, b"\x08"), (CENTRAL, 10, b"\x08")),
    "not lzma": patched(archive(), (LOCAL, 8, b"\x0e"), (CENTRAL, 10, b"\x0e")),
    "checksum": patched(archive(), (CENTRAL, 16, b"\x00\x00\x00\x00")),
    "size": patched(archive(), (CENTRAL, 24, b"\xff\xff\xff\x7f"), (CENTRAL, 20, b"\xff\xff\xff\x7f")),
    "lengths": archive(times=[0.1]),
    "no spikes": archive(times=[], units=[]),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_archive_is_refused_in_one_line(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    put(Path("a.npz"), FOREIGN[what])
    refused(read_npz, Path("a.npz"), PERIOD)
    assert sorted(Path().iterdir()) == [Path("a.npz")]


def damaged(data, rng):
    """Cut bytes short, or change, remove or add some."""
    data = bytearray(data)
    if rng.random() < 0.3:
        return bytes(data[: rng.randrange(len(data))])
    for _ in range(rng.choice([1, 1, 2, 5])):
        at, how = rng.randrange(len(data)), rng.random()
        if how < 0.7:
            data[at] ^= 1 << rng.randrange(8)
        elif how < 0.8:
            del data[at : at + rng.choice([1, 2, 10])]
        elif how < 0.9:
            data[at:at] = rng.randbytes(rng.choice([1, 4]))
        else:
            data[at : at + 4] = rng.randbytes(4)
        if not data:
            break
    return bytes(data)


COUNTS = [pytest.param(600, id="some"), pytest.param(20_000, marks=pytest.mark.slow, id="many")]


@pytest.mark.parametrize("count", COUNTS)
def test_a_damaged_archive_holds_the_same_spikes_or_is_refused(tmp_path, count):
    rng, path, seen = random.Random(count), tmp_path / "a.npz", {"same": 0, "refused": 0}
    whole = [archive(), archive(np.savez_compressed), SINGLE, archive(times=np.array([{}], object))]
    for _ in range(count):
        put(path, damaged(rng.choice(whole), rng))
        try:
            found = spikes(read_npz(path, PERIOD))
        except (ValueError, OSError) as error:
            assert str(path) in str(error) and "\n" not in str(error)
            seen["refused"] += 1
        else:
            assert found == list(zip(TIMES, UNITS, strict=True))  # checksums see to that
            seen["same"] += 1
    assert min(seen.values()) > count / 100, seen


# how a search by hand finds a spike in a line, however it is spaced and quoted
T = r"(?:\s*\"?\s*)(?P<t>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?:\s*\"?\s*)"
U = r"(?:\s*\"?\s*)(?P<u>[0-9]+)(?:\s*\"?\s*)"
BY_HAND = {
    "a.ras": rf"{T}(?<=\s){U}(#.*)?",
    **{
        name: f"{T}{separator}{U}"
        for name, separator in (("comma.csv", ","), ("bare.csv", ","), ("semicolon.csv", ";"))
    },
    **{name: f"{U},(?:.*,)?{T}" for name in ("named.csv", "quoted.csv")},
    "tab.tsv": rf"{T}\t{U}",
    **{name: rf"{U}(?<=\s){T}" for name in ("blank.txt", "nest.dat", "nest.gdf")},
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_damaged_text_is_refused_in_one_line_or_says_what_it_holds(tmp_path, name, count):
    """Each line that is read is one that a search by hand finds; if all lines are still sound, all are read."""
    rng, path, seen = random.Random(count), tmp_path / name, {"read": 0, "refused": 0}
    first, line = TEXTS[name]
    rows = "".join(line.format(t / 1e-3 if name in IN_MS else t, i) + "\n" for t, i in zip(TIMES, UNITS, strict=True))
    scale = 1e-3 if name in IN_MS else 1
    time = "[0-9]{1,2}[.][0-9]*" if name in IN_MS else "0?[.][0-4][0-9]*"
    sound = re.escape(line.format("TIME", "UNIT")).replace("TIME", time).replace("UNIT", "[0-9]")
    before = len(spikes(READERS[name](put(path, f"{first}\n{rows}"), PERIOD, 12))) - len(TIMES)
    for _ in range(count):
        content = damaged(rows.encode(), rng)
        put(path, first.encode() + b"\n" + content)
        lines = [one for one in re.split("\r\n|\r|\n", content.decode("latin-1")) if not one.lstrip().startswith("#")]
        try:
            found = spikes(READERS[name](path, PERIOD, 12))[before:]
        except (ValueError, OSError) as error:
            assert str(path) in str(error) and "\n" not in str(error)
            no_text = b"\0" in content or max(content, default=0) > 127
            assert no_text or not any(lines) or not all(re.fullmatch(sound, one) for one in lines if one), lines
            seen["refused"] += 1
        else:
            by_hand = [re.fullmatch(BY_HAND[name], one) for one in lines if one.strip(' \t\v\f",;')]
            assert all(by_hand), (lines, found)
            expected = [(pytest.approx(float(m["t"]) * scale, rel=1e-15), int(m["u"])) for m in by_hand]
            assert found == expected, lines
            seen["read"] += 1
    assert min(seen.values()) > count / 100, seen

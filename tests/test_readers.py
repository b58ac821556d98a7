"""One set of number rules for rasters, tables, NEST's recordings and archives: the same spikes, or a message with the file."""

import random
import re

import numpy as np
import pytest
from brian2 import ms
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spike_files import IN_MS, PERIOD, READERS, TEXTS, TIMES, UNITS, put, refused, spikes
from superspike_brian.tasks import read_npz


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_do_not_matter(kind, encoding, end):
    written = spikes(kind(*zip(TIMES, UNITS, strict=True)))
    assert written[-4:] == [(pytest.approx(t * kind.scale), i) for t, i in zip(TIMES, UNITS, strict=True)]
    text = kind.path.read_text() + "\n# Zürich\n\n"
    put(kind.path, text.replace("\n", end).encode(encoding))
    assert spikes(READERS[kind.path.name](kind.path, PERIOD, 12)) == written

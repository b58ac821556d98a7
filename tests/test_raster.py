import logging
import os
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, second
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from superspike_brian.tasks import SpikePattern, ras, read_ras, write_ras

SSBM = Path(__file__).resolve().parents[2] / "shared" / "ssbm"
needs_ssbm = pytest.mark.skipif(not SSBM.is_dir(), reason=f"the public rasters are not at {SSBM}")


@st.composite
def patterns(draw):
    n, period = draw(st.integers(1, 30)), draw(st.floats(1e-3, 1e3))
    spike = st.tuples(st.integers(0, n - 1), st.floats(0, period, exclude_max=True))
    spikes = draw(st.lists(spike, min_size=1, max_size=30))
    return SpikePattern(n, [i for i, _ in spikes], [t for _, t in spikes] * second, period * second)


@pytest.fixture(scope="module")
def raster(tmp_path_factory):
    """Return a function that puts text (or bytes) into a file of its own and gives the path."""
    folder, number = tmp_path_factory.mktemp("rasters"), iter(range(10**9))

    def put(content):
        path = folder / f"{next(number)}.ras"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def rows(pattern):
    return list(zip(np.asarray(pattern.times).tolist(), pattern.ids.tolist(), strict=True))


@given(pattern=patterns())
def test_what_is_written_is_read_back_exactly(raster, pattern):
    path = raster("")
    write_ras(path, pattern, overwrite=True)
    back = read_ras(path, pattern.period, pattern.n)
    assert (back.n, rows(back)) == (pattern.n, rows(pattern))
    assert [p.name for p in path.parent.glob(".*")] == []  # no scratch file is left


@given(pattern=patterns(), data=st.data())
def test_comments_blank_lines_any_order_and_line_ends_do_not_matter(raster, pattern, data):
    lines = []
    for time, unit in data.draw(st.permutations(rows(pattern))):
        form = data.draw(st.sampled_from(["{!r} {}", "  {!r}\t{}  ", "{:.17e} {}", "{!r} {} # note"]))
        lines += data.draw(st.lists(st.sampled_from(["", "   ", "# 1 2 3", "#"]), max_size=2))
        lines.append(form.format(time, unit))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    mark = data.draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    text = end.join(lines) + data.draw(st.sampled_from(["", end]))
    back = read_ras(raster(mark + text.encode()), pattern.period, pattern.n)
    assert sorted(rows(back)) == sorted(rows(pattern))


@given(pattern=patterns(), known=st.booleans())
def test_units_numbered_from_1_are_accepted(raster, pattern, known):
    assume(pattern.ids.max() == pattern.n - 1 if known else pattern.ids.min() == 0)
    path = raster("".join(f"{t!r} {i + 1}\n" for t, i in rows(pattern)))
    back = read_ras(path, pattern.period, pattern.n if known else None)
    assert rows(back) == rows(pattern)
    assert back.n == (pattern.n if known else pattern.ids.max() + 1)


MALFORMED = [  # many of these numpy or Python would take
    *("0.1", "0.1 2 3", "0.1,2", "0,1 2", "2 0.1", "0.1 2.0", "0.1 -1", "0.1 two", "x", "time id"),
    *(
        "nan 1",
        "inf 1",
        "-0.1 1",
        "1_0 1",
        "0.1 1_0",
        "0x1 1",
        "0.1 1e1",
        "0.1 99999999999999999999",
        "0.1 ٣",
    ),
]


@pytest.mark.parametrize("bad", MALFORMED)
@settings(max_examples=20)
@given(pattern=patterns(), data=st.data())
def test_a_malformed_line_is_refused_with_its_number(raster, bad, pattern, data):
    lines = [f"{t!r} {i}" for t, i in rows(pattern)]
    place = data.draw(st.integers(0, len(lines)))
    lines.insert(place, bad)
    path = raster("# heading\n\n" + "\n".join(lines))
    with pytest.raises(ValueError) as error:
        read_ras(path, pattern.period, pattern.n)
    assert f"{path}, line {place + 3}: {bad!r}: expected " in str(error.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0.1,2", "two columns, time in seconds and unit id, separated by spaces, but found 1"),
        ("0,1 2", "a time in seconds, with a decimal point, instead of '0,1'"),
        ("2 0.1", "a whole number, 0 or more, as unit id instead of '0.1'; time first, id second"),
        ("nan 1", "a finite time of 0 s or more instead of 'nan'"),
    ],
)
def test_a_malformed_line_is_explained(raster, line, expected):
    with pytest.raises(ValueError) as error:
        read_ras(raster(line), 1 * second)
    assert expected in str(error.value)


def test_a_long_malformed_line_is_cut_short(raster):
    with pytest.raises(ValueError) as error:
        read_ras(raster("1 " * 10000), 1 * second)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("content", ["", "# only a comment\n\n"])
def test_a_file_without_spikes_is_refused(raster, content):
    with pytest.raises(ValueError, match=r"holds no spikes; expected lines such as '0.083 0'"):
        read_ras(raster(content), 1 * second)


@pytest.mark.parametrize(("content", "why"), [(b"0.1 1\n\x89PNG", "byte 6 is not UTF-8"), (b"0.1\0 1", "zero byte")])
def test_a_binary_file_is_refused(raster, content, why):
    with pytest.raises(ValueError, match=f"not a text file: .*{why}"):
        read_ras(raster(content), 1 * second)


def test_a_missing_file_brings_suggestions(tmp_path):
    (tmp_path / "target.ras").write_text("0 0\n")
    with pytest.raises(FileNotFoundError, match=r"targt.ras is not a file; did you mean 'target.ras'"):
        read_ras(tmp_path / "targt.ras", 1 * second)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        read_ras(tmp_path / "nowhere" / "target.ras", 1 * second)
    with pytest.raises(FileNotFoundError, match=r"is not a file; there are: target.ras"):
        read_ras(tmp_path, 1 * second)


def test_a_time_beyond_the_period_suggests_the_period(raster):
    path = raster("0.1 0\n1.2 0\n1.889667 0\n")
    with pytest.raises(ValueError, match=r"line 2: a spike at 1.2 s; .* below the period, 1.0 s.*period 1.89 s"):
        read_ras(path, 1 * second)
    with pytest.raises(ValueError, match=r"line 1: a spike at 0.5 s; .*is the period 0.51 s"):
        read_ras(raster("0.5 0"), 500 * ms)  # the end of the loop is its beginning
    steps, _ = read_ras(raster("0.49996 0"), 500 * ms).steps(0.1 * ms)
    assert steps.tolist() == [0]


@pytest.mark.parametrize(
    ("content", "n", "message"),
    [
        (
            "0 3\n0 200\n0 1",
            100,
            r"line 2: unit id 200; expected 0 to 99, .*looks numbered from 1: give n=200",
        ),
        ("0 0\n0 100", 100, r"line 2: unit id 100; .*run from 0 to 100: give n=101"),
        ("0 6\n0 96", 50, r"line 2: unit id 96; .*run from 6 to 96: give n=97"),
    ],
)
def test_ids_out_of_range_say_how_the_file_is_numbered(raster, content, n, message):
    with pytest.raises(ValueError, match=message):
        read_ras(raster(content), 1 * second, n)


def test_numbering_from_1_is_logged_and_a_guess_is_a_warning(raster, caplog):
    caplog.set_level(logging.INFO)
    path = raster("0 1\n0.1 3\n")
    assert read_ras(path, 1 * second, 3).ids.tolist() == [0, 2]
    assert read_ras(path, 1 * second).ids.tolist() == [0, 2]
    assert [r.levelname for r in caplog.records] == ["INFO", "WARNING"]
    assert all(f"{path}: unit ids 1 to 3 are taken as numbered from 1" in r.getMessage() for r in caplog.records)
    caplog.clear()
    assert read_ras(path, 1 * second, 4).ids.tolist() == [1, 3]  # unit 0 is just silent
    assert read_ras(raster("0 2\n"), 1 * second).n == 3
    assert caplog.records == []


@pytest.mark.parametrize(("n", "period", "message"), [(0, 1 * second, "n is 0"), (1, 1, "period has no unit")])
def test_senseless_arguments_are_refused_before_the_file_is_opened(n, period, message):
    with pytest.raises(ValueError, match=message):
        read_ras("nowhere/x.ras", period, n)


def test_a_file_is_not_overwritten_unasked(tmp_path):
    path = tmp_path / "a.ras"
    path.write_text("mine")
    pattern = SpikePattern(1, [0], [1] * ms, 5 * ms)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_ras(path, pattern)
    assert path.read_text() == "mine"
    write_ras(path, pattern, overwrite=True)
    assert path.read_text() == "# units: 1, period: 0.005 s\n0.001 0\n"


def test_writing_needs_spikes_and_a_folder_and_leaves_nothing_when_it_fails(tmp_path):
    pattern = SpikePattern(1, [0], [1] * ms, 5 * ms)
    with pytest.raises(ValueError, match="holds no spikes"):
        write_ras(tmp_path / "a.ras", SpikePattern(1, [], [] * second, 5 * ms))
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*; create it first"):
        write_ras(tmp_path / "nowhere" / "a.ras", pattern)
    (tmp_path / "folder.ras").mkdir()
    with pytest.raises(OSError):
        write_ras(tmp_path / "folder.ras", pattern, overwrite=True)
    assert os.listdir(tmp_path) == ["folder.ras"]


def test_ras_makes_a_task_of_two_files(raster):
    input, target = raster("0.1 0\n0.2 3\n"), raster("0.3 0\n")
    task = ras(input, target, 500 * ms, n_inputs=5)
    assert (task.inputs.n, task.targets.n, float(task.period)) == (5, 1, 0.5)
    assert str(input) in task.source and str(target) in task.source
    assert ras(input, target, 500 * ms).inputs.n == 4


@needs_ssbm
@pytest.mark.parametrize(
    ("file", "period", "n", "spikes"),
    [
        ("poisson/input", 0.5, 100, 232),
        ("poisson/target", 0.5, 1, 5),
        ("auryn/input", 3.5, 100, 1746),
        ("auryn/target", 3.5, 100, 1630),
        ("oxford/input", 1.89, 200, 1889),
        ("oxford/target", 1.89, 200, 10367),
    ],
)
def test_the_public_rasters_are_read_as_numpy_reads_them(file, period, n, spikes):
    path = SSBM / f"{file}.ras"
    pattern = read_ras(path, period * second, n)
    times, ids = np.loadtxt(path, ndmin=2).T
    assert (len(pattern), pattern.n) == (spikes, n)
    assert np.array_equal(np.asarray(pattern.times), times)
    assert np.array_equal(pattern.ids, ids - (file == "oxford/target"))  # its units are 1 to 200
    steps, units = pattern.steps(0.1 * ms)
    assert steps.min() >= 0 and steps.max() < round(period / 1e-4)
    assert len(units) == spikes


@needs_ssbm
def test_a_coarser_grid_merges_spikes_of_a_public_raster():
    pattern = read_ras(SSBM / "oxford" / "target.ras", 1.89 * second, 200)
    with pytest.warns(UserWarning, match=r"\d+ of 10367 spikes merged") as caught:
        steps, ids = pattern.steps(10 * ms)
    distinct = {(round(t / 0.01) % 189, i) for t, i in rows(pattern)}
    assert len(steps) == len(distinct) == 10367 - int(str(caught[0].message).split()[0])
    assert (ids[steps == 0] >= 0).any()

"""Which column or array of a file is which, how many units there are, and what is said of a table that is none."""

from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, second, us
from command import superspike
from spike_files import PERIOD, put, refused, spikes
from superspike_brian.tasks import ras, read_csv, read_npz, read_ras, write_ras

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

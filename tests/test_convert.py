"""CSV, npz and pictures become rasters that read back as what they were; bad files are refused with the line."""

import numpy as np
import pytest
from brian2 import ms, second
from superspike_brian.tasks import image, read_csv, read_npz, read_ras
from superspike_brian.tasks.image import embedded_picture

from superspike_brian.cli.main import main

TIMES, UNITS = np.array([0.0834, 0.0121, 0.4999]), np.array([4, 0, 2])


def check_raster(path, n=5):
    pattern = read_ras(path, 0.5 * second, n)
    assert np.array_equal(pattern.ids, UNITS)
    np.testing.assert_allclose(np.asarray(pattern.times), TIMES, rtol=1e-12)


def test_csv_with_named_columns_in_ms_becomes_a_raster(tmp_path, capsys):
    rows = "\n".join(f"x,{u},{t * 1e3!r}" for t, u in zip(TIMES.tolist(), UNITS.tolist(), strict=True))
    (tmp_path / "a.csv").write_text(f"trial,unit,time\n{rows}\n\n")
    command = ["convert", "csv", str(tmp_path / "a.csv"), str(tmp_path / "a.ras"), "--period", "500ms"]
    assert main([*command, "--time-unit", "1ms"]) == 0
    assert "3 spikes of 5 units" in capsys.readouterr().out
    check_raster(tmp_path / "a.ras")
    assert main([*command, "--time-unit", "1ms"]) == 2  # never over a file that is there, unless told to
    assert main([*command, "--time-unit", "1ms", "--overwrite"]) == 0


def test_one_spike_is_no_plural(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("0.1,0\n")
    assert main(["convert", "csv", str(tmp_path / "a.csv"), str(tmp_path / "a.ras"), "--period", "500ms"]) == 0
    assert "1 spike of 1 unit," in capsys.readouterr().out


def test_csv_without_header_and_npz_give_the_same_pattern(tmp_path):
    np.savetxt(tmp_path / "a.csv", np.column_stack([TIMES, UNITS]), fmt=["%.6f", "%d"], delimiter=",")
    np.savez(tmp_path / "a.npz", times=TIMES * 1e3, units=UNITS)
    for pattern in (
        read_csv(tmp_path / "a.csv", 0.5 * second, n=7),
        read_npz(tmp_path / "a.npz", 0.5 * second, 7, 1 * ms),
    ):
        assert pattern.n == 7
        assert np.array_equal(pattern.ids, UNITS)
        np.testing.assert_allclose(np.asarray(pattern.times), TIMES)


def test_npz_becomes_a_raster(tmp_path):
    np.savez(tmp_path / "a.npz", times=TIMES, units=UNITS)
    assert main(["convert", "npz", str(tmp_path / "a.npz"), str(tmp_path / "a.ras"), "--period", "500ms"]) == 0
    check_raster(tmp_path / "a.ras")


def test_picture_becomes_the_raster_of_the_task(tmp_path):
    import matplotlib.image

    matplotlib.image.imsave(tmp_path / "a.png", 1 - embedded_picture(), cmap="gray", vmin=0, vmax=1)
    command = ["convert", "image", str(tmp_path / "a.png"), str(tmp_path / "a.ras"), "--period", "1s", "--seed", "3"]
    assert main(command) == 0
    wanted = image(image=tmp_path / "a.png", period=1 * second, seed=3).targets
    found = read_ras(tmp_path / "a.ras", 1 * second, wanted.n)
    assert np.array_equal(found.ids, wanted.ids)
    np.testing.assert_allclose(np.asarray(found.times), np.asarray(wanted.times))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1,1\n0.2,1.5\n", "line 2: '0.2,1.5'"),
        ("0.1,1\n0.2\n", "line 2"),
        ("when,unit\n0.1,1\n", "when, unit; expected two named time and unit"),
        ("0.1,1\n0.7,2\n", "time 0.7 s"),
        ("time,unit\n", "holds no spikes"),
    ],
)
def test_bad_csv_is_refused(tmp_path, text, message):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=r"bad\.csv") as caught:
        read_csv(tmp_path / "bad.csv", 0.5 * second)
    assert message in str(caught.value)


def test_bad_npz_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", times=TIMES)
    with pytest.raises(ValueError, match="expected the arrays times and units"):
        read_npz(tmp_path / "a.npz", 0.5 * second)
    np.savez(tmp_path / "objects.npz", times=np.array([{}]), units=UNITS)
    with pytest.raises(ValueError, match="plain arrays"):
        read_npz(tmp_path / "objects.npz", 0.5 * second)
    with pytest.raises(FileNotFoundError, match=r"'a\.npz'"):
        read_npz(tmp_path / "b.npz", 0.5 * second)

"""What a run stores: plain arrays that open without this package, and no more of them than asked for."""

import json
import resource
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from brian2 import second
from kill_harness import poisson_task, start

from superspike_brian.results.folder import RunFolder
from superspike_brian.runs.training import train


def test_nothing_stored_is_a_pickle(whole):
    for path in (whole / "task.npz", *whole.glob("checkpoint-*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            assert len(dict(arrays)) > 2
        with zipfile.ZipFile(path) as parts:
            assert parts.testzip() is None
    RunFolder(whole).records()
    for path in whole.iterdir():
        assert b"cnumpy" not in path.read_bytes() and b"\x80\x04\x95" not in path.read_bytes(), path


def test_results_open_without_this_package(whole):
    code = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("superspike_brian", "brian2"):
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
import h5py, numpy as np, xarray
with h5py.File(sys.argv[1]) as file:
    assert file["weights_1_end"].shape == (12, 4) and file["weights_1_end"].attrs["units"] in ("volt", b"volt")
    assert "membrane" in str(file.attrs["equations"]) or "tau_mem" in str(file.attrs["equations"])
    def plain(name, item):
        assert not isinstance(item, h5py.Dataset) or item.dtype.kind in "iufSO" and item.dtype.metadata in (
            None, {"vlen": str}), (name, item.dtype)
    file.visititems(plain)
data = xarray.open_dataset(sys.argv[1], engine="h5netcdf").load()
trains = [data.watched_time.values[data.watched_unit.values == unit] for unit in range(3)]  # loads in a line
assert sum(map(len, trains)) == data.sizes["watched"]
assert not {"superspike_brian", "brian2"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, whole / "run.nc"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def grown(out, build_dir, duration, report):
    """Train a small network for `duration` (s) in blocks of 10 s; write what it took."""
    data = train(poisson_task(), hidden=(4,), duration=duration * second, out=out, build_dir=build_dir)
    asked = data.sizes["watched"] * 12 + data.sizes["block"] * 8 * (2 + 2 * data.sizes["output"])
    folder = sum(p.stat().st_size for p in out.iterdir())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.write_text(json.dumps((memory, folder / 1e6, asked / 1e6, data.sizes["block"])))


@pytest.mark.slow
def test_memory_and_disk_do_not_grow_with_the_run(tmp_path, build_dir, whole):
    """Only the watched spikes and the learning curve do; the compiled program is a new process every block."""
    found = []
    for duration in (1000, 10_000):
        process = start(
            grown, tmp_path / f"run-{duration}", build_dir, duration, report := tmp_path / f"{duration}.txt"
        )
        process.join()
        assert process.exitcode == 0
        found.append(json.loads(report.read_text()))
        print("{} s: {:.0f} MB memory, {:.1f} MB on disk, {:.1f} MB spikes and curve".format(duration, *found[-1]))
    memory, disk, asked, blocks = np.subtract(*reversed(found))
    assert memory < 5 * asked + 10
    assert (
        disk < 2 * asked + 2e-3 * blocks
    )  # they are in the log and in run.nc; a record has 2 kB of names and checksums

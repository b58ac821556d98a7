"""The benchmark measures every variant, on a network that is small enough for a test."""

import json

import pytest
from brian2 import Hz, second
from superspike_brian.tasks import Task
from superspike_brian.tasks.spike_timing import frozen_poisson

from superspike_brian import bench


@pytest.mark.slow  # it compiles ten programs
def test_bench_of_a_small_network(tmp_path):
    patterns = [frozen_poisson(n, 20 * Hz, 0.5 * second, n) for n in (3, 2)]
    small = bench.Network("small 3-2", (), 0.05, Task("small", *patterns, "seed"))
    lines = []
    rows = bench.run(tmp_path, 1, build_dir=tmp_path / "programs", report=lines.append, measured=[small])
    assert [(r["kernel"], r["precision"], r["threads"]) for r in rows] == list(bench.VARIANTS)
    assert all(r["s_per_simulated_s"] > 0 for r in rows)
    assert rows[0]["ratio_to_stock_double"] == 1
    # w, eligibility_rise, eligibility, m, v in single precision
    assert {
        r["state_bytes_per_synapse"] for r in rows if r["kernel"] in ("dense", "auto") and r["precision"] == "single"
    } == {20}
    found = json.loads((tmp_path / "bench.json").read_text())
    assert list(found["builds"]) == ["cold", "edited", "unchanged"]
    assert (tmp_path / "bench.md").read_text() == lines[-1]
    assert (tmp_path / "bench.png").stat().st_size > 1000

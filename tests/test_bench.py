"""The benchmark measures every variant, on a network that is small enough for a test."""

import itertools
import json
import sys
from pathlib import Path

import pytest
from brian2 import Hz, second
from superspike_brian.tasks import Task
from superspike_brian.tasks.spike_timing import frozen_poisson

from superspike_brian import bench
from superspike_brian.cli.main import main


@pytest.fixture
def small():
    patterns = [frozen_poisson(n, 20 * Hz, 0.5 * second, n) for n in (12, 3)]
    return bench.Network("small 12-3", (), 0.05, Task("small", *patterns, "seed"))


def test_ratios_are_medians_of_rounds():
    found = bench.summary([2.0, 1.0, 4.0], [10.0, 6.0, 4.0], n_synapses=100, rate=1e4)
    assert found["s_per_simulated_s"] == 2.0
    assert found["ratio_to_stock_double"] == 5.0  # of 5, 6 and 1; the medians' ratio would be 3
    assert found["ns_per_synapse_and_step"] == pytest.approx(2000)  # 2 s for a million


def test_a_probe_ratio_compares_the_same_steps(monkeypatch):
    class Program:
        asked, clock = [], 0.0

        def run(self, state, step, n_steps, probe):
            self.asked.append((state, step, n_steps, probe))
            Program.clock += 3.0 if probe else 2.0

    monkeypatch.setattr(bench.time, "perf_counter", lambda: Program.clock)
    assert bench.probe_ratio(Program(), {}, 7, 100) == 1.5
    assert [a[1:3] for a in Program.asked] == [(7, 100)] * 2 and [a[3] for a in Program.asked] == [False, True]


class Clocked:
    """A program that takes as long as it is told, round after round; periods of the probe ratio take a second."""

    clock, build_seconds, manifest, peak_memory = 0.0, 0.0, {"arrays": {}}, 0

    def __init__(self, seconds):
        self.seconds = itertools.cycle(seconds)

    def run(self, state, step, n_steps, probe=None):
        Clocked.clock += next(self.seconds) if probe is None else 1.0  # None: a measurement of the variant itself


@pytest.mark.parametrize(
    ("auto", "said"),
    [
        ([0.31, 0.32, 0.30, 0.31], "auto is nowhere slower than another kernel, beyond the spread of the rounds."),
        (
            [0.33, 0.35, 0.34, 0.33],
            "NOT the fastest: on small 12-3, auto, single takes 1.10 times as long as dense, single.",
        ),
        ([0.20, 0.60, 0.25, 0.55], "auto is nowhere slower than another kernel, beyond the spread of the rounds."),
        ([0.33], "Whether auto is the fastest takes two rounds or more to tell."),
    ],
)
def test_the_report_says_where_auto_is_not_the_fastest(auto, said, small, monkeypatch):
    seconds = {"stock": [0.9], "dense": [0.305, 0.315, 0.31, 0.3], "auto": auto, "threads": [0.2]}
    variants = [("stock", "double", 1), *((k, "single", 1) for k in ("dense", "auto")), ("dense", "single", 2)]
    monkeypatch.setattr(bench, "VARIANTS", tuple(variants))
    monkeypatch.setattr(
        bench, "build", lambda *_, kernel, threads: Clocked(seconds["threads" if threads > 1 else kernel])
    )
    monkeypatch.setattr(bench, "_learned", lambda *_: ({}, 0))
    monkeypatch.setattr(bench.time, "perf_counter", lambda: Clocked.clock)
    rows = bench.measure(small, len(auto), None, lambda line: None)
    assert said in bench.markdown(rows, {}, {}).splitlines()


def test_measured_rows_and_their_table(small, build_dir, monkeypatch):
    variants = (("stock", "double", 1), ("auto", "double", 1))
    monkeypatch.setattr(bench, "VARIANTS", variants)
    rows = bench.measure(small, 2, build_dir, lambda line: None)
    assert [(r["kernel"], r["precision"], r["threads"]) for r in rows] == list(variants)
    assert rows[0]["ratio_to_stock_double"] == 1 and rows[1]["ratio_to_stock_double"] > 0
    for row in rows:
        assert 0.1 < row["probe_ratio"] < 100
        assert row["ns_per_synapse_and_step"] == pytest.approx(row["s_per_simulated_s"] / 36 / 1e4 * 1e9)
    # w, eligibility_rise, eligibility, m, v in double precision
    assert rows[1]["state_bytes_per_synapse"] == 40
    if sys.platform == "linux":
        assert all(1e6 < r["peak_memory_bytes"] < 1e8 for r in rows)
    table = bench.markdown(rows, {"streaming": 0.256}, {"cold": 8.0}).splitlines()
    cells = [cell.strip() for cell in table[3].split("|")[1:-1]]
    assert cells[:4] == ["small 12-3", "auto", "double", "1"]
    assert float(cells[4]) == pytest.approx(rows[1]["s_per_simulated_s"], rel=1e-3)
    assert float(cells[5]) == pytest.approx(rows[1]["ratio_to_stock_double"], abs=0.005)
    assert float(cells[8]) == pytest.approx(rows[1]["peak_memory_bytes"] / 2**20, rel=0.01)
    assert float(cells[9]) == pytest.approx(rows[1]["probe_ratio"], abs=0.005)
    assert len({line.count("|") for line in table[:4]}) == 1
    assert "streaming: 0.256 s per simulated second, 0.25 ns per synapse and step." in table[5]
    assert table[-1] == "Build, cold: 8.00 s."


@pytest.mark.slow  # it compiles ten programs
def test_bench_of_a_small_network(tmp_path, small):
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


def test_a_network_of_ones_own_is_measured(build_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "VARIANTS", (("stock", "double", 1), ("auto", "double", 1)))
    monkeypatch.setattr(bench, "roofline", lambda report: {})
    monkeypatch.setattr(bench, "build_times", lambda structure, report: {})
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "from superspike_brian.models import Projection, chain\n"
        "NET = chain([20]).add(Projection('inputs', 'output', connect=0.1))\n"
    )
    assert main(["bench", "--network", "mine.py:NET", "--rounds", "1", "--build-dir", str(build_dir)]) == 0
    stock, auto = json.loads(Path("bench", "bench.json").read_text())["rows"]
    assert stock["network"] == "NET" and (stock["kernel"], auto["kernel"]) == ("stock", "auto")
    n = 100 * 20 + 20 * 100 + 1000
    assert auto["ns_per_synapse_and_step"] == pytest.approx(auto["s_per_simulated_s"] / n / 1e4 * 1e9)
    # w, m, v, eligibility and its rise stage, of each synapse
    assert stock["state_bytes_per_synapse"] == pytest.approx(5 * 8, abs=8 * 2)

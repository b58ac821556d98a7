"""The benchmark measures every variant, on a network that is small enough for a test."""

import itertools
import json
import re
import sys
from pathlib import Path

import pytest
from brian2 import Hz, second
from command import superspike
from superspike_brian.tasks import Task
from superspike_brian.tasks.spike_timing import frozen_poisson

from superspike_brian.bench import felt
from superspike_brian.bench import kernels as bench
from superspike_brian.bench.readme import BEGIN, END
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
    monkeypatch.setattr(bench, "learned", lambda *_: ({}, 0))
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


def test_what_a_user_waits_for(build_dir, monkeypatch):
    monkeypatch.setattr(felt, "CORES", 2)
    few = {
        "sweep": {"runs": 2, "seconds": 2.0},
        "probing": {"seconds": 30.0},
        "cost": {},
    }
    found = [figure for part, options in few.items() for figure in felt.PARTS[part](1, build_dir, **options)]
    values = {f["case"].partition(",")[0]: f["value"] for f in found}
    texts = [felt.text_of(f) for f in found]
    assert 1 < values["100-4-1"] < 1000  # windows take time
    assert (
        0 < found[1]["value"] < 100
        and found[1]["unit"] == "%"
        and "2 runs of 100-4-1, 2 s each: part that simulates" in texts[1]
    )
    assert found[2]["part"] == "cores" and 0.1 < found[2]["value"] < 10
    assert re.search(r"spike-timing 100-1 to 1 Hz, after \d+ s of simulated time: .* s$", texts[-1])
    table = felt.markdown(found).splitlines()
    assert len(table) == 2 + len(found) and table[-1].endswith(" s |")


def test_a_cost_that_is_not_reached_is_said(build_dir):
    (figure,) = felt.to_cost(1, build_dir, seconds={"spike-timing": 2.0})
    assert felt.text_of(figure) == "spike-timing 100-1 to 1 Hz, in 2 s of simulated time: not reached"


@pytest.mark.slow  # it compiles four programs
def test_large_and_sparse_layers(build_dir):
    large, ratio, sparse = felt.layers(1, build_dir, units=20, seconds=0.02)
    assert large["unit"] == "s per simulated s" and large["value"] > 0
    assert ratio["case"] == "20-40-20, single precision, beside 200-256-200" and ratio["value"] > 0
    assert "10 % of the synapses" in sparse["case"] and sparse["value"] > 0


def test_the_readme_gets_what_was_measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    readme = Path("README.md")
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    measured = (
        ("stock", "double", 1, 1.0),
        ("auto", "double", 1, 3.44),
        ("auto", "single", 1, 2.9),
        ("auto", "single", 2, 9.0),
    )
    names = ("kernel", "precision", "threads", "ratio_to_stock_double")
    rows = [{"network": "100-1"} | dict(zip(names, row, strict=True)) for row in measured]
    Path("b").mkdir()
    Path("b/bench.json").write_text(json.dumps({"rows": rows}))
    done = superspike("bench", "--parts", "start", "--rounds", "1", "--out", "b", "--readme", "README.md")
    assert done.code == 0
    before, table, after = re.split(f"{BEGIN}\n|\n{END}", readme.read_text())
    assert (before, after) == ("before\n", "\nafter\n")
    cells = [re.split(r"\s*\|\s*", line)[1:-1] for line in table.splitlines()]
    assert ["100-1", "3.4", "2.9"] in cells and "old" not in table
    first, warm = json.loads(Path("b/felt.json").read_text())
    for figure in (first, warm):
        phases = re.findall(r"(\w+) ([\d.]+)", figure["case"].partition(":")[2])
        assert [phase for phase, _ in phases] == ["import", "check", "generate", "compile", "run"]
        assert sum(float(seconds) for _, seconds in phases) == pytest.approx(figure["value"], abs=0.03)
        assert [figure["case"], f"{figure['value']:.3g} s"] in cells
    assert 0 < warm["value"] < first["value"]
    readme.write_text("no marks")
    assert (
        "expected the lines"
        in superspike("bench", "--parts", "start", "--out", "b", "--rounds", "1", "--readme", "README.md").err
    )
    assert readme.read_text() == "no marks"
    assert "no part 'speed'; there are kernels, start" in superspike("bench", "--parts", "speed").err
    assert "which --parts leaves out" in superspike("bench", "--parts", "start", "--network", "x.py:NET").err


def test_the_package_s_readme_has_the_marks():
    text = (Path(__file__).parent.parent / "README.md").read_text()
    assert text.index(BEGIN) < text.index(END)

"""What a user waits for: the first step, a given cost, probe windows, large layers, a sweep, and what more cores gain.

Seconds are of this machine, whatever else it does; what is compared is measured in turn, and stands as a ratio beside them.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import second

from .. import tasks
from ..engine.cache import build
from ..files.durable import write_durably
from ..models import Architecture, Projection, chain
from ..results.folder import RunFolder
from ..runs.training import train
from ..values import tables
from ..values.hints import Report
from .kernels import Network, learned, networks, own, structure_of, usable

CORES = os.cpu_count() or 1
HIDDEN = [4]  # of the runs of a sweep
Row = dict[str, Any]  # part, case, value, unit


def row(part: str, case: str, value: float, unit: str) -> Row:
    """One figure."""
    return {"part": part, "case": case, "value": float(value), "unit": unit}


def start(rounds: int, folder: Path) -> Iterator[Row]:
    """Seconds to the first simulated step of ``superspike run spike-timing``: nothing built yet, and everything."""

    def phases(build_dir):
        call = [sys.executable, "-m", "superspike_brian.bench.start", str(time.time()), str(build_dir)]
        return json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)

    first = [phases(folder / f"first-{k}") for k in range(rounds)]
    warm = [phases(folder / "first-0") for _ in range(rounds)]
    for name, found in (("first start", first), ("warm start", warm)):
        middle = {phase: statistics.median(f[phase] for f in found) for phase in found[0]}
        text = ", ".join(f"{phase} {value:.2f}" for phase, value in middle.items())
        yield row("start", f"{name}: {text}", statistics.median(sum(f.values()) for f in found), "s")


def to_cost(
    rounds: int, folder: Path, data_dir: Path | str | None = None, seconds: Mapping[str, float] | None = None
) -> Iterator[Row]:
    """Seconds of training to a given cost on one core, in single precision with the usual settings."""
    seconds = seconds or {"spike-timing": 400.0, "oxford": 1000.0}
    cases: list[tuple[str, Any, list[int], float, dict[str, Any]]] = [
        ("spike-timing 100-1", tasks.spike_timing(), [], 1.0, {"duration": seconds["spike-timing"] * second})
    ]
    if data_dir and "oxford" in seconds:
        course = {"duration": seconds["oxford"] * second, "r0_decay_at": [0.42 * seconds["oxford"] * second]}
        cases.append(("oxford 200-256-200", tasks.ssbm("oxford", data_dir=data_dir), [256], 5.0, course))
    for name, task, hidden, cost, options in cases:
        with tempfile.TemporaryDirectory() as out:
            train(
                *(task, None, hidden),
                **{"out": out, "threads": 1, "precision": "single", "progress": False, "build_dir": folder},
                **options,
            )
            records = RunFolder(out).records()[1:]
        wall = np.cumsum([r["wall_s"] for r in records])
        reached = [k for k, r in enumerate(records) if r["r0"] > 0 and r["cost"].mean() <= cost]
        text = f"{name} to {cost:g} Hz"
        if reached:
            at = float(records[reached[0]]["time"])
            yield row("cost", f"{text}, after {at:g} s of simulated time", wall[reached[0]], "s")
        else:
            yield row("cost", f"{text}, in {float(records[-1]['time']):g} s of simulated time", np.nan, "s")


def probing(rounds: int, folder: Path, seconds: float = 200.0) -> Iterator[Row]:
    """How many times longer a run takes that records a probe window of one period every ten."""
    task = tasks.spike_timing()
    every = {"unprobed": {}, "probed": {"probe_every": 10 * task.period}}

    def took(name):
        return _wall(
            lambda: train(
                *(task, None, HIDDEN),
                **{"duration": seconds * second, "build_dir": folder, "threads": 1, "progress": False},
                **every[name],
            )
        )

    took("unprobed")  # builds
    ratios = [took("probed") / took("unprobed") for _ in range(rounds)]
    yield row("probing", "100-4-1, a window of one period every ten, results included", statistics.median(ratios), "x")


def layers(rounds: int, folder: Path, units: int = 1000, seconds: float = 0.5) -> Iterator[Row]:
    """Seconds per simulated second of large layers beside Oxford's, and of a sparse layer beside all to all."""
    oxford = next(n for n in networks() if n.name.startswith("oxford"))
    large = chain([2 * units]).sized(units, units)
    dense = chain([]).sized(units, units)
    sparse = Architecture(dense.populations, [Projection("inputs", "output", connect=0.1)])
    others = {name: own(network, name) for name, network in (("large", large), ("dense", dense), ("sparse", sparse))}
    found = _in_turn({"oxford": oxford, **others}, rounds, folder, seconds)
    ratio = statistics.median(a / b for a, b in zip(found["large"], found["oxford"], strict=True))
    case = f"{units}-{2 * units}-{units}, single precision"
    yield row("layers", case, statistics.median(found["large"]), "s per simulated s")
    yield row("layers", f"{case}, beside 200-256-200", ratio, "x")
    ratio = statistics.median(a / b for a, b in zip(found["dense"], found["sparse"], strict=True))
    yield row("layers", f"{units}-{units} with 10 % of the synapses, beside all of them: faster by", ratio, "x")


def _in_turn(measured: Mapping[str, Network], rounds: int, folder: Path, seconds: float) -> dict[str, list[float]]:
    """Seconds per simulated second of networks while they learn, of each round."""
    ready = {}
    for name, network in measured.items():
        structure = structure_of(network)
        program = build(structure, "single", folder)
        state, step = learned(structure, network.task, program)
        ready[name] = program, usable(state, program), step, round(seconds / float(structure.dt / second))
    found: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, (program, state, step, n_steps) in ready.items():
            found[name].append(_wall(program.run, state, step, n_steps) / seconds)
    return found


def sweep(rounds: int, folder: Path, runs: int = 20, seconds: float = 400.0) -> Iterator[Row]:
    """What part of the processor time of a sweep simulates; and how much sooner all cores are done than one."""
    alone = []  # processor time of the program of one run
    for seed in range(3):
        before = _children()
        train(
            *(tasks.spike_timing(), None, HIDDEN),
            **{"duration": seconds * second, "seed": seed, "threads": 1, "progress": False, "build_dir": folder},
        )
        alone.append(_children() - before)
    before, walls = _children(), {}
    for workers in dict.fromkeys((CORES, 1)):
        command = f"sweep spike-timing --hidden {HIDDEN[0]} --seeds {runs} --duration {seconds:g}s --workers {workers} --quiet"
        with tempfile.TemporaryDirectory() as out:
            places = ["--out", f"{out}/sweep", "--build-dir", str(folder)]
            call = [sys.executable, "-m", "superspike_brian.cli", *command.split(), *places]
            walls[workers] = _wall(subprocess.run, call, check=True, capture_output=True)
        if workers == CORES:
            total = _children() - before
    simulate = runs * statistics.median(alone[1:])  # the first has compiled
    what = f"{runs} runs of 100-{HIDDEN[0]}-1, {seconds:g} s each"
    yield row("sweep", f"{what}: processor time", total, "s")
    yield row("sweep", f"{what}: part that simulates", 100 * simulate / total, "%")
    if CORES > 1:
        yield row("cores", f"{what}: {CORES} processes, beside one: sooner by", walls[1] / walls[CORES], "x")


def _children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wall(function: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
    began = time.perf_counter()
    function(*args, **kwargs)
    return time.perf_counter() - began


PARTS: dict[str, Callable[..., Iterator[Row]]] = {
    "start": start,
    "cost": to_cost,
    "probing": probing,
    "layers": layers,
    "sweep": sweep,
}


def run(
    out: Path | str,
    parts: tuple[str, ...] = tuple(PARTS),
    rounds: int = 3,
    data_dir: Path | str | None = None,
    report: Report = print,
) -> list[Row]:
    """Measure parts; write ``felt.json`` and ``felt.md`` into `out`; return the figures.

    Parameters
    ----------
    out : path
        Folder.
    parts : tuple of str
        Of `PARTS`.
    rounds : int
        Measurements of each; the median counts.
    data_dir : path, optional
        Local copy of the benchmark suite; without it there is no time to a cost of Oxford.
    report : callable
        Receives lines of progress.
    """
    found: list[Row] = []
    with contextlib.ExitStack() as stack:
        for part in parts:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="superspike-bench-")))
            options = {"data_dir": data_dir} if part == "cost" else {}
            for figure in PARTS[part](rounds, folder, **options):
                report(text_of(figure))
                found.append(figure)
    write_durably(Path(out) / "felt.json", json.dumps(found, indent=1).encode())
    write_durably(Path(out) / "felt.md", markdown(found).encode())
    return found


def text_of(figure: Row) -> str:
    """A figure in a line."""
    return f"{figure['case']}: {_number(figure)}"


def markdown(figures: list[Row]) -> str:
    """The figures as a Markdown table."""
    return tables.markdown(("what", "figure"), [(f["case"], _number(f)) for f in figures], right=[1]) + "\n"


def _number(figure):
    unit = {"x": " times", "%": " %"}.get(figure["unit"], f" {figure['unit']}")
    return "not reached" if np.isnan(figure["value"]) else f"{figure['value']:.3g}{unit}"

"""``superspike bench``: how fast the kernels are on this machine, as ratios measured in one run.

Every network first learns for a while with the fastest kernel. From that state each variant simulates the same time, in turn,
several rounds: the ratio of a round compares what ran within seconds of each other, and the table shows the median ratio.
So it does for a probe window of one period while learning, against the same period unprobed. Where `auto` is not the fastest
of what was measured, the report says so.
The roofline is two hand-written loops of the synaptic arithmetic of 200-256-200, alone: the two eligibility updates streaming
through memory, and the matrix products that a linear rule needs. Whole runs are compared with it, neurons and spikes included.
The kernel *events* does less arithmetic than either, a row of synapses per spike instead of every synapse per step, and can be
faster than both.
"""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, second

from .. import tasks
from ..codegen.kernels import KERNELS
from ..engine.cache import build
from ..engine.compiler import compiler, default_build_dir
from ..engine.program import Program
from ..files.durable import write_durably
from ..models import SUPERSPIKE, Architecture
from ..network.initial import initial_state
from ..network.structure import Structure
from ..tasks.spike_timing import frozen_poisson
from ..values import tables
from ..values.clock import n_steps
from ..values.hints import Report, State

THREADS = os.cpu_count() or 1
VARIANTS = (
    ("stock", "double", 1),
    ("stock", "single", 1),
    *((k, "single", 1) for k in KERNELS[1:]),
    ("auto", "double", 1),
    ("auto", "single", 1),
    *([("auto", "single", THREADS)] if THREADS > 1 else []),
)
ROOFLINE = Path(__file__).parents[1] / "codegen" / "roofline.cpp"
ROOFLINE_SYNAPSES = 2 * 200 * 256
_FLAGS = ["-O3", "-march=native", "-ffast-math", "-std=c++17"]


@dataclasses.dataclass(frozen=True)
class Network:
    """A network to measure: name, hidden layers or what it is, simulated time of a measurement (s), and its task."""

    name: str
    hidden: tuple[int, ...] | Architecture
    seconds: float
    task: tasks.Task


def networks(data_dir: Path | str | None = None) -> list[Network]:
    """The three networks: the public rasters where a copy is given, patterns of the same sizes otherwise."""
    found = [Network("spike-timing 100-1", (), 40.0, tasks.spike_timing())]
    for name, n, hidden, period, rate, simulated in (
        ("auryn", 100, 32, 3.5, 5, 10.0),
        ("oxford", 200, 256, 1.89, 30, 2.0),
    ):
        if data_dir:
            task = tasks.ssbm(name, data_dir=data_dir)
        else:
            inputs = frozen_poisson(n, 5 * Hz, period * second, 0)
            targets = frozen_poisson(n, rate * Hz, period * second, 1)
            task = tasks.Task(f"{name}-sized", inputs, targets, "frozen Poisson patterns")
        found.append(Network(f"{task.name} {n}-{hidden}-{n}", (hidden,), simulated, task))
    return found


def own(architecture: Architecture, name: str, seconds: float = 2.0) -> Network:
    """A network of one's own with frozen Poisson patterns, inputs of 5 Hz and targets of 10 Hz; 100 of each unless it says."""
    first, *_, last = architecture.populations
    inputs, targets = (
        frozen_poisson(p.size or 100, rate * Hz, 1 * second, seed)
        for seed, (p, rate) in enumerate(((first, 5), (last, 10)))
    )
    return Network(name, architecture, seconds, tasks.Task(name, inputs, targets, "frozen Poisson patterns"))


def structure_of(network: Network) -> Structure:
    """What a network is built from."""
    ends = network.task.inputs.n, network.task.targets.n
    if isinstance(network.hidden, Architecture):
        return Structure(SUPERSPIKE, network.hidden.sized(*ends))
    return Structure(SUPERSPIKE, (ends[0], *network.hidden, ends[1]))


def measure(network: Network, rounds: int, build_dir: Path | str | None, report: Report) -> list[dict[str, Any]]:
    """Return a row a variant: seconds per simulated second, ratio to stock double, time per synapse and step, memory."""
    structure = structure_of(network)
    programs = {}
    for variant in VARIANTS:
        kernel, precision, threads = variant
        programs[variant] = program = build(structure, precision, build_dir, kernel=kernel, threads=threads)
        report(f"{network.name}: {_label(*variant)}: built in {program.build_seconds:.1f} s")
    fastest = next(program for (kernel, *_), program in reversed(programs.items()) if kernel == "auto")
    state, step = learned(structure, network.task, fastest)
    steps = round(network.seconds / float(structure.dt / second))
    times: dict[tuple[str, str, int], list[float]] = {v: [] for v in VARIANTS}
    probed: dict[tuple[str, str, int], list[float]] = {v: [] for v in VARIANTS}
    for _ in range(rounds):
        for variant, program in programs.items():
            given = usable(state, program)
            began = time.perf_counter()
            program.run(given, step, steps)
            times[variant].append((time.perf_counter() - began) / network.seconds)
            probed[variant].append(probe_ratio(program, given, step, n_steps(network.task.period, structure.dt)))
    return [
        {"network": network.name, "kernel": kernel, "precision": precision, "threads": threads}
        | summary(times[kernel, precision, threads], times[VARIANTS[0]], structure.n_synapses, steps / network.seconds)
        | {
            "rounds_s": times[kernel, precision, threads],
            "probe_ratio": statistics.median(probed[kernel, precision, threads]),
            "state_bytes_per_synapse": _bytes(program, state, structure),
            "peak_memory_bytes": program.peak_memory,
        }
        for (kernel, precision, threads), program in programs.items()
    ]


def probe_ratio(program: Program, state: State, step: int, n_steps: int) -> float:
    """How many times longer some steps take in a probe window."""
    taken = []
    for probe in (False, True):
        began = time.perf_counter()
        program.run(state, step, n_steps, probe)
        taken.append(time.perf_counter() - began)
    return taken[1] / taken[0]


def summary(seconds: Sequence[float], base: Sequence[float], n_synapses: int, rate: float) -> dict[str, float]:
    """Figures of a variant from the seconds per simulated second of each round.

    Parameters
    ----------
    seconds, base : list of float
        Of the variant, and of stock Brian2 in double precision in the same rounds.
    n_synapses : int
        Plastic synapses.
    rate : float
        Time steps per simulated second.

    Returns
    -------
    dict
        Medians over rounds.
    """
    typical = statistics.median(seconds)
    return {
        "s_per_simulated_s": typical,
        "ratio_to_stock_double": statistics.median(b / s for b, s in zip(base, seconds, strict=True)),
        "ns_per_synapse_and_step": typical / (n_synapses * rate) * 1e9,
    }


def _label(kernel, precision, threads):
    return f"{kernel}, {precision}" + (f", {threads} threads" if threads > 1 else "")


def build_times(structure: Structure, report: Report) -> dict[str, float]:
    """Seconds of building: nothing there yet, one plasticity equation edited, and nothing changed."""
    rule = structure.model.plasticity
    slower = rule.replace(equations=rule.equations.replace("- eligibility)/", "- eligibility/2)/"))
    edited = Structure(structure.model.replace(plasticity=slower), structure.network)
    default_build_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=default_build_dir()) as folder:
        steps = {"cold": structure, "edited": edited, "unchanged": edited}
        found = {name: build(what, "single", folder).build_seconds for name, what in steps.items()}
    report(f"seconds of building {structure.sizes}: {found}")
    return found


def learned(structure: Structure, task: tasks.Task, program: Program) -> tuple[State, int]:
    """State after 20 s of learning, and its step."""
    state = initial_state(structure, task, 0)
    n = round(20 / float(structure.dt / second))
    return program.run(state, 0, n)[0], n


def usable(state: State, program: Program) -> State:
    """What another kernel's program can take of a state: all but spikes in flight."""
    return {k: v for k, v in state.items() if k in program.manifest["arrays"] and not k.endswith(".queue")}


def _bytes(program, state, structure):
    """Bytes of all variables that each synapse has, mean over those that learn."""
    size = {k: np.size(v) for k, v in state.items()}
    own = [k for k in program.manifest["arrays"] if k in size and size[k] == size.get(f"{k.split('.')[0]}.w")]
    plastic = [k for k in own if k.split(".")[0] in structure.plastic]
    n = sum(map(structure.n_synapses_of, structure.plastic))
    return sum(np.dtype(program.manifest["arrays"][k]).itemsize * size[k] for k in plastic) / n


def roofline(report: Report) -> dict[str, float]:
    """Seconds per simulated second of the synaptic arithmetic of the 200-256-200 network, hand-written."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "roofline")
        subprocess.run([compiler(), *_FLAGS, str(ROOFLINE), "-o", str(program)], check=True)
        found = json.loads(subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout)
    report(f"roofline, {ROOFLINE_SYNAPSES} synapses, single precision: {found}")
    return found


def run(
    out: Path | str,
    rounds: int = 5,
    data_dir: Path | str | None = None,
    build_dir: Path | str | None = None,
    report: Report = print,
    measured: Sequence[Network] | None = None,
) -> list[dict[str, Any]]:
    """Measure everything; write ``bench.json``, ``bench.md`` and ``bench.png`` into `out`; return the rows.

    Parameters
    ----------
    out : path
        Folder.
    rounds : int
        Measurements of each variant.
    data_dir : path, optional
        Local copy of the benchmark suite.
    build_dir : path, optional
        Where programs are built. Default: a temporary folder, so that builds are cold.
    report : callable
        Receives lines of progress.
    measured : list of Network, optional
        Default: those of `networks`; build times are the last one's.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    measured = measured or networks(data_dir)
    with contextlib.ExitStack() as stack:
        if build_dir is None:
            default_build_dir().mkdir(parents=True, exist_ok=True)
            build_dir = stack.enter_context(tempfile.TemporaryDirectory(dir=default_build_dir()))
        rows = [row for network in measured for row in measure(network, rounds, build_dir, report)]
    limits = roofline(report)
    builds = build_times(structure_of(measured[-1]), report)
    write_durably(
        out / "bench.json", json.dumps({"rows": rows, "roofline": limits, "builds": builds}, indent=1).encode()
    )
    table = markdown(rows, limits, builds)
    write_durably(out / "bench.md", table.encode())
    _draw(rows, limits, out / "bench")
    report(table)
    return rows


def markdown(rows: Sequence[dict[str, Any]], limits: dict[str, float], builds: dict[str, float]) -> str:
    """The rows as a Markdown table."""
    header = (
        *("network", "kernel", "precision", "threads", "s / simulated s", "x stock double", "ns / synapse, step"),
        *("bytes / synapse", "peak memory (MiB)", "probe window x unprobed"),
    )
    cells = [
        (
            *(r["network"], r["kernel"], r["precision"], r["threads"], f"{r['s_per_simulated_s']:.4g}"),
            *(f"{r['ratio_to_stock_double']:.2f}", f"{r['ns_per_synapse_and_step']:.3g}"),
            *(f"{r['state_bytes_per_synapse']:.0f}", _mebibytes(r["peak_memory_bytes"]), f"{r['probe_ratio']:.2f}"),
        )
        for r in rows
    ]
    lines = [tables.markdown(header, cells, right=range(3, 10))]
    lines.append("")
    for name, value in limits.items():
        lines.append(
            f"Roofline of 200-256-200, synapses alone, {name.replace('_', ' ')}: {value:.4g} s per simulated second, "
            f"{value / ROOFLINE_SYNAPSES / 1e4 * 1e9:.3g} ns per synapse and step."
        )
    lines.append("The kernel events does less arithmetic than either: a row of synapses per spike, nothing per step.")
    lines += judge_auto(rows)
    lines += [f"Build, {name}: {value:.2f} s." for name, value in builds.items()]
    return "\n".join(lines) + "\n"


def judge_auto(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Say where 'auto' is slower than another variant of its precision and no more threads, or that it nowhere is.

    It is slower if the median over rounds of the ratio of their times exceeds 1 by more than the ratio's interquartile range.
    """
    if any(len(r["rounds_s"]) < 2 for r in rows):
        return ["Whether auto is the fastest takes two rounds or more to tell."]
    found = []
    for mine in (r for r in rows if r["kernel"] == "auto"):
        same = [r for r in rows if all(r[k] == mine[k] for k in ("network", "precision")) and r is not mine]
        ratios = {_variant(r): _excess(mine, r) for r in same if r["threads"] <= mine["threads"]}
        rival, ratio = max(ratios.items(), key=lambda item: item[1], default=("", 1.0))
        if ratio > 1:
            found.append(
                f"NOT the fastest: on {mine['network']}, {_variant(mine)} takes {ratio:.2f} times as long as {rival}."
            )
    return found or ["auto is nowhere slower than another kernel, beyond the spread of the rounds."]


def _excess(mine, other):
    """How many times longer a variant takes than another; 1 if that is within the spread of the rounds."""
    low, middle, high = statistics.quantiles(
        (m / o for m, o in zip(mine["rounds_s"], other["rounds_s"], strict=True)), n=4
    )
    return middle if middle - 1 > high - low else 1.0


def _variant(row):
    return _label(row["kernel"], row["precision"], row["threads"])


def _mebibytes(size):
    return f"{size / 2**20:.3g}" if size else "unknown"


def _draw(rows, limits, path):
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    from ..figures.style import BLUE, GREY, VERMILION, save_figure, styled

    names = list(dict.fromkeys(r["network"] for r in rows))
    with styled():
        figure, axes = plt.subplots(1, len(names), figsize=(7.2, 2.8), layout="constrained", sharey=True, squeeze=False)
        axes = axes[0]
        for axis, name in zip(axes, names, strict=True):
            mine = [r for r in rows if r["network"] == name]
            labels = [_label(r["kernel"], r["precision"], r["threads"]) for r in mine]
            colors = [VERMILION if r["kernel"] == "auto" else GREY if r["kernel"] == "stock" else BLUE for r in mine]
            axis.scatter([r["s_per_simulated_s"] for r in mine], labels, color=colors, zorder=2)
            axis.set(xscale="log", title=name, xlabel="s per simulated s")
            axis.grid(axis="y", linewidth=0.3)
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.tick_params(axis="x", labelrotation=45)
        axes[0].invert_yaxis()
        for name, value in limits.items():
            axes[-1].axvline(value, color="#000000", linestyle=":", linewidth=0.8)
            what = f"hand-written {name.replace('_', ' ')}"
            axes[-1].text(
                value, 0.02, what, rotation=90, ha="right", fontsize=5, transform=axes[-1].get_xaxis_transform()
            )
    save_figure(figure, path)

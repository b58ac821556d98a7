"""``superspike bench --learning``: how well networks learn, beside what earlier versions of the package reached.

A case is a set, a network and a feedback. Several seeds learn for a short time; what counts is the cost of frozen patterns in
the second half of the run (lower is better), and for trials and labelled samples the accuracy of the test at the end. The cost
is taken from spikes in probe windows (`mismatch`), and not from the network's own, which an edited error would change, too.
The values of every seed are stored by version and date, so that a change of the rule or of a kernel that costs learning shows.

A mean is *outside* if it differs from a stored one by more than is as rare as three standard errors of a normal distribution
(0.3 %, two-sided): Welch's test, in which three standard errors become more where seeds are few. Costs are compared as
logarithms, since their spread grows with them.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import mpmath
import numpy as np
from brian2 import ms, mV, second

from . import results, tasks
from ._version import __version__
from .errors import MissingPackageError, UserError
from .experiments import Condition
from .files.durable import write_durably
from .models import CLASSIFIER, FIXED, READOUT, SUPERSPIKE, Projection, chain
from .spec.run import Machine, RunSpec
from .sweeps.jobs import Job, run_all
from .values import tables
from .values.hints import Report

if TYPE_CHECKING:
    import xarray as xr

STORED = Path(__file__).with_name("learning.json")  # of the versions of this package
FORMAT = 1
RARE = float(mpmath.erfc(3 / mpmath.sqrt(2)))  # as three standard errors of a normal distribution
FEEDBACKS = ("symmetric", "random", "uniform")
COST, ACCURACY = "cost (Hz)", "accuracy (%)"
RISE, DECAY = 5e-3, 10e-3  # s; of the kernel alpha of the paper: a yardstick that does not follow the rule
WINDOWS = 10  # probe windows of a run of frozen patterns
SMALLEST = 1e-3  # Hz; costs below count as this

Values: TypeAlias = dict[str, dict[str, Any]]  # of each case: measure, simulated_s, and a value per seed
Entry: TypeAlias = dict[str, Any]  # version, date, and the values of its cases


class LearningError(UserError):
    """Runs failed, or learning is worse than it was."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What is to be learned, by which network.

    Parameters
    ----------
    set : str
        Name of what is learned.
    condition : Condition
        Task, model, hidden layers or architecture, and options with the duration.
    seeds : int
        Seeds 0 to N - 1; two or more.
    remark : str
        What the numbers of units do not say of the network.
    """

    set: str
    condition: Condition
    seeds: int = 10
    remark: str = ""

    @cached_property
    def first(self) -> RunSpec:
        """What the run with seed 0 is."""
        return self.condition.spec(0)

    @property
    def name(self) -> str:
        """Set, units of the layers, and feedback if there is a hidden layer."""
        sizes = self.first.structure.sizes
        network = "-".join(map(str, sizes)) + self.remark
        return ", ".join([self.set, network, *([self.condition.model.feedback.name] if len(sizes) > 2 else [])])

    @property
    def measure(self) -> str:
        """What is measured: the cost of frozen patterns, else the accuracy."""
        return COST if isinstance(self.first.task, tasks.Task) else ACCURACY


def cases(data_dir: Path | str | None = None) -> tuple[list[Case], list[str]]:
    """Return the cases that can be tried here, and why others cannot.

    Parameters
    ----------
    data_dir : path, optional
        Local copy of the benchmark suite; nothing is downloaded.
    """
    short = _options(100)

    def timing(seed):
        return tasks.spike_timing(seed=seed)

    def xor(seed):
        return tasks.xor(seed=seed)

    recurrent = chain([32]).add(
        Projection("hidden_1", "hidden_1", connect=0.2, delay=2 * ms), Projection("inputs", "output", connect=0.5)
    )
    fixed = SUPERSPIKE.replace(optimizer=FIXED, r0=300 * mV)  # the others forgive an error of the wrong size
    found = [
        Case("spike-timing", Condition(timing, SUPERSPIKE, (), short)),
        Case("spike-timing", Condition(timing, fixed, (), short), remark=" fixed rate"),
        *_feedbacks("spike-timing", Condition(timing, SUPERSPIKE, (16,), short), 10),
        Case("spike-timing", Condition(timing, SUPERSPIKE, recurrent, short), remark=" recurrent, skip"),
        *_feedbacks("xor", Condition(xor, CLASSIFIER, (16,), {"duration": 200 * second}), 10),
    ]
    skipped = []
    try:
        tasks.digits()
    except MissingPackageError as error:
        skipped.append(f"digits: {error}")
    else:
        digits = Condition(lambda seed: tasks.digits(split=seed), READOUT, (), short)
        found += [Case("digits", digits, 6), *_feedbacks("digits", dataclasses.replace(digits, hidden=(64,)), 6)]
    if data_dir is None:
        skipped.append("ssbm: no copy of the benchmark suite is given (--data-dir, $SUPERSPIKE_DATA_DIR)")
    else:
        poisson, auryn, oxford = (tasks.ssbm(name, data_dir) for name in ("poisson", "auryn", "oxford"))
        found.append(Case("ssbm:poisson", Condition(poisson, SUPERSPIKE, (), short)))
        found += _feedbacks("ssbm:auryn", Condition(auryn, SUPERSPIKE, (64,), _options(150)), 5)
        found += _feedbacks("ssbm:oxford", Condition(oxford, SUPERSPIKE, (64,), short), 5)
    return found, skipped


def _options(seconds: float) -> dict[str, Any]:
    few = {"probe_units": 1, "probe_synapses": 0, "probe_variables": "U"}  # spikes are all that is read
    return {"duration": seconds * second, "probe_every": seconds / WINDOWS * second} | few


def _feedbacks(name, condition, seeds):
    """The case with each feedback."""
    models = [condition.model.replace(feedback=feedback) for feedback in FEEDBACKS]
    return [Case(name, dataclasses.replace(condition, model=model), seeds) for model in models]


def measure(
    chosen: Iterable[Case], workers: int = 1, build_dir: Path | str | None = None, report: Report = print
) -> Values:
    """Let every case learn with its seeds.

    Parameters
    ----------
    chosen : iterable of Case
        For instance those of `cases`.
    workers : int
        Runs side by side.
    build_dir : path, optional
        Where programs are built and kept; default: the user's cache folder.
    report : callable
        Receives lines of progress.

    Returns
    -------
    dict
        By name of the case: ``measure``, ``simulated_s``, and ``values``, one per seed (Hz, or percent).

    Raises
    ------
    LearningError
        If a run fails; the message has its reason.
    """
    machine, found = Machine(build_dir, threads=1), {case.name: case for case in chosen}
    with tempfile.TemporaryDirectory(prefix="superspike-") as scratch:
        jobs = {
            name: [Job(Path(scratch, f"{k}-s{seed}"), case.condition.spec(seed), machine) for seed in range(case.seeds)]
            for k, (name, case) in enumerate(found.items())
        }
        if failed := run_all([job for each in jobs.values() for job in each], workers, report=report):
            raise LearningError(f"{len(failed)} runs failed, one of them: {next(iter(failed.values()))}")
        return {
            name: {
                "measure": case.measure,
                "simulated_s": jobs[name][0].duration_s,
                "values": [_value(results.load(job.out), case.measure) for job in jobs[name]],
            }
            for name, case in found.items()
        }


def _value(run: xr.Dataset, measured: str) -> float:
    if measured == ACCURACY:
        return 100 * float(results.summary(run, "")["accuracy"])
    return mismatch(run)


def mismatch(run: xr.Dataset) -> float:
    """Cost (Hz) in the probe windows of the second half of a run, from its spikes alone.

    It is the van Rossum distance of output and target spikes over the area of alpha squared, mean over windows and units: an
    isolated unmatched spike per second and unit costs 1 Hz. A window is one period; the pattern goes on where it begins.
    """
    n, dt = run.sizes["probe_time"], run.attrs["dt_s"]
    t = np.arange(n) * dt
    alpha = np.fft.rfft((np.exp(-t / DECAY) - np.exp(-t / RISE)) / (DECAY - RISE))
    costs, starts = [], run.probe_start.values
    for k in np.flatnonzero(starts > run.attrs["simulated_s"] / 2):
        unmatched = np.zeros((run.sizes["output"], n))
        for name, sign in (("targets", 1), ("output", -1)):
            time, unit, probe = (run[f"spikes_{name}_{v}"].values for v in ("time", "unit", "probe"))
            steps = np.rint((time[probe == k] - starts[k]) / dt).astype(int)
            np.add.at(unmatched, (unit[probe == k], steps), sign)
        error = np.fft.irfft(np.fft.rfft(unmatched) * alpha, n)
        costs.append(2 * (RISE + DECAY) * (error**2).mean())
    return float(np.mean(costs))


def read_stored(path: Path | str = STORED) -> list[Entry]:
    """Return the entries of a file that `save` or ``superspike bench --learning`` wrote; none without a file."""
    path = Path(path)
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise LearningError(f"{path} cannot be read ({error}): delete it, or give another") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise LearningError(f"{path} is no file of stored values of learning (format {FORMAT})")
    return found["entries"]


def check_free(path: Path | str = STORED, overwrite: bool = False) -> list[Entry]:
    """Return the entries of a file but that of this version and date; LearningError if it has one, unless `overwrite`."""
    entries, mine = read_stored(path), _title(entry_of({}))
    others = [e for e in entries if _title(e) != mine]
    if len(others) < len(entries) and not overwrite:
        raise LearningError(f"{path} has values of {mine} already: --overwrite replaces them")
    return others


def save(measured: Values, path: Path | str = STORED, overwrite: bool = False) -> Entry:
    """Add the values of this version to a file, or make one; return the entry. Raises LearningError as `check_free`."""
    entry = entry_of(measured)
    write_durably(Path(path), _text([*check_free(path, overwrite), entry]))
    return entry


def entry_of(measured: Values) -> Entry:
    """What is stored of some values: version and date with them."""
    return {"version": __version__, "date": datetime.date.today().isoformat(), "cases": measured}


def _text(entries):
    return (json.dumps({"format": FORMAT, "entries": entries}, indent=1) + "\n").encode()


def _title(entry):
    return f"{entry['version']} of {entry['date']}"


def difference(now: Sequence[float], then: Sequence[float]) -> tuple[float, bool]:
    """Compare two means: how many standard errors of their difference they are apart, and whether that is outside (see above).

    Parameters
    ----------
    now, then : sequence of float
        Values of two seeds or more each.
    """
    parts = [np.var(values, ddof=1) / len(values) for values in (now, then)]
    gap, error = float(np.mean(now) - np.mean(then)), float(np.sqrt(sum(parts)))
    if not error:
        return (float(np.copysign(np.inf, gap)), True) if gap else (0.0, False)
    t = gap / error
    freedom = sum(parts) ** 2 / sum(p**2 / (len(v) - 1) for p, v in zip(parts, (now, then), strict=True))
    chance = mpmath.betainc(freedom / 2, 0.5, 0, freedom / (freedom + t**2), regularized=True)
    return t, bool(chance < RARE)


def compare(measured: Values, entries: Sequence[Entry]) -> tuple[str, list[str]]:
    """Put measured values beside stored ones.

    Parameters
    ----------
    measured : dict
        As `measure` returns it.
    entries : list
        As `read_stored` returns it.

    Returns
    -------
    table : str
        Markdown: mean, standard deviation and number of seeds, and what is outside.
    worse : list of str
        Cases that are worse than a stored one, in words.
    """
    worse, rows = [], []
    for name, mine in measured.items():
        verdicts = []
        for entry in entries:
            if (theirs := _comparable(mine, entry["cases"].get(name))) is None:
                continue
            t, outside = difference(*(_scaled(found) for found in (mine, theirs)))
            if outside:
                is_worse = (t > 0) == (mine["measure"] == COST)
                verdicts.append(f"{'WORSE' if is_worse else 'better'} than {_title(entry)} by {abs(t):.1f} SE")
                worse += [f"{name}: {verdicts[-1]}"] * is_worse
        others = [_cell(_comparable(mine, entry["cases"].get(name))) for entry in entries]
        rows.append([name, mine["measure"], f"{mine['simulated_s']:g}", _cell(mine), *others, "; ".join(verdicts)])
    header = ["case", "measure", "s", f"now ({__version__})", *map(_title, entries), "outside"]
    missing = sorted({name for entry in entries for name in entry["cases"]} - measured.keys())
    return "\n".join([tables.markdown(header, rows), *(f"Stored, and not measured: {m}." for m in missing)]), worse


def _scaled(found):
    """Values on the scale on which they are compared."""
    if found["measure"] == COST:
        return [float(np.log(max(value, SMALLEST))) for value in found["values"]]
    return found["values"]


def _comparable(mine: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Stored values of a case if it measured the same for as long."""
    same = theirs is not None and all(theirs[k] == mine[k] for k in ("measure", "simulated_s"))
    return theirs if same else None


def _cell(found):
    if found is None:
        return ""
    values = found["values"]
    return f"{np.mean(values):.3g} ± {np.std(values, ddof=1):.2g} ({len(values)})"


def run(
    out: Path | str,
    data_dir: Path | str | None = None,
    stored: Path | str = STORED,
    workers: int = 1,
    build_dir: Path | str | None = None,
    report: Report = print,
    chosen: Sequence[Case] | None = None,
) -> tuple[Values, str, list[str]]:
    """Measure, compare, and write ``learning.md`` and ``learning.json`` into `out`; the latter can be compared with, too.

    Parameters
    ----------
    out : path
        Folder.
    data_dir, workers, build_dir, report
        As for `cases` and `measure`.
    stored : path
        File with the values of earlier versions.
    chosen : list of Case, optional
        Default: those of `cases`.

    Returns
    -------
    measured, table, worse
        As of `measure` and `compare`.
    """
    entries = read_stored(stored)
    found, skipped = cases(data_dir) if chosen is None else (chosen, [])
    measured = measure(found, workers, build_dir, report)
    table, worse = compare(measured, entries)
    table = "\n".join([table, *(f"Skipped: {reason}." for reason in skipped)])
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    write_durably(out / "learning.json", _text([entry_of(measured)]))
    write_durably(out / "learning.md", f"{table}\n".encode())
    return measured, table, worse

"""What there is to see of a run at one moment, as plain numbers; drawing it is somebody else's."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..network.structure import in_words
from ..results import dataset
from ..results.following import Follower
from ..results.network import populations, projections
from ..results.notes import at_bound
from ..results.trials import moving_accuracy
from ..values.hints import Floats, Integers

if TYPE_CHECKING:
    import xarray as xr

WAITING, RUNNING, FINISHED, INTERRUPTED = "waiting", "running", "finished", "interrupted"
DIVERGED, FAILED = "diverged", "failed"
STATES = {  # in the order in which counts of them are shown
    RUNNING: "a process works on it",
    FINISHED: "it came to its duration, or met its criterion",
    WAITING: "there is no run yet",
    INTERRUPTED: "nobody works on it; `superspike resume` goes on",
    DIVERGED: "its state left the finite numbers",
    FAILED: "it stopped with an error",
}
RECENT = 10  # blocks from which the speed is taken


class Curves(NamedTuple):
    """What changes over blocks: time (s), cost and rate (block, output) in Hz; and end of the burn-in (s)."""

    time: Floats
    cost: Floats
    rate: Floats
    burn_in_s: float


class Answers(NamedTuple):
    """How trials were answered: deadlines (s) and moving fractions of correct ones; times (s) and fractions of tests."""

    time: Floats
    correct: Floats
    test_time: Floats
    test_correct: Floats


class Window(NamedTuple):
    """The newest probe window: its start (s), length (s), and what happened in it.

    Spikes: times from its start (s) and units of each population. Targets: from, to (s), unit; of target spikes both times
    are one, of trials they are onset and deadline. Signals: times (s), units, potentials and their targets (time, unit) in
    volt; None for other tasks.
    """

    start: float
    length: float
    spikes: dict[str, tuple[Floats, Integers]]
    targets: tuple[Floats, Floats, Integers]
    signals: tuple[Floats, Integers, Floats, Floats] | None


class Weights(NamedTuple):
    """Weights of a projection: how many, their quartiles (volt), and the fraction at their bound; None: no bound."""

    name: str
    n: int
    quartiles: tuple[float, float, float]
    at_bound: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class RunSnapshot:
    """A run at one moment; what needs a first block is None or empty before it."""

    path: Path
    state: str = WAITING
    message: str = ""  # why it stopped, or cannot be read
    task: str = ""
    about: str = ""  # of the network
    begun: str = ""
    simulated_s: float = 0.0
    duration_s: float = math.nan
    speed: float | None = None  # simulated seconds per second
    left_s: float | None = None
    last_s: float | None = None  # when the newest block was saved, in seconds since 1970
    where: str = ""  # the process that works on it
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)
    curves: Curves | None = None
    answers: Answers | None = None
    window: Window | None = None
    weights: tuple[Weights, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rates(self) -> dict[str, Floats]:
        """Rate of each unit in the newest probe window (Hz), of hidden populations and the output."""
        if self.window is None:
            return {}
        found = {name: np.bincount(self.window.spikes[name][1], minlength=n) for name, n in self.sizes.items()}
        return {name: n / self.window.length for name, n in found.items() if name != "inputs"}

    @property
    def cost(self) -> float | None:
        """Mean cost of the last block (Hz)."""
        return float(self.curves.cost[-1].mean()) if self.curves and len(self.curves.time) else None


def state_of(run: Follower) -> tuple[str, str]:
    """State of a run, and why it stopped if an error did."""
    if run.request is None:
        return WAITING, ""
    holder = run.holder
    if holder is not None and holder.lives is not False:
        return RUNNING, ""
    if run.has_ended:
        return FINISHED, ""
    last = run.request["provenance"][-1]
    if "error" in last:
        return DIVERGED if last["error"] == "DivergedError" else FAILED, str(last.get("message", ""))
    return INTERRUPTED, ""


def speed_of(run: Follower) -> float | None:
    """Simulated seconds per second over the last blocks; None if it is not known."""
    course = run.course
    if not len(course.time):
        return None
    simulated = np.diff(course.time, prepend=0.0)[-RECENT:].sum()
    took = course.wall_s[-RECENT:].sum()
    return float(simulated / took) if took > 0 else None


def snapshot(run: Follower, now: float) -> RunSnapshot:
    """What there is to see of a run.

    Parameters
    ----------
    run : Follower
        Its folder, looked at.
    now : float
        Seconds since 1970.

    Returns
    -------
    RunSnapshot

    Raises
    ------
    RunFolderError
        If a file is damaged or not readable.
    """
    data = run.data  # first: it may find newer files
    state, message = state_of(run)
    if run.request is None:
        return RunSnapshot(run.path)
    speed, left, holder = speed_of(run), None, run.holder
    if state == RUNNING and speed:
        since = now - run.last_s if run.last_s is not None else 0.0
        left = max(0.0, (run.duration_s - run.simulated_s) / speed - max(0.0, since))
    begun = run.request["provenance"][0]
    found = RunSnapshot(
        path=run.path,
        state=state,
        message=message,
        begun=f"{begun['date']} on {begun['machine']}: {begun['command']}",
        simulated_s=run.simulated_s,
        duration_s=run.duration_s,
        speed=speed,
        left_s=left,
        last_s=run.last_s,
        where=f"process {holder.process} on {holder.host}" if state == RUNNING and holder else "",
    )
    return found if data is None else dataclasses.replace(found, **_of_results(data))


def _of_results(data):
    sizes = populations(data)
    return {
        "task": data.attrs["task"],
        "about": f"{in_words(sizes)}, {dataset.feedback_in_words(data)}seed {int(data.attrs['seed'])}",
        "sizes": sizes,
        "curves": Curves(
            data.time.values,
            data.cost.values,
            data.rate.values,
            float(json.loads(data.attrs["protocol"])["burn_in"][0]),
        ),
        "answers": _answers(data),
        "window": _window(data, data.sizes["probe"] - 1),
        "weights": tuple(_weights(data)),
        "notes": tuple(note["text"] for note in json.loads(data.attrs.get("notes", "[]"))),
    }


def _answers(data):
    if "trial_onset" not in data:
        return None
    none = np.zeros(0)
    tests = (data[name].values if name in data else none for name in ("tests_time", "tests_accuracy"))
    return Answers(*moving_accuracy(data), *tests)


def _window(data, probe):
    start = float(data.probe_start[probe])
    spikes = {}
    for name in ("targets", *populations(data)):
        mine = data[f"spikes_{name}_probe"].values == probe
        spikes[name] = data[f"spikes_{name}_time"].values[mine] - start, data[f"spikes_{name}_unit"].values[mine]
    times, units = spikes.pop("targets")
    targets = times, times, units
    if "probe_trial_onset" in data:
        mine = data.probe_trial_probe.values == probe
        bounds = (data[f"probe_trial_{name}"].values[mine] - start for name in ("onset", "deadline"))
        targets = *bounds, data.probe_trial_class.values[mine]
    length = float(data.attrs.get("probe_length_s", data.attrs["period_s"]))
    return Window(start, length, spikes, targets, _signals(data, probe))


def _signals(data, probe):
    if "target_signal" not in data or not {"U_output", "U_target_output"} <= data.keys():
        return None
    values = (data[name].values[probe] for name in ("U_output", "U_target_output"))
    return data.probe_time.values, data["probed_unit_output"].values, *values


def _weights(data: xr.Dataset):
    bounded = at_bound(data)
    for name, found in projections(data).items():
        values = data[f"weights_{found.label}_end"].values
        if values.size:
            low, middle, high = np.percentile(values, [25, 50, 75]).tolist()
            title = f"{found.source} → {found.target}"
            yield Weights(title, values.size, (low, middle, high), bounded.get(name))

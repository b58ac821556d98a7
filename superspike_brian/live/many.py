"""What there is to see of a sweep at one moment: its runs, and their learning curves by condition."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..figures.sweep import printed, text
from ..results.following import Course, Follower
from ..sweeps.sweep import condition_of
from .snapshot import FAILED, INTERRUPTED, RUNNING, STATES, WAITING, speed_of, state_of


class Row(NamedTuple):
    """A run of a sweep; `condition` names its values for a reader, `value` is what its colour says."""

    folder: str
    value: Any
    condition: dict[str, str]
    title: str
    seed: int
    state: str
    message: str
    simulated_s: float
    duration_s: float
    course: Course

    @property
    def cost(self) -> float | None:
        """Mean cost of the last block (Hz)."""
        return float(self.course.cost[-1]) if len(self.course.cost) else None


@dataclasses.dataclass(frozen=True, eq=False)
class SweepSnapshot:
    """A sweep at one moment."""

    path: Path
    grid: tuple[str, ...]
    rows: tuple[Row, ...]
    left_s: float | None = None
    message: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are in which state."""
        found = Counter(row.state for row in self.rows)
        return {state: found[state] for state in STATES if found[state]}

    @property
    def conditions(self) -> dict[str, list[Course]]:
        """Learning curves of each condition that has begun or not, by its title."""
        found: dict[str, list[Course]] = {row.title: [] for row in self.rows}
        for row in self.rows:
            if len(row.course.time):
                found[row.title].append(row.course)
        return found

    @property
    def done(self) -> float:
        """Simulated time as a fraction of all that is asked for; runs that have ended count whole."""
        durations = _durations(self.rows)
        done = sum(d if row.state not in (RUNNING, WAITING, INTERRUPTED) else row.simulated_s for row, d in durations)
        return float(done / max(sum(d for _, d in durations), 1e-9))


def sweep_snapshot(path: Path, plan: Mapping[str, Any], runs: Mapping[str, Follower]) -> SweepSnapshot:
    """What there is to see of a sweep.

    Parameters
    ----------
    path : Path
        Its folder.
    plan : dict
        What ``sweep.json`` holds.
    runs : dict of str to Follower
        The folders of its runs, looked at, by their names in the plan.
    """
    rows = tuple(_row(entry, runs[entry["folder"]]) for entry in plan["runs"])
    speeds = [speed for row in rows if row.state == RUNNING and (speed := speed_of(runs[row.folder]))]
    left = None
    if speeds:
        missing = sum(max(0.0, d - row.simulated_s) for row, d in _durations(rows) if row.state in (RUNNING, WAITING))
        left = float(missing / sum(speeds))
    return SweepSnapshot(path, tuple(plan["grid"]), rows, left)


def _row(entry, run):
    state, message = state_of(run)
    if entry.get("message") and state in (WAITING, INTERRUPTED):
        state, message = FAILED, entry["message"]
    condition = condition_of(entry)
    names = {name: printed(value) for name, value in condition.items()}
    title = text(condition) or "all runs"
    value = next(iter(condition.values())) if len(condition) == 1 else title
    about = entry["folder"], value, names, title, entry["seed"]
    return Row(*about, state, message, run.simulated_s, run.duration_s, run.course)


def _durations(rows):
    """Rows with their durations; that of the others stands for those of runs that have not begun."""
    known = [row.duration_s for row in rows if not math.isnan(row.duration_s)]
    typical = float(np.median(known)) if known else 1.0
    return [(row, typical if math.isnan(row.duration_s) else row.duration_s) for row in rows]

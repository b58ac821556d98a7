"""Reproductions of the paper's figures, one module a figure, found by its name.

Source of the figures: Zenke & Ganguli, Neural Computation 30:1514-1541 (2018), doi:10.1162/neco_a_01086; ``oxford`` is another
set of the benchmark suite, ``recurrence`` and ``memory`` are networks that the paper does not have, and ``gradient`` measures
what it does not.

A module (``fig7.py``; names with a leading underscore are helpers) has a docstring that says what the paper shows, and

``SEEDS``
    ``{"quick": N, "full": N}``: seeds without ``--seeds``.
``jobs(setting)``
    What is to be run, a list of `sweep.Job`; `Setting.jobs` makes it from named conditions.
``measure(runs, setting)``, if it needs one
    What is simulated once the runs are there: the runs, their datasets with more variables.
``table(runs)``
    The numbers, one dict per run (a row of the CSV). ``runs[condition]`` is the list of its datasets, by seed.
``findings(rows)``
    What the paper leads one to expect and what came out, a list of `Finding`.
``draw(runs)``
    The figure.

`superspike_brian.reproduce` does the rest.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from ..models import Architecture, Model
from ..spec.run import Machine, RunSpec
from ..sweeps.jobs import Job
from ..tasks import Classification, LabelledTask, Task
from ..values.names import nearest

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

Table: TypeAlias = list[dict[str, Any]]  # the numbers of an experiment, a row per run
Runs: TypeAlias = "Mapping[str, Sequence[xr.Dataset]]"  # of each condition, by seed
SCALES = ("quick", "full")


class Experiment(Protocol):
    """What the module of an experiment has."""

    SEEDS: Mapping[str, int]

    def jobs(self, setting: Setting) -> list[Job]:
        """What is to be run."""

    def table(self, runs: Runs) -> Table:
        """The numbers."""

    def findings(self, rows: Table) -> list[Finding]:
        """What the paper leads one to expect, and what came out."""

    def draw(self, runs: Runs) -> Figure:
        """The figure."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """One network to be trained with several seeds.

    Parameters
    ----------
    task : Task
        What to learn; or a function from the seed to it, if the task differs between seeds.
    model : Model
        The rule.
    hidden : tuple of int, or Architecture
        Units of hidden layers; or the whole network.
    options : dict
        Other arguments of `train`, ``duration`` among them.
    """

    task: Task | Classification | LabelledTask | Callable[[int], Task | Classification | LabelledTask]
    model: Model
    hidden: tuple[int, ...] | Architecture = ()
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def spec(self, seed: int) -> RunSpec:
        """What the run with a seed is; in single precision unless the options say otherwise."""
        task = self.task(seed) if callable(self.task) else self.task
        return RunSpec.make(task, self.model, self.hidden, **{"precision": "single"} | self.options | {"seed": seed})


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the user asked for.

    Parameters
    ----------
    scale : {'quick', 'full'}
        A recognisable figure in minutes, or the paper's durations and sizes.
    seeds : int
        Number of seeds, from 0.
    out : path
        Runs go to ``out/runs``; `reproduce` gives each figure a folder of its own.
    build_dir, data_dir : path, optional
        Where programs are kept; where the benchmark suite is.
    """

    scale: str
    seeds: int
    out: Path
    build_dir: Path | None = None
    data_dir: Path | None = None

    @property
    def full(self) -> bool:
        """Whether the scale is the paper's."""
        return self.scale == "full"

    def jobs(self, conditions: Mapping[str, Condition]) -> list[Job]:
        """One job per condition and seed.

        Parameters
        ----------
        conditions : dict of str to Condition
            By name, which becomes the name of the run folder: ``out/runs/NAME-sSEED``.

        Returns
        -------
        list of Job
        """
        machine = Machine(self.build_dir, threads=1)
        return [
            Job(Path(self.out) / "runs" / f"{name}-s{seed}", condition.spec(seed), machine)
            for name, condition in conditions.items()
            for seed in range(self.seeds)
        ]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One statement of the paper, and whether it came out.

    Parameters
    ----------
    panel : str
        Panel of the figure.
    expected, found : str
        What the paper shows; what the runs show.
    holds : bool
        Whether they agree.
    """

    panel: str
    expected: str
    found: str
    holds: bool

    def __str__(self) -> str:
        verdict = "" if self.holds else "   [DOES NOT HOLD]"
        return f"{self.panel}  EXPECTED: {self.expected}\n{' ' * len(self.panel)}  FOUND:    {self.found}{verdict}"


def names() -> list[str]:
    """Names of all experiments, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def experiment(name: str) -> Experiment:
    """Return the module of an experiment; ValueError if there is none of that name."""
    if name not in names():
        raise ValueError(f"there is no experiment {name!r}{nearest(name, [*names(), 'all'])}")
    return importlib.import_module(f"{__name__}.{name}")


def mean_by(rows: Table, key: str, value: str) -> dict[Any, float]:
    """Mean of a column of the table for each value of another, as a dict in the order of the rows."""
    return {k: float(np.mean([r[value] for r in rows if r[key] == k])) for k in dict.fromkeys(r[key] for r in rows)}


def final_cost(run: xr.Dataset, last: int = 1) -> float:
    """Cost of a run: mean over output units, and over the `last` blocks (Hz)."""
    return float(run.cost.values[-last:].mean())

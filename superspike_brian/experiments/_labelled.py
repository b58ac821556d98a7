"""What the experiments on labelled samples share: their runs, baselines on the same samples, table, findings and figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ..baselines import Accuracy, bptt, logistic_regression, perceptron
from ..errors import MissingPackageError
from ..figures.palette import GREY, Look
from ..figures.style import letter, reference_line, styled
from ..results.trials import accuracy
from ..tasks import LabelledTask
from . import Finding, Runs, Table, mean_by

if TYPE_CHECKING:
    import xarray as xr

SEEDS = {"quick": 1, "full": 6}
SPLITS = 2  # runs of even and of odd seeds have other samples held out
BASELINES: dict[str, tuple[str, Callable[[LabelledTask, int], Accuracy]]] = {  # marker, function of task and seed
    "logistic regression": ("s", lambda task, seed: logistic_regression(task, seed)),
    "perceptron": ("D", lambda task, seed: perceptron(task, 128, seed)),
    "BPTT": ("^", lambda task, seed: bptt(task, 128, seed=seed)),
}


class Shown(NamedTuple):
    """A condition: how it is called and drawn, and what is expected of it.

    Parameters
    ----------
    look : Look
        How it is called and drawn.
    samples : str
        Which samples; conditions of the same ones share their baselines.
    required, wanted : float, optional
        Mean accuracy on held-out samples.
    at_most : float, optional
        The same of a control, which must not exceed it.
    """

    look: Look
    samples: str
    required: float | None = None
    wanted: float | None = None
    at_most: float | None = None


def split_of(seed: int) -> int:
    """Which samples are held out in a run with this seed."""
    return seed % SPLITS


class Labelled:
    """An experiment on labelled samples.

    Parameters
    ----------
    shown : dict of str to Shown
        Its conditions.
    make : callable
        Task of a kind of samples (`Shown.samples`) and a split.
    full : float
        Simulated time (s) of the shortest run at full scale.
    quick : float
        Mean accuracy that the first condition must reach at quick scale.
    """

    def __init__(
        self, shown: Mapping[str, Shown], make: Callable[[str, int], LabelledTask], full: float, quick: float
    ) -> None:
        self.shown, self.make, self.full, self.quick = shown, cache(make), full, quick
        self.compared = list(dict.fromkeys(s.samples for s in shown.values() if s.at_most is None))
        self._baseline = cache(self._measure)

    def task(self, samples: str) -> Callable[[int], LabelledTask]:
        """Function from the seed of a run to its task."""
        return lambda seed: self.make(samples, split_of(seed))

    def _measure(self, samples: str, baseline: str, seed: int) -> Accuracy | None:
        try:
            return BASELINES[baseline][1](self.make(samples, split_of(seed)), seed)
        except MissingPackageError:
            return None

    def table(self, runs: Runs) -> Table:
        """Accuracy on held-out samples and in training, a row per run; then baselines of the same samples, a row per split."""
        rows, seeds = [], sorted({run.attrs["seed"] for of_seeds in runs.values() for run in of_seeds})
        for name, of_seeds in runs.items():
            for run in of_seeds:
                row = {"condition": name, "samples": self.shown[name].samples, "seed": run.attrs["seed"]}
                rows.append(row | {"split": split_of(row["seed"]), "simulated_s": run.attrs["simulated_s"]} | _of(run))
        for samples in self.compared:
            for baseline in BASELINES:
                for seed in seeds[:SPLITS]:
                    if found := self._baseline(samples, baseline, seed):
                        row = {"condition": baseline, "samples": samples, "seed": seed, "split": split_of(seed)}
                        rows.append(row | {"accuracy": found.held_out, "training_accuracy": found.training})
        return rows

    def findings(self, rows: Table) -> list[Finding]:
        """What each condition and each baseline reaches; at full scale whether that is what is required."""
        networks = [r for r in rows if r["condition"] in self.shown]
        full, names = (
            all(r["simulated_s"] >= self.full for r in networks),
            dict.fromkeys(r["condition"] for r in networks),
        )
        found = [self._finding(name, [r for r in networks if r["condition"] == name], full) for name in names]
        for samples in self.compared:
            mean = mean_by([r for r in rows if r["samples"] == samples and r not in networks], "condition", "accuracy")
            text = [
                f"{name} {mean[name]:.1%}" if name in mean else f"{name}: its package is missing" for name in BASELINES
            ]
            found.append(Finding("b", f"baselines on the same samples, {samples}", ", ".join(text), True))
        return found

    def _finding(self, name, rows, full):
        shown, first = self.shown[name], name == next(iter(self.shown))
        values, training = ([r[column] for r in rows] for column in ("accuracy", "training_accuracy"))
        required = shown.required if full else self.quick if first else None
        holds, expected = True, "no number expected"
        if required is not None:
            holds, expected = np.mean(values) >= required, f"at least {required:.1%}"
        elif shown.at_most is not None:
            holds, expected = np.mean(values) <= shown.at_most, f"at most {shown.at_most:.0%}"
        if full and shown.wanted:
            expected += f" (wanted: {shown.wanted:.1%})"
        text = f"{np.mean(values):.1%} of held-out samples"
        if len(values) > 1:
            text += f" ({min(values):.1%} to {max(values):.1%} in {len(values)} runs)"
        text += f", {np.mean(training):.1%} in training"
        if "silent" in rows[0]:
            text += f", {np.mean([r['silent'] for r in rows]):.1%} without an answer"
        return Finding("b", f"{shown.look.label}: {expected}", text, bool(holds))

    def draw(self, runs: Runs) -> Figure:
        """Accuracy on held-out samples over time; at the end, with baselines and what is required."""
        with styled():
            figure = plt.figure(figsize=(7.2, 3.8), layout="constrained")
            axes = figure.subplot_mosaic("ab", width_ratios=[1, 1.15])
            for name, of_seeds in runs.items():
                self._curve(axes["a"], self.shown[name].look, of_seeds)
            reference_line(axes["a"], "chance", y=1 / next(iter(runs.values()))[0].sizes["output"], linestyle=":")
            axes["a"].set(xlabel="simulated time (s)", ylabel="held-out samples named correctly", ylim=(0, 1.02))
            axes["a"].set_xlim(left=0)
            axes["a"].yaxis.set_major_formatter(PercentFormatter(1))
            self._bars(axes["b"], self.table(runs))
            figure.legend(*axes["b"].get_legend_handles_labels(), loc="outside upper right", ncols=5, columnspacing=1)
            for name, axis in axes.items():
                letter(axis, name)
        return figure

    def _curve(self, axis, look, runs):
        times, courses = runs[0].tests_time.values, [r.tests_accuracy.values for r in runs]
        for course in courses:
            axis.plot(times, course, color=look.color, alpha=0.3, linewidth=0.5)
        axis.plot(times, np.mean(courses, axis=0), label=f"_{look.label}", **look.curve)

    def _bars(self, axis, rows):
        names = list(dict.fromkeys(r["condition"] for r in rows if r["condition"] in self.shown))
        lines = {}
        for y, name in enumerate(names):
            shown, values = self.shown[name], [r["accuracy"] for r in rows if r["condition"] == name]
            axis.barh(y, np.mean(values), height=0.7, color=shown.look.color, alpha=0.4)
            low = np.mean(values) < 0.3
            axis.text(
                max([*values, shown.at_most or 0]) + 0.03 if low else 0.02, y, f"{np.mean(values):.1%}", va="center"
            )
            axis.plot(values, [y] * len(values), "o", color=shown.look.color, markersize=2.5, markeredgewidth=0)
            for bound, style, label in ((shown.required, "-", "required"), (shown.at_most, ":", "at most")):
                if bound is not None:
                    (lines[label],) = axis.plot([bound] * 2, [y - 0.42, y + 0.42], style, color="black", linewidth=1)
            for baseline, (marker, _) in BASELINES.items():
                found = [r["accuracy"] for r in rows if (r["condition"], r["samples"]) == (baseline, shown.samples)]
                if found and shown.at_most is None:
                    mark = {"color": GREY, "markersize": 3.5, "clip_on": False, "linestyle": "", "marker": marker}
                    (lines[baseline],) = axis.plot(np.mean(found), y + 0.42, **mark)
        for label, line in lines.items():
            line.set_label(label)
        axis.set(yticks=range(len(names)), yticklabels=[self.shown[name].look.label for name in names], xlim=(0, 1))
        for tick, name in zip(axis.get_yticklabels(), names, strict=True):
            tick.set_color(self.shown[name].look.color)  # which say what the curves are
        axis.set_xlabel("held-out samples named correctly")
        axis.xaxis.set_major_formatter(PercentFormatter(1))
        axis.invert_yaxis()
        axis.tick_params(axis="y", length=0)


def _of(run: xr.Dataset) -> dict[str, Any]:
    figures = accuracy(run)
    return {k: figures[k] for k in ("accuracy", "training_accuracy", "silent", "ambiguous") if k in figures}

"""How far the update of SuperSpike is from the gradient, layer by layer, and what each of its approximations costs.

Zenke & Ganguli (2018) derive the rule from the surrogate gradient of the van Rossum cost, and leave out of it what a synapse
could not know; how much that is they do not measure. Here the update that the rule accumulates in one presentation, with its
weights held, is compared with the exact gradient of the same network, differentiated backwards through time
(`superspike_brian.gradient`): before, during and after learning.

60 inputs and 10 outputs, frozen Poisson spikes at 10 Hz, a loop of 0.5 s; 30 hidden units, or none. Another pattern each seed.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from brian2 import Hz, ms, mV, second
from matplotlib.figure import Figure

from ..baselines.reference import Reference, needed_jax
from ..figures.style import letter, styled
from ..models import RANDOM, SUPERSPIKE, UNIFORM, Projection, chain
from ..spec.run import Machine
from ..sweeps.jobs import Job
from ..tasks import Task
from ..tasks.spike_timing import frozen_poisson
from . import Condition, Finding, Runs, Setting, Table, _panels
from ._ladder import RUNGS
from ._measured import RULE, SHUFFLED, SILENT, WRONG_SIGN, comparisons
from ._panels import LOOKS, NONE, RANDOM_FEEDBACK, RECURRENCE, RECURRENT, SYMMETRIC, UNIFORM_FEEDBACK, chosen

if TYPE_CHECKING:
    import xarray as xr

SEEDS = {"quick": 2, "full": 5}
INPUTS, HIDDEN, OUTPUTS, PERIOD = 60, 30, 10, 500 * ms


def task(seed: int) -> Task:
    """Frozen Poisson inputs and targets."""
    inputs, targets = (frozen_poisson(n, 10 * Hz, PERIOD, k) for n, k in ((INPUTS, 2 * seed), (OUTPUTS, 2 * seed + 1)))
    return Task("frozen Poisson spikes", inputs, targets, f"inputs and targets at 10 Hz, seed {seed}")


def conditions(full: bool) -> dict[str, Condition]:
    """Networks and feedback; each learns 300 s, or 60 s, and "during" is after a fifth of it."""
    duration = 300 if full else 60
    options = {
        "duration": duration * second,
        "burn_in": 0 * second,
        "snapshot_every": duration / 5 * second,
        "precision": "double",
    }
    layered, rule = chain([HIDDEN]), SUPERSPIKE.replace(r0=1 * mV)
    itself = Projection("output", "output", self_connections=True, initial="0*volt")
    return {
        NONE: Condition(task, rule, chain([]), options),
        SYMMETRIC: Condition(task, rule, layered, options),
        RANDOM_FEEDBACK: Condition(task, rule.replace(feedback=RANDOM), layered, options),
        UNIFORM_FEEDBACK: Condition(task, rule.replace(feedback=UNIFORM), layered, options),
        RECURRENT: Condition(task, rule, layered.add(itself), options),
    }


def jobs(setting: Setting) -> list[Job]:
    """Train every network, with snapshots of its weights; MissingPackageError without JAX, which is needed afterwards."""
    needed_jax()
    return setting.jobs(conditions(setting.full))


def measure(runs: Runs, setting: Setting) -> Runs:
    """Add to every run how its updates compare with gradients: variables of the dimension ``comparison``."""
    import xarray as xr

    machine, made = Machine(setting.build_dir, threads=1), conditions(setting.full)
    found: dict[str, list[xr.Dataset]] = {}
    for name, of_seeds in runs.items():
        found[name], any_seed = [], made[name].spec(0).structure  # seeds differ in numbers alone
        reference_of = cache(partial(Reference.of, any_seed, 0))
        for run in of_seeds:
            seed = int(run.attrs["seed"])
            spec = made[name].spec(seed)
            more: dict[str, Any] = {
                "approximations": name in (NONE, SYMMETRIC, RECURRENT),
                "ladder": name == SYMMETRIC,
                "slopes": {NONE: "attached", SYMMETRIC: "attached", RECURRENT: "detached"}.get(name, ""),
                "controls": name == SYMMETRIC,
            }
            if seed and not setting.full:
                more |= {"slopes": "", "controls": False}
            rows = list(comparisons(spec, run, reference_of, machine, **more))
            columns = {k: xr.Variable("comparison", [row[k] for row in rows]) for k in rows[0]}
            found[name].append(run.assign(columns))
    return found


def table(runs: Runs) -> Table:
    """Cosine and norm ratio, a row a comparison: of what is named with the gradient whose resets are detached."""
    return [
        {
            "condition": name,
            "seed": run.attrs["seed"],
            "moment": str(run.moment.values[k]),
            "layer": _layer(name, str(run.projection.values[k])),
            "compared": str(run.what.values[k]),
            "slope_hz_per_mv": float(run.slope.values[k]),
            "cosine": _number(run.cosine.values[k]),
            "norm_ratio": _number(run.norm_ratio.values[k]),
            "cost_hz": float(run.cost_hz.values[k]),
            "output_spikes": int(run.spikes.values[k]),
        }
        for name, of_seeds in runs.items()
        for run in of_seeds
        for k in range(run.sizes["comparison"])
    ]


def _layer(name, projection):
    if projection == "output_to_output":
        return RECURRENCE
    return "hidden" if projection == "forward_1" and name != NONE else "output"


def _number(value):
    return float(value) if np.isfinite(value) else ""


def findings(rows: Table) -> list[Finding]:
    """What the derivation of the rule leads one to expect, and what the controls have to show."""

    def mean(**wanted):
        return float(np.mean(chosen(rows, **wanted) or [np.nan]))

    def above(panel, expected, high, low):
        return Finding(panel, expected, f"cosine {high:.3g}, {low:.3g}", bool(high > low))

    def of(name, layer="hidden", moment="end", what=RULE):
        return mean(condition=name, layer=layer, moment=moment, compared=what)

    hidden = {name: of(name) for name in LOOKS if name != NONE}
    lost = dict(zip(RUNGS, -np.diff([1, *(of(SYMMETRIC, what=rung) for rung in RUNGS)]), strict=True))
    ignored, back = sum(lost[r] for r in RUNGS[:2]), sum(lost[r] for r in RUNGS[2:])
    wrong, silent = (chosen(rows, condition=SYMMETRIC, compared=what) for what in (WRONG_SIGN, SILENT))
    shuffled = mean(condition=SYMMETRIC, compared=SHUFFLED, layer="hidden")
    lowest, before = min(chosen(rows, layer="output")), of(RANDOM_FEEDBACK, moment="start")
    return [
        above(
            "b",
            "the update is closer to the gradient onto outputs than onto hidden units",
            lowest,
            max(hidden.values()),
        ),
        above("a", "hidden units: symmetric is closer than random", hidden[SYMMETRIC], hidden[RANDOM_FEEDBACK]),
        above("a", "hidden units: random is closer than uniform", hidden[RANDOM_FEEDBACK], hidden[UNIFORM_FEEDBACK]),
        above("a", "random feedback: closer after learning than before", hidden[RANDOM_FEEDBACK], before),
        Finding(
            "d",
            "hidden units: what the error passes on its way back costs more than resets and delays",
            f"cosine lower by {back:.3g}, by {ignored:.3g}",
            bool(back > ignored),
        ),
        Finding("f", "a wrong sign climbs", f"highest cosine {max(wrong):.3g}", max(wrong) < 0),
        above("f", "a shuffled error loses half of the direction or more", hidden[SYMMETRIC] / 2, shuffled),
        Finding("f", "a silent network has no gradient", f"{len(silent)} cosines defined", not silent),
    ]


def draw(runs: Runs) -> Figure:
    """Cosines and norm ratios by layer and moment; what approximations cost; slopes; controls."""
    return drawn(table(runs))


def drawn(rows: Table) -> Figure:
    """The figure of a table."""
    with styled():
        figure = plt.figure(figsize=(7.2, 7.4), layout="constrained")
        axes = figure.subplot_mosaic("ab;cd;ef")
        _panels.moments(axes["a"], rows, "cosine", "hidden")
        _panels.moments(axes["b"], rows, "cosine", "output")
        _panels.moments(axes["c"], rows, "norm_ratio", "hidden")
        _panels.ladder(axes["d"], rows)
        _panels.slopes(axes["e"], rows)
        _panels.controls(axes["f"], rows)
        handles, labels = axes["b"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
        for name, axis in axes.items():
            letter(axis, name)
    return figure

"""A run's probe windows as objects of Neo, for Elephant and whatever else reads these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MissingPackageError
from .network import populations
from .notes import time_step

if TYPE_CHECKING:
    import xarray as xr


def to_neo(run: xr.Dataset, window: int | None = -1) -> Any:
    """Make a `neo.Block` of probe windows.

    Parameters
    ----------
    run : xarray.Dataset
        Results of a run.
    window : int, optional
        Which probe window; the last is the one after learning. None: all, in the order of their start.

    Returns
    -------
    neo.Block
        A `neo.Segment` a window, with the time of the run (s), and

        - a `neo.SpikeTrain` for each unit of ``inputs``, ``targets`` and every other population, in this order, silent ones
          included, with the annotations `population` and `unit`;
        - a `neo.AnalogSignal` of shape (time, units) for each variable that the window recorded of neurons or synapses,
          under its name in the run and in its unit, with an array annotation `unit`, or `pre` and `post`.

    Raises
    ------
    MissingPackageError
        If Neo is not installed.
    ValueError
        If there is no such window.
    """
    try:
        import neo
    except ImportError as error:
        raise MissingPackageError(
            f"to_neo needs neo, which cannot be imported ({error}): pip install 'superspike_brian[neo]'"
        ) from None
    n = run.sizes["probe"]
    if window is not None and not (isinstance(window, int | np.integer) and -n <= window < n):
        raise ValueError(f"window is {window!r:.60}; the run has {n}: expected {-n} to {n - 1}, or None for all.")
    about = {"task": run.attrs["task"], "seed": int(run.attrs["seed"]), "date": run.attrs["date"]}
    block = neo.Block(name=run.attrs["title"], description=run.attrs["task_source"], **about)
    for number in range(n) if window is None else [range(n)[window]]:
        start, known = float(run.probe_start[number]), run.sizes["probe_time"]
        learning = bool(run.probe_learning[number]) if "probe_learning" in run else False
        if learning:  # it may end with the run
            known = min(known, round((run.attrs["simulated_s"] - start) / time_step(run)))
        segment = neo.Segment(name=f"probe window {number}", index=number, learning=learning)
        segment.spiketrains.extend(
            [*_trains(neo, run, number, start, start + known * time_step(run))]
        )  # Neo reads it twice
        segment.analogsignals.extend([*_signals(neo, run, number, start, known)])
        block.segments.append(segment)
    return block


def _trains(neo, run, number, start, stop):
    sizes = populations(run)
    targets = {} if "target_signal" in run else {"targets": sizes["output"]}
    for name, size in {"inputs": sizes["inputs"], **targets, **sizes}.items():
        mine = run[f"spikes_{name}_probe"].values == number
        times, units = (run[f"spikes_{name}_{what}"].values[mine] for what in ("time", "unit"))
        order = np.argsort(units, kind="stable")
        ends = np.searchsorted(units[order], np.arange(1, size))
        for unit, each in enumerate(np.split(times[order], ends)):
            about = {"name": f"{name} {unit}", "population": name, "unit": unit}
            yield neo.SpikeTrain(each, stop, "s", t_start=start, **about)


def _signals(neo, run, number, start, known):
    import quantities

    for name, values in run.data_vars.items():
        if values.dims[:2] != ("probe", "probe_time"):
            continue
        sides = {str(n).split("_")[1]: c.values for n, c in values.coords.items() if c.dims == values.dims[2:]}
        unit = values.attrs["units"]
        yield neo.AnalogSignal(
            values.values[number, :known],
            "dimensionless" if unit == "1" else unit.replace("^", "**").replace(" ", "*"),
            t_start=start * quantities.s,
            sampling_period=time_step(run) * quantities.s,
            name=str(name),
            description=values.attrs["long_name"],
            array_annotations=sides,
        )

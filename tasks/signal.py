"""Targets that are a value in every moment, not spikes: what the membrane potential of a readout should be."""

from dataclasses import dataclass

import numpy as np
from brian2 import Quantity, have_same_dimensions, second, volt

from superspike_brian.values.quantities import readable

from .arguments import duration, shown

MOST_VALUES = 10**8  # of all samples and units: 0.8 GB


@dataclass(frozen=True, eq=False)
class Signal:
    """Values of `n` units in a loop, sampled at equal distances; each holds until the next.

    Parameters
    ----------
    values : Quantity, shape (samples,) or (samples, units)
        Target potentials (volt); NaN where there is no target, and so no error.
    step : Quantity
        Time from one sample to the next (second): a whole number of time steps of the run.

    Raises
    ------
    ValueError
        If values are no potentials, or none of them is finite.
    """

    values: Quantity
    step: Quantity

    def __post_init__(self) -> None:
        step = duration(self.step, "step")
        if not isinstance(self.values, Quantity) or not have_same_dimensions(self.values, volt):
            raise ValueError(
                f"values are {shown(self.values)}; expected potentials, such as np.sin(np.arange(100))*volt."
            )
        found = np.array(self.values, float)
        found = found[:, None] if found.ndim == 1 else found
        if found.ndim != 2 or not found.size or found.size > MOST_VALUES:
            raise ValueError(
                f"values have the shape {found.shape}; expected (samples,) or (samples, units), at most "
                f"{MOST_VALUES:.0e} values."
            )
        if np.isinf(found).any() or not np.isfinite(found).any():
            raise ValueError("values must be finite, or NaN where there is no target, and not all NaN.")
        found.setflags(write=False)
        object.__setattr__(self, "values", Quantity(found, dim=volt.dim, copy=False))
        object.__setattr__(self, "step", step * second)

    @property
    def n(self) -> int:
        """Number of units."""
        return int(self.values.shape[1])

    @property
    def period(self) -> Quantity:
        """Length of the loop (second)."""
        return len(self) * self.step

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def __str__(self) -> str:
        asked = np.isfinite(np.asarray(self.values)).any(axis=1).mean()
        low, high = np.nanmin(np.asarray(self.values)), np.nanmax(np.asarray(self.values))
        return f"a signal from {low:.3g} to {high:.3g} V, {asked:.0%} of the time"

    def steps(self, dt: Quantity) -> np.ndarray:
        """Time step at which each sample begins, shape (samples,), where a step lasts `dt` (second)."""
        ratio = float(self.step) / duration(dt, "dt")
        if ratio < 0.5 or abs(ratio - round(ratio)) > 1e-6 * max(1, ratio):
            raise ValueError(
                f"the signal's step, {readable(self.step)}, is {ratio:.9g} time steps of {readable(dt)}; expected a whole "
                "number of them."
            )
        return np.arange(len(self)) * round(ratio)

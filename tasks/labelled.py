"""Labelled spikes: many samples, each of a class, in flat arrays."""

import hashlib
import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from brian2 import Quantity, second

from .arguments import duration

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LabelledSpikes:
    """Spikes of many samples, each with the number of its class; flat arrays, however many samples there are.

    Parameters
    ----------
    name : str
        Short label.
    n : int
        Number of units, silent ones included.
    times : Quantity, shape (spikes,)
        Time of each spike from the onset of its sample (second), the samples one after another.
    units : array of int, shape (spikes,)
        Unit of each spike, 0 to n - 1.
    offsets : array of int, shape (samples + 1,)
        Where the spikes of each sample begin; the last entry is the number of spikes.
    labels : array of int, shape (samples,)
        Class of each sample, from 0.
    lengths : Quantity, shape (samples,) or ()
        Length of each stimulus, or of all (second).
    n_classes : int
        Number of classes.
    source : str
        Where the samples come from.
    """

    name: str
    n: int
    times: Quantity
    units: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    lengths: Quantity
    n_classes: int
    source: str
    _rounded: dict = field(init=False, repr=False, default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_spikes(self) -> int:
        """Number of spikes of all samples."""
        return len(self.units)

    def steps(self, dt: Quantity) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Round the spikes to time steps, once for each `dt`.

        Parameters
        ----------
        dt : Quantity
            Time step (second).

        Returns
        -------
        steps, units, offsets : arrays of int
            Of the distinct spikes, by sample, step and unit. Spikes of one unit in one step are merged, as it can spike only
            once a step; a message says how many.
        """
        key = duration(dt, "dt")
        if key not in self._rounded:
            self._rounded[key] = self._round(dt)
        return self._rounded[key]

    def _round(self, dt):
        steps = np.rint(np.asarray(self.times) / float(dt)).astype(np.int32)
        sample = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))
        order = np.lexsort((self.units, steps, sample))
        steps, units, sample = steps[order], self.units[order], sample[order]
        new = np.append(True, (np.diff(steps) != 0) | (np.diff(units) != 0) | (np.diff(sample) != 0))[: len(steps)]
        if merged := int(len(new) - new.sum()):
            logger.warning(
                f"{self.name}: {merged:,} of {len(new):,} spikes merged: their unit already spikes in the same step of {dt}"
            )
        counts = np.bincount(sample[new], minlength=len(self))
        return steps[new], units[new].astype(np.int32), np.concatenate([[0], np.cumsum(counts)])

    @property
    def arrays(self) -> dict[str, Any]:
        """Everything but name and source: what is stored, and what `key` depends on."""
        names = ("n", "times", "units", "offsets", "labels", "lengths", "n_classes")
        return {name: np.asarray(getattr(self, name)) for name in names}

    @cached_property
    def key(self) -> str:
        """Hash of the samples: equal for equal spikes, labels and lengths."""
        found = hashlib.sha256()
        for name, array in self.arrays.items():
            found.update(f"{name} {array.dtype.str} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()[:32]

    @classmethod
    def from_stored(cls, arrays: dict[str, np.ndarray], name: str, source: str) -> "LabelledSpikes":
        """Inverse of `arrays`."""
        a = arrays
        return cls(
            name,
            int(a["n"]),
            Quantity(a["times"], dim=second.dim, copy=False),
            a["units"],
            a["offsets"],
            a["labels"],
            a["lengths"] * second,
            int(a["n_classes"]),
            source,
        )

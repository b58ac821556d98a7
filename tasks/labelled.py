"""Labelled spikes: many samples, each of a class, in flat arrays."""

import dataclasses
import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from brian2 import Quantity, ms, second

from superspike_brian.values.quantities import readable

from . import arguments, recordings, sample_files
from .arguments import count, duration, fraction, seconds, seconds_as_given, shown, units, word
from .encoding import encode, intensities
from .pattern import counted
from .samples import Samples, below, check, join, rounded, rounded_up

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LabelledSpikes:
    """Spikes of many samples, each with the number of its class; flat arrays, however many samples there are.

    The arrays are not copied where they have a small type already: leave them as they are. `from_arrays` and the other
    constructors make them of what there is.

    Parameters
    ----------
    name : str
        Short label.
    n : int
        Number of units, silent ones included.
    times : Quantity, shape (spikes,)
        Time of each spike from the onset of its sample (second), 0 <= time < length, the samples one after another; within
        one in any order. Floats of 32 or 64 bits.
    units : array of int, shape (spikes,)
        Unit of each spike, 0 to n - 1.
    offsets : array of int, shape (samples + 1,)
        Where the spikes of each sample begin; the last entry is the number of spikes.
    labels : array of int, shape (samples,)
        Class of each sample, 0 to n_classes - 1.
    lengths : Quantity, shape (samples,) or ()
        Length of each stimulus, or of all (second).
    n_classes : int
        Number of classes.
    source : str
        Where the samples come from.

    Raises
    ------
    ValueError
        If a value is out of its range; the message names the first offending sample and spike.
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

    def __post_init__(self) -> None:
        for name in ("name", "source"):
            word(getattr(self, name), name)
        n, n_classes = count(self.n, "n"), count(self.n_classes, "n_classes")
        given = Samples(seconds_as_given(self.times, "times"), units(self.units, "units"), self.offsets)
        lengths = seconds(self.lengths, "lengths")
        samples, labels = check(self.name, n, given, self.labels, lengths, n_classes)
        lengths.setflags(write=False)
        times, lengths = (Quantity(each, dim=second.dim, copy=False) for each in (samples.times, lengths))
        found = {"n": n, "n_classes": n_classes, "times": times, "units": samples.units, "offsets": samples.offsets}
        for name, value in {**found, "labels": labels, "lengths": lengths}.items():
            object.__setattr__(self, name, value)

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
            once per step; a message says how many.
        """
        key = duration(dt, "dt")
        if key not in self._rounded:
            found = rounded(self._samples, self.n, float(np.max(self.lengths)), key)
            if merged := self.n_spikes - len(found.units):
                logger.warning(
                    f"{self.name}: {merged:,} of {self.n_spikes:,} spikes merged: their unit already spikes in the same step "
                    f"of {readable(dt)}"
                )
            self._rounded[key] = tuple(found)
        return self._rounded[key]

    @property
    def _samples(self):
        return Samples(np.asarray(self.times), self.units, self.offsets)

    @property
    def arrays(self) -> dict[str, Any]:
        """Everything but name and source: what is stored, and what `key` depends on; `from_npz` reads a file of them."""
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

    @classmethod
    def from_arrays(
        cls,
        times: Quantity | Sequence[Quantity],
        units: np.ndarray | Sequence[np.ndarray],
        labels: np.ndarray,
        *,
        offsets: np.ndarray | None = None,
        lengths: Quantity | None = None,
        n: int | None = None,
        n_classes: int | None = None,
        name: str = "data",
        source: str = "arrays",
    ) -> "LabelledSpikes":
        """Make samples of arrays.

        Parameters
        ----------
        times : list of Quantity, or Quantity with `offsets`
            Times of the spikes of each sample from its onset (second); or of all, the samples one after another.
        units : list of arrays of int, or array of int with `offsets`
            Units of the same spikes, from 0.
        labels : array of int, shape (samples,)
            Class of each sample, from 0.
        offsets : array of int, shape (samples + 1,), optional
            Where the spikes of each sample begin in flat arrays.
        lengths : Quantity, optional
            Length of each stimulus, or of all (second); default: of all, the end of the latest spike rounded up to a ms.
        n, n_classes : int, optional
            Numbers of units and classes; default: the largest number plus one.
        name, source : str
            As for `LabelledSpikes`.
        """
        if offsets is None:
            found = join(times, units)
        else:
            found = Samples(seconds_as_given(times, "times"), arguments.units(units, "units"), offsets)
        labels = arguments.units(labels, "labels")
        if lengths is None:
            latest = float(found.times.max(initial=0))
            lengths = (
                rounded_up(latest) if np.isfinite(latest) else 1
            ) * second  # a time that is no number is named later
        n = max(int(found.units.max(initial=0)), 0) + 1 if n is None else n
        n_classes = max(int(labels.max(initial=0)), 0) + 1 if n_classes is None else n_classes
        times = Quantity(found.times, dim=second.dim, copy=False)
        return cls(name, n, times, found.units, found.offsets, labels, lengths, n_classes, source)._say_silent()

    def _say_silent(self):
        """Warn of samples without spikes."""
        silent = np.flatnonzero(np.diff(self.offsets) == 0)
        if len(silent):
            logger.warning(
                f"{self.name}: {len(silent):,} of {len(self):,} samples have no spikes; the first is {silent[0]}"
            )
        return self

    @classmethod
    def from_images(
        cls,
        X: np.ndarray,
        y: np.ndarray,
        code: str = "rate",
        stimulus: Quantity = 20 * ms,
        *,
        brightest: float | None = None,
        n_classes: int | None = None,
        name: str = "images",
        source: str = "images",
    ) -> "LabelledSpikes":
        """Turn images into spikes: one unit a pixel, and a last one that spikes at every onset, as a time reference.

        Parameters
        ----------
        X : array, shape (samples, pixels) or (samples, height, width)
            Brightness of the pixels, from 0.
        y : array of int, shape (samples,)
            Class of each image, from 0.
        code : {'rate', 'latency', 'on-off'}
            "rate": a regular train of 0 to 7 spikes, their number in proportion to brightness; "latency": one spike, the
            earlier the brighter, none of a pixel that is black; "on-off": the same, but black pixels spike last.
        stimulus : Quantity
            Length of the stimulus (second).
        brightest : float, optional
            Brightness that counts as 1; default: the largest in X. Give it if training and test are made apart.
        n_classes : int, optional
            Number of classes; default: the largest label plus one.
        name, source : str
            As for `LabelledSpikes`.
        """
        length = duration(stimulus, "stimulus")
        x = intensities(X, brightest)
        found = encode(x, code, length)
        return cls._from_samples(found, y, length, x.shape[1] + 1, n_classes, name, source)

    @classmethod
    def _from_samples(cls, found, labels, lengths, n, n_classes, name, source):
        """Make samples of plain numbers (second)."""
        if lengths is not None and not isinstance(lengths, Quantity):
            lengths = lengths * second
        times = Quantity(found.times, dim=second.dim, copy=False)
        more = {"lengths": lengths, "n": n, "n_classes": n_classes, "name": name, "source": source}
        return cls.from_arrays(times, found.units, labels, offsets=found.offsets, **more)

    @classmethod
    def from_hdf5(
        cls, path: str | os.PathLike, n: int | None = None, lengths: Quantity | None = None
    ) -> "LabelledSpikes":
        """Read HDF5 as of the Heidelberg digits and speech commands (SHD, SSC), also compressed (.h5.gz).

        Parameters
        ----------
        path : path
            It holds ``spikes/times`` (second) and ``spikes/units``, an array of each per sample, and ``labels``; if there is
            ``extra/keys``, the names of the classes, their number is that of the classes.
        n : int, optional
            Number of units; default: the largest number plus one.
        lengths : Quantity, optional
            As for `from_arrays`.

        Raises
        ------
        FileNotFoundError, ValueError
            With the file, what was found and what was expected.
        """
        return cls._from_file(sample_files.read_hdf5, path, n, lengths)

    @classmethod
    def from_npz(
        cls, path: str | os.PathLike, n: int | None = None, lengths: Quantity | None = None
    ) -> "LabelledSpikes":
        """Read a NumPy archive: ``np.savez(path, times=..., units=..., offsets=..., labels=...)``.

        Parameters
        ----------
        path : path
            It holds ``times`` (second), ``units`` (also as ``spikes/times``, ``spikes/units``), ``offsets`` and ``labels``, as
            for `LabelledSpikes`, and may hold ``n``, ``lengths`` and ``n_classes``. ``np.savez(path, **samples.arrays)`` writes
            what is read without loss.
        n, lengths
            As for `from_hdf5`; default: what the file says.
        """
        return cls._from_file(sample_files.read_npz, path, n, lengths)

    @classmethod
    def from_folder(
        cls, path: str | os.PathLike, n: int | None = None, lengths: Quantity | None = None
    ) -> "LabelledSpikes":
        """Read a folder of rasters, a file per sample, with their classes in a table ``labels.csv``.

        Parameters
        ----------
        path : path
            Folder. ``labels.csv`` has the columns ``file`` and ``label``; the files are rasters (.ras) or tables as
            `read_csv` takes them (.csv, .dat, .gdf and the like), units numbered from 0. A file without rows is a sample
            without spikes.
        n, lengths
            As for `from_hdf5`.
        """
        return cls._from_file(sample_files.read_folder, path, n, lengths)

    @classmethod
    def _from_file(cls, read, path, n, lengths):
        if n is not None:
            count(n, "n")
        if lengths is not None:
            seconds(lengths, "lengths")
        path = arguments.file_path(path, "path")
        try:
            found = read(path)
            n, lengths = found.n if n is None else n, found.lengths if lengths is None else lengths
            more = found.n_classes, path.name, f"file {path}"
            return cls._from_samples(found.samples, found.labels, lengths, n, *more)
        except ValueError as error:
            raise error if str(path) in str(error) else ValueError(f"{path}: {error}") from None

    @classmethod
    def from_events(
        cls,
        events: Sequence[np.ndarray],
        labels: np.ndarray,
        sensor_size: tuple[int, int, int] | None = None,
        lengths: Quantity | None = None,
        name: str = "events",
        source: str = "events",
    ) -> "LabelledSpikes":
        """Take events as of the package tonic.

        Parameters
        ----------
        events : list of structured arrays
            One a sample (``events, labels = zip(*dataset)``), with the fields ``t`` (microseconds from the onset), ``x``, and,
            of cameras, ``y`` and ``p``.
        labels : array of int, shape (samples,)
            Class of each sample, from 0.
        sensor_size : tuple of int, optional
            Width, height and polarities; default: what the events imply. The unit of an event is
            x + width * (y + height * p).
        lengths, name, source
            As for `from_arrays`.
        """
        found, n = recordings.of_events(events, sensor_size)
        return cls._from_samples(found, labels, lengths, n, None, name, source)

    @classmethod
    def from_neo(
        cls, trains: Sequence[Sequence[Any]], labels: np.ndarray, name: str = "recordings", source: str = "recordings"
    ) -> "LabelledSpikes":
        """Take spike trains of the package Neo.

        Parameters
        ----------
        trains : list of lists of neo.SpikeTrain
            One list per sample, one train per unit, such as ``[segment.spiketrains for segment in block.segments]``. A sample
            begins at the first ``t_start`` of its trains and ends at the last ``t_stop``; a spike at that very time is put a
            hair before it.
        labels : array of int, shape (samples,)
            Class of each sample, from 0.
        name, source : str
            As for `LabelledSpikes`.
        """
        found, n, lengths = recordings.of_neo(trains)
        return cls._from_samples(found, labels, lengths, n, None, name, source)

    def select(self, which: np.ndarray) -> "LabelledSpikes":
        """Return some of the samples, by mask or indices, in the order of these."""
        which = np.asarray(which)
        if which.dtype == bool:
            if which.shape != (len(self),):
                raise ValueError(
                    f"which has the shape {which.shape}; expected a mask of {len(self)} samples, or indices."
                )
            which = np.flatnonzero(which)
        which = np.atleast_1d(units(which, "which"))
        if not len(which) or which.min() < -len(self) or which.max() >= len(self):
            raise ValueError(f"which is {shown(which)}; expected indices of samples below {len(self)}, at least one.")
        which = which % len(self)
        bounds = list(zip(self.offsets[which], self.offsets[which + 1], strict=True))
        times, ids = (np.concatenate([each[a:b] for a, b in bounds]) for each in self._samples[:2])
        offsets = np.concatenate([[0], np.cumsum(np.diff(self.offsets)[which])])
        return self._with(times, ids, offsets, self.lengths[which] if self.lengths.ndim else self.lengths, which)

    def _with(self, times, ids, offsets, lengths, which=slice(None)):
        """Return samples with other spikes and, of those at `which`, the labels."""
        times = Quantity(times, dim=second.dim, copy=False)
        more = {"units": ids, "offsets": offsets, "lengths": lengths, "labels": self.labels[which]}
        return dataclasses.replace(self, times=times, **more)

    def split(self, test: float = 0.2, seed: int = 0) -> tuple["LabelledSpikes", "LabelledSpikes"]:
        """Divide the samples at random, every class in the same proportion.

        Parameters
        ----------
        test : float
            Fraction of the samples that is held out, rounded up to a whole number of them.
        seed : int
            Of the choice.

        Returns
        -------
        training, test : LabelledSpikes
            In their old order.
        """
        test = fraction(test, "test")
        rng, total = np.random.default_rng(arguments.seed(seed)), int(np.ceil(test * len(self) - 1e-9))
        if total == len(self):
            raise ValueError(f"test is {test}: all {counted(len(self), 'sample')} would be held out; expected less.")
        exact = test * np.bincount(self.labels, minlength=self.n_classes)
        held_out = np.floor(exact + 1e-9).astype(int)
        most = np.argsort(held_out - exact, kind="stable")[
            : total - held_out.sum()
        ]  # classes that lose most by rounding
        held_out[most] += 1
        mask = np.zeros(len(self), bool)
        for label, number in enumerate(held_out):
            mask[rng.permutation(np.flatnonzero(self.labels == label))[:number]] = True
        return self.select(~mask), self.select(mask)

    def crop(self, start: Quantity, stop: Quantity) -> "LabelledSpikes":
        """Keep what happens in some time of each stimulus, and count time from its begin.

        Parameters
        ----------
        start, stop : Quantity
            Of the part that is kept (second), start <= time < stop; a stimulus that is shorter ends when it does.
        """
        first, last = float(seconds(start, "start")), duration(stop, "stop")
        shortest = float(np.min(self.lengths))
        if not 0 <= first < min(last, shortest):
            raise ValueError(
                f"start is {first} s; expected a time from 0 s, before stop, {last} s, and before the end of the shortest "
                f"stimulus, {shortest} s."
            )
        times, ids, offsets = self._samples
        inside = (times >= first) & (times < last)
        counts = [np.count_nonzero(inside[a:b]) for a, b in pairwise(offsets)]
        lengths = np.minimum(np.asarray(self.lengths), last) - first
        kept = np.concatenate([[0], np.cumsum(counts)])
        times = times[inside] - times.dtype.type(first)
        times = below(np.maximum(times, 0), _each(lengths, kept))  # rounding may move a spike to the very end
        return self._with(times, ids[inside], kept, lengths * second)._say_silent()

    def squeeze(self, length: Quantity) -> "LabelledSpikes":
        """Compress time linearly, all samples alike, until the longest stimulus has a length.

        Parameters
        ----------
        length : Quantity
            Of the longest stimulus, afterwards (second).
        """
        factor = duration(length, "length") / float(np.max(self.lengths))
        lengths = np.asarray(self.lengths) * factor
        times = below(np.asarray(self.times) * factor, _each(lengths, self.offsets))
        return self._with(times, self.units, self.offsets, lengths * second)

    def describe(self) -> str:
        """Say in plain text what the samples are, and where they come from."""
        per_class = np.bincount(self.labels, minlength=self.n_classes)
        each, length = (
            readable(low) if low == high else f"{readable(low)} to {readable(high)}"
            for low, high in ((v.min(), v.max()) for v in (per_class, np.atleast_1d(self.lengths)))
        )
        return (
            f"{self.name}: {counted(len(self), 'sample')} in {self.n_classes} classes ({each} in each), "
            f"{counted(self.n, 'input')}, mean {self.n_spikes / len(self):.4g} spikes per sample, stimulus {length}\n"
            f"source: {self.source}"
        )


def _each(lengths, offsets):
    """Length of the stimulus of each spike, or one for all."""
    return np.repeat(lengths, np.diff(offsets)) if np.ndim(lengths) else lengths

"""A data set of one's own, in files: HDF5 as of the Heidelberg datasets, NumPy archives, or folders of rasters."""

import dataclasses
import os
from typing import Any

import numpy as np
from brian2 import Quantity, ms

from superspike_brian.values.renamed import IN_TASKS, formerly

from . import arguments
from .arguments import count, durations, file_path
from .labelled import LabelledSpikes
from .presentation import LabelledTask

READERS = {
    ".h5": LabelledSpikes.from_hdf5,
    ".hdf5": LabelledSpikes.from_hdf5,
    ".h5.gz": LabelledSpikes.from_hdf5,
    ".npz": LabelledSpikes.from_npz,
}


def read_samples(path: str | os.PathLike, n: int | None = None, lengths: Quantity | None = None) -> LabelledSpikes:
    """Read labelled samples from a file or folder, by its name.

    Parameters
    ----------
    path : path
        It ends in one of `READERS`, or is a folder; see `LabelledSpikes.from_hdf5`, `from_npz` and `from_folder`.
    n : int, optional
        Number of units; default: what the file says, else the largest number plus one.
    lengths : Quantity, optional
        Length of each stimulus, or of all (second); default: what the file says, else the end of the latest spike rounded up to
        a ms.

    Raises
    ------
    FileNotFoundError, ValueError
        With the file, what was found and what was expected.
    """
    path = file_path(path, "path")
    if path.is_dir():
        return LabelledSpikes.from_folder(path, n, lengths)
    for suffix, read in READERS.items():
        if path.name.lower().endswith(suffix):
            return read(path, n, lengths)
    raise ValueError(
        f"path is {str(path)!r}; expected a file that ends in {', '.join(READERS)}, or a folder with rasters and a labels.csv."
    )


def alike(training: LabelledSpikes, test: LabelledSpikes) -> tuple[LabelledSpikes, LabelledSpikes]:
    """Give two sets the larger number of units and, if each has one length of stimuli, the longer: both may be a guess."""
    changes: dict[str, Any] = {"n": max(training.n, test.n)}
    if not training.lengths.ndim and not test.lengths.ndim:
        changes["lengths"] = max(training.lengths, test.lengths)
    return dataclasses.replace(training, **changes), dataclasses.replace(test, **changes)


def squeezed(
    training: LabelledSpikes, test: LabelledSpikes | None, length: Quantity | None
) -> tuple[LabelledSpikes, LabelledSpikes | None]:
    """Compress time in both sets alike, until the longest stimulus of all has a length; None for not at all."""
    if length is None:
        return training, test
    if test is None:
        return training.squeeze(length), None
    own, others = (float(np.max(each.lengths)) for each in (training, test))
    return training.squeeze(length * own / max(own, others)), test.squeeze(length * others / max(own, others))


@formerly(IN_TASKS)
def data(
    train: str | os.PathLike,
    test: str | os.PathLike | None = None,
    test_fraction: float | None = None,
    n_inputs: int | None = None,
    stimulus: Quantity | None = None,
    squeeze: Quantity | None = None,
    response_window: Quantity = 10 * ms,
    pause: Quantity = 50 * ms,
    split: int = 0,
) -> LabelledTask:
    """Name the class of samples that are read from files.

    Parameters
    ----------
    train : path
        Samples to learn from: .h5, .h5.gz, .npz, or a folder of rasters with labels.csv.
    test : path, optional
        Held-out samples, in a file or folder of their own.
    test_fraction : float, optional
        Fraction of the samples that is held out instead, as many of each class.
    n_inputs : int, optional
        Number of inputs, if the last ones never spike.
    stimulus : Quantity, optional
        Length of a stimulus (second), if spikes end before it does.
    squeeze : Quantity, optional
        Length to which the stimuli are compressed in time (second).
    response_window : Quantity
        From the end of the stimulus to the deadline (second).
    pause : Quantity
        From the deadline to the next onset (second).
    split : int
        Seed of the choice of held-out samples; the run's seed does not change it.
    """
    arguments.seed(split, "split")
    if test is not None and test_fraction is not None:
        raise ValueError("test and test_fraction are both given; expected one of them, or neither.")
    if test_fraction is not None:
        arguments.fraction(test_fraction, "test_fraction")
    if n_inputs is not None:
        count(n_inputs, "n_inputs")
    times = {"stimulus": stimulus, "squeeze": squeeze}
    durations(
        response_window=response_window, pause=pause, **{name: time for name, time in times.items() if time is not None}
    )
    training = read_samples(file_path(train, "train"), n_inputs, stimulus)
    held_out = None if test is None else read_samples(file_path(test, "test"), n_inputs, stimulus)
    if held_out is not None:
        training, held_out = alike(training, held_out)
    elif test_fraction is not None:
        training, held_out = training.split(test_fraction, split)
    return LabelledTask("data", *squeezed(training, held_out, squeeze), response_window, pause)

"""Two sets of labelled samples that belong together: one to learn from, one held out."""

import hashlib
import logging
from itertools import pairwise

import numpy as np
from brian2 import Quantity, ms

from .labelled import LabelledSpikes

logger = logging.getLogger(__name__)


def check_pair(training: LabelledSpikes, test: LabelledSpikes | None) -> None:
    """Refuse two sets that do not fit each other: other numbers of units, or a class that training has not (ValueError)."""
    if test is None:
        return
    if training.n != test.n:
        raise ValueError(
            f"the training samples have {training.n} units, the test samples {test.n}; expected the same n."
        )
    beyond = test.labels >= training.n_classes
    if beyond.any():
        k = int(beyond.argmax())
        raise ValueError(
            f"test sample {k} is of class {test.labels[k]}; expected one of the classes of training, 0 to "
            f"{training.n_classes - 1}."
        )


def warn_of_pair(training: LabelledSpikes, test: LabelledSpikes | None, dt: Quantity = 0.1 * ms) -> None:
    """Warn of classes without samples to learn from, and of samples that are in both sets.

    Parameters
    ----------
    training, test : LabelledSpikes
        The two sets; None for no test.
    dt : Quantity
        Time step in which spikes are compared (second).
    """
    absent = np.flatnonzero(np.bincount(training.labels, minlength=training.n_classes) == 0)
    if len(absent):
        logger.warning(
            f"{training.name}: {len(absent)} of {training.n_classes} classes have no samples to learn from; the first is "
            f"{absent[0]}"
        )
    if test is None:
        return
    seen = set(_hashes(training, dt))
    if both := sum(each in seen for each in _hashes(test, dt)):
        logger.warning(
            f"{test.name}: {both:,} of {len(test):,} test samples are identical to one of the training samples"
        )


def _hashes(samples, dt):
    """Hash of the spikes of each sample that has some."""
    steps, ids, offsets = samples.steps(dt)
    for a, b in pairwise(offsets):
        if b > a:
            yield hashlib.blake2b(steps[a:b].tobytes() + ids[a:b].tobytes(), digest_size=16).digest()

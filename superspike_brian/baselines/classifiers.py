"""Classifiers of spike counts and first spikes; scikit-learn is imported when one is asked for."""

from typing import Any, NamedTuple

import numpy as np

from ..errors import MissingPackageError
from ..tasks import LabelledSpikes, LabelledTask
from ..values.hints import Floats


class Accuracy(NamedTuple):
    """Fractions of samples that are named correctly.

    Parameters
    ----------
    held_out, training : float
        Of the test set, and of the training set.
    """

    held_out: float
    training: float


def test_set(task: LabelledTask) -> LabelledSpikes:
    """Return the held-out samples of a task; ValueError if it has none."""
    if task.test is None:
        raise ValueError(f"the task {task.name} has no held-out samples to measure an accuracy with")
    return task.test


def features(samples: LabelledSpikes) -> Floats:
    """Number of spikes of each unit, and the time of its first one (s): the length of the stimulus if it is silent.

    Parameters
    ----------
    samples : LabelledSpikes
        Of n units.

    Returns
    -------
    array, shape (samples, 2 n)
        The numbers, then the times; not standardised.
    """
    sample = np.repeat(np.arange(len(samples)), np.diff(samples.offsets))
    number = np.zeros((len(samples), samples.n))
    np.add.at(number, (sample, samples.units), 1)
    lengths = np.broadcast_to(np.asarray(samples.lengths, float), len(samples))
    first = np.repeat(lengths[:, None], samples.n, axis=1)
    np.minimum.at(first, (sample, samples.units), np.asarray(samples.times))
    return np.hstack([number, first])


def logistic_regression(task: LabelledTask, seed: int = 0) -> Accuracy:
    """Multinomial logistic regression on `features`, each standardised by its mean and deviation in the training set.

    Parameters
    ----------
    task : LabelledTask
        With held-out samples.
    seed : int
        Of the solver.
    """
    from_sklearn = _sklearn()
    return _accuracy(task, from_sklearn.linear_model.LogisticRegression(max_iter=2000, random_state=seed))


def perceptron(task: LabelledTask, hidden: int = 128, seed: int = 0) -> Accuracy:
    """Perceptron with one hidden layer of rectified linear units, on the same features as `logistic_regression`.

    Parameters
    ----------
    task : LabelledTask
        With held-out samples.
    hidden : int
        Units of the hidden layer.
    seed : int
        Of initial weights and the order of samples.
    """
    from_sklearn = _sklearn()
    return _accuracy(task, from_sklearn.neural_network.MLPClassifier((hidden,), max_iter=500, random_state=seed))


def _sklearn() -> Any:
    try:
        import sklearn.linear_model
        import sklearn.neural_network
        import sklearn.preprocessing
    except ImportError:
        raise MissingPackageError("this baseline needs scikit-learn: pip install 'superspike_brian[data]'") from None
    return sklearn


def _accuracy(task, classifier):
    training, test = features(task.training), features(test_set(task))
    scaler = _sklearn().preprocessing.StandardScaler().fit(training)
    classifier.fit(scaler.transform(training), task.training.labels)
    found = (
        float(classifier.score(scaler.transform(x), samples.labels))
        for x, samples in ((test, test_set(task)), (training, task.training))
    )
    return Accuracy(*found)

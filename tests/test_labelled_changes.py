"""Labelled samples chosen, divided, cut and compressed; and two sets that belong together."""

import itertools

import numpy as np
import pytest
from brian2 import Quantity, ms, second
from hypothesis import given
from hypothesis import strategies as st
from superspike_brian.tasks import LabelledSpikes, LabelledTask
from superspike_brian.tasks.pairs import check_pair, warn_of_pair
from test_labelled_data import made

from superspike_brian.spec.run import RunSpec


def sample_set(n=60, classes=3, seed=0, **more):
    rng = np.random.default_rng(seed)
    times = [rng.uniform(0, 20, rng.integers(1, 9)) * ms for _ in range(n)]
    units = [rng.integers(0, 5, len(t)) for t in times]
    return LabelledSpikes.from_arrays(times, units, np.arange(n) % classes, n=5, **more)


def ragged(found):
    return [
        list(zip(np.asarray(found.times[a:b]).tolist(), found.units[a:b].tolist(), strict=True))
        for a, b in itertools.pairwise(found.offsets)
    ]


@pytest.mark.parametrize("lengths", [None, np.linspace(21, 40, 60) * ms])
def test_some_of_the_samples(lengths):
    found = sample_set(lengths=lengths)
    which = np.array([7, 3, 3, -1])
    chosen = found.select(which)
    assert (
        ragged(chosen) == [ragged(found)[k] for k in which] and chosen.labels.tolist() == found.labels[which].tolist()
    )
    mask = np.arange(60) % 7 == 0
    assert found.select(mask).key == found.select(np.flatnonzero(mask)).key
    if lengths is not None:
        assert np.array_equal(chosen.lengths, lengths[which])
    for wrong in (60, [-61], [], [True, False], [0.5], ["a"]):
        with pytest.raises(ValueError, match="which"):
            found.select(wrong)


@given(st.integers(2, 60), st.integers(1, 5), st.floats(0.05, 0.9), st.integers(0, 3))
def test_a_split_keeps_classes_in_proportion(n, classes, fraction, seed):
    found = sample_set(n, classes)
    total = int(np.ceil(fraction * n - 1e-9))
    if total == n:
        with pytest.raises(ValueError, match="would be held out"):
            found.split(fraction, seed)
        return
    training, test = found.split(fraction, seed)
    assert (len(training), len(test)) == (n - total, total)
    assert sorted(ragged(training) + ragged(test)) == sorted(ragged(found))
    each = np.bincount(test.labels, minlength=found.n_classes)
    assert (abs(each - fraction * np.bincount(found.labels)) < 1 + 1e-9).all()


def test_the_seed_decides_the_split():
    found = sample_set()
    one, again, other = (found.split(0.3, seed)[1].key for seed in (1, 1, 2))
    assert one == again != other
    for wrong in (0, 1, -0.1, 1.5, None, "a", np.nan, True):
        with pytest.raises(ValueError, match="test is"):
            found.split(wrong)
    with pytest.raises(ValueError, match="seed is None"):
        found.split(0.2, None)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("lengths", [20.5 * ms, np.linspace(20.1, 40, 60) * ms])
def test_time_is_cropped_and_squeezed(kind, lengths):
    plain = sample_set()
    times = Quantity(np.asarray(plain.times).astype(kind), dim=second.dim)
    found = LabelledSpikes.from_arrays(times, plain.units, plain.labels, offsets=plain.offsets, lengths=lengths, n=5)
    cropped = found.crop(5 * ms, 12 * ms)
    want = [[(t - kind(0.005), u) for t, u in each if 0.005 <= t < 0.012] for each in ragged(found)]
    assert [[u for _, u in each] for each in ragged(cropped)] == [[u for _, u in each] for each in want]
    np.testing.assert_allclose([t for e in ragged(cropped) for t, _ in e], [t for e in want for t, _ in e], atol=1e-8)
    np.testing.assert_allclose(cropped.lengths / ms, np.full(np.shape(lengths), 7))
    whole = found.crop(0 * ms, 1 * second)
    np.testing.assert_allclose(whole.lengths, lengths)
    assert np.array_equal(whole.times, found.times)
    small = found.squeeze(2 * ms)
    assert np.max(small.lengths) == pytest.approx(0.002) and small.times.dtype == cropped.times.dtype == kind
    np.testing.assert_allclose(small.times / np.max(small.lengths), found.times / np.max(lengths), rtol=1e-6)
    for start, stop, message in (
        (5, 5, "start is 0.005 s"),
        (-1, 5, "start is"),
        (21, 22, "start is"),
        (0, 0, "stop is"),
    ):
        with pytest.raises(ValueError, match=message):
            found.crop(start * ms, stop * ms)


def test_spikes_a_hair_before_the_end_stay_before_it():
    for kind in (np.float64, np.float32):
        last = np.nextafter(kind(0.1), kind(0))
        found = LabelledSpikes.from_arrays([Quantity([last], dim=second.dim)], [[0]], [0], lengths=0.1 * second)
        for k in range(1, 40):
            assert found.squeeze(k * ms).n_spikes == 1
            assert found.crop(k * ms, 100 * ms).n_spikes == 1


def test_cropping_says_what_it_empties(caplog):
    sample_set().crop(0 * ms, 0.01 * ms)
    assert "samples have no spikes" in caplog.text


def test_a_set_describes_itself():
    text = made(lengths=[8, 9, 10, 11] * ms).describe()
    assert "mine: 4 samples in 3 classes (1 to 2 in each), 4 inputs, mean 1.75 spikes per sample" in text
    assert "8 ms to 11 ms" in text and text.endswith("source: made up")


# two sets


def test_a_pair_that_does_not_fit_is_refused():
    training, test = sample_set(seed=1), sample_set(seed=2)
    check_pair(training, test)
    check_pair(training, None)
    for bad, message in (
        (made(), "have 5 units, the test samples 4"),
        (sample_set(classes=4), "test sample 3 is of class 3; expected one of the classes of training, 0 to 2"),
    ):
        for refuse in (check_pair, lambda *pair: LabelledTask("mine", *pair)):
            with pytest.raises(ValueError, match=message):
                refuse(training, bad)


def test_what_is_odd_about_a_pair_is_said(caplog):
    training, test = sample_set(seed=1), sample_set(seed=2)
    warn_of_pair(training, test)
    warn_of_pair(training, None)
    assert not [r for r in caplog.records if "merged" not in r.getMessage()]
    warn_of_pair(sample_set(n_classes=5), test)
    assert "2 of 5 classes have no samples to learn from; the first is 3" in caplog.text
    caplog.clear()
    both = test.select([0, 4, 5])
    RunSpec.make(test, test=both)  # a run says it
    assert "3 of 3 test samples are identical to one of the training samples" in caplog.text
    caplog.clear()
    warn_of_pair(made(), made().select([1]))  # both silent, of which there was a warning
    assert not [r for r in caplog.records if "identical" in r.getMessage()]

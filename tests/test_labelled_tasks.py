"""Tasks of labelled samples: digits, random manifolds, files, spoken digits."""

import gzip
import hashlib
import inspect
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms
from superspike_brian.tasks import LabelledSpikes, data, digits, randman, read_samples, shd
from test_labelled_changes import sample_set
from test_labelled_data import of_npz, write_hdf5

from superspike_brian import tasks


def test_digits():
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_digits

    task = digits()
    assert (len(task.training), len(task.test), task.n_inputs, task.n_outputs) == (1437, 360, 65, 10)
    X = load_digits().data / 16
    sums = np.sort(np.rint(7 * X).sum(1) + 1)
    assert np.array_equal(np.sort(np.concatenate([np.diff(s.offsets) for s in (task.training, task.test)])), sums)
    assert digits(split=1).test.key != task.test.key == digits().test.key
    assert "seed" not in inspect.signature(digits).parameters  # of the run: it leaves the split as it is


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'superspike_brian\[data\]'"):
        digits()


def manifold(x, a, b, c, alpha):
    """The formula of the paper for one sample and one input, term by term."""
    value = 1.0
    for j, place in enumerate(x):
        terms = range(1, a.shape[1] + 1)
        value *= sum(
            a[j, k - 1] * k**-alpha * np.sin(2 * np.pi * (k * place * b[j, k - 1] + c[j, k - 1])) for k in terms
        )
    return value


@pytest.mark.parametrize(("dim", "alpha", "terms"), [(1, 1.0, 1000), (2, 2.0, 32), (3, 3.0, 10)])
def test_randman_is_its_formula(dim, alpha, terms):
    n, n_inputs, classes = 5, 3, 2
    task = randman(n_inputs, classes, dim, alpha, 10 * ms, samples=3, test_samples=2, seed=4)
    assert (len(task.training), len(task.test), task.n_inputs, task.n_outputs) == (6, 4, n_inputs, classes)
    rng = np.random.default_rng(4)
    for label in range(classes):
        a, b, c = rng.uniform(size=(3, n_inputs, dim, terms))
        x = rng.uniform(size=(n, dim))
        values = np.array([[manifold(x[s], a[i], b[i], c[i], alpha) for i in range(n_inputs)] for s in range(n)])
        values = (values - values.min(0)) / np.ptp(values, 0)
        mine = [np.asarray(each.select(each.labels == label).times / ms) for each in (task.training, task.test)]
        np.testing.assert_allclose(np.concatenate(mine).reshape(n, n_inputs) / 10, values, atol=1e-9)
        assert all(
            (each.units.reshape(-1, n_inputs) == np.arange(n_inputs)).all() for each in (task.training, task.test)
        )
    again, other = (randman(n_inputs, classes, dim, alpha, samples=3, test_samples=2, seed=s) for s in (4, 5))
    assert again.training.key == task.training.key != other.training.key


def test_data_from_files(tmp_path):
    one, other = sample_set(seed=1), sample_set(seed=2, lengths=25 * ms)
    wide = LabelledSpikes.from_arrays([[1] * ms], [[8]], [2])
    for name, each in (("a", one), ("b", other), ("c", wide)):
        np.savez(tmp_path / f"{name}.npz", **each.arrays)
    train, test, third = (tmp_path / f"{name}.npz" for name in "abc")
    alone = data(train)
    assert alone.test is None and alone.training.key == one.key
    task = data(train, test)
    assert float(task.training.lengths) == float(task.test.lengths) == 0.025
    assert data(train, third).training.n == data(train, third).test.n == 9
    part = data(train, test_fraction=0.25)
    assert (len(part.training), len(part.test)) == (45, 15)
    assert data(train, test_fraction=0.25, split=1).test.key != part.test.key
    assert data(train, n_inputs=8).n_inputs == 8
    assert float(data(train, stimulus=50 * ms).training.lengths) == 0.05
    small = data(train, test, squeeze=5 * ms)
    for name in ("training", "test"):
        ratio = getattr(small, name).times / getattr(task, name).times
        np.testing.assert_allclose(ratio, 0.2)
    with pytest.raises(ValueError, match="test and test_fraction are both given"):
        data(train, test, 0.2)


def test_both_sets_are_squeezed_alike(tmp_path):
    for name, lengths in (("a", np.linspace(21, 40, 60)), ("b", np.linspace(21, 30, 60))):
        np.savez(tmp_path / f"{name}.npz", **sample_set(lengths=lengths * ms).arrays)
    task = data(tmp_path / "a.npz", tmp_path / "b.npz", squeeze=4 * ms)
    assert np.max(task.training.lengths / ms) == pytest.approx(4)
    assert np.max(task.test.lengths / ms) == pytest.approx(3)


@pytest.fixture
def spoken(tmp_path, monkeypatch):
    """Files named as the published ones, and their checksums in place of those."""
    module = __import__("sys").modules[f"{tasks.__name__}.shd"]
    for name in ("shd_train.h5", "shd_test.h5"):
        write_hdf5(tmp_path / name)
        monkeypatch.setitem(module.MD5, name, hashlib.md5((tmp_path / name).read_bytes()).hexdigest())
    return module


def test_spoken_digits_are_read_and_verified(spoken, tmp_path, monkeypatch):
    task = shd(tmp_path)
    assert (task.n_inputs, len(task.training), len(task.test)) == (700, 4, 4)
    assert float(task.training.lengths) == pytest.approx(1.4)
    assert float(shd(tmp_path, squeeze=20 * ms).test.lengths) == pytest.approx(0.02)
    monkeypatch.setenv("SUPERSPIKE_DATA_DIR", str(tmp_path))
    assert shd().training.key == task.training.key
    packed = gzip.compress((tmp_path / "shd_test.h5").read_bytes())
    (tmp_path / "shd_test.h5").unlink()
    (tmp_path / "shd_test.h5.gz").write_bytes(packed)
    with pytest.raises(ValueError, match=f"MD5 .*, expected {spoken.MD5['shd_test.h5.gz']}.*shd_test.h5.gz again"):
        shd()
    monkeypatch.setitem(spoken.MD5, "shd_test.h5.gz", hashlib.md5(packed).hexdigest())
    assert shd().test.key == task.test.key
    with pytest.raises(
        FileNotFoundError, match=r"data_dir .*SUPERSPIKE_DATA_DIR.*https://zenkelab.org/datasets/shd_train"
    ):
        shd(tmp_path / "nowhere")


def test_without_network_it_is_said_how_to_get_them(spoken, monkeypatch, tmp_path):
    import pooch

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SUPERSPIKE_DATA_DIR", raising=False)

    def no_network(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(pooch.Pooch, "fetch", no_network)
    with pytest.raises(OSError, match=r"no network.*https://zenkelab.org/datasets/.*data_dir"):
        shd()


def test_files_may_be_given_as_texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    of_npz(Path())
    assert len(read_samples("a.npz")) == 4

"""Baselines: what the classifiers see, and that JAX simulates and differentiates the same network as Brian2."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from brian2 import Quantity, ms, mV, second
from superspike_brian.models import RANDOM, READOUT
from superspike_brian.tasks import LabelledSpikes, LabelledTask, randman

import superspike_brian as ss
from superspike_brian import baselines
from superspike_brian.baselines import gradient, network

needs_sklearn = pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")
needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: the extra 'gradient'")


@pytest.fixture(scope="module")
def easy():
    """Random manifolds of three classes, in the same 12 inputs, with pauses in which the network comes to rest."""
    return randman(n_inputs=12, classes=3, samples=40, test_samples=6, pause=200 * ms)


def test_features_are_counts_and_first_spikes():
    times, units, offsets = [3, 1, 2, 4] * ms, np.array([0, 0, 2, 1]), np.array([0, 3, 4, 4])
    samples = LabelledSpikes("a", 3, times, units, offsets, np.array([0, 1, 0]), [5, 6, 7] * ms, 2, "a test")
    expected = [[2, 0, 1, 1, 5, 2], [0, 1, 0, 6, 4, 6], [0, 0, 0, 7, 7, 7]]
    np.testing.assert_allclose(baselines.features(samples) * [1, 1, 1, 1e3, 1e3, 1e3], expected)


@needs_sklearn
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")  # of shuffled labels
def test_classifiers_tell_classes_apart_and_not_shuffled_ones(easy):
    assert baselines.perceptron(easy, 32).held_out > 0.8
    assert 0.5 < baselines.logistic_regression(easy).held_out < 0.8
    order = np.random.default_rng(0).permutation(len(easy.training))
    t = easy.training
    wrong = LabelledSpikes(t.name, t.n, t.times, t.units, t.offsets, t.labels[order], t.lengths, t.n_classes, t.source)
    assert baselines.perceptron(LabelledTask("shuffled", wrong, easy.test), 32).held_out < 0.7


def test_a_task_without_held_out_samples_is_refused(easy):
    with pytest.raises(ValueError, match="the task none has no held-out samples"):
        baselines.logistic_regression(LabelledTask("none", easy.training))


@pytest.mark.parametrize(("package", "baseline"), [("sklearn", "perceptron"), ("jax", "bptt")])
def test_a_missing_package_is_named_with_its_extra(easy, monkeypatch, package, baseline):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install 'superspike_brian\["):
        getattr(baselines, baseline)(easy)


@needs_jax
@pytest.mark.parametrize("hidden", [(7,), (20, 10), ()])
def test_the_forward_pass_is_the_network_of_brian2(easy, hidden, build_dir):
    """Held-out samples, each after a long pause: the same hidden spikes, the same potentials at the deadline."""
    options = {"duration": 5 * second, "burn_in": 5 * second}  # longer than a probe window
    model = READOUT.replace(feedback=RANDOM, w_0=80 * mV)  # the first update clips larger weights
    run = ss.train(easy, model, hidden, build_dir=build_dir, progress=False, **options)
    weights = [run[f"weights_{k}_start"].values * 1e3 for k in range(1, len(hidden) + 2)]
    dt = run.attrs["dt_s"] * second
    here = run.probe_trial_probe.values == 0
    inputs, deadlines = network.raster(easy, easy.test, run.probe_trial_pattern.values[here], dt)
    spikes, potentials = network.forward(weights, inputs, network.Constants.of(dt))
    onsets = np.rint(run.probe_trial_onset.values[here] / float(dt)).astype(int)
    found = np.asarray(potentials)[deadlines, np.arange(len(deadlines))]
    expected = run.probe_trial_potential.values[here] * 1e3 + 60
    assert np.abs(expected).max() > 5
    np.testing.assert_allclose(found, expected, atol=2e-3)
    for k, mine in enumerate(spikes, 1):
        first = run[f"spikes_hidden_{k}_probe"].values == 0
        steps = np.rint(run[f"spikes_hidden_{k}_time"].values[first] / float(dt)).astype(int)
        theirs = np.zeros((onsets[-1] + 2000, hidden[k - 1]), bool)
        theirs[steps, run[f"spikes_hidden_{k}_unit"].values[first]] = True
        assert theirs.sum() > 5
        for sample, onset in enumerate(onsets):
            np.testing.assert_array_equal(np.asarray(mine)[:, sample] > 0, theirs[onset:][: len(mine)])


@needs_jax
def test_the_gradient_of_the_readout_is_that_of_finite_differences(easy):
    """The hidden spikes do not depend on these weights, so that the loss is smooth in them."""
    import jax

    rng, constants = np.random.default_rng(1), network.Constants.of(0.5 * ms)
    weights = [rng.normal(0, 30, (12, 6)).astype("f"), rng.normal(0, 30, (6, 3)).astype("f")]
    asked = *network.raster(easy, easy.test, np.arange(18), 0.5 * ms), easy.test.labels

    @jax.jit
    def loss(readout):
        return gradient.cross_entropy([weights[0], readout], *asked, constants, 5.0)

    found = np.asarray(jax.grad(loss)(weights[1]))
    for place in np.ndindex(6, 3):
        nudge = np.zeros((6, 3), "f")
        nudge[place] = 0.5
        slope = float(loss(weights[1] + nudge) - loss(weights[1] - nudge))
        np.testing.assert_allclose(found[place], slope, rtol=0.02, atol=1e-5)


@needs_jax
def test_the_gradient_of_a_hidden_weight_is_the_surrogate_times_a_path_by_hand():
    """One input, one hidden unit that stays silent, one output: the sum over time that the chain rule gives."""
    import jax

    c = network.Constants.of(0.5 * ms)._replace(refractory=0, delay=0)
    w, v, n = 9.0, 20.0, 30
    inputs = np.zeros((n, 1, 1), "f")
    inputs[2] = 1

    def last(w):
        return network.forward([w.reshape(1, 1), np.full((1, 1), v, "f")], inputs, c)[1][-1, 0, 0]

    decay = np.arange(n)
    kernel = c.i_to_u * np.array([sum(c.keep_u ** (t - 1 - s) * c.keep_i**s for s in range(t)) for t in decay])
    u = w * np.concatenate([np.zeros(2), kernel])[:n]
    per_weight = u / w
    expected = v * sum(per_weight[t] / (1 + c.beta * abs(u[t] - c.theta)) ** 2 * kernel[n - 1 - t] for t in range(n))
    assert u.max() < c.theta
    np.testing.assert_allclose(jax.grad(last)(np.float32(w)), expected, rtol=1e-4)


@needs_jax
def test_bptt_learns_needs_its_hidden_layer_and_repeats_itself(easy):
    options = {"epochs": 60, "dt": 1 * ms, "batch": 16}
    once = baselines.bptt(easy, 32, **options)
    assert once == baselines.bptt(easy, (32,), **options)
    assert once.held_out > 0.8
    assert baselines.bptt(easy, 0, **options).held_out < once.held_out
    assert baselines.bptt(easy, 32, **options | {"epochs": 0}).held_out < 0.7


@needs_jax
def test_samples_of_different_lengths_are_judged_at_their_own_deadlines():
    samples = LabelledSpikes(
        "a", 1, [0, 0] * ms, [0, 0], [0, 1, 2], [0, 1], Quantity([4e-3, 9e-3], dim=ms.dim), 2, "a test"
    )
    _, deadlines = network.raster(LabelledTask("a", samples), samples, np.array([1, 0]), 1 * ms)
    assert deadlines.tolist() == [19, 14]

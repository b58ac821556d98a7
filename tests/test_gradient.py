"""The exact gradient: JAX has the spikes of the package, its derivative is that of finite differences, and the rule's update
is compared with it."""

import dataclasses
import sys
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest
import xarray as xr
from brian2 import Hz, ms, mV, volt
from superspike_brian.models import (
    ADAM,
    FAST_SIGMOID,
    FIXED,
    LAYERWISE,
    LIF,
    RANDOM,
    SUPERSPIKE,
    WINDOWED_MARGIN,
    Architecture,
    ModelError,
    Population,
    Projection,
    chain,
)

import superspike_brian as ss
from superspike_brian.baselines.comparison import Comparison, accumulate, raster, weights_of
from superspike_brian.baselines.reference import Reference, double_precision
from superspike_brian.console.progress import Silent
from superspike_brian.experiments import _measured
from superspike_brian.experiments._ladder import RUNGS, rungs
from superspike_brian.network.initial import initial_state
from superspike_brian.runs.training import make_program
from superspike_brian.spec.run import Machine, RunSpec

pytestmark = pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: the extra 'gradient'")
PLAIN, NEAR = {"device": "runtime"}, 1e-5


def loud(spec, seed=3):
    """A state whose weights make all populations spike."""
    state, rng = initial_state(spec.structure, spec.task, seed), np.random.default_rng(seed)
    for name in spec.structure.projections:
        n, shape = spec.structure.shape(name)[0], state[f"{name}.w"].shape
        if not name.startswith(("output", "targets")):
            state[f"{name}.w"] = np.clip(rng.normal(0.25 / n, 0.3 / n, shape), -0.1, 0.1)
    return state


@pytest.fixture(scope="module")
def short(pattern_task):
    """A task of 12 inputs and 3 outputs in a loop of 50 ms."""
    rng = np.random.default_rng(6)
    sides = [(rng.integers(0, n, k), rng.choice(500, k, replace=False) * 1e-4) for n, k in ((12, 40), (3, 6))]
    return pattern_task(12, 3, *sides, period=50 * ms)


class Ready:
    """A network that is ready to run, and a loud state."""

    def __init__(self, *spec, **options):
        self.spec = RunSpec.make(*spec, **options, **PLAIN)
        self.state, self.reference = loud(self.spec), Reference.of(self.spec.structure, self.spec.seed)
        self.weights, self.program = weights_of(self.spec, self.state), make_program(self.spec, Machine(), Silent())

    def held(self, length=2000):
        return accumulate(self.program, self.spec, self.state, length)


@pytest.fixture(scope="module")
def two_layers(poisson_task):
    """12-5-3."""
    return Ready(poisson_task(12, 3, 1), SUPERSPIKE, [5])


@pytest.fixture(scope="module")
def anything(poisson_task):
    """All that the reference knows: depth, recurrence, a skip, sparse pairs, delays, other neurons, fixed weights."""
    network = chain([5, 4], LAYERWISE).add(
        Projection("output", "output", self_connections=True, initial="10*mV*randn()", delay=1.3 * ms),
        Projection("hidden_1", "output", connect=0.5, delay=0 * ms),
        Projection("targets", "hidden_2", plastic=False, initial="20*mV"),
    )
    quick = LIF.replace(tau_mem=5 * ms, tau_syn=5 * ms, tau_ref=2 * ms)
    populations = [dataclasses.replace(p, neuron=quick) if p.name == "hidden_1" else p for p in network.populations]
    return Ready(
        poisson_task(12, 3, 1), SUPERSPIKE, dataclasses.replace(network, populations=tuple(populations)), seed=3
    )


def test_the_spikes_are_those_of_the_package(anything):
    theirs = anything.held().spikes
    mine, _ = anything.reference.trajectory(anything.weights, raster(anything.spec, 2000))
    assert mine.keys() == theirs.keys() == set(anything.spec.structure.populations[1:])
    for name, spikes in mine.items():
        assert spikes.sum() > 10, name
        np.testing.assert_array_equal(spikes, theirs[name])


def smooth(reference):
    """The network with spikes that are the integral of the surrogate: it has the gradient that a surrogate stands for."""

    def spike(above):
        return reference.slope * reference.dt * above / (1 + abs(above))

    return dataclasses.replace(reference, spikes=dict.fromkeys(reference.spikes, spike))


@pytest.mark.parametrize("reset", ["detached", "attached"])
def test_the_gradient_of_a_smoothed_network_is_that_of_finite_differences(anything, reset, claim):
    reference, weights, given = smooth(anything.reference), anything.weights, raster(anything.spec, 400)
    found = reference.gradient(weights, given, reset)
    rng, off = np.random.default_rng(2), []
    with double_precision():
        import jax

        cost = jax.jit(lambda w: reference.cost(w, given, reset))
        for way in reference.ways:
            for place in rng.permutation(np.argwhere(way.exists))[:4]:
                nudge = np.zeros(way.exists.shape)
                nudge[tuple(place)] = NEAR
                up, down = (float(cost(weights | {way.name: weights[way.name] + s * nudge})) for s in (1, -1))
                size = np.abs(found[way.name]).max()
                assert size > 0
                np.testing.assert_allclose(found[way.name][tuple(place)], (up - down) / (2 * NEAR), atol=3e-5 * size)
                off.append(abs(found[way.name][tuple(place)] - (up - down) / (2 * NEAR)) / size)
    how = (
        "backwards through time in JAX, beside finite differences of smoothed spikes; largest deviation of the largest"
    )
    claim("The gradient that rules are compared with is one", how, max(off))
    for way in reference.ways:
        assert not found[way.name][~way.exists].any()


def test_a_spike_has_the_derivative_of_its_integral(two_layers):
    reference = Reference.of(two_layers.spec.structure, slope=7.0)
    with double_precision():
        import jax

        above = np.linspace(-9, 3, 50)
        for name, integral in smooth(reference).spikes.items():
            slopes = [jax.vmap(jax.grad(f))(above) for f in (reference.spikes[name], integral)]
            np.testing.assert_allclose(*slopes, rtol=1e-12)


def test_where_nothing_spikes_the_update_of_the_output_is_the_gradient(short):
    """Up to the forward Euler method of its synapses, which is of first order."""
    options, off = {"seed": 1, **PLAIN}, []
    for dt in (0.1 * ms, 0.05 * ms):
        found = ss.gradient(short, SUPERSPIKE.replace(w_0=10 * mV), dt=dt, **options)
        one = found["forward_1"]
        assert found.spikes == {"output": 0}
        assert (one.cosine, one.ratio) == pytest.approx((1, 1), abs=0.01)
        off.append(np.linalg.norm(one.update - one.exact) / np.linalg.norm(one.exact))
    assert off[0] == pytest.approx(2 * off[1], rel=0.1)


def test_the_chain_rule_by_hand_gives_the_gradient_that_ignores_resets(two_layers):
    """The ladder from the gradient to the rule begins at the former and ends near the latter, written in NumPy."""
    reference, weights, given = two_layers.reference, two_layers.weights, raster(two_layers.spec, 2000)
    exact = reference.gradient(weights, given, "ignored")
    steps = rungs(reference, weights, given)
    for name in weights:
        np.testing.assert_allclose(steps["reset ignored"][name], -exact[name] / reference.slope, rtol=1e-8, atol=1e-9)
    last, m = steps["PSP dropped"]["forward_1"].ravel(), two_layers.held().update["forward_1"]
    assert last @ m / np.linalg.norm(last) / np.linalg.norm(m) > 0.99


def test_what_the_rule_accumulates_is_summed_over_updates(short):
    """The same sum whether updates, of any optimiser, come every 20 ms or never; the weights are held."""
    sums = []
    for model in (SUPERSPIKE, SUPERSPIKE.replace(optimizer=ADAM.replace(t_b=20 * ms))):
        ready = Ready(short, model)
        sums.append(ready.held(500).update["forward_1"])
    assert np.abs(sums[0]).max() > 0
    np.testing.assert_allclose(*sums, rtol=1e-9, atol=1e-12)


def test_weights_beyond_their_bounds_are_those_that_the_network_runs_with(two_layers):
    state = two_layers.state | {"forward_2.w": np.full(15, 0.3)}
    found = accumulate(two_layers.program, two_layers.spec, state, 10)
    assert (found.weights["forward_2.w"] == 0.1).all()
    np.testing.assert_array_equal(found.weights["forward_1.w"], state["forward_1.w"])


def test_an_edited_rule_is_judged(short):
    """A wrong sign climbs, another surrogate is differentiated as it is."""
    rule = SUPERSPIKE.plasticity

    def cosine(**edited):
        options = {"state": loud(RunSpec.make(short)), **PLAIN}
        return ss.gradient(short, SUPERSPIKE.replace(**edited), **options)["forward_1"].cosine

    good = cosine()
    assert good > 0.9
    wrong = rule.replace(equations=rule.equations.replace("= error_post*", "= -error_post*"))
    assert cosine(plasticity=wrong) == pytest.approx(-good)
    equations = "sigma_prime = exp(-abs(h)) : 1 (constant over dt)\nh = beta*(U - theta) : 1"
    other = FAST_SIGMOID.replace(equations=f"{equations}\nbeta : 1/volt (shared, constant)")
    assert cosine(surrogate=other) > 0.9


def test_weights_of_a_run_at_its_end_and_at_a_snapshot(short, tmp_path):
    model = SUPERSPIKE.replace(feedback=RANDOM, t_b=20 * ms, w_0=150 * mV)
    course = {"duration": 60 * ms, "burn_in": 0 * ms, "snapshot_every": 40 * ms, "seed": 4, "progress": False, **PLAIN}
    run = ss.train(short, model, [2], out=tmp_path / "run", **course)
    found = [ss.gradient(run=tmp_path / "run", **at) for at in ({}, {"at": 40 * ms})]
    assert found[0]["forward_1"].cosine != found[1]["forward_1"].cosine
    w = {f"forward_{k}.w": run[f"weights_{k}_snapshots"].values[0] for k in (1, 2)}
    same = ss.gradient(short, model, [2], state=w, seed=4, **PLAIN)
    np.testing.assert_array_equal(same["forward_1"].update, found[1]["forward_1"].update)
    np.testing.assert_array_equal(same["forward_1"].exact, found[1]["forward_1"].exact)
    with pytest.raises(ValueError, match="the network is that of the run"):
        ss.gradient(run=tmp_path / "run", hidden=[3])
    text = str(found[0])
    assert f"{found[0]['forward_2'].cosine:.4f}" in text and "spikes: " in text


def test_slope_is_no_direction_along_a_chain_and_one_with_the_reset_attached(two_layers):
    weights, given = two_layers.weights, raster(two_layers.spec, 400)
    references = [Reference.of(two_layers.spec.structure, slope=s) for s in (20.0, 200.0)]
    for reset, same in (("detached", True), ("attached", False)):
        one, two = (r.gradient(weights, given, reset)["forward_1"] for r in references)
        assert (Comparison(one, two).cosine > 1 - 1e-9) == same
        assert not same or Comparison(one, two).ratio == pytest.approx(1 / 100, rel=1e-9)  # two spikes on the way


def test_what_is_measured_of_a_run_has_its_controls(short, monkeypatch):
    """Every kind of comparison of the experiment once."""
    monkeypatch.setattr(_measured, "SLOPES", (10.0,))
    monkeypatch.setattr(_measured, "MOMENTS", ("during", "end"))
    spec = RunSpec.make(short, SUPERSPIKE.replace(w_0=150 * mV), [5], seed=4, **PLAIN)
    w = {k: initial_state(spec.structure, short, 4)[f"forward_{k}.w"] for k in (1, 2)}
    kept = {f"weights_{k}_snapshots": (("snapshot", f"synapse_{k}"), w[k][None] / 2) for k in w}
    run = xr.Dataset(kept | {f"weights_{k}_end": (f"synapse_{k}", w[k]) for k in w})
    reference_of = cache(lambda slope: Reference.of(spec.structure, slope=slope))
    options = {"approximations": True, "ladder": True, "slopes": "attached", "controls": True}
    rows = list(_measured.comparisons(spec, run, reference_of, Machine(), **options))
    found = {(r["what"], r["moment"], r["projection"], r["slope"]): r for r in rows}
    assert len(rows) == len(found) + 2  # two ways to shuffle the targets of three units
    assert len(found) == 2 * (2 * (1 + 1 + len(RUNGS)) + 1 + 3)
    rule = found["rule", "end", "forward_2", 100.0]
    assert rule["cosine"] > 0.95 and rule["spikes"] > 3
    assert found["wrong sign", "end", "forward_2", 100.0]["cosine"] == pytest.approx(-rule["cosine"])
    assert found["shuffled error", "end", "forward_2", 100.0]["cosine"] < rule["cosine"] - 0.02
    silent = found["silent network", "end", "forward_2", 100.0]
    assert silent["spikes"] == 0 and np.isnan(silent["cosine"])
    for what in ("reset attached", *RUNGS, "rule"):  # approximations are none of a projection that stays the same
        assert 0.5 < found[what, "end", "forward_2", 100.0]["cosine"] <= 1


OWN = LIF.replace(equations=LIF.equations.replace("U_rest - U", "2*(U_rest - U)"))
LATE = FAST_SIGMOID.replace(equations=FAST_SIGMOID.equations.replace("U - theta", "U + I_syn - theta"))
DECAY = FIXED.replace(update="w = 0.9*w + r0*m\nm = 0")
UNKNOWN = {
    r"population 'output'.*the neuron's `equations` is": {"model": SUPERSPIKE.replace(neuron=OWN)},
    r"population 'hidden'.*the neuron's `reset` is 'U = theta', and it knows 'U = U_rest'": {
        "hidden": Architecture(
            [Population("hidden", 2, neuron=LIF.replace(reset="U = theta"))],
            [Projection("inputs", "hidden", plastic=False), Projection("hidden", "output")],
        )
    },
    r"`on_input` is 'I_syn_post \+= 2\*w'": {
        "hidden": chain([]).add(Projection("output", "output", on_input="I_syn_post += 2*w"))
    },
    "`delay` is 'one for each synapse'": {"hidden": chain([]).add(Projection("output", "output", delay="1*ms + i*ms"))},
    "sigma_prime of fast-sigmoid depends on 'I_syn'": {"model": SUPERSPIKE.replace(surrogate=LATE)},
    "what is to be compared": {"task": None},
    "has trials": {"task": "xor"},
    "reset": {"reset": "gone"},
    "slope must be a positive value": {"slope": -3 * Hz / mV},
    "slope must be a value in": {"slope": 3 * volt},
    "no option 'burn_in'": {"burn_in": 0 * ms},
    "no option 'sead'.*did you mean 'seed'": {"sead": 1},
    "none of the network's weights": {"state": {"forward_9.w": np.zeros(3)}},
    "forward_1.w' must be 36 finite numbers": {"state": {"forward_1.w": np.zeros(3)}},
    "it changes the weights of forward_1 though": {"model": SUPERSPIKE.replace(optimizer=DECAY)},
}


@pytest.mark.parametrize("message", UNKNOWN)
def test_what_it_does_not_know_is_refused_by_name(message, poisson_task):
    arguments = {"task": poisson_task(12, 3, 1), "duration": 2 * ms} | UNKNOWN[message]
    with pytest.raises(ValueError, match=message):
        ss.gradient(**arguments, **PLAIN)


def test_a_threshold_of_the_error_signal_is_refused(poisson_task):
    from superspike_brian.baselines.surrogates import check_is_known
    from superspike_brian.network.structure import Structure

    with pytest.raises(ModelError, match="`output_threshold`"):
        check_is_known(Structure(SUPERSPIKE.replace(error=WINDOWED_MARGIN), (12, 3)))


def test_without_jax_it_says_how_to_get_it(poisson_task, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r"pip install 'superspike_brian\[gradient\]'"):
        ss.gradient(poisson_task(12, 3, 1), duration=2 * ms, **PLAIN)


def test_double_precision_ends_with_it():
    import jax.numpy as jnp

    before = jnp.ones(1).dtype
    with double_precision():
        assert jnp.ones(1).dtype == "float64"
    assert jnp.ones(1).dtype == before == "float32"


def test_a_target_that_is_a_signal_is_refused():
    with pytest.raises(ValueError, match="the target of waves is a signal"):
        ss.gradient("waves", dt=1 * ms)

"""The compiled program against the plain NumPy oracle, step by step, and against itself in pieces.

Every structural variant runs through three weight updates that change the spikes. The oracle shares no code with the
package.
"""

from itertools import pairwise, product

import numpy as np
import pytest
from brian2 import mV, volt
from oracle import Oracle
from superspike_brian.models import FEEDBACKS, LAYERWISE, OPTIMIZERS, REGULARIZERS, SUPERSPIKE, SURROGATES

from superspike_brian.engine.cache import structure_key
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure

STEPS, PERIOD = 16003, 2000  # updates at steps 0, 5000, 10000 and 15000; the end falls into an axonal delay
# Learning rates that change the spikes in three updates; a fixed one has to know how large sigma' is
RATES = {
    "rmaxprop": 8 * mV,
    "rmsprop": 4 * mV,
    "adam": 4 * mV,
    ("fixed", "fast-sigmoid"): 30 * mV,
    ("fixed", "linear"): 0.3 * mV,
}
# Every value of every factor, with different values of the others; the full product is slow
QUICK = [
    (1, "symmetric", "rmaxprop", "heterosynaptic", "fast-sigmoid"),
    (1, "symmetric", "rmsprop", "error-gated", "linear"),
    (1, "random", "rmaxprop", "error-gated-decay", "fast-sigmoid"),
    (1, "random", "fixed", "none", "linear"),
    (1, "random", "adam", "heterosynaptic", "linear"),
    (1, "uniform", "fixed", "heterosynaptic", "fast-sigmoid"),
    (1, "uniform", "rmsprop", "none", "fast-sigmoid"),
    (0, "symmetric", "rmaxprop", "none", "fast-sigmoid"),
]
ALL = [
    *product((1,), sorted(FEEDBACKS.keys() - {LAYERWISE.name}), OPTIMIZERS, REGULARIZERS, SURROGATES),
    *product((0,), ("symmetric",), OPTIMIZERS, ("none",), SURROGATES),
]
VARIANTS = [pytest.param(*v, marks=() if v in QUICK else pytest.mark.slow, id="-".join(map(str, v))) for v in ALL]
SYNAPSES = {"w": "w", "eligibility_rise": "lambda_rise", "eligibility": "lambda_", "m": "m", "v": "v"}
SYNAPSES |= {"first_moment": "first", "second_moment": "v"}
LAYER = {"U": "U", "I": "I_syn", "x": "error_rise", "e": "error", "z_het": "rate_trace"}
# Two settings of the inputs of a program: one program serves both. The decay has to compete with the gradient, not to
# overwhelm it; gated by the error (error**2 over the integral of alpha**2, about 50 Hz) it is so much larger
SETTINGS = {
    "standard": {"rho": 0.01, "a": 4, "beta": 1 / mV},
    "others": {"rho": 0.5, "a": 2, "beta": 250 / volt},
}
GATED = 1 / 50


def structure(n_hidden, feedback, optimizer, regularizer, surrogate, **kwds):
    model = SUPERSPIKE.replace(
        feedback=FEEDBACKS[feedback],
        optimizer=OPTIMIZERS[optimizer],
        regularizer=REGULARIZERS[regularizer],
        surrogate=SURROGATES[surrogate],
    )
    return Structure(model, (12, 5, 3) if n_hidden else (12, 3), **kwds)


def with_parameters(variant, **parameters):
    """The same structure with other parameters; those that the variant lacks are left out."""
    known = {k: v for k, v in parameters.items() if k in variant.model.parameters}
    return Structure(variant.model.replace(**known), variant.sizes, variant.hidden_learning, variant.dt)


def start(variant, task, seed):
    """Initial state whose weights make all layers spike."""
    state, rng = initial_state(variant, task, seed), np.random.default_rng(seed)
    for name in variant.projections:
        n_pre, _ = shape = variant.shape(name)
        state[f"{name}.w"] = np.clip(rng.normal(0.18 / n_pre, 0.25 / n_pre, shape), -0.1, 0.1).ravel()
    return state


def oracle_of(variant, task, state):
    """The oracle with the same start."""
    model, hidden = variant.model, len(variant.hidden)
    w = [state[f"{name}.w"].reshape(variant.shape(name)) for name in variant.projections]
    b = state["feedback_target_1.b"].reshape(5, 3).T if "feedback_target_1.b" in state else None
    value = {k: float(model.parameters.get(k, 0)) for k in ("r0", "rho", "a", "beta")}
    return Oracle(
        w,
        task.inputs.steps(variant.dt),
        task.targets.steps(variant.dt),
        PERIOD,
        feedback=model.feedback.name,
        b=b,
        surrogate=model.surrogate.name,
        optimizer=model.optimizer.name,
        regularizer=None if model.regularizer.name == "none" else model.regularizer.name,
        hidden_plastic=variant.hidden_learning or not hidden,
        **value,
    )


def spikes(records, name):
    """Spikes of a population as the oracle has them: (step, unit), in this order."""
    steps = np.rint(records[f"spikes_{name}.t"] / 1e-4).astype(int)
    return sorted(zip(steps.tolist(), records[f"spikes_{name}.i"].tolist(), strict=True))


def pairs(variant, oracle, state):
    """Every state variable twice: name, oracle's array, program's array."""
    for k, (layer, name) in enumerate(zip(oracle.layers, variant.populations[1:], strict=True), start=1):
        for theirs, ours in LAYER.items():
            unused = theirs in "xe" and name != "output" and not variant.hidden_learning  # no feedback there
            if f"{name}.{ours}" in state and not unused:
                offset = -0.06 if theirs == "U" else 0  # a deviation from rest is what is computed
                yield f"{name}.{ours}", getattr(layer, theirs) - offset, state[f"{name}.{ours}"] - offset
        spiked = layer.lastspike >= 0
        yield f"{name}.lastspike", layer.lastspike[spiked] * oracle.dt, state[f"{name}.lastspike"][spiked]
        assert (state[f"{name}.lastspike"][~spiked] < 0).all()
        if f"terminals_{k}.z" in state:
            yield f"terminals_{k}.z_rise", oracle.terminals[k - 1].z, state[f"terminals_{k}.z_rise"]
            yield f"terminals_{k}.z", oracle.terminals[k - 1].z_tilde, state[f"terminals_{k}.z"]
        for ours, theirs in SYNAPSES.items():
            if f"forward_{k}.{ours}" in state:
                yield (
                    f"forward_{k}.{ours}",
                    getattr(oracle.synapses[k - 1], theirs).ravel(),
                    state[f"forward_{k}.{ours}"],
                )
    yield "output.cost", oracle.cost, state["output.cost"]


def deviations(variant, oracle, state):
    """Largest deviation of every variable, over the largest magnitude in its array."""
    found = {}
    for name, expected, got in pairs(variant, oracle, state):
        assert expected.shape == got.shape, name
        scale = np.abs(expected).max(initial=0)
        if name.endswith(".U"):  # stored with its -60 mV: the rounding of a unit at rest is not that of its deviation
            scale = max(scale, 1e-3)
        worst = np.abs(got - expected).max(initial=0)
        found[name] = worst / scale if scale else worst
    return found


def compare(compiled, variant, task, seed, claim):
    state = start(variant, task, seed)
    oracle = oracle_of(variant, task, state)
    oracle.run(STEPS)
    final, records = compiled(variant).run(state, 0, STEPS, probe=True)
    names = ["input", *(["hidden"] if len(variant.hidden) else []), "output", "target"]
    for theirs, ours in zip(names, (*variant.populations, "targets"), strict=True):
        assert spikes(records, ours) == sorted(oracle.spikes[theirs]), ours
    found = deviations(variant, oracle, final)
    worst = max(found, key=found.get)
    print(f"largest deviation: {worst} {found[worst]:.1e}")
    # Rounding errors are made relative to the terms that are summed, which are as large as the array's largest entry; a
    # difference of such terms may itself be arbitrarily small. Zero arrays must be zero. Measured: below 3e-11.
    assert max(found.values()) < 1e-9, found
    claim(
        "A run is what the paper's equations say",
        "all spikes, and all states after 12 weight updates, beside a NumPy program without Brian2; relative deviation",
        found[worst],
    )
    return oracle, state, final


def loop(oracle, name, first):
    """Spikes of the loop that starts at step `first`."""
    return [(n - first, i) for n, i in oracle.spikes[name] if first <= n < first + PERIOD]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(("n_hidden", "feedback", "optimizer", "regularizer", "surrogate"), VARIANTS)
def test_spikes_and_states_are_those_of_the_oracle(
    compiled, poisson_task, claim, n_hidden, feedback, optimizer, regularizer, surrogate, setting
):
    base = structure(n_hidden, feedback, optimizer, regularizer, surrogate)
    values = dict(SETTINGS[setting], r0=RATES.get(optimizer) or RATES[optimizer, surrogate])
    values["rho"] *= GATED if regularizer.startswith("error-gated") else 1
    variant = with_parameters(base, **values)
    assert structure_key(variant, "double") == structure_key(base, "double")  # nothing to compile for a setting
    seed = 11 + list(SETTINGS).index(setting)
    task = poisson_task(12, 3, seed)
    oracle, _, _ = compare(compiled, variant, task, seed, claim)
    # the comparison means something only if every layer spikes and learning changes the spikes
    for name, synapses in zip(oracle.populations[1:], oracle.synapses, strict=True):
        assert np.mean(np.abs(synapses.w) == 0.1) < 0.7  # many weights are within their bounds
        assert len(oracle.spikes[name]) > 50
        assert loop(oracle, name, 2000) != loop(oracle, name, 14000)


def test_every_component_is_among_the_quick_ones():
    assert [set(values) for values in zip(*QUICK, strict=True)] == [set(values) for values in zip(*ALL, strict=True)]


def test_hidden_weights_stay_when_the_hidden_layer_does_not_learn(compiled, poisson_task, claim):
    frozen = structure(1, "symmetric", "rmsprop", "none", "fast-sigmoid", hidden_learning=False)
    variant = with_parameters(frozen, r0=RATES["rmsprop"])
    _, state, final = compare(compiled, variant, poisson_task(12, 3, 11), 11, claim)
    assert np.array_equal(final["forward_1.w"], state["forward_1.w"])
    assert not np.array_equal(final["forward_2.w"], state["forward_2.w"])
    assert not final["hidden_1.error"].any()  # no feedback is sent


@pytest.fixture(scope="module")
def learning(compiled, poisson_task):
    """Program, start, and the end of a run in one piece."""
    variant = with_parameters(structure(*QUICK[0]), r0=RATES["rmaxprop"], **SETTINGS["standard"])
    state, program = start(variant, poisson_task(12, 3, 11), 11), compiled(variant)
    return variant, program, state, program.run(state, 0, STEPS, probe=True)


def in_flight(state, pathway):
    """Synaptic events of a pathway that are still to come."""
    queue, at, n = state[f"{pathway}_pre.queue"], 0, 0
    while at < len(queue):
        n += queue[at]
        at += queue[at] + 1
    return n


def run_in_pieces(program, state, cuts, **kwds):
    """Run between the cuts; return the states at each, and the joined records."""
    states, records = [state], []
    for begin, end in pairwise(cuts):
        state, record = program.run(states[-1], begin, end - begin, **kwds)
        states.append(state)
        records.append(record)
    return states, records


def assert_same(state, expected, but=()):
    assert state.keys() == expected.keys()
    assert [k for k in state if k not in but and not np.array_equal(state[k], expected[k])] == []


@pytest.mark.parametrize("seed", range(3))
def test_a_run_in_pieces_gives_the_same_bits(learning, compiled, seed, claim):
    """Cut anywhere: with the kernel that takes single steps (the others round alike at multiples of 125, see below)."""
    variant, _, state, _ = learning
    program = compiled(variant, kernel="stock")
    expected, whole = program.run(state, 0, STEPS, probe=True)
    rng = np.random.default_rng(seed)
    cuts = {0, 1, 1999, 2000, 4999, 5000, 5001, STEPS, *rng.integers(0, STEPS, 20).tolist()}
    for name in ("inputs", "hidden_1"):  # step by step while a spike is on its axon
        spike = spikes(whole, name)[rng.integers(100)][0]
        cuts |= set(range(spike + 1, spike + 10))
    states, records = run_in_pieces(program, state, sorted(cuts), probe=True)
    assert_same(states[-1], expected)
    for pathway in ("axons_1", "forward_1", "axons_2", "forward_2"):
        assert sum(in_flight(s, pathway) > 0 for s in states[1:]) >= 8, pathway
    for name in whole:
        if name.startswith("spikes_"):
            assert np.array_equal(np.concatenate([r[name] for r in records]), whole[name]), name
    claim(
        "A run goes on from its state", "cut at some 50 random steps, with spikes on their way; arrays that differ", 0
    )


@pytest.mark.parametrize("kernel", ["auto", "stock"])
def test_blocks_give_the_bits_of_one_piece(learning, compiled, kernel):
    """Fast kernels sum over chunks that end at multiples of 125 steps: blocks must end there to round alike."""
    variant, _, state, _ = learning
    program = compiled(variant, kernel=kernel)
    whole, _ = program.run(state, 0, STEPS)
    grid = 125 if kernel == "auto" else 1
    cuts = {0, STEPS, *(grid * np.random.default_rng(5).integers(1, STEPS // grid, 12)).tolist()}
    states, _ = run_in_pieces(program, state, sorted(cuts))
    assert_same(states[-1], whole)


def test_probing_changes_nothing(learning):
    """Deferred kernels are flushed at every probed step, so that sums over synapses round otherwise."""
    _, program, state, (expected, whole) = learning
    end, records = program.run(state, 0, STEPS)
    for name in end:
        if name.endswith("queue"):
            assert np.array_equal(end[name], expected[name]), name
        else:
            assert np.allclose(end[name], expected[name], rtol=1e-9, atol=1e-12 * np.abs(expected[name]).max()), name
    for name in records:
        assert np.array_equal(records[name], whole[name] if name.startswith("spikes_output") else []), name


def test_an_hour_later_the_same_happens(learning):
    _, program, state, (expected, whole) = learning
    hour = 36_000_000  # steps: a multiple of the pattern's period and of the interval between updates
    end, records = program.run(state, hour, STEPS, probe=True)
    assert_same(end, expected, but=("hidden_1.lastspike", "output.lastspike"))
    for name in ("hidden_1", "output", "inputs", "targets"):
        assert [(n - hour, i) for n, i in spikes(records, name)] == spikes(whole, name)


def test_single_precision_starts_with_the_same_output_spikes(learning, compiled):
    variant, _, state, (_, whole) = learning
    program = compiled(variant, "single")
    end, records = program.run(state, 0, STEPS, probe=True)
    assert spikes(records, "output")[:50] == spikes(whole, "output")[:50]
    assert {end[k].dtype for k in ("output.U", "forward_1.w", "forward_1.m")} == {np.dtype("f4")}
    assert all(np.isfinite(v).all() for v in end.values() if v.dtype.kind == "f")
    same = np.equal(spikes(records, "output")[:400], spikes(whole, "output")[:400]).all(1)
    print("equal output spikes in single precision:", same.sum() if same.all() else same.argmin())
    # time stays in double precision: the refractory period is 50 steps long an hour later, too
    _, late = program.run(state, 36_000_000, STEPS, probe=True)
    for unit in range(3):
        steps = np.array([n for n, i in spikes(late, "output") if i == unit])
        assert np.diff(steps).min() >= 50

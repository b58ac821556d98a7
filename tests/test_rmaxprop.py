"""What RMaxProp promises for every state, by driving the weight update of the compiled program.

Zenke & Ganguli (2018), equations 13 and 14: v is an upper bound of the recent squared gradient, so that no weight moves
by more than r0. The update runs at step 0; with traces at zero that step changes nothing else.
"""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

T_B, TAU_RMS, W_MAX = 0.5, 30.0, 0.1
GAMMA = np.exp(-T_B / TAU_RMS)
ROUNDING = 1e-14  # a few units in the last place
SHAPE = 36  # synapses of the program

# Powers of ten from a silent synapse to an impossibly loud one, both signs, and zero
exponents = st.floats(-30, 6)
gradients = st.builds(lambda sign, k: sign * 10.0**k, st.sampled_from([-1, 0, 1]), exponents)
squares = st.one_of(st.just(0.0), st.floats(-60, 12).map(lambda k: 10.0**k))
weights = st.one_of(st.floats(-W_MAX, W_MAX, allow_subnormal=False), st.sampled_from([-W_MAX, W_MAX, 0.0]))
rates = st.floats(1e-6, 1.0)
states = st.fixed_dictionaries(
    {
        "m": arrays(float, SHAPE, elements=gradients),
        "v": arrays(float, SHAPE, elements=squares),
        "w": arrays(float, SHAPE, elements=weights),
    }
)
quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@pytest.fixture(scope="module")
def update(compiled, plain):
    """Function from m, v, w and r0 to v and w after one update."""
    program = compiled(plain)

    def run(m, v, w, r0, start=0):
        state = {"forward_1.m": m, "forward_1.v": v, "forward_1.w": w, "forward_1.r0": np.array([r0])}
        after, _ = program.run(state, start, 1)
        assert not after["forward_1.m"].any()
        return after["forward_1.v"], after["forward_1.w"]

    return run


@quick
@given(state=states, r0=rates)
@example(state={"m": np.zeros(SHAPE), "v": np.zeros(SHAPE), "w": np.zeros(SHAPE)}, r0=1e-3)
@example(state={"m": np.full(SHAPE, 1e-200), "v": np.zeros(SHAPE), "w": np.zeros(SHAPE)}, r0=1e-3)
def test_one_update_keeps_its_promises(update, state, r0):
    m, old_v, old_w = state["m"], state["v"], state["w"]
    v, w = update(m, old_v, old_w, r0)
    square = (m / T_B) ** 2
    assert np.isfinite(v).all() and np.isfinite(w).all()
    assert (np.abs(w) <= W_MAX).all()
    assert (np.abs(w - old_w) <= r0 * (1 + ROUNDING) + ROUNDING * W_MAX).all()
    assert (v >= square * (1 - ROUNDING)).all()
    assert (v[square <= old_v] <= old_v[square <= old_v]).all()  # grows only where the square exceeds it
    assert (np.sign(w - old_w) * np.sign(m) >= 0).all()  # never against the gradient
    assert (w[m == 0] == old_w[m == 0]).all()


@quick
@given(state=states, r0=rates)
def test_one_update_is_equations_13_and_14(update, state, r0):
    v, w = update(**state, r0=r0)
    g = state["m"] / T_B
    expected = np.maximum(GAMMA * state["v"], g**2)
    np.testing.assert_allclose(v, expected, rtol=1e-13, atol=1e-290)
    step = r0 * g / (np.sqrt(expected) + 1e-12)
    np.testing.assert_allclose(w, np.clip(state["w"] + step, -W_MAX, W_MAX), rtol=0, atol=1e-13 * (r0 + W_MAX))


@quick
@given(sequence=st.lists(arrays(float, SHAPE, elements=gradients), min_size=2, max_size=8), r0=rates)
def test_v_is_the_largest_recent_squared_gradient(update, sequence, r0):
    v, w = np.zeros(SHAPE), np.zeros(SHAPE)
    for k, m in enumerate(sequence):
        v, w = update(m, v, w, r0, start=5000 * k)
    recent = [(m / T_B) ** 2 * GAMMA**age for age, m in enumerate(reversed(sequence))]
    np.testing.assert_allclose(v, np.max(recent, axis=0), rtol=1e-12, atol=1e-290)
    assert (np.abs(w) <= min(W_MAX, len(sequence) * r0 * (1 + ROUNDING))).all()


def test_a_steady_gradient_moves_a_weight_by_r0_and_a_tenth_of_it_by_a_tenth(update):
    m = np.linspace(-1, 1, SHAPE) * 1e-3
    v, w = update(m, np.zeros(SHAPE), np.zeros(SHAPE), 1e-3)
    np.testing.assert_allclose(w, 1e-3 * np.sign(m), rtol=1e-6)
    _, again = update(m / 10, v, w, 1e-3)
    np.testing.assert_allclose(again - w, 1e-4 * np.sign(m) / np.sqrt(GAMMA), rtol=1e-6)


def test_there_is_no_update_between_intervals(update, compiled, plain):
    start = {"forward_1.m": np.ones(SHAPE), "forward_1.v": np.ones(SHAPE), "forward_1.r0": np.array([1.0])}
    start["forward_1.w"] = np.zeros(SHAPE)
    after, _ = compiled(plain).run(start, 1, 4999)
    assert all(np.array_equal(after[k], start[k]) for k in start)
    after, _ = compiled(plain).run(start, 5000, 1)
    assert after["forward_1.w"].any()

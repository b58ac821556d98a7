"""The oracle itself against closed forms and hand-derived invariants (it judges the package elsewhere)."""

import numpy as np
import pytest
from oracle import ALPHA_POWER, T_B, TAU_DECAY, TAU_HET, TAU_RISE, TAU_RMS, THETA, U_REST, W_MAX, Oracle

DT = 1e-4
NONE = ([], [])


def psp(t):
    """exp(-t/10 ms) - exp(-t/5 ms) for t > 0: a unit PSP in units of w, and a single presynaptic trace."""
    return np.where(t > 0, np.exp(-t / 10e-3) - np.exp(-t / 5e-3), 0.0)


def record(net, n_steps, read):
    """Read after each of the next n_steps steps."""
    values = []
    for _ in range(n_steps):
        net.run(1)
        values.append(np.copy(read(net)))
    return np.array(values)


def poisson(rng, rate, n, period_steps):
    return np.nonzero(rng.random((period_steps, n)) < rate * DT)


def learning(seed=1, n_in=30, n_hidden=3, n_out=2, period=3000, **kwargs):
    rng = np.random.default_rng(seed)
    w = [rng.normal(0.02, 0.02, (n_in, n_hidden)), rng.normal(0.05, 0.02, (n_hidden, n_out))]
    w = [np.clip(w_, -W_MAX, W_MAX) for w_ in w]
    return Oracle(w, poisson(rng, 20, n_in, period), poisson(rng, 10, n_out, period), period, **kwargs)


def test_single_psp():
    net = Oracle([[[0.01]]], ([20], [0]), NONE, 5000)
    u = record(net, 1000, lambda net: net.output.U[0]) - U_REST
    t = (np.arange(1000) - 28) * DT  # 0.8 ms of axonal delay
    np.testing.assert_allclose(u, 0.01 * psp(t), rtol=0, atol=1e-15)
    assert (u[:29] == 0).all() and u[29] > 0
    assert u.argmax() == 28 + round(10e-3 * np.log(2) / DT)
    assert u.max() == pytest.approx(0.01 / 4, rel=1e-5)
    assert net.spikes == {"input": [(20, 0)], "output": [], "target": []}


def test_single_presynaptic_trace():
    net = Oracle([np.zeros((2, 1))], ([20], [1]), NONE, 5000)
    z, z_tilde = np.moveaxis(record(net, 1000, lambda net: (net.terminals[0].z, net.terminals[0].z_tilde)), 1, 0)
    t = (np.arange(1000) - 28) * DT
    np.testing.assert_allclose(z[:, 1], np.where(t > -DT / 2, np.exp(-t / 5e-3), 0), rtol=0, atol=1e-13)
    np.testing.assert_allclose(z_tilde[:, 1], psp(t), rtol=0, atol=1e-13)
    assert not z[:, 0].any() and not z_tilde[:, 0].any()


def test_eligibility_trace_has_the_area_of_the_presynaptic_trace():
    # With sigma' = 1, lambda is two unit-area filters of z_tilde, whose area is tau_rise.
    net = Oracle([np.zeros((1, 1))], ([0], [0]), NONE, 4999, surrogate="linear")
    lambda_ = record(net, 4000, lambda net: net.synapses[0].lambda_[0, 0])
    assert lambda_.sum() * DT == pytest.approx(TAU_RISE, rel=1e-4)
    # The alpha kernel's and the trace's mean times: 2 (tau_rise + tau_decay), from the arrival on
    mean_time = (lambda_ * np.arange(4000)).sum() * DT / lambda_.sum()
    assert mean_time == pytest.approx(0.8e-3 + 2 * (TAU_RISE + TAU_DECAY), abs=3 * DT)


def test_surrogate_at_rest_scales_the_eligibility_trace():
    kwargs = dict(w=[np.zeros((1, 1))], inputs=([0], [0]), targets=NONE, period_steps=5000)
    fast, linear = Oracle(**kwargs), Oracle(**kwargs, surrogate="linear")
    fast.run(300), linear.run(300)
    ratio = fast.synapses[0].lambda_ / linear.synapses[0].lambda_
    np.testing.assert_allclose(ratio, 1 / (1 + 1e3 * (THETA - U_REST)) ** 2, rtol=1e-12)  # 1/121


def test_error_trace_has_unit_area_and_power_alpha_power():
    net = Oracle([np.zeros((1, 1))], NONE, ([20], [0]), 4999)
    e = record(net, 4000, lambda net: net.output.e[0])
    t = (np.arange(4000) - 20) * DT  # error impulses have no delay
    np.testing.assert_allclose(e, psp(t) / TAU_RISE, rtol=0, atol=1e-10)
    assert e.sum() * DT == pytest.approx(1, rel=1e-4)
    assert (e**2).sum() * DT == pytest.approx(ALPHA_POWER, rel=1e-4)
    assert pytest.approx(100 / 3) == ALPHA_POWER


def test_one_spurious_or_missing_spike_a_second_costs_1_hz():
    # Unit 0 fires once per second without a target, unit 1 has a target per second and stays silent. The events
    # are at mid-period, which makes the bias-corrected average of a few whole periods nearly exact.
    net = Oracle([[[0.1, 0.0]]], ([5000], [0]), ([5000], [1]), 10_000, r0=0)
    net.run(30_000)
    assert [i for _, i in net.spikes["output"]] == [0, 0, 0]
    cost = net.cost / -np.expm1(-3 / 10)
    np.testing.assert_allclose(cost, 1, rtol=0.005)


def test_matched_spike_costs_nothing():
    free = Oracle([[[0.1]]], ([0], [0]), NONE, 5000, r0=0)
    free.run(5000)
    ((step, _),) = free.spikes["output"]
    net = Oracle([[[0.1]]], ([0], [0]), ([step], [0]), 5000, r0=0)
    net.run(5000)
    assert net.spikes["target"] == net.spikes["output"] == [(step, 0)]
    assert net.cost[0] == 0


def test_refractory_period_of_50_steps():
    # A spike at n: U is clamped at n+1 ... n+49 and integrated again at n+50, which can cross the threshold.
    n_in, period = 100, 500
    steps, ids = np.divmod(np.arange(period * n_in), n_in)
    net = Oracle([np.full((n_in, 1), 0.1)], (steps, ids), NONE, period, r0=0)
    U = record(net, period, lambda net: net.output.U[0])
    spikes = np.array(net.spikes["output"])[:, 0]
    assert spikes[0] == 9  # arrival at step 8, integrated from step 9 on
    np.testing.assert_array_equal(np.diff(spikes), 50)
    assert (U[9:] == U_REST).all()


@pytest.mark.parametrize("optimizer", ["rmaxprop", "rmsprop", "fixed"])
def test_weight_updates(optimizer):
    r0 = 1e-3
    net = learning(optimizer=optimizer, r0=r0)
    gamma = np.exp(-T_B / TAU_RMS)
    v = [np.zeros_like(s.w) for s in net.synapses]
    for batch in range(3):
        net.run(4999 if batch else 5000)  # up to, not including, a multiple of 5000
        assert net.n % 5000 == 0
        before = [(s.w.copy(), s.m.copy()) for s in net.synapses]
        net.run(1)
        for g, (syn, (w, m)) in enumerate(zip(net.synapses, before, strict=True)):
            assert m.any()
            grad = m / T_B
            if optimizer == "rmaxprop":
                v[g] = np.maximum(gamma * v[g], grad**2)
                assert (np.abs(syn.w - w) <= r0 * (1 + 1e-9)).all()
            elif optimizer == "rmsprop":
                v[g] = gamma * v[g] + (1 - gamma) * grad**2
            dw = r0 * m if optimizer == "fixed" else r0 * grad / (np.sqrt(v[g]) + 1e-12)
            if optimizer == "rmaxprop" and batch == 0:  # the first gradient moves a weight by r0
                np.testing.assert_allclose(np.abs(dw[m != 0]), r0, rtol=1e-6)
            np.testing.assert_allclose(syn.w, np.clip(w + dw, -W_MAX, W_MAX), rtol=1e-12)
            np.testing.assert_allclose(syn.v, v[g], rtol=1e-12)


def test_euler_recursions_use_old_values():
    net = learning()
    syn, layer, terminal = net.synapses[1], net.output, net.terminals[1]
    net.run(4000)
    for n in range(4000, 5500):
        z_tilde, U, e, cost = terminal.z_tilde.copy(), layer.U.copy(), layer.e.copy(), net.cost.copy()
        rise, lambda_, m = syn.lambda_rise.copy(), syn.lambda_.copy(), syn.m * (n != 5000)
        net.run(1)
        drive = z_tilde[:, None] / (1 + np.abs(U - THETA) * 1e3) ** 2
        exact = dict(rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(syn.lambda_rise, rise + DT * (drive - rise) / 5e-3, **exact)
        np.testing.assert_allclose(syn.lambda_, lambda_ + DT * (rise - lambda_) / 10e-3, **exact)
        np.testing.assert_allclose(syn.m, m + DT * e * lambda_, **exact)
        # the cost alone takes the error after this step's exact solution
        np.testing.assert_allclose(net.cost, cost + DT / 10 * (layer.e**2 / ALPHA_POWER - cost), **exact)


def test_weights_change_at_multiples_of_t_b_only():
    net = learning()
    w = record(net, 10_002, lambda net: net.synapses[0].w)
    np.testing.assert_array_equal(np.flatnonzero(np.diff(w, axis=0).any(axis=(1, 2))) + 1, [5000, 10_000])


@pytest.mark.parametrize("feedback", ["symmetric", "random", "uniform"])
def test_hidden_error_is_the_output_error_through_the_feedback_weights(feedback):
    b = np.random.default_rng(0).normal(size=(2, 3))
    net = learning(feedback=feedback, b=b)
    net.run(5000)  # the weights are still the initial ones
    weights = {"symmetric": net.synapses[1].w.T, "random": b, "uniform": np.ones((2, 3))}[feedback]
    assert net.spikes["output"] and net.spikes["target"] and net.spikes["hidden"]
    np.testing.assert_allclose(net.hidden.e, net.output.e @ weights, rtol=1e-9, atol=1e-9)


def one_hidden_spike(target, **kwargs):
    net = Oracle([[[0.1]], [[0.0]]], ([5], [0]), target, 6000, feedback="uniform", **kwargs)
    net.run(4990)
    assert len(net.spikes["hidden"]) == 1 and not net.spikes["output"]
    return net


def test_heterosynaptic_regularizer():
    # The integral of rho w exp(-4 t/tau_het) over one spike's trace
    net = one_hidden_spike(NONE, regularizer="heterosynaptic", rho=2.0)
    np.testing.assert_allclose(net.synapses[0].m, -2.0 * 0.1 * TAU_HET / 4, rtol=0.003)
    assert not net.synapses[1].m.any()


def test_output_layer_is_not_regularized():
    nets = [Oracle([[[0.1]]], ([5], [0]), NONE, 6000, regularizer="heterosynaptic", rho=rho) for rho in (0, 2)]
    for net in nets:
        net.run(1000)
    assert nets[0].spikes["output"] and nets[0].synapses[0].m == nets[1].synapses[0].m != 0


def test_error_gated_regularizer():
    ((step, _),) = one_hidden_spike(NONE).spikes["hidden"]
    target = ([step], [0])
    net = one_hidden_spike(target, regularizer="error-gated", rho=2.0)
    decay = one_hidden_spike(target).synapses[0].m - net.synapses[0].m
    k, r, d = 4 / TAU_HET, 1 / TAU_RISE, 1 / TAU_DECAY
    gate = (1 / (k + 2 * d) - 2 / (k + d + r) + 1 / (k + 2 * r)) / TAU_RISE**2 / ALPHA_POWER
    np.testing.assert_allclose(decay, 2.0 * 0.1 * gate, rtol=1e-3)


def test_error_gated_decay_of_a_silent_unit():
    # one error, long after which rho w zeta_0 remains of it: the integral of error**2 over that of alpha**2 is 1
    nets = [
        Oracle(
            [[[-0.1]], [[0.0]]], ([5], [0]), ([99], [0]), 6000, feedback="uniform", regularizer=r, rho=2.0, zeta_0=0.3
        )
        for r in ("error-gated", "error-gated-decay")
    ]
    for net in nets:
        net.run(4990)
        assert not net.spikes["hidden"] and not net.spikes["output"]
    np.testing.assert_allclose(nets[1].synapses[0].m - nets[0].synapses[0].m, 2.0 * 0.1 * 0.3, rtol=1e-3)


def test_frozen_hidden_weights():
    net = learning(hidden_plastic=False)
    w = [s.w.copy() for s in net.synapses]
    net.run(5001)
    assert (net.synapses[0].w == w[0]).all() and (net.synapses[1].w != w[1]).any()


def test_run_continues():
    whole, parts = learning(), learning()
    whole.run(5100)
    for n_steps in (1, 4999, 3, 97):
        parts.run(n_steps)
    assert whole.spikes == parts.spikes and (whole.cost == parts.cost).all()
    for a, b in zip(whole.synapses + whole.layers, parts.synapses + parts.layers, strict=True):
        assert all((value == vars(b)[name]).all() for name, value in vars(a).items())


@pytest.mark.slow
def test_learning_lowers_the_cost():
    rng = np.random.default_rng(1)
    w = rng.normal(0, 0.005, (100, 1))
    target = (np.arange(500, 5000, 1000), np.zeros(5, dtype=int))
    net = Oracle([w], poisson(rng, 10, 100, 5000), target, 5000, r0=1e-3)
    cost = record(net, 150_000, lambda net: np.mean(net.output.e**2) / ALPHA_POWER)
    assert cost[:5000].mean() == pytest.approx(10, rel=0.1)  # silent: 5 missing spikes in 0.5 s
    assert cost[-25_000:].mean() < 5


@pytest.mark.parametrize("pattern", [([5000], [0]), ([-1], [0]), ([1], [1]), ([1, 1], [0, 0]), ([1, 2], [0])])
def test_refuses_ambiguous_patterns(pattern):
    with pytest.raises(ValueError, match="pattern"):
        Oracle([np.zeros((1, 1))], pattern, NONE, 5000)

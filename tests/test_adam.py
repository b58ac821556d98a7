"""Adam's weight update against algorithm 1 of Kingma & Ba (2015), by driving that of the compiled program."""

import numpy as np
import pytest
from superspike_brian.models import ADAM, SUPERSPIKE

from superspike_brian.network.structure import Structure

T_B, STEPS, W_MAX, N = 0.5, 5000, 0.1, 36


def adam(gradients, w, r0, beta_1=0.9, beta_2=0.999, tiny=1e-12):
    """Weights after each gradient."""
    first = second = np.zeros_like(w)
    for k, g in enumerate(gradients, 1):
        first, second = beta_1 * first + (1 - beta_1) * g, beta_2 * second + (1 - beta_2) * g**2
        step = r0 * (first / (1 - beta_1**k)) / (np.sqrt(second / (1 - beta_2**k)) + tiny)
        w = np.clip(w + step, -W_MAX, W_MAX)
        yield first, second, w


@pytest.mark.parametrize(("precision", "tolerance"), [("double", 1e-12), ("single", 2e-5)])
def test_updates_are_those_of_the_paper(compiled, precision, tolerance):
    program = compiled(Structure(SUPERSPIKE.replace(optimizer=ADAM), (12, 3)), precision)
    rng = np.random.default_rng(0)
    w, r0 = rng.normal(0, 0.03, N), 1e-3
    gradients = rng.normal(0, 1, (30, N)) * 10 ** rng.uniform(-6, 3, N)
    gradients[:, 0] = 0  # a silent synapse
    state = {"forward_1.w": w, "forward_1.r0": np.array([r0])}
    for k, (first, second, expected) in enumerate(adam(gradients, w, r0)):
        # no spikes: what the update finds in m is the gradient
        state, _ = program.run(state | {"forward_1.m": gradients[k] * T_B}, k * STEPS, STEPS)
        assert state["forward_1.w"] == pytest.approx(expected, rel=tolerance, abs=tolerance * r0)
        assert state["forward_1.first_moment"] == pytest.approx(first, rel=100 * tolerance, abs=tolerance)
        assert state["forward_1.second_moment"] == pytest.approx(second, rel=100 * tolerance, abs=tolerance)
    assert state["forward_1.w"][0] == pytest.approx(w[0], rel=tolerance)

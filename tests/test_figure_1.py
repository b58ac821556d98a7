"""How wide the band of good learning rates is, against closed forms."""

import numpy as np
import pytest

from superspike_brian.experiments.fig1 import band

RATES = np.array([0.01, 0.1, 1, 10, 100])


def test_a_cost_that_is_a_power_of_the_distance_from_the_best_rate():
    cost = 4.0 ** abs(np.log10(RATES))  # twice the best after half a decade on either side
    assert band(RATES, cost) == pytest.approx(1)


def test_a_flat_cost_fills_all_rates():
    assert band(RATES, np.full(5, 0.3)) == pytest.approx(4)


def test_only_the_neighbourhood_of_the_best_counts():
    assert band(RATES, np.array([1.0, 4, 1.5, 4, 1.5])) == pytest.approx(0.5)


def test_a_band_ends_at_the_last_rate():
    assert band(RATES, np.array([8.0, 8, 8, 4, 1])) == pytest.approx(0.5)

"""What values in a row are worth."""

import numpy as np
import pytest

from ftlab.stats.autocorrelation import inefficiency


def in_a_row(count, alike, seed=0):
    """Return values of which each is ``alike`` times the one before it, plus noise of its own (AR(1))."""
    noise = np.random.default_rng(seed).normal(size=count)
    values = np.empty(count)
    values[0] = noise[0] / np.sqrt(1 - alike**2)
    for place in range(1, count):
        values[place] = alike * values[place - 1] + noise[place]
    return values


@pytest.mark.parametrize("alike", [0.0, 0.33, 0.8])
def test_of_values_that_are_like_the_one_before_it_is_the_factor_known_for_them(alike):
    known = (1 + alike) / (1 - alike)  # of AR(1)
    found = np.mean([inefficiency(in_a_row(2000, alike, seed)) for seed in range(20)])
    assert known * 0.9 <= found <= known * 1.15


def test_it_is_never_below_that_of_independent_values():
    assert inefficiency(np.tile([1.0, -1.0], 50)) == 1.0
    assert inefficiency(np.ones(50)) == 1.0
    assert inefficiency(np.array([])) == inefficiency(np.array([1.0, 2.0])) == 1.0


def test_a_slow_drift_leaves_few_values():
    assert inefficiency(np.linspace(0, 1, 400) + np.random.default_rng(0).normal(0, 0.1, 400)) > 40


def test_chance_alone_makes_few_independent_values_no_worse():
    generator = np.random.default_rng(0)
    found = [inefficiency(generator.normal(size=110)) for _ in range(300)]
    assert sum(one > 1 for one in found) <= 15

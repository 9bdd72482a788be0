from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ftlab.stats.mcnemar import mcnemar_midp
from ftlab.stats.power import mcnemar_power, rows_needed, rows_needed_by_error


def by_simulation(rows, difference, discordance, simulations=10_000):
    generator = np.random.default_rng(0)
    speaking = generator.binomial(rows, discordance, size=simulations)
    better = generator.binomial(speaking, (1 + difference / discordance) / 2)
    tables, counts = np.unique(np.stack([better, speaking - better]), axis=1, return_counts=True)
    return counts[[mcnemar_midp(int(b), int(c)) <= 0.05 for b, c in tables.T]].sum() / simulations


def by_enumeration(rows, difference, discordance):
    """Over every table there is, with scipy's multinomial."""
    better, worse = (discordance + difference) / 2, (discordance - difference) / 2
    return sum(
        stats.multinomial.pmf([b, c, rows - b - c], rows, [better, worse, 1 - discordance])
        for b in range(rows + 1)
        for c in range(rows + 1 - b)
        if mcnemar_midp(b, c) <= 0.05
    )


@pytest.mark.parametrize(("rows", "difference", "discordance"), [(20, 0.3, 0.5), (25, 0.1, 0.2), (15, 0.0, 1.0)])
def test_power_is_the_sum_over_all_tables(rows, difference, discordance):
    assert mcnemar_power(rows, difference, discordance) == pytest.approx(
        by_enumeration(rows, difference, discordance), abs=1e-9
    )


@pytest.mark.parametrize(
    ("rows", "difference", "discordance"), [(100, 0.05, 0.1), (354, 0.03, 0.1), (800, 0.02, 0.2), (300, 0.1, 0.1)]
)
def test_power_is_that_of_simulated_tests(rows, difference, discordance):
    power = mcnemar_power(rows, difference, discordance)
    assert power == pytest.approx(by_simulation(rows, difference, discordance), abs=0.015)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 400), st.floats(0.01, 1), st.floats(0, 1))
def test_power_is_a_probability_and_the_sign_does_not_matter(rows, discordance, part):
    power = mcnemar_power(rows, part * discordance, discordance)
    assert 0 <= power <= 1
    assert power == mcnemar_power(rows, -part * discordance, discordance)


def test_more_rows_and_larger_differences_are_found_more_often():
    by_rows = [mcnemar_power(rows, 0.03, 0.1) for rows in (100, 300, 1000, 3000)]
    by_difference = [mcnemar_power(500, difference, 0.1) for difference in (0.0, 0.01, 0.03, 0.05, 0.1)]
    by_disagreement = [mcnemar_power(500, 0.03, discordance) for discordance in (0.4, 0.2, 0.1, 0.05)]
    for powers in (by_rows, by_difference, by_disagreement):
        assert powers == sorted(powers)


def test_without_rows_or_without_disagreement_nothing_is_found():
    assert mcnemar_power(0, 0.1, 0.2) == mcnemar_power(1000, 0.0, 0.0) == 0
    assert mcnemar_power(4, 1.0, 1.0) == 0  # four against none: p = 1/16
    assert mcnemar_power(5, 1.0, 1.0) == 1  # five against none: p = 1/32


@pytest.mark.parametrize(
    ("difference", "discordance"), [(0.02, 0.1), (0.1, 0.1), (0.05, 0.3), (0.3, 0.5), (-0.02, 0.1)]
)
def test_the_rows_needed_reach_the_power_and_one_less_does_not(difference, discordance):
    rows = rows_needed(difference, discordance)
    assert mcnemar_power(rows, difference, discordance) >= 0.8 > mcnemar_power(rows - 1, difference, discordance)


def test_beyond_the_exact_sum_the_formula_goes_on(monkeypatch):
    exact = rows_needed(0.01, 0.1)
    monkeypatch.setattr("ftlab.stats.power.EXACT_ROWS", 1000)
    assert rows_needed(0.01, 0.1) == pytest.approx(exact, rel=0.005)
    assert rows_needed(0.0001, 0.1) == pytest.approx((1.959964 + 0.841621) ** 2 * 0.1 / 1e-8, rel=1e-4)


def test_no_difference_is_found_with_no_number_of_rows():
    assert rows_needed(0.0, 0.1) is None
    assert rows_needed_by_error(100, 0.1, 0.0) is None


def test_models_cannot_differ_on_more_rows_than_they_disagree_on():
    with pytest.raises(AssertionError, match="at least the rows"):
        rows_needed(0.2, 0.1)


def test_rows_by_standard_error_agree_with_the_exact_ones():
    error = math.sqrt((0.1 - 0.02**2) / 500)  # of a difference in accuracy, on 500 rows
    assert rows_needed_by_error(500, error, 0.02) == pytest.approx(rows_needed(0.02, 0.1), rel=0.02)
    assert rows_needed_by_error(500, error, -0.02) == rows_needed_by_error(500, error, 0.02)

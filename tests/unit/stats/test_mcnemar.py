from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from ftlab.stats.mcnemar import discordant, mcnemar_midp
from ftlab.stats.power import mcnemar_power

COUNTS = st.integers(0, 6000)


@pytest.mark.parametrize(
    ("only_ours", "only_others", "p"),
    [
        (1, 7, 10 / 256),  # the first example of Fagerland et al. 2013: 0.039, where the exact test says 0.070
        (0, 5, 1 / 32),
        (0, 1, 0.5),
        (2, 2, 1.0),
        (0, 0, 1.0),
        (3, 4, 1 - 35 / 128),  # 2 x 64/128 less the probability of what was seen
    ],
)
def test_known_values(only_ours, only_others, p):
    assert mcnemar_midp(only_ours, only_others) == pytest.approx(p, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(COUNTS, COUNTS)
def test_it_is_the_exact_test_of_statsmodels_less_what_was_seen(b, c):
    exact = mcnemar([[0, b], [c, 0]], exact=True).pvalue
    seen = float(stats.binom.pmf(min(b, c), b + c, 0.5))
    expected = 1.0 if b == c else exact - seen
    assert mcnemar_midp(b, c) == pytest.approx(expected, rel=1e-7, abs=1e-200)


@settings(max_examples=40, deadline=None)
@given(COUNTS, COUNTS)
def test_p_is_symmetric_and_within_0_and_1(b, c):
    p = mcnemar_midp(b, c)
    assert 0 < p <= 1
    assert p == mcnemar_midp(c, b)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3000), st.data())
def test_p_falls_as_the_split_grows_more_uneven(trials, data):
    fewer = data.draw(st.integers(0, (trials - 1) // 2))
    assert mcnemar_midp(fewer, trials - fewer) <= mcnemar_midp(fewer + 1, trials - fewer - 1)


def test_thousands_against_none_is_small_and_not_zero():
    assert 0 < mcnemar_midp(5000, 0) < 1e-300


def test_large_tables_agree_with_the_normal_approximation():
    b, c = 5200, 5000
    assert mcnemar_midp(b, c) == pytest.approx(2 * stats.norm.sf((b - c) / (b + c) ** 0.5), rel=0.01)


def test_only_rows_on_which_one_is_right_count():
    ours = np.array([True, True, False, False, True])
    others = np.array([True, False, True, False, False])
    assert discordant(ours, others) == (2, 1)
    assert discordant(others, ours) == (1, 2)
    with pytest.raises(AssertionError, match="same rows"):
        discordant(ours, others[:3])


def false_wins(rows: int, discordance: float, simulations: int, seed: int) -> float:
    """Share of simulated pairs of equally good models that the test calls different."""
    generator = np.random.default_rng(seed)
    speaking = generator.binomial(rows, discordance, size=simulations)
    ours = generator.binomial(speaking, 0.5)
    tables, counts = np.unique(np.stack([ours, speaking - ours]), axis=1, return_counts=True)
    won = [mcnemar_midp(int(b), int(c)) <= 0.05 for b, c in tables.T]
    return float(counts[won].sum() / simulations)


@pytest.mark.parametrize(("rows", "discordance"), [(100, 0.1), (300, 0.05), (1000, 0.2)])
def test_false_wins_stay_within_a_point_of_the_level(rows, discordance):
    rate = false_wins(rows, discordance, 20_000, seed=1)
    assert rate <= 0.06
    assert rate == pytest.approx(mcnemar_power(rows, 0.0, discordance), abs=0.005)


def test_false_wins_counted_over_all_tables_stay_within_a_point_of_the_level():
    sizes = [
        mcnemar_power(rows, 0.0, discordance)
        for rows in (10, 20, 50, 100, 354, 1000)
        for discordance in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
    ]
    assert max(sizes) <= 0.06
    assert sizes[-1] > 0.045  # and is not too careful where there are rows

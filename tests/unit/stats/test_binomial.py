from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ftlab.stats.binomial import cdf, pmf

CHANCES = st.one_of(st.sampled_from([0.0, 1.0, 0.5]), st.floats(0.001, 0.999))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 20_000).flatmap(lambda n: st.tuples(st.integers(-1, n + 1), st.just(n))), CHANCES)
def test_probabilities_are_those_of_scipy(drawn, chance):
    successes, trials = drawn
    assert pmf(successes, trials, chance) == pytest.approx(
        float(stats.binom.pmf(successes, trials, chance)), rel=1e-8, abs=1e-290
    )
    assert cdf(successes, trials, chance) == pytest.approx(
        float(stats.binom.cdf(successes, trials, chance)), rel=1e-8, abs=1e-290
    )


def test_a_tail_far_out_keeps_its_digits():
    assert cdf(4_000, 10_000, 0.5) == pytest.approx(float(stats.binom.cdf(4_000, 10_000, 0.5)), rel=1e-9)
    assert cdf(10, 1_000, 0.5) == pytest.approx(float(stats.binom.cdf(10, 1_000, 0.5)), rel=1e-9)  # 2e-278


def test_a_million_trials_take_no_time_and_keep_nine_digits():
    assert cdf(499_000, 1_000_000, 0.5) == pytest.approx(float(stats.binom.cdf(499_000, 1_000_000, 0.5)), rel=1e-8)

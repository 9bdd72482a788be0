from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from ftlab.stats.holm import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_known_values():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()
    assert holm([0.2]) == (0.2,)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(P_VALUES)
def test_values_are_those_of_statsmodels(p_values):
    theirs = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(theirs), rel=1e-12, abs=1e-300)


@settings(max_examples=30, deadline=None)
@given(P_VALUES)
def test_the_order_of_p_is_kept_and_none_shrinks(p_values):
    corrected = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    assert all(np.diff(np.array(corrected)[order]) >= 0)
    assert all(p <= q <= 1 for p, q in zip(p_values, corrected, strict=True))


@settings(max_examples=30, deadline=None)
@given(P_VALUES, st.randoms())
def test_the_order_of_tests_does_not_matter(p_values, random):
    places = list(range(len(p_values)))
    random.shuffle(places)
    shuffled = holm([p_values[place] for place in places])
    corrected = holm(p_values)
    assert shuffled == tuple(corrected[place] for place in places)


@settings(max_examples=30, deadline=None)
@given(P_VALUES, st.data())
def test_a_smaller_p_never_makes_any_corrected_p_larger(p_values, data):
    place = data.draw(st.integers(0, len(p_values) - 1))
    lower = [*p_values]
    lower[place] = data.draw(st.floats(0, p_values[place]))
    assert all(q <= p for p, q in zip(holm(p_values), holm(lower), strict=True))


def test_what_is_no_probability_is_refused():
    with pytest.raises(AssertionError, match="in \\[0, 1\\]"):
        holm([0.1, float("nan")])


def test_a_false_alarm_anywhere_is_as_rare_as_the_level():
    tests = np.random.default_rng(3).random((4000, 6))  # six true ties
    alarms = sum(min(holm(list(p_values))) <= 0.05 for p_values in tests)
    assert alarms / 4000 <= 0.06

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ftlab.stats.student import critical, two_sided_p, welch


@pytest.mark.parametrize("freedom", [0.7, 1, 1.5, 2, 4, 9.3, 40, 1000, 1e6, math.inf])
@pytest.mark.parametrize("t", [0.0, 1e-6, 0.5, -1.0, 2.0, 12.7, 60.0])
def test_p_is_that_of_scipy(t, freedom):
    assert two_sided_p(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-7, abs=1e-280)


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.7062), (2, 4.3027), (4, 2.7764), (30, 2.0423), (math.inf, 1.959964)])
def test_critical_values_are_those_of_the_tables(freedom, t):
    assert critical(freedom) == pytest.approx(t, abs=5e-5)
    assert two_sided_p(critical(freedom), freedom) == pytest.approx(0.05, rel=1e-7)


def test_welch_is_that_of_scipy_and_what_is_known_well_adds_no_doubt():
    ours, others = np.random.default_rng(0).normal(size=(2, 5))
    parts = [(float(one.var(ddof=1)) / 5, 4.0) for one in (ours, others)]
    assert welch(parts) == pytest.approx(stats.ttest_ind(ours, others, equal_var=False).df)
    assert welch([(2.0, 3.0)]) == pytest.approx(3)
    assert welch([(2.0, 3.0), (2.0, math.inf)]) == pytest.approx(12)
    assert welch([(2.0, math.inf), (0.0, 1.0)]) == welch([]) == math.inf

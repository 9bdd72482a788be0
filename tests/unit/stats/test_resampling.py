from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ftlab.stats import resampling
from ftlab.stats.resampling import as_they_are, draw, interval, intervals, resample

VALUES = np.random.default_rng(0).gamma(2.0, size=80)


def mean(counts):
    return {"mean": counts @ VALUES / 80}


def test_draws_are_resamples_of_the_full_size():
    counts = draw(np.random.default_rng(0), 50, 13)
    assert counts.shape == (50, 13)
    assert (counts.sum(axis=1) == 13).all()
    assert counts.mean() == 1 and counts.std() == pytest.approx(math.sqrt(12 / 13), abs=0.1)


def test_a_metric_of_the_rows_as_they_are():
    assert as_they_are(mean, 80) == {"mean": pytest.approx(VALUES.mean())}


def test_resamples_drawn_in_pieces_are_as_many_and_the_same(monkeypatch):
    whole = resample(mean, 80, 100, seed=3)["mean"]
    monkeypatch.setattr(resampling, "CHUNK", 80 * 30)
    pieces = resample(mean, 80, 100, seed=3)["mean"]
    assert whole.shape == (100,)
    assert pieces == pytest.approx(whole)


def test_draws_are_kept_in_the_smallest_type_that_holds_them():
    assert {counts.dtype for counts in resampling._kept(80, 100, 3)} == {np.dtype(np.uint8)}
    (one_row,) = resampling._kept(1, 5, 0)
    assert one_row.tolist() == [[1]] * 5


def test_the_interval_is_that_of_scipy():
    theirs = stats.bootstrap((VALUES,), np.mean, n_resamples=8000, method="percentile", rng=1).confidence_interval
    low, high = intervals(mean, 80, 8000, seed=0)["mean"]
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_what_is_not_finite_is_left_out_or_has_no_interval():
    assert interval(1.0, np.array([1.0, np.nan, 1.0])) == (1.0, 1.0)
    assert all(math.isnan(end) for end in interval(math.nan, np.array([1.0, 2.0])))
    assert all(math.isnan(end) for end in interval(1.0, np.array([np.nan])))

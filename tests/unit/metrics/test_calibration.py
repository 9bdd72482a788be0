from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_calibration_error

from ftlab.metrics.calibration import bin_confidences, bin_edges, bin_numbers, reliability_bins


def test_bins_hold_counts_confidence_and_accuracy():
    confidences = np.array([0.55, 0.58, 0.95, 0.97, 0.99])
    correct = np.array([1, 0, 1, 1, 0])
    bins = bin_confidences(confidences, correct, bins=10)
    assert bins.counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 3]
    assert bins.mean_confidence[5] == pytest.approx(0.565)
    assert bins.mean_confidence[9] == pytest.approx(0.97)
    assert bins.accuracy[5] == 0.5
    assert bins.accuracy[9] == pytest.approx(2 / 3)
    assert np.isnan(bins.accuracy[0]) and np.isnan(bins.mean_confidence[0])
    assert bins.ece == pytest.approx((2 * abs(0.5 - 0.565) + 3 * abs(2 / 3 - 0.97)) / 5)


def test_a_lower_edge_belongs_to_its_bin_and_certainty_to_the_last():
    assert bin_numbers(np.array([0.0, 0.25, 0.5, 0.75, 0.999, 1.0]), bins=4).tolist() == [0, 1, 2, 3, 3, 3]


def test_edges_are_those_of_torchmetrics_but_for_the_last_bit():
    np.testing.assert_allclose(bin_edges(15), torch.linspace(0, 1, 16).numpy(), rtol=2e-7)


def test_the_interval_of_a_bins_accuracy_is_wilsons():
    correct = np.array([1] * 8 + [0] * 2)
    low, high = bin_confidences(np.full(10, 0.75), correct, bins=4).accuracy_ci95()
    assert (low[3], high[3]) == pytest.approx(
        (0.4902, 0.9433), abs=1e-4
    )  # scipy: binomtest(8, 10).proportion_ci("wilson")
    assert np.isnan(low[0]) and np.isnan(high[0])


def test_no_rows_have_no_error():
    assert math.isnan(bin_confidences(np.array([]), np.array([])).ece)


def test_the_confidence_is_that_of_the_predicted_label():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], dtype=np.float32)
    bins = reliability_bins(probabilities, np.array([0, 1]), bins=10)
    assert bins.counts[7] == 1 and bins.accuracy[7] == 1.0
    assert bins.counts[8] == 1 and bins.accuracy[8] == 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 80), st.integers(2, 6), st.integers(0, 2**31))
def test_the_error_is_that_of_torchmetrics_below_certainty(rows, classes, seed):
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(classes, 0.7), rows).clip(1e-6).astype(np.float32)
    probabilities = (probabilities / probabilities.sum(axis=1, keepdims=True) * np.float32(0.999)).astype(np.float32)
    labels = generator.integers(classes, size=rows)
    theirs = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=classes, n_bins=15
    )
    assert reliability_bins(probabilities, labels).ece == pytest.approx(float(theirs), abs=1e-6)

from __future__ import annotations

import math
import time
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.metrics import bootstrap
from ftlab.metrics.bootstrap import bootstrap_ci95, paired_differences, point_estimates
from ftlab.metrics.classification import build_metrics
from ftlab.metrics.measures import CLASSIFICATION
from ftlab.stats import resampling


def rows(count: int, classes: int, seed: int, skill: float = 1.0):
    """Labels (count,), probabilities (count, classes) float32, losses (count,): what a test split leaves behind."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=count)
    logits = generator.normal(size=(count, classes))
    logits[np.arange(count), labels] += skill
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    losses = -np.log(probabilities[np.arange(count), labels])
    return labels, probabilities.astype(np.float32), losses


def by_torchmetrics(labels, probabilities) -> dict[str, float]:
    metrics = build_metrics(probabilities.shape[1])
    metrics.update(torch.from_numpy(probabilities), torch.from_numpy(labels))
    return {name: float(value) for name, value in metrics.compute().items()}


def test_names_are_those_of_all_metrics_and_the_loss():
    assert set(bootstrap_ci95(*rows(20, 3, 0), resamples=5)) == set(CLASSIFICATION)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 2**31))
def test_point_estimates_are_those_of_torchmetrics(count, classes, seed):
    labels, probabilities, losses = rows(count, classes, seed)
    ours = point_estimates(labels, probabilities, losses)
    assert ours.pop("loss") == pytest.approx(losses.mean())
    assert ours == pytest.approx(by_torchmetrics(labels, probabilities), abs=2e-6, nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**31))
def test_ties_and_certainty_count_as_in_torchmetrics(count, seed):
    generator = np.random.default_rng(seed)
    steps = generator.integers(0, 5, size=count) / 4  # probabilities 0, 0.25, ..., 1: many ties
    probabilities = np.stack([steps, 1 - steps], axis=1).astype(np.float32)
    labels = generator.integers(2, size=count)
    ours = point_estimates(labels, probabilities, np.zeros(count))
    del ours["loss"]
    assert ours == pytest.approx(by_torchmetrics(labels, probabilities), abs=2e-6, nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 30), st.integers(2, 4), st.integers(0, 2**31))
def test_a_resample_is_scored_as_its_rows_would_be(count, classes, seed):
    labels, probabilities, losses = rows(count, classes, seed)
    drawn = np.random.default_rng(seed).integers(count, size=count)
    counts = np.bincount(drawn, minlength=count)[None].astype(float)
    weighted = bootstrap.Rows(labels, probabilities, losses).metrics(counts)
    repeated = point_estimates(labels[drawn], probabilities[drawn], losses[drawn])
    assert {name: float(v[0]) for name, v in weighted.items()} == pytest.approx(repeated, abs=1e-9, nan_ok=True)


def test_intervals_hold_the_point_and_shrink_with_the_rows():
    few, many = rows(100, 3, 1), rows(1600, 3, 1)
    narrow, wide = bootstrap_ci95(*many, resamples=300), bootstrap_ci95(*few, resamples=300)
    for name, point in point_estimates(*many).items():
        low, high = narrow[name]
        assert low <= high
        assert name == "ece" or low < point < high
    ratio = (wide["accuracy"][1] - wide["accuracy"][0]) / (narrow["accuracy"][1] - narrow["accuracy"][0])
    assert 3 < ratio < 5.4  # sqrt(16) = 4


def test_the_interval_covers_the_true_accuracy_in_95_of_100_simulations():
    generator = np.random.default_rng(7)
    truth, covered = 0.8, 0
    for simulation in range(200):
        correct = generator.random(300) < truth
        labels = np.zeros(300, dtype=int)
        probabilities = np.where(correct[:, None], [0.9, 0.1], [0.1, 0.9]).astype(np.float32)
        low, high = bootstrap_ci95(labels, probabilities, np.zeros(300), resamples=400, seed=simulation)["accuracy"]
        covered += low <= truth <= high
    assert 184 <= covered <= 196  # 92 to 98 percent


def test_equal_seeds_give_equal_intervals():
    scored = rows(50, 3, 2)
    whole = bootstrap_ci95(*scored, resamples=64, seed=5)
    assert bootstrap_ci95(*scored, resamples=64, seed=5) == whole
    assert bootstrap_ci95(*scored, resamples=64, seed=6) != whole


def test_resamples_in_pieces_give_the_same_intervals_but_for_chance(monkeypatch):
    scored = rows(200, 3, 2)
    whole = bootstrap_ci95(*scored, resamples=1000)
    monkeypatch.setattr(resampling, "CHUNK", 200 * 300)  # 300 resamples at a time, then 100
    pieces = bootstrap_ci95(*scored, resamples=1000)
    for name, ends in whole.items():
        assert pieces[name] == pytest.approx(ends, abs=0.03), name


def test_resamples_without_a_second_label_are_left_out_of_auroc():
    labels = np.array([1] + [0] * 9)  # a third of the resamples lack the one row of label 1
    probabilities = np.tile(np.array([[0.6, 0.4]], dtype=np.float32), (10, 1))
    probabilities[0] = [0.1, 0.9]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        intervals = bootstrap_ci95(labels, probabilities, np.zeros(10), resamples=200)
    assert intervals["auroc"] == (1.0, 1.0)


def test_one_label_has_no_auroc_interval_and_no_warning():
    labels, probabilities, losses = rows(30, 2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        intervals = bootstrap_ci95(np.zeros_like(labels), probabilities, losses, resamples=50)
    assert all(math.isnan(end) for end in intervals.pop("auroc"))
    assert all(math.isfinite(end) for ends in intervals.values() for end in ends)


def test_one_row_is_sure_of_itself():
    intervals = bootstrap_ci95(np.array([0]), np.array([[0.75, 0.25]], dtype=np.float32), np.array([0.3]), resamples=20)
    assert intervals["accuracy"] == (1.0, 1.0)
    assert intervals["loss"] == pytest.approx((0.3, 0.3))


def test_a_diverged_net_has_no_intervals_where_it_has_no_values():
    labels, probabilities, losses = rows(40, 3, 4)
    probabilities[3], losses[3] = np.nan, np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        intervals = bootstrap_ci95(labels, probabilities, losses, resamples=50)
    missing = {name for name, ends in intervals.items() if math.isnan(ends[0]) and math.isnan(ends[1])}
    assert missing == {"auroc", "brier", "ece", "mean_confidence", "loss"}


def test_two_thousand_rows_take_less_than_three_seconds():
    scored = rows(2000, 3, 5)
    started = time.process_time()
    bootstrap_ci95(*scored)
    assert time.process_time() - started < 3


def test_two_models_are_compared_in_every_metric():
    labels, *ours = rows(300, 3, 6, skill=2.0)
    generator = np.random.default_rng(6)
    others = [ours[0][generator.permutation(300)], ours[1]]
    found = paired_differences(labels, tuple(ours), tuple(others), resamples=200)
    points = [point_estimates(labels, *scores) for scores in (ours, others)]
    for name in CLASSIFICATION:
        assert found[name].estimate == pytest.approx(points[0][name] - points[1][name]), name
    assert found["f1_macro"].low > 0 and found["f1_macro"].p < 0.02
    assert (found["loss"].estimate, found["loss"].p) == (0, 1)


def test_only_the_metrics_asked_for_are_compared():
    labels, *scores = rows(50, 3, 6)
    others = rows(50, 3, 7)[1:]
    both = paired_differences(labels, tuple(scores), others, ["f1_macro", "auroc"], resamples=50)
    assert set(both) == {"f1_macro", "auroc"}
    f1 = paired_differences(labels, tuple(scores), others, ["f1_macro"], resamples=50)
    assert f1 == {"f1_macro": both["f1_macro"]}


def test_ten_thousand_rows_are_compared_in_two_seconds():
    labels, *ours = rows(10_000, 3, 8)
    others = rows(10_000, 3, 9)[1:]
    started = time.process_time()
    paired_differences(labels, tuple(ours), others, ["accuracy", "f1_macro", "loss"])
    assert time.process_time() - started < 2

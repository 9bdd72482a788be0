"""One model against many at once: the numbers of the pairs one by one, to the last digit."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ftlab.metrics import bootstrap_each
from ftlab.metrics.bootstrap import paired_differences
from ftlab.metrics.bootstrap_each import COUNTED, OTHERS, differences_to_each_other


def models(count, classes, amount, seed=0):
    """Return labels, and that many models that know them a little."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=count)
    made = []
    for _ in range(amount):
        logits = generator.normal(size=(count, classes)) + 1.5 * np.eye(classes)[labels]
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        made.append((probabilities, -np.log(probabilities[np.arange(count), labels])))
    return labels, made


@pytest.mark.parametrize("metrics", [("accuracy", "f1_macro"), COUNTED, (*COUNTED, *OTHERS), ("loss", "my_own")])
def test_each_difference_is_that_of_the_pair_alone(metrics):
    labels, (ours, *others) = models(80, 3, 5)
    turned = [False, True, False, True]
    found = differences_to_each_other(labels, ours, others, turned, metrics, resamples=60, seed=2)
    for theirs, other_way, differences in zip(others, turned, found, strict=True):
        pair = (theirs, ours) if other_way else (ours, theirs)
        assert differences == paired_differences(labels, *pair, metrics, resamples=60, seed=2)


def test_more_models_than_are_held_at_a_time_are_told_in_parts(monkeypatch):
    labels, (ours, *others) = models(50, 2, 6)
    whole = differences_to_each_other(labels, ours, others, [False] * 5, ["f1_macro"], resamples=40)
    monkeypatch.setattr(bootstrap_each, "_HELD", 200)  # two at a time
    assert differences_to_each_other(labels, ours, others, [False] * 5, ["f1_macro"], resamples=40) == whole


def test_a_model_without_numbers_is_told_from_none():
    labels, (ours, other) = models(40, 3, 2)
    broken = (np.full_like(other[0], np.nan), np.full_like(other[1], np.nan))
    (found,) = differences_to_each_other(labels, ours, [broken], [False], ["accuracy", "loss"], resamples=40)
    assert np.isnan(found["loss"].estimate) and found["loss"].p == 1
    assert found["accuracy"] == paired_differences(labels, ours, broken, ["accuracy"], 40)["accuracy"]


def test_a_front_of_fifty_takes_less_than_a_second():
    labels, (ours, *others) = models(540, 3, 50)
    began = time.process_time()
    found = differences_to_each_other(labels, ours, others, [False] * 49, ["accuracy", "f1_macro"], resamples=4000)
    assert len(found) == 49 and time.process_time() - began < 1

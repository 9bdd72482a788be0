"""How sure a test score is, and a difference of two: bootstrap over the test rows, as in ``stats.resampling``.

All resamples are computed at once: every metric is a function of a few sums over the rows, under the counts of how
often each was drawn.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ftlab.metrics.calibration import BINS, bin_numbers
from ftlab.stats.paired_bootstrap import RESAMPLES, Difference, differences
from ftlab.stats.resampling import Floats, as_they_are, intervals


def bootstrap_ci95(
    labels: npt.NDArray[Any],
    probabilities: npt.NDArray[Any],
    losses: npt.NDArray[Any],
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Return the 95% interval (low, high) of each metric of ``metrics.classification``, and of the loss.

    A resample on which a metric is not defined (no label has rows on both sides: auroc) is left out of that metric's
    interval. A metric that is not finite on the rows themselves has the interval (NaN, NaN). The calibration error
    grows with the noise that resampling adds, so its interval lies high, for small N above the error itself.

    Args:
        labels: (N,) int in [0, C), N >= 1.
        probabilities: (N, C), read as float32, which is what the metrics see.
        losses: (N,) in nats.
        resamples: of N rows each, drawn with replacement.
        seed: of the draws; equal seeds give equal intervals.
    """
    scored = Rows(labels, probabilities, losses)
    return intervals(scored.metrics, scored.count, resamples, seed)


def point_estimates(
    labels: npt.NDArray[Any], probabilities: npt.NDArray[Any], losses: npt.NDArray[Any]
) -> dict[str, float]:
    """Return each metric on the rows as they are, by the same formulas as the intervals; shapes as there."""
    scored = Rows(labels, probabilities, losses)
    return as_they_are(scored.metrics, scored.count)


def paired_differences(
    labels: npt.NDArray[Any],
    ours: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    others: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    metrics: Collection[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Difference]:
    """Return how far two models are apart in each metric: ours minus others', on the same draws.

    Args:
        labels: (N,) int in [0, C), N >= 1.
        ours: probabilities (N, C) and losses (N,) of the one.
        others: of the other, for the same rows in the same order.
        metrics: those to be told; None: all. Without ``auroc`` it takes a fraction of the time.
        resamples: of N rows each.
        seed: of the draws.
    """
    area = metrics is None or "auroc" in metrics
    mine, theirs = (partial(Rows(labels, *scores).metrics, area=area) for scores in (ours, others))
    found = differences(mine, theirs, len(labels), resamples, seed)
    return {name: found[name] for name in found if metrics is None or name in metrics}


def counted_metrics(right: Floats, truth: Floats, predicted: Floats) -> dict[str, Floats]:
    """Return the metrics that are known from counts of rows by label.

    Args:
        right: (..., C) rows of each label that are predicted right.
        truth: (..., C) rows that have it.
        predicted: (..., C) rows that it is given to.
    """
    rows = truth.sum(axis=-1)
    recall, precision = _divide(right, truth), _divide(right, predicted)  # (..., C)
    f1 = _divide(2 * right, truth + predicted)
    occurring = (truth + predicted > 0).sum(axis=-1)
    return {
        "accuracy": right.sum(axis=-1) / rows,
        "balanced_accuracy": recall.sum(axis=-1) / (truth > 0).sum(axis=-1),
        "f1_macro": f1.sum(axis=-1) / occurring,
        "f1_weighted": (f1 * truth).sum(axis=-1) / rows,
        "precision_macro": precision.sum(axis=-1) / occurring,
        "recall_macro": recall.sum(axis=-1) / occurring,
    }


class Rows:
    """The test rows of one model, prepared so that a matrix product with the counts gives every sum."""

    def __init__(self, labels: npt.NDArray[Any], probabilities: npt.NDArray[Any], losses: npt.NDArray[Any]) -> None:
        self.count, self.classes = probabilities.shape
        assert self.count > 0 and labels.shape == losses.shape == (self.count,), "one label and loss per row"
        self.labels = labels.astype(np.int64)
        self.probabilities = probabilities.astype(np.float32)
        predictions = self.probabilities.argmax(axis=1)
        correct = predictions == self.labels
        confidences = self.probabilities.max(axis=1).astype(np.float64)
        truth, predicted = np.eye(self.classes)[self.labels], np.eye(self.classes)[predictions]  # (N, C)
        bins = np.eye(BINS)[bin_numbers(confidences)]  # (N, bins)
        brier = ((self.probabilities - truth) ** 2).sum(axis=1) / 2
        self._sums = np.hstack(
            [
                truth * correct[:, None],
                truth,
                predicted,
                bins * (correct - confidences)[:, None],
                np.stack([brier, confidences, losses.astype(np.float64)], axis=1),
            ]
        )

    def metrics(self, counts: Floats, area: bool = True) -> dict[str, Floats]:
        """Return each metric (R,) under ``counts`` (R, N), whose rows sum to N; ``auroc`` only with ``area``."""
        c, n = self.classes, float(self.count)
        with np.errstate(invalid="ignore"):  # rows that are not finite make NaN, which is what is meant
            sums = counts @ self._sums
        tp, truth, predicted, gaps, means = np.split(sums, [c, 2 * c, 3 * c, 3 * c + BINS], axis=1)  # (R, C) x 3, ...
        return {
            **counted_metrics(tp, truth, predicted),
            **({"auroc": self._auroc(counts)} if area else {}),
            "brier": means[:, 0] / n,
            "ece": np.abs(gaps).sum(axis=1) / n,
            "mean_confidence": means[:, 1] / n,
            "loss": means[:, 2] / n,
        }

    def _auroc(self, counts: Floats) -> Floats:
        """Return the mean area (R,): the share of (positive, negative) pairs in the right order, ties half."""
        if not np.isfinite(self.probabilities).all():
            return np.full(len(counts), np.nan)
        areas = np.zeros(len(counts))
        defined = np.zeros(len(counts))
        for c in range(self.classes):
            scores, positive = self.probabilities[:, c], self.labels == c
            negatives = np.flatnonzero(~positive)
            negatives = negatives[scores[negatives].argsort(kind="stable")]
            ordered = scores[negatives]
            below = np.zeros((len(counts), len(negatives) + 1))  # negatives drawn among the first j
            np.cumsum(counts[:, negatives], axis=1, out=below[:, 1:])
            first = np.searchsorted(ordered, scores[positive], side="left")
            last = np.searchsorted(ordered, scores[positive], side="right")
            drawn = counts[:, positive]
            won = (drawn * (below[:, first] + below[:, last])).sum(axis=1) / 2
            pairs = drawn.sum(axis=1) * below[:, -1]
            areas += _divide(won, pairs)
            defined += pairs > 0
        return np.where(defined > 0, _divide(areas, defined), np.nan)


def _divide(part: Floats, whole: Floats) -> Floats:
    """Return the quotient, 0 where ``whole`` is."""
    quotient: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return quotient

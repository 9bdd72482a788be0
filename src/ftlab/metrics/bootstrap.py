"""How sure a test score is: percentile bootstrap over the test rows (Efron 1979, doi:10.1214/aos/1176344552).

All resamples are computed at once: a resample is a row of counts, how often each test row was drawn, and every metric
is a function of a few sums under those counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ftlab.metrics.calibration import BINS, bin_numbers

Floats = npt.NDArray[np.float64]
CHUNK = 4_000_000  # counts held at a time, 32 MB


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
    scored = _Rows(labels, probabilities, losses)
    point = scored.metrics(np.ones((1, scored.count)))
    generator = np.random.default_rng(seed)
    chunk = max(1, CHUNK // scored.count)
    parts = [
        scored.metrics(draw(generator, min(chunk, resamples - start), scored.count))
        for start in range(0, resamples, chunk)
    ]
    return {name: interval(float(point[name][0]), np.concatenate([p[name] for p in parts])) for name in point}


def point_estimates(
    labels: npt.NDArray[Any], probabilities: npt.NDArray[Any], losses: npt.NDArray[Any]
) -> dict[str, float]:
    """Return each metric on the rows as they are, by the same formulas as the intervals; shapes as there."""
    scored = _Rows(labels, probabilities, losses)
    return {name: float(values[0]) for name, values in scored.metrics(np.ones((1, scored.count))).items()}


def draw(generator: np.random.Generator, resamples: int, count: int) -> Floats:
    """Return how often each row was drawn, (resamples, count)."""
    drawn = generator.integers(count, size=(resamples, count))
    drawn += np.arange(resamples)[:, None] * count  # a range of numbers for each resample
    counts = np.bincount(drawn.ravel(), minlength=resamples * count)
    return counts.reshape(resamples, count).astype(np.float64)


def interval(point: float, values: Floats) -> tuple[float, float]:
    """Return the middle 95% of ``values`` (R,) that are finite; (NaN, NaN) around a point that is not."""
    defined = values[np.isfinite(values)]
    if not np.isfinite(point) or not defined.size:
        return (float("nan"), float("nan"))
    low, high = np.percentile(defined, [2.5, 97.5])
    return (float(low), float(high))


class _Rows:
    """The test rows, prepared so that a matrix product with the counts gives every sum."""

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

    def metrics(self, counts: Floats) -> dict[str, Floats]:
        """Return each metric (R,) under ``counts`` (R, N), whose rows sum to N."""
        c, n = self.classes, float(self.count)
        with np.errstate(invalid="ignore"):  # rows that are not finite make NaN, which is what is meant
            sums = counts @ self._sums
        tp, truth, predicted, gaps, means = np.split(sums, [c, 2 * c, 3 * c, 3 * c + BINS], axis=1)  # (R, C) x 3, ...
        recall, precision = _divide(tp, truth), _divide(tp, predicted)  # (R, C)
        f1 = _divide(2 * tp, truth + predicted)
        occurring = (truth + predicted > 0).sum(axis=1)  # (R,)
        return {
            "accuracy": tp.sum(axis=1) / n,
            "balanced_accuracy": recall.sum(axis=1) / (truth > 0).sum(axis=1),
            "f1_macro": f1.sum(axis=1) / occurring,
            "f1_weighted": (f1 * truth).sum(axis=1) / n,
            "precision_macro": precision.sum(axis=1) / occurring,
            "recall_macro": recall.sum(axis=1) / occurring,
            "auroc": self._auroc(counts),
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

"""How far confidence can be believed: reliability bins (arXiv:1706.04599)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
BINS = 15


@dataclass(frozen=True, slots=True)
class Reliability:
    """Rows by confidence, the probability of the predicted label.

    ``edges`` (bins + 1,): bin i holds edges[i] <= confidence < edges[i + 1], the last one 1.0 as well.
    ``counts`` (bins,): rows. ``mean_confidence`` and ``accuracy`` (bins,) in [0, 1], NaN in an empty bin.
    """

    edges: Floats
    counts: npt.NDArray[np.int64]
    mean_confidence: Floats
    accuracy: Floats

    @property
    def ece(self) -> float:
        """Expected calibration error in [0, 1]: |accuracy - confidence|, averaged over rows. NaN without rows."""
        filled = self.counts > 0
        if not filled.any():
            return float("nan")
        gaps = np.abs(self.accuracy[filled] - self.mean_confidence[filled])
        return float(np.average(gaps, weights=self.counts[filled]))

    def accuracy_ci95(self) -> tuple[Floats, Floats]:
        """Return both ends (bins,) of the accuracy's 95% interval: Wilson's, doi:10.1080/01621459.1927.10502953."""
        z, n, p = 1.959964, np.where(self.counts, self.counts, np.nan), self.accuracy
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return middle - half, middle + half


def bin_edges(bins: int = BINS) -> npt.NDArray[np.float32]:
    """Return the edges of ``bins`` bins of equal width over [0, 1], in float32 as probabilities are."""
    return np.linspace(0, 1, bins + 1).astype(np.float32)


def bin_numbers(confidences: npt.NDArray[Any], bins: int = BINS) -> npt.NDArray[np.int64]:
    """Return the bin in [0, bins) of each confidence (N,)."""
    numbers = np.searchsorted(bin_edges(bins), confidences.astype(np.float32), side="right") - 1
    return np.clip(numbers, 0, bins - 1)


def bin_confidences(confidences: npt.NDArray[Any], correct: npt.NDArray[Any], bins: int = BINS) -> Reliability:
    """Sort ``confidences`` (N,) into bins; ``correct`` (N,) is 1 where the prediction was right, else 0."""
    numbers = bin_numbers(confidences, bins)
    counts = np.bincount(numbers, minlength=bins)
    divisor = np.where(counts, counts, np.nan)  # an empty bin has no mean
    return Reliability(
        edges=np.linspace(0, 1, bins + 1),
        counts=counts,
        mean_confidence=np.bincount(numbers, confidences.astype(np.float64), bins) / divisor,
        accuracy=np.bincount(numbers, correct.astype(np.float64), bins) / divisor,
    )


def reliability_bins(probabilities: npt.NDArray[Any], labels: npt.NDArray[Any], bins: int = BINS) -> Reliability:
    """Return the reliability bins of ``probabilities`` (N, C) against ``labels`` (N,)."""
    predictions = probabilities.argmax(axis=1)
    return bin_confidences(probabilities.max(axis=1), predictions == labels, bins)

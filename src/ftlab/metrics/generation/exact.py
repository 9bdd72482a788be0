"""Exact match: the whole answer, letter by letter."""

from __future__ import annotations

from collections.abc import Sequence

from ftlab.metrics.generation.rows import Row, RowMetric, mean
from ftlab.metrics.generation.statistics import EXACT


class ExactMatch(RowMetric):
    """``exact_match``: the share of generations equal to their reference, white space at both ends aside."""

    about = "The share of predictions equal to their reference, white space at both ends aside."

    def row(self, prediction: str, reference: str) -> Row:
        """Return 1 or 0."""
        return {EXACT: int(prediction.strip() == reference.strip())}

    def corpus(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return the mean over rows."""
        return {EXACT: mean(rows, EXACT)}

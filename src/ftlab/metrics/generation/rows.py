"""What the text metrics share: a row's numbers first, the corpus' score from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import datasets
import evaluate

Row = dict[str, float]


class RowMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """An ``evaluate.Metric`` whose score follows from numbers kept per row.

    ``add_batch(predictions=[...], references=[...])`` per batch, one reference each; ``compute()`` at the end returns
    the corpus' scores, ``compute(with_rows=True)`` also ``rows``, a list with the numbers of each row. Built directly:
    ``evaluate.load`` would execute a script it looks for on a hub.
    """

    source = ""  # a publication
    about = ""

    def __init__(self) -> None:
        super().__init__(keep_in_memory=True)  # texts that wait for compute() go to no file

    @abstractmethod
    def row(self, prediction: str, reference: str) -> Row:
        """Return the numbers of one row."""

    @abstractmethod
    def corpus(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return the scores of all rows from their numbers; at least one row."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=self.about,
            citation=self.source,
            inputs_description="",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _build_data_dir(self) -> str:
        return ""  # evaluate would make a folder in the user's cache, for files we do not write

    def _compute(
        self, *, predictions: Sequence[str], references: Sequence[str], with_rows: bool = False
    ) -> dict[str, Any]:
        rows = [self.row(p, r) for p, r in zip(predictions, references, strict=True)]
        return {**self.corpus(rows), "rows": rows} if with_rows else dict(self.corpus(rows))


def mean(rows: Sequence[Row], name: str) -> float:
    """Return the mean of the column ``name``."""
    return sum(row[name] for row in rows) / len(rows)

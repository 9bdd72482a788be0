"""More test rows: how many, and the override that takes them from the rows that there are."""

from __future__ import annotations

import math

from ftlab.diagnosis.remedies import typed
from ftlab.results import DatasetInfo

_OF_ALL = 0.5  # of the rows: more are not tested on, since some must train


def rounded_up(rows: int) -> int:
    """Return two digits of a number of rows, rounded up: it is an estimate."""
    unit = int(10 ** max(0, len(str(rows)) - 2))
    return math.ceil(rows / unit) * unit


def more_test_rows(
    rows: int, data: DatasetInfo, *, limit: int | None, per_class: int | None, share: float | None
) -> str:
    """Return the override that gives ``rows`` test rows; empty: there are no more, and somebody must label them.

    Args:
        rows: wanted, more than there are.
        data: that was tested on.
        limit: ``dataset.limit.test``; None: there is none.
        per_class: ``dataset.sample_per_class``; None: all rows are taken.
        share: ``dataset.test_fraction``; None: test rows were given, not split off.
    """
    if limit is not None and limit <= data.test_rows:
        return typed("dataset.limit.test", rows)
    if per_class is not None:
        return typed("dataset.sample_per_class", math.ceil(rows / max(1, len(data.labels))))
    whole = data.train_rows + data.val_rows + data.test_rows
    if share is not None and rows <= _OF_ALL * whole:
        return typed("dataset.test_fraction", math.ceil(100 * rows / whole) / 100)
    return ""

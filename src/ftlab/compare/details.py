"""What a report shows of single candidates beside their numbers: read for the front and the best, not for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ftlab.compare.axes import shipped
from ftlab.compare.rows import Floats, Numbers, ScoredRows
from ftlab.compare.side_by_side import SideBySide, side_by_side
from ftlab.compare.trials import read_calls
from ftlab.compare.types import Board, Candidate, Verdict
from ftlab.errors import DataError
from ftlab.metrics.calibration import Reliability, reliability_bins

MOST = 24  # candidates with details: what a page has room for
_SIDE_BY_SIDE = 12  # of those, row by row
_MOST_CLASSES = 40  # of a confusion matrix that can be read
_MOST_CONFUSED = 20  # pairs of labels in its place


@dataclass(frozen=True, slots=True)
class Confused:
    """Rows of one label that were given another."""

    true: str
    predicted: str
    count: int
    rows: int  # of the true label


@dataclass(frozen=True, slots=True)
class Detail:
    """Of one candidate, by its chosen run. Everything may be missing: what a run did not keep is left out."""

    labels: tuple[str, ...] = ()
    per_class: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # label: precision recall f1 support
    confusion: npt.NDArray[np.int64] | None = None  # (C, C): rows are true labels, columns predicted ones
    reliability: Reliability | None = None
    calls_ms: Floats | None = None  # (N,) timed calls of one text, in the form that ships
    confused: tuple[Confused, ...] | None = None  # the commonest mistakes, where a matrix has no room for the labels
    missing: str = ""  # why rows are not shown


@dataclass(frozen=True, slots=True)
class Details:
    """Of all candidates that have some, and where they differ row by row."""

    of: Mapping[str, Detail] = field(default_factory=dict)  # by Candidate.key
    side: SideBySide | None = None


def read_details(board: Board, verdict: Verdict, most: int = MOST) -> Details:
    """Read the details of the choice, the runner-up, the front, and the best others up to ``most``.

    What cannot be read is not shown, and ``Detail.missing`` says why: a report is no reason to fail.
    """
    found: dict[str, Detail] = {}
    scored: dict[str, ScoredRows] = {}
    for one in detailed(board, verdict, most):
        rows: ScoredRows | None = None
        try:
            rows = ScoredRows(one.run)
            found[one.key] = _detail(one, rows)
        except DataError as error:
            found[one.key] = _detail(one, None, " ".join(error.sentences))
        else:
            scored[one.key] = rows
    first = dict(list(scored.items())[:_SIDE_BY_SIDE])
    try:
        side = side_by_side(list(first), list(first.values()))
    except DataError:
        side = None  # the details of each say what is missing
    return Details(found, side)


def detailed(board: Board, verdict: Verdict, most: int = MOST) -> list[Candidate]:
    """Return the candidates that get details, the choice first: the front, then the best by the main metric."""
    first = [one for one in (verdict.choice, verdict.runner_up) if one is not None]
    ordered = {one.key: one for one in (*first, *verdict.front, *board.candidates) if one.chosen is not None}
    return list(ordered.values())[:most]


def _detail(candidate: Candidate, rows: ScoredRows | None, missing: str = "") -> Detail:
    result = candidate.run.result
    test = result.quality.test if result.quality else {}
    classes = test.get("per_class") or {}
    row = shipped(result)
    calls = read_calls(candidate.run.folder, row).get("total_ms") if row is not None else None
    labels = rows.label_names if rows is not None and rows.labelled else ()
    confusion = bins = confused = None
    if rows is not None and labels:
        wanted = np.array([_place(labels, name) for name in rows.labels], dtype=np.int64)
        given = np.array([_place(labels, name) for name in rows.predictions], dtype=np.int64)
        bins = reliability_bins(rows.probabilities, wanted)
        if len(labels) <= _MOST_CLASSES:
            count = len(labels)
            confusion = np.bincount(wanted * count + given, minlength=count * count).reshape(count, count)
        else:
            confused = _confused(labels, wanted, given)
    return Detail(tuple(labels), classes, confusion, bins, calls, confused, missing)


def _confused(labels: Sequence[str], wanted: Numbers, given: Numbers) -> tuple[Confused, ...]:
    """Return the mistakes made most often, equals in the order of the labels.

    Args:
        labels: their C names.
        wanted: (N,) the right labels.
        given: (N,) the predicted ones.
    """
    wrong = wanted != given
    pairs, counts = np.unique(np.stack([wanted[wrong], given[wrong]], axis=1), axis=0, return_counts=True)
    rows = np.bincount(wanted, minlength=len(labels))
    return tuple(
        Confused(labels[pairs[n, 0]], labels[pairs[n, 1]], int(counts[n]), int(rows[pairs[n, 0]]))
        for n in np.argsort(-counts, kind="stable")[:_MOST_CONFUSED]
    )


def _place(labels: Sequence[str], name: object) -> int:
    try:
        return labels.index(str(name))
    except ValueError:
        raise DataError(f"a row has the label {name}, which the record does not name; run the job again") from None

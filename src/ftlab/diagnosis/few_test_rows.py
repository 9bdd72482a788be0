"""A test set too small to tell models apart that differ as models usually do."""

from __future__ import annotations

import math

from ftlab.diagnosis.evidence import Evidence
from ftlab.diagnosis.more_rows import more_test_rows, rounded_up
from ftlab.diagnosis.wording import num
from ftlab.results import Trouble
from ftlab.stats.power import rows_needed_by_error

NAME = "test set too small"
SHORT = 1.5  # times the rows it has, that it would need: the chance to see the difference is then below 63%
USUAL = (
    0.05  # in the main metric: five points, as between the small and the large model of a tutorial; 5% of perplexity
)
# How alike two models find the same rows: errors of classifiers correlate by about a half, so that the error of a
# difference is that of one score; how likely texts are is nearly a matter of the texts.
LABELS_ALIKE, TEXTS_ALIKE = 0.5, 0.95
_OF_SHARES = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "precision_macro", "recall_macro", "auroc")


def look(evidence: Evidence) -> Trouble | None:
    """Find an interval of the main metric too wide to see usual differences."""
    main = evidence.result.quality.main["name"] if evidence.result.quality else ""
    error, rows = _error(evidence, main), evidence.test_rows
    if error is None or not rows or evidence.is_trial:
        return None
    needed = rows_needed_by_error(rows, error, USUAL)
    if needed is None or needed < SHORT * rows:
        return None
    needed = rounded_up(needed)
    ends = evidence.interval(main)
    assert ends is not None, "its error was known"
    apart = "5% of perplexity" if main in ("loss", "perplexity") else "5 points"
    said = f"on {rows:,} test rows {main} lies anywhere from {num(ends[0])} to {num(ends[1])}; to tell two models apart"
    options, data = evidence.options, evidence.result.dataset
    assert data is not None, "it has test rows"
    remedy = more_test_rows(
        needed, data, limit=options.test_limit, per_class=options.sample_per_class, share=options.test_fraction
    )
    return Trouble(NAME, f"{said} that differ by {apart} takes about {needed:,} rows", remedy)


def _error(evidence: Evidence, main: str) -> float | None:
    """Return the standard error of a difference between two models in the main metric; None: not known."""
    ends, value = evidence.interval(main), evidence.after(main)
    if ends is None or value is None:
        return None
    error = (ends[1] - ends[0]) / (2 * 1.96)
    if main in _OF_SHARES:
        return error * math.sqrt(2 * (1 - LABELS_ALIKE))
    if not evidence.writes or main not in ("loss", "perplexity"):
        return None
    return (error / value if main == "perplexity" else error) * math.sqrt(2 * (1 - TEXTS_ALIKE))

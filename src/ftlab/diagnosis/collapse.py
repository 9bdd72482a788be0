"""Class collapse: labels that the model has given up on."""

from __future__ import annotations

from ftlab.diagnosis.evidence import Evidence, LabelCounts, Options
from ftlab.diagnosis.remedies import rate_times, typed
from ftlab.results import Trouble

NAME = "class collapse"
MISSED_ROWS = 10  # of a label, none of them found: at a recall of 0.3 the chance of that is 3%
NEARLY_ALL = 0.95  # of the predictions are one label ...
MOST_TRUE = 0.80  # ... that so many rows at most really have
UNEVEN = 2.0  # times the rows of the rarest label that the commonest has, from which on weights help
_NAMED = 3  # labels in a sentence


def look(evidence: Evidence) -> Trouble | None:
    """Find labels with rows and no prediction, or one label that gets nearly all."""
    counts = evidence.counts
    if counts is None or not evidence.tested:
        return None
    said = _one_label(counts) or _missed(counts)
    return Trouble(NAME, said, _remedy(evidence, counts)) if said else None


def favourite(counts: LabelCounts) -> tuple[str, int] | None:
    """Return the label that nearly all rows get though they have it not, and how many get it; None: there is none."""
    rows, most = sum(counts.predicted), max(counts.predicted)
    label = counts.predicted.index(most)
    if most < NEARLY_ALL * rows or counts.true[label] > MOST_TRUE * rows:
        return None
    return counts.labels[label], most


def _one_label(counts: LabelCounts) -> str:
    found = favourite(counts)
    if found is None:
        return ""
    label, most = found
    true, rows = counts.true[counts.labels.index(label)], sum(counts.predicted)
    return f"{most:,} of {rows:,} test rows are called {label}, and {true:,} of them are"


def _missed(counts: LabelCounts) -> str:
    rows = zip(counts.labels, counts.true, counts.predicted, strict=True)
    missed = [(label, true) for label, true, predicted in rows if true >= MISSED_ROWS and not predicted]
    if not missed:
        return ""
    named = ", ".join(f"{label} ({true:,} test rows)" for label, true in missed[:_NAMED])
    more = f" and {len(missed) - _NAMED} more labels" if len(missed) > _NAMED else ""
    return f"no test row is called {named}{more}"


def _remedy(evidence: Evidence, counts: LabelCounts) -> str:
    options = evidence.options
    if not evidence.learned:
        return _ask_otherwise(options)
    shown = counts.train or counts.true
    if not options.class_weights and max(shown) >= UNEVEN * max(1, min(shown)):
        return typed("model.class_weights", "balanced")
    return rate_times(options, 1 / 3)


def _ask_otherwise(options: Options) -> str:
    """Return the ways to ask that favour no answer."""
    if options.calibration == "none":
        return typed("prompt.calibration", "contextual")
    return typed("prompt.shots_per_class", options.shots + 2) if options.calibration else ""

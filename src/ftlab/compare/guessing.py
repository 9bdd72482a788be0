"""Who answers no better than one who guesses: cheap and fast, and nothing to ship.

Guessing, and giving one label to all rows, both have a balanced accuracy of one in as many labels as occur (Brodersen
et al. 2010, doi:10.1109/ICPR.2010.764), however the labels are shared out.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftlab.compare.axes import number
from ftlab.compare.named import a_few
from ftlab.compare.types import Candidate

MEASURE = "balanced_accuracy"
_ROUNDING = 1e-9


def guesses(candidate: Candidate) -> bool:
    """Return whether the labels of a candidate cannot be told from guesses; False where that is not known.

    They cannot where the 95% interval of its balanced accuracy, of the chosen run, reaches down to that of a guess.
    """
    known = _known(candidate)
    if known is None:
        return False
    value, ends, guess = known
    return (ends[0] if ends else value) <= guess + _ROUNDING


def balanced_accuracy(candidate: Candidate) -> tuple[float, tuple[float, float] | None, float]:
    """Return the balanced accuracy of one that guesses, its 95% interval (None: not known), and that of a guess."""
    known = _known(candidate)
    assert known is not None, f"{candidate.key} is not known to guess"
    return known


def _known(candidate: Candidate) -> tuple[float, tuple[float, float] | None, float] | None:
    quality = candidate.chosen.result.quality if candidate.chosen else None
    if quality is None:
        return None
    value, labels = number(quality.test.get(MEASURE)), quality.test.get("per_class") or {}
    occurring = sum(1 for numbers in labels.values() if numbers.get("support"))
    if value is None or occurring < 2:
        return None
    low, high = (number(end) for end in quality.test_ci95.get(MEASURE, (None, None)))
    return value, None if low is None or high is None else (low, high), 1 / occurring


def guessing_note(guessing: Sequence[Candidate]) -> str:
    """Return the sentence on candidates that guess; ``guessing``: one or more."""
    named = sorted(one.key for one in guessing)
    who = a_few(named)
    return f"not ranked, since they cannot be told from guessing labels (by {MEASURE}): {who}"

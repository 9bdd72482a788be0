"""Who answers no better than one who guesses: cheap and fast, and nothing to ship.

Guessing, and giving one label to all rows, both have a balanced accuracy of one in as many labels as occur (Brodersen
et al. 2010, doi:10.1109/ICPR.2010.764), however the labels are shared out.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftlab.compare.types import Candidate

MEASURE = "balanced_accuracy"
_MOST_NAMED = 4
_ROUNDING = 1e-9


def guesses(candidate: Candidate) -> bool:
    """Return whether the labels of a candidate cannot be told from guesses; False where that is not known.

    They cannot where the 95% interval of its balanced accuracy, of the chosen run, reaches down to that of a guess.
    """
    quality = candidate.chosen.result.quality if candidate.chosen else None
    if quality is None:
        return False
    value, labels = quality.test.get(MEASURE), quality.test.get("per_class") or {}
    occurring = sum(1 for numbers in labels.values() if numbers.get("support"))
    if value is None or occurring < 2:
        return False
    low = quality.test_ci95.get(MEASURE, (value, value))[0]
    return bool(low <= 1 / occurring + _ROUNDING)


def guessing_note(guessing: Sequence[Candidate], *, all_of_them: bool) -> str:
    """Return the sentence on the members of a front that guess.

    Args:
        guessing: one or more.
        all_of_them: nobody else is on the front, so that one of them is chosen all the same.
    """
    named = sorted(one.key for one in guessing)
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    who = f"{', '.join(named[:_MOST_NAMED])}{more}"
    if all_of_them:
        return f"nothing on the front can be told from guessing labels (by {MEASURE}): {who}; ship none of it"
    return f"on the front, but not chosen, since they cannot be told from guessing labels (by {MEASURE}): {who}"

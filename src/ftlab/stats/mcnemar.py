"""Whether two classifiers differ in accuracy on the same rows: McNemar's test, mid-p, two-sided.

Only rows that one has right and the other wrong speak. With no difference between the models each of those is a fair
coin. The exact test is too careful, the one by chi squared at times too bold; the mid-p test, which counts the table
that was seen half, is between: Fagerland, Lydersen and Laake (2013), The McNemar test for binary matched-pairs data:
mid-p and asymptotic are better than exact conditional, BMC Medical Research Methodology 13:91,
doi:10.1186/1471-2288-13-91.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from ftlab.stats.binomial import cdf, pmf


def discordant(ours: npt.NDArray[Any], others: npt.NDArray[Any]) -> tuple[int, int]:
    """Return how many rows only we have right, and how many only the others have.

    Args:
        ours: (N,) bool: whether the row is right.
        others: (N,) bool, the same rows in the same order.
    """
    assert ours.shape == others.shape and ours.ndim == 1, "the same rows on both sides"
    ours, others = ours.astype(bool), others.astype(bool)
    return int(np.sum(ours & ~others)), int(np.sum(others & ~ours))


def mcnemar_midp(only_ours: int, only_others: int) -> float:
    """Return the two-sided mid-p value, in (0, 1]; exact for any number of rows.

    Twice the smaller tail of Binomial(b + c, 1/2), less the probability of what was seen (it counts half in each tail).

    Args:
        only_ours: b, rows only we have right.
        only_others: c, rows only the others have right.
    """
    assert only_ours >= 0 and only_others >= 0, "counts of rows"
    if only_ours == only_others:
        return 1.0
    fewer, trials = min(only_ours, only_others), only_ours + only_others
    p = 2.0 * cdf(fewer, trials, 0.5) - pmf(fewer, trials, 0.5)
    return min(1.0, max(p, sys.float_info.min))  # a thousand rows against none: smaller than a float can be

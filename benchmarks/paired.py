"""Paired ratios and their confidence intervals. Pure numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of what was asked, with its 95% bootstrap interval."""

    median: float
    low: float
    high: float
    pairs: int


def paired_ratios(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Return the median of first over second, pair by pair.

    A pair is measured back to back, so what slows the machine for a while slows both sides: its ratio stays.

    Raises:
        ValueError: there is no pair, or a number is not above zero.
    """
    if not pairs:
        raise ValueError("no pairs: a ratio needs one measurement of both sides")
    if any(not (a > 0 and b > 0) for a, b in pairs):
        raise ValueError("a measurement is not above zero; a ratio needs both sides to have taken time")
    return median_interval([a / b for a, b in pairs])


def median_interval(values: Sequence[float]) -> Ratio:
    """Return the median of ``values`` and its interval: 10,000 resamples, percentiles 2.5 and 97.5, seed 0."""
    if not values:
        raise ValueError("no values: a median needs one")
    drawn = np.asarray(values, dtype=float)
    picks = np.random.default_rng(0).integers(0, len(drawn), size=(RESAMPLES, len(drawn)))
    low, high = np.percentile(np.median(drawn[picks], axis=1), [2.5, 97.5])
    return Ratio(float(np.median(drawn)), float(low), float(high), len(drawn))

"""Binomial probabilities without scipy, exact to ten digits and more: no tail is a difference of numbers near 1."""

from __future__ import annotations

import math

import numpy as np


def pmf(successes: int, trials: int, chance: float) -> float:
    """Return P(X = successes) for X ~ Binomial(trials, chance); 0 outside [0, trials]."""
    if not 0 <= successes <= trials:
        return 0.0
    failures = trials - successes
    if chance in (0.0, 1.0):
        return float((failures if chance else successes) == 0)
    ways = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(failures + 1)
    return math.exp(ways + successes * math.log(chance) + failures * math.log1p(-chance))


def cdf(successes: int, trials: int, chance: float) -> float:
    """Return P(X <= successes).

    From the outermost term inwards every term is the last one times a ratio: the smaller tail is summed, all of it
    positive, so that neither thousands of trials nor a probability of 1e-200 cost precision.
    """
    if successes < 0:
        return 0.0
    if successes >= trials:
        return 1.0
    if successes > trials * chance:
        return 1.0 - cdf(trials - successes - 1, trials, 1.0 - chance)
    edge = pmf(successes, trials, chance)
    if edge == 0.0:
        return 0.0
    spread = math.sqrt(trials * chance * (1.0 - chance))
    # Ten standard deviations below the edge a term is 1e-22 of it.
    number = np.arange(successes, max(0, successes - int(10 * spread) - 50), -1, dtype=np.float64)
    ratios = number * (1.0 - chance) / ((trials - number + 1.0) * chance)
    return min(1.0, edge * (1.0 + float(np.cumprod(ratios).sum())))

"""How many test rows tell two models apart: the power of the mid-p McNemar test, exactly.

Power is summed over all tables that could be seen (the unconditional power of Fagerland, Lydersen and Laake 2013,
doi:10.1186/1471-2288-13-91); beyond ``EXACT_ROWS`` rows, and as a first guess, the formula of Connor (1987), Sample
size for testing differences in proportions for the paired-sample design, Biometrics 43:207-211, doi:10.2307/2531961.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

from ftlab.stats.binomial import cdf, pmf
from ftlab.stats.mcnemar import mcnemar_midp

ALPHA, POWER = 0.05, 0.8
EXACT_ROWS = 100_000  # from here on the formula is within half a percent


def mcnemar_power(rows: int, difference: float, discordance: float, alpha: float = ALPHA) -> float:
    """Return the chance that the test calls two models different; with no difference, that of a false alarm.

    Args:
        rows: of the test set, >= 0.
        difference: of the two true accuracies, in [-discordance, discordance].
        discordance: share of rows that one model has right and the other wrong, in [0, 1].
        alpha: what p must not exceed.
    """
    _check(difference, discordance)
    if discordance == 0:
        return 0.0
    better = (1 + abs(difference) / discordance) / 2  # of the rows that speak, the share for the better model
    middle, spread = rows * discordance, math.sqrt(rows * discordance * (1 - discordance))
    first, last = max(0, math.floor(middle - 7 * spread)), min(rows, math.ceil(middle + 7 * spread))
    power = 0.0
    for trials in range(first, last + 1):
        edge = _critical(trials, alpha)
        if edge >= 0:
            found = cdf(edge, trials, 1 - better) + cdf(edge, trials, better)
            power += pmf(trials, rows, discordance) * found
    return min(1.0, power)


def rows_needed(difference: float, discordance: float, power: float = POWER, alpha: float = ALPHA) -> int | None:
    """Return how many rows the test needs to find a difference in accuracy with chance ``power``.

    Power grows in small waves with the rows; this is a row count that reaches it where one less does not.

    Returns:
        Rows; None without a difference: no number of rows would do.
    """
    _check(difference, discordance)
    if difference == 0:
        return None
    guess = _connor(abs(difference), discordance, power, alpha)
    if guess > EXACT_ROWS:
        return math.ceil(guess)
    return _smallest(lambda rows: mcnemar_power(rows, difference, discordance, alpha) >= power, math.ceil(guess))


def rows_needed_by_error(
    rows: int, error: float, difference: float, power: float = POWER, alpha: float = ALPHA
) -> int | None:
    """Return how many rows a difference of any metric needs, from its standard error on those there are.

    The error shrinks with the root of the rows. For what is no share of rows: macro F1, loss, BLEU.

    Args:
        rows: there are.
        error: standard error of the difference on them (``Difference.error``).
        difference: to be found, in the same unit.
        power: chance to find it.
        alpha: level of the two-sided test.

    Returns:
        Rows; None without a difference.
    """
    if difference == 0:
        return None
    return max(1, math.ceil(rows * ((_z(1 - alpha / 2) + _z(power)) * error / difference) ** 2))


def _check(difference: float, discordance: float) -> None:
    assert 0 <= abs(difference) <= discordance <= 1, "models differ on at least the rows that make the difference"


def _z(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _connor(difference: float, discordance: float, power: float, alpha: float) -> float:
    error = _z(1 - alpha / 2) * math.sqrt(discordance) + _z(power) * math.sqrt(discordance - difference**2)
    return (error / difference) ** 2


@lru_cache(maxsize=100_000)
def _critical(trials: int, alpha: float) -> int:
    """Return the most rows for the worse model at which ``trials`` that speak are still a difference; -1: none."""
    edge = math.floor((trials - _z(1 - alpha / 2) * math.sqrt(trials)) / 2)
    edge = min(max(edge, -1), trials // 2)
    while edge >= 0 and mcnemar_midp(edge, trials - edge) > alpha:
        edge -= 1
    while 2 * (edge + 1) <= trials and mcnemar_midp(edge + 1, trials - edge - 1) <= alpha:
        edge += 1
    return edge


def _smallest(enough: Callable[[int], bool], guess: int) -> int:
    """Return a number that is enough where one less is not: steps that double away from the guess, then halves."""
    low, high, step = 0, max(1, guess), max(1, guess // 64)
    if enough(high):
        while high - step > 0 and enough(high - step):
            high, step = high - step, 2 * step
        low = max(0, high - step)
    else:
        while not enough(high):
            low, high, step = high, high + step, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high

"""Student's t without scipy: how sure a mean of few values is, with Welch's degrees of freedom for a difference.

Student (1908), The probable error of a mean, Biometrika 6:1-25; Welch (1947), The generalization of Student's problem
when several different population variances are involved, Biometrika 34:28-35. The tail is the incomplete beta function
by its continued fraction: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.5.8 and 26.7.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

_TINY = 1e-300
_ENOUGH = 1e-15
_MOST_TERMS = 10_000
_NORMAL = 1e7  # degrees of freedom from which t is the normal distribution to seven digits


def two_sided_p(t: float, freedom: float) -> float:
    """Return P(|T| >= |t|) with ``freedom`` > 0 degrees of freedom; infinity: of the normal distribution."""
    assert freedom > 0, "there is no t without degrees of freedom"
    if freedom >= _NORMAL:
        return math.erfc(abs(t) / math.sqrt(2))
    return _beta(freedom / (freedom + t * t), t * t / (freedom + t * t), freedom / 2, 0.5)


@cache
def critical(freedom: float, level: float = 0.05) -> float:
    """Return the t that |T| reaches with a chance of ``level``: 1.96 of the normal distribution, 12.7 of 1 degree."""
    low, high = 0.0, 1.0
    while two_sided_p(high, freedom) > level:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if two_sided_p(middle, freedom) > level else (low, middle)
    return high


def welch(parts: Sequence[tuple[float, float]]) -> float:
    """Return the degrees of freedom of a sum; infinity: no part has few.

    Args:
        parts: of each term its variance and the degrees of freedom that it was estimated with, infinity: known well.
    """
    whole = math.fsum(variance for variance, _ in parts)
    if not whole:
        return math.inf
    few = math.fsum((variance / whole) ** 2 / freedom for variance, freedom in parts)
    return 1 / few if few else math.inf


def _beta(x: float, rest: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b); ``rest`` is 1 - x, exact where x is near 1."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # where the fraction is slow
        return 1 - _beta(rest, x, b, a)
    log = a * math.log(x) + b * math.log(rest) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return min(1.0, math.exp(log) / a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction, from the front, by Lentz's method."""
    up, down = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    found = down
    for n in range(1, _MOST_TERMS):
        for term in (
            n * (b - n) * x / ((a + 2 * n - 1) * (a + 2 * n)),
            -(a + n) * (a + b + n) * x / ((a + 2 * n) * (a + 2 * n + 1)),
        ):
            down = 1 / _away(1 + term * down)
            up = _away(1 + term / up)
            found *= up * down
        if abs(up * down - 1) < _ENOUGH:
            break
    return found


def _away(value: float) -> float:
    """Return a value that can be divided by."""
    return value if abs(value) > _TINY else _TINY

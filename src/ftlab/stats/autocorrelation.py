"""What measurements in a row are worth, where each is like the one before it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_NOISE = 2 * math.sqrt(2)  # x 1 / sqrt(N): two standard errors of two autocorrelations of independent values (Bartlett)


def inefficiency(values: npt.NDArray[np.float64]) -> float:
    """Return by how much neighbours that are alike widen the variance of a mean, at least 1: independent values.

    It is 1 + 2 x the sum of autocorrelations, cut off where the sum of two neighbouring ones is no longer positive:
    what follows is noise. Source: C. Geyer (1992), Practical Markov chain Monte Carlo, Statistical Science 7:473-483,
    doi:10.1214/ss/1177011137 (the initial positive sequence). N values are worth N / inefficiency independent ones.
    Where the first such sum is within two standard errors of nothing, the values count as independent.

    Args:
        values: (N,) in the order in which they were measured. Of a quantile: whether each lies below it.
    """
    count = len(values)
    apart = values - values.mean() if count else values
    variance = float(apart @ apart)
    if count < 4 or variance <= 0:
        return 1.0
    total = 1.0  # twice the sum of all pairs, less the one that autocorrelation at lag 0 is
    for lag in range(1, count // 2, 2):
        pair = float(apart[:-lag] @ apart[lag:] + apart[: -lag - 1] @ apart[lag + 1 :]) / variance
        if pair <= (_NOISE / math.sqrt(count) if lag == 1 else 0.0):
            break
        total += 2 * pair
    return total

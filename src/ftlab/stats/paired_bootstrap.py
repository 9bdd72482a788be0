"""How far two models are apart on the same rows, and whether that is chance: paired bootstrap.

Both are scored on the same draws, so that rows hard for either do not blur the difference (Koehn 2004,
https://aclanthology.org/W04-3250, for BLEU; Efron and Tibshirani 1993, An Introduction to the Bootstrap, ch. 13, for
the percentile interval). The p value is the interval's other side: the widest interval that still leaves 0 out has
level 1 - p. It counts the rows as they are as one more resample, so it is never 0 (Davison and Hinkley 1997,
Bootstrap Methods and their Application, ch. 4), and a resample without any difference for both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ftlab.stats.resampling import Floats, Scorer, as_they_are, interval, resample

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """Ours minus others', how sure that is, and whether it is chance."""

    estimate: float  # on the rows as they are; NaN: not defined there
    low: float  # 95% interval; NaN with the estimate
    high: float
    p: float  # two-sided, in (0, 1]; 1 where there is no estimate: nothing tells the two apart
    error: float  # standard error: of the resampled differences

    @property
    def ci95(self) -> tuple[float, float]:
        """Return the 95% interval (low, high)."""
        return (self.low, self.high)


def differences(
    ours: Scorer, others: Scorer, count: int, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Difference]:
    """Return the difference of each metric that both have.

    A resample on which a metric of either is not defined is left out of that metric's difference.

    Args:
        ours: counts of rows (R, N) -> our metrics (R,).
        others: the same of the others, for the same rows in the same order.
        count: N, rows.
        resamples: of N rows each. Of 2,000 no p is smaller than 0.001.
        seed: of the draws; equal seeds give equal answers, and swapped models the same with the other sign.
    """

    def scorer(counts: Floats) -> dict[str, Floats]:
        mine, theirs = ours(counts), others(counts)
        with np.errstate(invalid="ignore"):  # two infinite losses differ by NaN, which is what is meant
            return {name: mine[name] - theirs[name] for name in mine if name in theirs}

    point, drawn = as_they_are(scorer, count), resample(scorer, count, resamples, seed)
    return {name: _difference(point[name], drawn[name]) for name in point}


def differences_to_each(
    scorer: Scorer, count: int, turned: Sequence[bool], resamples: int = RESAMPLES, seed: int = 0
) -> list[dict[str, Difference]]:
    """Return the differences of one model to each of K others: those of ``differences``, in one pass over the draws.

    Args:
        scorer: counts of rows (R, N) -> each metric (R, 1 + K), the one model's first.
        count: N, rows.
        turned: (K,) whether the difference is theirs minus ours.
        resamples: as in ``differences``.
        seed: as in ``differences``.
    """
    signs = np.where(turned, -1.0, 1.0)

    def apart(values: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            found: Floats = signs * (values[:, :1] - values[:, 1:]) + 0.0  # no zero is negative
        return np.ascontiguousarray(found.T)  # (K, R)

    point = {name: apart(values) for name, values in scorer(np.ones((1, count))).items()}
    drawn = {name: apart(values) for name, values in resample(scorer, count, resamples, seed).items()}
    return [{name: _difference(float(point[name][k, 0]), drawn[name][k]) for name in point} for k in range(len(turned))]


def paired_bootstrap(
    ours: Floats,
    others: Floats,
    statistic: Callable[[Floats], Floats],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Return the difference of one statistic of summed rows.

    Args:
        ours: (N, K) numbers of each row: right or wrong, cells of a confusion matrix, summed loss and tokens.
        others: (N, K), the same rows in the same order.
        statistic: sums over N rows (R, K) -> (R,); NaN where it is not defined.
        resamples: as in ``differences``.
        seed: as in ``differences``.
    """
    assert ours.shape == others.shape and ours.ndim == 2, "the same rows on both sides"

    def scorer(rows: Floats) -> Scorer:
        return lambda counts: {"": statistic(counts @ rows)}

    with np.errstate(invalid="ignore"):  # rows that are not finite make NaN, which is what is meant
        return differences(scorer(ours), scorer(others), len(ours), resamples, seed)[""]


def _difference(point: float, drawn: Floats) -> Difference:
    low, high = interval(point, drawn)
    if np.isnan(low):
        return Difference(float("nan"), low, high, 1.0, float("nan"))
    defined = drawn[np.isfinite(drawn)]
    fewer = min(int(np.sum(defined <= 0)), int(np.sum(defined >= 0)))
    p = min(1.0, 2 * (1 + fewer) / (1 + defined.size))
    return Difference(point, low, high, p, float(defined.std()))

"""The rows drawn again: percentile bootstrap (Efron 1979, doi:10.1214/aos/1176344552), many resamples at once.

A resample is a row of counts, how often each test row was drawn; a metric is a function of sums under those counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Counts (R, N), whose rows sum to N -> each metric (R,).
Scorer = Callable[[Floats], Mapping[str, Floats]]
KEPT = 40_000_000  # counts that are remembered, a byte each
CHUNK = 200_000  # counts held at a time: 2 MB stay in a processor's cache, which is three times as fast as 30


def draw(generator: np.random.Generator, resamples: int, count: int) -> Floats:
    """Return how often each row was drawn, (resamples, count)."""
    drawn = generator.integers(count, size=(resamples, count))
    drawn += np.arange(resamples)[:, None] * count  # a range of numbers for each resample
    counts = np.bincount(drawn.ravel(), minlength=resamples * count)
    return counts.reshape(resamples, count).astype(np.float64)


def as_they_are(scorer: Scorer, count: int) -> dict[str, float]:
    """Return each metric on the ``count`` rows themselves."""
    return {name: float(values[0]) for name, values in scorer(np.ones((1, count))).items()}


def resample(scorer: Scorer, count: int, resamples: int, seed: int) -> dict[str, Floats]:
    """Return each metric (resamples,) on ``count`` rows drawn with replacement; equal seeds draw equal rows."""
    chunks = _kept(count, resamples, seed) if count * resamples <= KEPT else _chunks(count, resamples, seed)
    parts = [scorer(counts.astype(np.float64, copy=False)) for counts in chunks]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _chunks(count: int, resamples: int, seed: int) -> Iterator[Floats]:
    generator, chunk = np.random.default_rng(seed), max(1, CHUNK // count)
    for start in range(0, resamples, chunk):
        yield draw(generator, min(chunk, resamples - start), count)


@lru_cache(maxsize=1)
def _kept(count: int, resamples: int, seed: int) -> tuple[npt.NDArray[np.unsignedinteger[Any]], ...]:
    """Return the draws, which the next pair of models on the same rows needs again: most of the time goes into them."""
    return tuple(counts.astype(np.min_scalar_type(int(counts.max()))) for counts in _chunks(count, resamples, seed))


def interval(point: float, values: Floats) -> tuple[float, float]:
    """Return the middle 95% of ``values`` (R,) that are finite; (NaN, NaN) around a point that is not."""
    defined = values[np.isfinite(values)]
    if not np.isfinite(point) or not defined.size:
        return (float("nan"), float("nan"))
    low, high = np.percentile(defined, [2.5, 97.5])
    return (float(low), float(high))


def intervals(scorer: Scorer, count: int, resamples: int, seed: int) -> dict[str, tuple[float, float]]:
    """Return the 95% interval of each metric."""
    point, drawn = as_they_are(scorer, count), resample(scorer, count, resamples, seed)
    return {name: interval(point[name], drawn[name]) for name in point}

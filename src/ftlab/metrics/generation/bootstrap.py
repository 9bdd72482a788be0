"""How sure the scores of generated texts are: bootstrap over the test rows, from the numbers kept of each.

No text is read, and neither sacrebleu nor rouge-score: what predictions.parquet holds is enough. Corpus BLEU is not a
mean of rows: a resample's is computed from the summed counts of the rows drawn (Koehn 2004,
https://aclanthology.org/W04-3250); the loss is the summed loss over the summed tokens, and perplexity its exponential.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ftlab.metrics.generation.statistics import (
    BLEU_MATCHES,
    BLEU_TOTALS,
    GENERATED_WORDS,
    LOSS_SUM,
    MEANS,
    ORDERS,
    REFERENCE_WORDS,
    SUPERVISED_TOKENS,
    TEACHER_FORCED,
)
from ftlab.stats.paired_bootstrap import RESAMPLES, Difference, differences
from ftlab.stats.resampling import Floats, as_they_are, intervals

_LOSS = (LOSS_SUM, SUPERVISED_TOKENS)
_BLEU = (*BLEU_MATCHES, *BLEU_TOTALS, GENERATED_WORDS, REFERENCE_WORDS)


def generation_ci95(columns: Mapping[str, Any], resamples: int = 1000, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return the 95% interval (low, high) of each metric that ``columns`` tell.

    A metric that is not defined on the rows has the interval (NaN, NaN); a resample on which it is not is left out.

    Args:
        columns: (N,) each, by the names of ``metrics.generation.statistics``, as predictions.parquet has them; others
            are not read. Rows that were not generated (None, NaN) are left out of what is said of generations.
        resamples: of as many rows, drawn with replacement.
        seed: of the draws; equal seeds give equal intervals.
    """
    found: dict[str, tuple[float, float]] = {}
    for group in _groups(columns):
        found |= intervals(group.metrics, group.count, resamples, seed)
    return found


def generation_estimates(columns: Mapping[str, Any]) -> dict[str, float]:
    """Return each metric on the rows as they are, by the formulas of the intervals."""
    found: dict[str, float] = {}
    for group in _groups(columns):
        found |= as_they_are(group.metrics, group.count)
    return found


def paired_differences(
    ours: Mapping[str, Any], others: Mapping[str, Any], resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Difference]:
    """Return of each metric that both have how far they are apart: ours minus others', on the same draws.

    Args:
        ours: columns of a run, as in ``generation_ci95``.
        others: those of another, of the same rows in the same order. A row that only one generated is left out.
        resamples: as there.
        seed: as there.
    """
    found: dict[str, Difference] = {}
    theirs = {group.suffix: group for group in _groups(others)}
    for mine in _groups(ours):
        other = theirs.get(mine.suffix)
        if other is None:
            continue
        assert len(mine.measured) == len(other.measured), "the same rows on both sides"
        both = mine.measured & other.measured
        if both.any():
            mine, other = mine.only(both), other.only(both)
            found |= differences(mine.metrics, other.metrics, mine.count, resamples, seed)
    return found


@dataclass(frozen=True, slots=True)
class _Group:
    """Columns measured on the same rows. ``suffix`` is None for the loss; ``measured`` (N,) bool."""

    suffix: str | None
    columns: dict[str, Floats]
    measured: Any

    @property
    def count(self) -> int:
        return int(self.measured.sum())

    def only(self, measured: Any) -> _Group:  # noqa: ANN401 - (N,) bool
        """Return the same with fewer rows."""
        return _Group(self.suffix, self.columns, measured)

    def metrics(self, counts: Floats) -> dict[str, Floats]:
        """Return each metric (R,) under ``counts`` (R, rows measured)."""
        with np.errstate(all="ignore"):  # what is not finite is NaN, which is what is meant
            summed = counts @ np.stack([values[self.measured] for values in self.columns.values()], axis=1)
            sums = dict(zip(self.columns, summed.T, strict=True))
            if self.suffix is None:
                loss = sums[LOSS_SUM] / sums[SUPERVISED_TOKENS]
                return {"loss": loss, "perplexity": np.exp(loss)}
            found = {name: sums[column] / self.count for name, column in self.means()}
            if all(name in sums for name in _BLEU):
                found |= _bleu(sums)
                if not self.suffix:
                    found["length_ratio"] = _ratio(sums[GENERATED_WORDS], sums[REFERENCE_WORDS])
        return {f"{name}{self.suffix}": values for name, values in found.items()}

    def means(self) -> Iterator[tuple[str, str]]:
        """Yield metric and column of what is a mean over rows."""
        for name, column in MEANS.items():
            if column in self.columns and not (self.suffix and column in _BLEU):
                yield name, column


def _groups(columns: Mapping[str, Any]) -> Iterator[_Group]:
    """Yield the loss, the generations and the teacher-forced texts, those that were measured."""
    if all(name in columns for name in _LOSS):
        loss = {name: np.asarray(columns[name], dtype=np.float64) for name in _LOSS}
        measured = loss[SUPERVISED_TOKENS] > 0  # a loss that is not finite was measured, and makes the mean so
        if measured.any():
            yield _Group(None, loss, measured)
    for suffix in ("", TEACHER_FORCED):
        names = [name for name in dict.fromkeys((*_BLEU, *MEANS.values())) if f"{name}{suffix}" in columns]
        texts = {name: np.asarray(columns[f"{name}{suffix}"], dtype=np.float64) for name in names}
        measured = np.all([np.isfinite(values) for values in texts.values()], axis=0)
        if names and measured.any():
            yield _Group(suffix, texts, measured)


def _bleu(sums: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return ``bleu`` as ``sacrebleu.BLEU.compute_bleu`` with ``exp`` smoothing does, and the plain precisions."""
    matches = np.stack([sums[name] for name in BLEU_MATCHES])  # (4, R)
    totals = np.stack([sums[name] for name in BLEU_TOTALS])
    generated, expected = sums[GENERATED_WORDS], sums[REFERENCE_WORDS]
    smooth = 2.0 ** np.cumsum(matches == 0, axis=0)
    logs = np.log(np.where(matches > 0, matches, 1 / smooth) / totals)
    brevity = np.where(generated < expected, np.exp(1 - expected / generated), 1.0)
    defined = (totals > 0).all(axis=0) & (matches > 0).any(axis=0)
    score = np.where(defined, brevity * np.exp(logs.mean(axis=0)), 0.0)
    return {"bleu": score, **{f"bleu_{n}": _ratio(matches[n - 1], totals[n - 1]) for n in ORDERS}}


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / whole, np.nan)

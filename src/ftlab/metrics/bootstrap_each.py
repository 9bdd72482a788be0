"""One classifier against many on the same test rows: what ``bootstrap.paired_differences`` says of each, sooner.

The rows are drawn once for all and the one model is scored once; metrics that are counts of rows come out of one matrix
product for all models together. The numbers are those of the pairs one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ftlab.metrics.bootstrap import Rows, counted_metrics
from ftlab.stats.paired_bootstrap import RESAMPLES, Difference, differences_to_each
from ftlab.stats.resampling import Floats, Scorer

Scores = tuple[npt.NDArray[Any], npt.NDArray[Any]]  # probabilities (N, C) and losses (N,)

COUNTED = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "precision_macro", "recall_macro")
OTHERS = ("auroc", "brier", "ece", "mean_confidence", "loss")
_HELD = 6_000_000  # scores held at a time, 50 MB a metric
_EXACT = 2**24  # whole numbers up to here are exact in float32, which is twice as fast


def differences_to_each_other(
    labels: npt.NDArray[Any],
    ours: Scores,
    others: Sequence[Scores],
    turned: Sequence[bool],
    metrics: Collection[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[dict[str, Difference]]:
    """Return how far a model is apart from each of K others in each metric.

    Args:
        labels: (N,) int in [0, C), N >= 1.
        ours: the one model.
        others: the K others, for the same rows in the same order.
        turned: (K,) whether the difference is theirs minus ours, else ours minus theirs.
        metrics: those to be told; one that is none of labels is left out.
        resamples: as in ``bootstrap.paired_differences``.
        seed: as there.
    """
    wanted = [name for name in (*COUNTED, *OTHERS) if name in metrics]
    step = max(1, _HELD // max(resamples, ours[0].size))
    found: list[dict[str, Difference]] = []
    for start in range(0, len(others), step):
        part = [ours, *others[start : start + step]]
        scorer = _counted(labels, part, wanted) if set(wanted) <= set(COUNTED) else _each(labels, part, wanted)
        found += differences_to_each(scorer, len(labels), turned[start : start + step], resamples, seed)
    return found


def _counted(labels: npt.NDArray[Any], models: Sequence[Scores], wanted: Sequence[str]) -> Scorer:
    """Return the scorer of metrics that are counts of rows: (R, N) -> (R, models)."""
    count, classes = models[0][0].shape
    one_hot = np.eye(classes, dtype=np.float32 if count < _EXACT else np.float64)
    truth = one_hot[labels]
    columns = [truth]
    for probabilities, _ in models:
        predictions = probabilities.astype(np.float32).argmax(axis=1)
        columns += [truth * (predictions == labels)[:, None], one_hot[predictions]]
    rows = np.hstack(columns)  # (N, C + 2 C models)

    def scorer(counts: Floats) -> dict[str, Floats]:
        sums = (counts.astype(rows.dtype) @ rows).astype(np.float64)
        each = sums[:, classes:].reshape(len(counts), len(models), 2, classes)
        found = counted_metrics(each[:, :, 0], sums[:, None, :classes], each[:, :, 1])
        return {name: found[name] for name in wanted}

    return scorer


def _each(labels: npt.NDArray[Any], models: Sequence[Scores], wanted: Sequence[str]) -> Scorer:
    """Return the scorer of any metrics: (R, N) -> (R, models)."""
    scored = [Rows(labels, *model) for model in models]

    def scorer(counts: Floats) -> dict[str, Floats]:
        found = [one.metrics(counts, area="auroc" in wanted) for one in scored]
        return {name: np.stack([one[name] for one in found], axis=1) for name in wanted}

    return scorer

"""How far two runs are apart on the test rows that both have: one pair, or one run against many at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ftlab.compare.rows import Pair, ScoredRows
from ftlab.errors import DataError
from ftlab.metrics import bootstrap as labels
from ftlab.metrics.bootstrap_each import differences_to_each_other
from ftlab.metrics.generation import bootstrap as texts
from ftlab.stats.mcnemar import discordant, mcnemar_midp
from ftlab.stats.paired_bootstrap import RESAMPLES, Difference


@dataclass(frozen=True, slots=True)
class Tested:
    """Two candidates on the rows that both have."""

    differences: Mapping[str, Difference]  # metric: first - second
    accuracy_p: float | None  # of McNemar; None: the model writes
    rows: int
    discordant: int = 0  # rows that one has right and the other wrong


def difference_of(pair: Pair, metrics: Collection[str], resamples: int = RESAMPLES) -> Tested | str:
    """Return how far two runs are apart on their rows, or in words why that cannot be said.

    Args:
        pair: the rows of both.
        metrics: of labels, those to be told; of written texts all are.
        resamples: of the bootstrap.
    """
    if pair.first.labelled != pair.second.labelled:
        return "one answers with labels, the other with texts"
    if not pair.first.labelled:
        return Tested(texts.paired_differences(*pair.statistics(), resamples), None, pair.count)
    names, theirs = pair.first.label_names, pair.second.label_names
    if set(names) != set(theirs):
        return "the labels are not the same"
    place = {name: number for number, name in enumerate(names)}
    right = np.array([place.get(name, -1) for name in pair.first.labels[pair.here]], dtype=np.int64)
    if (right < 0).any():
        return "a test row has a label that neither model knows"
    columns = [theirs.index(name) for name in names]
    ours = pair.first.probabilities[pair.here], pair.losses[0]
    others = pair.second.probabilities[pair.there][:, columns], pair.losses[1]
    found = labels.paired_differences(right, ours, others, metrics, resamples)
    counts = discordant(*pair.correct)
    return Tested(found, mcnemar_midp(*counts), pair.count, sum(counts))


def differences_to_others(
    ours: ScoredRows,
    others: Mapping[str, ScoredRows],
    turned: Collection[str],
    metrics: Collection[str],
    resamples: int,
) -> dict[str, Tested | str]:
    """Return what ``difference_of`` says of a run and each of many, those whose rows lie in its own order, at once.

    Args:
        ours: the one run.
        others: by name. Where the rows lie otherwise nothing is returned: that pair is to be compared alone.
        turned: names of those that stand first in their pair: the difference is theirs minus ours.
        metrics: to be told.
        resamples: of the bootstrap.
    """
    found: dict[str, Tested | str] = {}
    alike: dict[str, ScoredRows] = {}
    for name, theirs in others.items():
        try:
            if _laid_out_alike(ours, theirs):
                assert len(theirs.probabilities) == len(theirs.losses)  # read here, where a fault is this pair's
                alike[name] = theirs
        except DataError as error:
            found[name] = error.sentences[0]
    if not alike:
        return found
    place = {name: number for number, name in enumerate(ours.label_names)}
    right = np.array([place[name] for name in ours.labels], dtype=np.int64)
    differences = differences_to_each_other(
        right,
        (ours.probabilities, ours.losses),
        [(theirs.probabilities, theirs.losses) for theirs in alike.values()],
        [name in turned for name in alike],
        metrics,
        resamples,
    )
    for (name, theirs), difference in zip(alike.items(), differences, strict=True):
        counts = discordant(ours.correct, theirs.correct)
        found[name] = Tested(difference, mcnemar_midp(*counts), len(right), sum(counts))
    return found


def _laid_out_alike(ours: ScoredRows, theirs: ScoredRows) -> bool:
    """Return whether both label the same rows with the same labels, all in the same order."""
    digests = [rows.run.result.dataset.test_digest if rows.run.result.dataset else None for rows in (ours, theirs)]
    return bool(
        ours.labelled
        and theirs.labelled
        and ours.label_names == theirs.label_names
        and digests[0] is not None
        and digests[0] == digests[1]
        and len(ours.probabilities) == len(ours.losses) > 0
        and np.array_equal(ours.ids, theirs.ids)
        and np.array_equal(ours.labels, theirs.labels)
        and set(ours.labels) <= set(ours.label_names)
    )

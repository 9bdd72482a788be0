"""Where models say different things of the same test rows, with the texts: for people who read before they ship."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ftlab.compare.rows import Numbers, ScoredRows, pair_rows

MOST_ROWS = 160  # kept with their texts
_OF_A_PAIR = 6  # rows that each pair is sure to have, as far as there is room
_LONGEST = 600  # characters of a text
_TEXTS = 24  # rows of written texts: they are long


@dataclass(frozen=True, slots=True)
class SideRow:
    """One test row, and what each model says of it. All of it is data: escape it where it is shown."""

    row_id: str
    text: str | None  # or the prompt; None: the run kept no texts
    expected: str | None  # label or reference
    said: tuple[str | None, ...]  # label or generation, in the order of the keys
    sure: tuple[float, ...] = ()  # probability of the label said


@dataclass(frozen=True, slots=True)
class PairCount:
    """How often two models differ, over all rows that both have."""

    first: int  # places of the two among the keys
    second: int
    rows: int
    differ: int
    first_right: int  # of those that differ
    second_right: int


@dataclass(frozen=True, slots=True)
class SideBySide:
    """What several models say of the same rows."""

    keys: tuple[str, ...]  # of the candidates
    labelled: bool
    pairs: tuple[PairCount, ...]
    rows: tuple[SideRow, ...]


def side_by_side(keys: Sequence[str], scored: Sequence[ScoredRows]) -> SideBySide | None:
    """Return where models differ; None: fewer than two of them, or they do not do the same task.

    Args:
        keys: of the candidates.
        scored: the rows of each, of one test set.

    Raises:
        DataError: rows cannot be read, or are of different test sets.
    """
    if len(scored) < 2 or len({rows.labelled for rows in scored}) > 1:
        return None
    places = _aligned(scored)
    if not places.shape[1]:
        return None
    if not scored[0].labelled:
        return SideBySide(tuple(keys), False, (), tuple(_written(scored, places)))
    said = np.stack([rows.predictions[place] for rows, place in zip(scored, places, strict=True)])  # (K, M)
    labels = scored[0].labels[places[0]]
    pairs = tuple(_count(said, labels, a, b) for a, b in itertools.combinations(range(len(keys)), 2))
    chosen = _telling(said)
    return SideBySide(tuple(keys), True, pairs, tuple(_labelled(scored, places[:, chosen], said[:, chosen])))


def _aligned(scored: Sequence[ScoredRows]) -> npt.NDArray[np.int64]:
    """Return (K, M) the place in each model's file of the M rows that all have, in the order of the first."""
    pairs = [pair_rows(scored[0], other) for other in scored[1:]]
    places = np.full((len(scored), len(scored[0].ids)), -1, dtype=np.int64)
    places[0] = np.arange(places.shape[1])
    for number, pair in enumerate(pairs, start=1):
        places[number, pair.here] = pair.there
    return places[:, (places >= 0).all(axis=0)]


def _count(said: npt.NDArray[np.object_], labels: npt.NDArray[np.object_], first: int, second: int) -> PairCount:
    apart = said[first] != said[second]
    right = [int((apart & (said[one] == labels)).sum()) for one in (first, second)]
    return PairCount(first, second, len(labels), int(apart.sum()), *right)


def _telling(said: npt.NDArray[np.object_]) -> Numbers:
    """Return the rows to keep, ascending: some of each pair first, the first model's pairs before the others'."""
    kept: dict[int, None] = {}
    for first, second in itertools.combinations(range(len(said)), 2):
        apart = np.flatnonzero(said[first] != said[second])
        kept.update(dict.fromkeys(int(row) for row in apart[:_OF_A_PAIR]))
    kept.update(dict.fromkeys(int(row) for row in np.flatnonzero((said != said[0]).any(axis=0))))
    return np.array(sorted(itertools.islice(kept, MOST_ROWS)), dtype=np.int64)


def _labelled(
    scored: Sequence[ScoredRows], places: npt.NDArray[np.int64], said: npt.NDArray[np.object_]
) -> list[SideRow]:
    first = scored[0]
    texts = first.texts(places[0])
    sure = np.stack([rows.probabilities[place].max(axis=1) for rows, place in zip(scored, places, strict=True)])
    found = []
    for number, place in enumerate(places[0]):
        parts = [column[number] for name in ("text", "text_pair") if (column := texts.get(name))]
        text = " | ".join(part for part in parts if part is not None) if parts else None
        words = tuple(str(one) for one in said[:, number])
        confidences = tuple(round(float(one), 3) for one in sure[:, number])
        found.append(SideRow(str(first.ids[place]), cut(text), str(first.labels[place]), words, confidences))
    return found


def _written(scored: Sequence[ScoredRows], places: npt.NDArray[np.int64]) -> list[SideRow]:
    """Return the first rows that some model answered."""
    texts = [rows.texts(place) for rows, place in zip(scored, places, strict=True)]
    answers = [held.get("generation") or [None] * places.shape[1] for held in texts]
    found = []
    for number, place in enumerate(places[0]):
        said = tuple(cut(held[number]) for held in answers)
        if not any(one is not None for one in said):
            continue
        prompt, reference = (
            cut((texts[0].get(name) or [None] * (number + 1))[number]) for name in ("prompt", "reference")
        )
        found.append(SideRow(str(scored[0].ids[place]), prompt, reference, said))
        if len(found) == _TEXTS:
            break
    return found


def cut(text: str | None) -> str | None:
    """Return a text cut to what a page has room for."""
    return text if text is None or len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"

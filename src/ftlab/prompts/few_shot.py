"""Examples for a prompt: rows of the training split, as many of each label, drawn and ordered by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Protocol

from ftlab.errors import DataError
from ftlab.prompts.layout import Shot, Text


class LabelledRows(Protocol):
    """The rows of a split, as the data room has them."""

    @property
    def texts(self) -> Sequence[str]:
        """The texts."""

    @property
    def pairs(self) -> Sequence[str] | None:
        """Second texts, of pairs."""

    @property
    def labels(self) -> Sequence[int]:
        """Label numbers."""


def choose_shots(
    train: LabelledRows, labels: Sequence[str], per_class: int, seed: int, apart_from: Iterable[LabelledRows] = ()
) -> list[Shot]:
    """Return ``per_class`` examples of each label, no text twice, in rounds that hold each label once.

    A text that rows give two labels is no example of either.

    The same seed chooses the same rows of the same split. Each round is shuffled, so that no label stands last for its
    number alone: models favour what they read last (arXiv:2102.09690).

    Args:
        train: rows to choose from; whole, never shortened.
        labels: names by number.
        per_class: examples of each label.
        seed: of draw and order.
        apart_from: splits whose texts are never shown, also where the training split holds them too.

    Raises:
        DataError: a label has too few rows.
    """
    if not per_class:
        return []
    hidden = {text for rows in apart_from for text in _texts(rows)}
    texts = _texts(train)
    said: dict[Text, int] = {}  # text -> its label; -1: rows disagree about it
    for text, label in zip(texts, train.labels, strict=True):
        if said.setdefault(text, label) != label:
            said[text] = -1
    by_label: list[list[Text]] = [[] for _ in labels]
    for text, label in said.items():
        if label >= 0 and text not in hidden:
            by_label[label].append(text)
    draw = random.Random(f"shots {seed}")  # noqa: S311 - a draw, not a secret
    chosen: list[list[Shot]] = []
    for name, found in zip(labels, by_label, strict=True):
        if len(found) < per_class:
            raise DataError(
                f"prompt.shots_per_class={per_class} is more than the {len(found)} different train texts of label "
                f"{name} that no other label and no other split holds; type prompt.shots_per_class={len(found)}"
            )
        chosen.append([Shot(text, name) for text in draw.sample(found, per_class)])
    rounds = [list(shots) for shots in zip(*chosen, strict=True)]
    for shots in rounds:
        draw.shuffle(shots)
    return [shot for shots in rounds for shot in shots]


def _texts(rows: LabelledRows) -> list[Text]:
    if rows.pairs is None:
        return list(rows.texts)
    return list(zip(rows.texts, rows.pairs, strict=True))

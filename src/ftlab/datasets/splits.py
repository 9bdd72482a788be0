"""Rows of text with labels, in three splits that know their digest."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.compact import RowIds, Texts


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one split, as sequences of equal length (``Texts``, ``RowIds`` and arrays where they are many).

    ``ids`` are stable: ``train:17`` is row 17 of the file (or hub split) given as train, counted from 1 without the
    header, also where the row was split off for val or test. Bundled data sets bring their own ids.
    """

    texts: Sequence[str]
    pairs: Sequence[str] | None  # second texts; None: single texts
    labels: Sequence[int]  # in [0, number of labels)
    ids: Sequence[str]
    # Hash of the group of each row, where dataset.group_column names one: equal for rows that belong together.
    groups: Sequence[int] | None = field(default=None, compare=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    def where(self, mask: NDArray[np.bool_]) -> Rows:
        """Return the rows where ``mask`` (N,) is true, in the same order."""
        chosen = mask.tobytes()  # one byte per row, 0 or 1
        return Rows(
            texts=_where(self.texts, chosen),
            pairs=None if self.pairs is None else _where(self.pairs, chosen),
            labels=_where(self.labels, chosen),
            ids=_where(self.ids, chosen),
            groups=None if self.groups is None else _where(self.groups, chosen),
        )

    def mapped(self, change: Callable[[Any], Any]) -> Rows:
        """Return the same rows with ``change`` applied to each text, or to each pair of texts."""
        if self.pairs is None:
            return replace(self, texts=Texts(change(text) for text in self.texts))
        changed = [change(pair) for pair in zip(self.texts, self.pairs, strict=True)]
        return replace(self, texts=Texts(first for first, _ in changed), pairs=Texts(second for _, second in changed))

    def counts(self, num_labels: int) -> list[int]:
        """Return the number of rows per label, (num_labels,)."""
        counts = [0] * num_labels
        for label in self.labels:
            counts[label] += 1
        return counts


def _where(values: Sequence[Any], chosen: bytes) -> Any:  # noqa: ANN401 - the kind that came in
    if isinstance(values, (Texts, RowIds)):
        return values.where(chosen)
    kept = compress(values, chosen)
    return array(values.typecode, kept) if isinstance(values, array) else list(kept)


@dataclass(frozen=True, slots=True)
class Splits:
    """A data set ready to be tokenised."""

    name: str
    train: Rows
    val: Rows
    test: Rows
    labels: list[str]  # names, in the order of their numbers
    digest: str  # sha256 over the rows of all splits
    test_digest: str  # sha256 over the test rows
    duplicate_rows: int  # train rows that repeat an earlier train row, character for character
    leaked_rows: int  # test rows whose text stood in train, counted before on_leak=drop took those train rows out
    notes: list[str]  # sentences for the user


def digest_rows(labels: Sequence[str], *splits: Rows) -> str:
    """Return the sha256 over texts, pairs and label names of ``splits``, in order.

    File format, column names and row numbers leave it as it is; the order of the rows does not, since training sees it.
    """
    digest = hashlib.sha256()
    named = [_measured(name) for name in labels]
    for rows in splits:
        digest.update(f"rows {len(rows)}\n".encode())
        for position, (label, text) in enumerate(zip(rows.labels, rows.texts, strict=True)):
            pair = b"" if rows.pairs is None else _measured(rows.pairs[position])
            digest.update(named[label] + _measured(text) + pair)
    return digest.hexdigest()


def _measured(text: str) -> bytes:
    encoded = text.encode()
    return b"%d:%b" % (len(encoded), encoded)  # the length keeps ("ab", "c") and ("a", "bc") apart

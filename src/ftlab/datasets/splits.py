"""Rows of text with labels, in three splits that know their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one split, as four lists of equal length.

    ``ids`` are stable: ``train:17`` is row 17 of the file (or hub split) given as train, counted from 1 without the
    header, also where the row was split off for val or test. Bundled data sets bring their own ids.
    """

    texts: list[str]
    pairs: list[str] | None  # second texts; None: single texts
    labels: list[int]  # in [0, number of labels)
    ids: list[str]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    def where(self, mask: NDArray[np.bool_]) -> Rows:
        """Return the rows where ``mask`` (N,) is true, in the same order."""
        return Rows(
            texts=list(compress(self.texts, mask)),
            pairs=None if self.pairs is None else list(compress(self.pairs, mask)),
            labels=list(compress(self.labels, mask)),
            ids=list(compress(self.ids, mask)),
        )

    def counts(self, num_labels: int) -> list[int]:
        """Return the number of rows per label, (num_labels,)."""
        counts = [0] * num_labels
        for label in self.labels:
            counts[label] += 1
        return counts


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
    for rows in splits:
        digest.update(f"rows {len(rows)}\n".encode())
        for position, text in enumerate(rows.texts):
            fields = [labels[rows.labels[position]], text]
            if rows.pairs is not None:
                fields.append(rows.pairs[position])
            for encoded in (field.encode() for field in fields):
                digest.update(b"%d:" % len(encoded))  # the length keeps ("ab", "c") and ("a", "bc") apart
                digest.update(encoded)
    return digest.hexdigest()

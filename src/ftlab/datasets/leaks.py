"""Rows seen twice: duplicates within train, and test texts that stand in train."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.splits import Rows


def count_duplicates(rows: Rows) -> int:
    """Return how many rows repeat an earlier one, character for character."""
    # Equal texts have equal hashes: only the few that share one are compared, so no set of all texts is held.
    texts = rows.texts if rows.pairs is None else zip(rows.texts, rows.pairs, strict=True)
    hashes = np.fromiter(map(hash, texts), np.int64, len(rows))
    values, counts = np.unique(hashes, return_counts=True)
    shared = rows.where(np.isin(hashes, values[counts > 1]))
    return len(shared) - len(set(zip(shared.texts, shared.pairs or shared.texts, strict=True)))


def find_leaks(train: Rows, test: Rows) -> tuple[int, NDArray[np.bool_]]:
    """Find test texts that stand in train, whatever their label, after folding whitespace and case.

    Returns:
        the number of test rows concerned, and which train rows hold them, (rows of train,).
    """
    tested: dict[str, int] = {}
    for position in range(len(test)):
        key = _folded(test, position)
        tested[key] = tested.get(key, 0) + 1
    found: set[str] = set()
    holds = np.zeros(len(train), np.bool_)
    for position in range(len(train)):
        key = _folded(train, position)
        if key in tested:
            found.add(key)
            holds[position] = True
    return sum(tested[key] for key in found), holds


def _folded(rows: Rows, position: int) -> str:
    folded = " ".join(rows.texts[position].split()).casefold()
    if rows.pairs is None:
        return folded
    return f"{folded}\0{' '.join(rows.pairs[position].split()).casefold()}"  # no text holds a NUL

"""Rows that must not be torn apart by a split: those of one group, or those with the same text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.splits import Rows


def keys_of(rows: Rows) -> NDArray[np.int64]:
    """Return a number per row, (N,), equal for rows that belong together.

    These are the rows of one group where the rows have groups, else those with the same text as ``folded_hashes`` sees
    it. The numbers are hashes of this process: only which of them are equal means anything.
    """
    if rows.groups is not None:
        return np.fromiter(rows.groups, np.int64, len(rows))
    return folded_hashes(rows)


def folded_hashes(rows: Rows) -> NDArray[np.int64]:
    """Return the hash of each text, or pair of texts, with case and white space folded, (N,)."""
    # 64 bits: two different texts of a million share one with a chance of 3e-8.
    if rows.pairs is None:
        return np.fromiter((hash(_folded(text)) for text in rows.texts), np.int64, len(rows))
    pairs = zip(rows.texts, rows.pairs, strict=True)
    return np.fromiter((hash((_folded(text), _folded(pair))) for text, pair in pairs), np.int64, len(rows))


def exact_hashes(rows: Rows) -> NDArray[np.int64]:
    """Return the hash of each text, or pair of texts, as it is, (N,)."""
    texts = rows.texts if rows.pairs is None else zip(rows.texts, rows.pairs, strict=True)
    return np.fromiter(map(hash, texts), np.int64, len(rows))


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def draw_groups(
    order: NDArray[np.int64], keys: NDArray[np.int64], labels: Sequence[int], quotas: Sequence[int], room: Sequence[int]
) -> NDArray[np.bool_]:
    """Draw whole groups until ``quotas[label]`` rows of each label are drawn, as nearly as the groups allow.

    A group is as early as the earliest of its rows. Groups that fit into what is left of the quotas are taken in this
    order; then those that bring the rows drawn nearer to the quotas. A first group is taken even where it does not.

    Args:
        order: positions of the rows (N,) in the order in which they are drawn.
        keys: equal for the rows of one group, (N,).
        labels: N label numbers.
        quotas: wanted rows per label.
        room: most rows per label.

    Returns:
        which rows are drawn, (N,).
    """
    members, bounds = _grouped(order, keys)
    names = np.fromiter(labels, np.int64, len(labels))[members].tolist()
    taken, drawn = [0] * len(quotas), np.zeros(len(members), np.bool_)
    left: list[tuple[int, int]] = []
    for start, end in pairwise(bounds):
        inside = names[start:end]
        if all(
            taken[label] + (1 if end - start == 1 else inside.count(label)) <= quotas[label] for label in set(inside)
        ):
            _take(inside, taken)
            drawn[members[start:end]] = True
        else:
            left.append((start, end))
    for start, end in left:
        inside = names[start:end]
        if _change(inside, taken, quotas) < 0 and _fits(inside, taken, room):
            _take(inside, taken)
            drawn[members[start:end]] = True
    if not drawn.any():
        fitting = [(start, end) for start, end in left if _fits(names[start:end], taken, room)]
        for start, end in sorted(fitting, key=lambda place: _change(names[slice(*place)], taken, quotas))[:1]:
            drawn[members[start:end]] = True
    return drawn


def _grouped(order: NDArray[np.int64], keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[int]]:
    """Return the positions of the rows, group after group, and where each group begins (with the end as the last)."""
    _, first, inverse = np.unique(keys[order], return_index=True, return_inverse=True)
    ranks = first[inverse]
    together = np.argsort(ranks, kind="stable")
    begins = np.flatnonzero(np.diff(ranks[together], prepend=-1))
    return order[together], [*begins.tolist(), len(order)]


def _take(inside: list[int], taken: list[int]) -> None:
    for label in inside:
        taken[label] += 1


def _fits(inside: list[int], taken: list[int], room: Sequence[int]) -> bool:
    return all(taken[label] + inside.count(label) <= room[label] for label in set(inside))


def _change(inside: list[int], taken: list[int], quotas: Sequence[int]) -> int:
    """Return by how many rows the distance from the quotas would grow; negative where it would shrink."""
    return sum(
        abs(quotas[label] - taken[label] - inside.count(label)) - abs(quotas[label] - taken[label])
        for label in set(inside)
    )

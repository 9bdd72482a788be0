"""Stratified drawing: which rows go to which split, by label, the same on every machine and in every version.

A row's rank is the blake2b hash of seed and row id, not a draw of a random generator: adding rows at the end of a
file leaves the order of the others as it was, a larger limit contains the smaller one, and no library update moves a
split.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.groups import draw_groups, keys_of
from ftlab.datasets.splits import Rows


def draw_order(ids: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Return the positions of ``ids`` (N,) in the order in which rows are drawn."""
    prefix = hashlib.blake2b(f"{seed}:".encode(), digest_size=8)

    def rank(name: str) -> int:
        digest = prefix.copy()
        digest.update(name.encode())
        return int.from_bytes(digest.digest())

    ranks = np.fromiter((rank(name) for name in ids), np.uint64, len(ids))
    return np.argsort(ranks, kind="stable")


def apportion(shares: Sequence[float], total: int, room: Sequence[int]) -> list[int]:
    """Round ``shares`` to whole rows that add up to ``total`` where ``room`` allows it (largest remainder method).

    Each number is its share rounded down or up, or ``room`` where that is smaller: so every label is within one row
    of its share.

    Args:
        shares: wanted rows per label, fractions included.
        total: wanted sum.
        room: most rows per label.
    """
    quotas = [min(math.floor(share), most) for share, most in zip(shares, room, strict=True)]
    by_remainder = sorted(range(len(shares)), key=lambda i: (math.floor(shares[i]) - shares[i], i))
    for label in by_remainder:
        if sum(quotas) >= total:
            break
        if quotas[label] < min(math.ceil(shares[label]), room[label]):
            quotas[label] += 1
    return quotas


def draw(rows: Rows, quotas: Sequence[int], seed: int) -> NDArray[np.bool_]:
    """Draw ``quotas[label]`` rows of each label, or all there are; return which rows are drawn, (N,)."""
    order = draw_order(rows.ids, seed)
    labels = np.fromiter(rows.labels, np.int64, len(rows))[order]
    drawn = np.zeros(len(rows), np.bool_)
    for label, quota in enumerate(quotas):
        drawn[order[labels == label][:quota]] = True
    return drawn


def split_off(rows: Rows, fraction: float, of: Sequence[int], seed: int) -> tuple[Rows, Rows]:
    """Split ``fraction`` of a data set off ``rows``, stratified; no label loses its last row.

    Rows that belong together stay together: those of one group where the rows have groups, else those whose texts are
    equal but for case and white space. Where each row stands alone, each label gets its share to the row.

    Args:
        rows: what is left of the data set.
        fraction: of the whole data set, in (0, 1).
        of: rows per label of the whole data set, so that two splits made after each other get what each asked for.
        seed: of the draw.

    Returns:
        the rows split off, and the rest.
    """
    shares = [count * fraction for count in of]
    room = [max(count - 1, 0) for count in rows.counts(len(of))]
    quotas = apportion(shares, max(1, round(sum(of) * fraction)), room)
    drawn = _draw_together(rows, quotas, room, seed)
    return rows.where(drawn), rows.where(~drawn)


def _draw_together(rows: Rows, quotas: Sequence[int], room: Sequence[int], seed: int) -> NDArray[np.bool_]:
    keys = keys_of(rows)
    if len(np.unique(keys)) == len(rows):
        del keys
        return draw(rows, quotas, seed)
    return draw_groups(draw_order(rows.ids, seed), keys, rows.labels, quotas, room)


def limit_rows(rows: Rows, most: int, num_labels: int, seed: int) -> Rows:
    """Return ``most`` of the rows, stratified; all of them where there are no more."""
    if len(rows) <= most:
        return rows
    counts = rows.counts(num_labels)
    quotas = apportion([count * most / len(rows) for count in counts], most, counts)
    return rows.where(draw(rows, quotas, seed))


def limit_per_label(rows: Rows, most: int, num_labels: int, seed: int) -> Rows:
    """Return ``most`` rows of each label; all rows of a label that has no more."""
    return rows.where(draw(rows, [most] * num_labels, seed))

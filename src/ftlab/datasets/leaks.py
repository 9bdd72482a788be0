"""Rows seen twice: duplicates within train, and rows of one split that stand in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.groups import exact_hashes, folded_hashes
from ftlab.datasets.splits import Rows
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

# The split that rows would be taken out of, the split they stand in too, and what that does.
PAIRS = (
    ("val", "test", "the choice of the best epoch has seen them"),
    ("train", "test", "test scores flatter"),
    ("train", "val", "val scores flatter"),
)


def count_duplicates(rows: Rows) -> int:
    """Return how many rows repeat an earlier one, character for character."""
    # Equal texts have equal hashes: only the few that share one are compared, so no set of all texts is held.
    hashes = exact_hashes(rows)
    values, counts = np.unique(hashes, return_counts=True)
    shared = rows.where(np.isin(hashes, values[counts > 1]))
    return len(shared) - len(set(zip(shared.texts, shared.pairs or shared.texts, strict=True)))


@dataclass(frozen=True, slots=True)
class Overlap:
    """What one split shares with another."""

    exact: int  # rows of the other split whose text stands here to the letter
    folded: int  # further rows of the other split whose text stands here but for case and white space
    holds: NDArray[np.bool_]  # which rows here have such a text, (rows here,)

    @property
    def rows(self) -> int:
        """Rows of the other split concerned."""
        return self.exact + self.folded


def find_overlap(here: Rows, other: Rows) -> Overlap:
    """Find texts of ``other`` that stand in ``here``, whatever their label."""
    mine, theirs = folded_hashes(here), folded_hashes(other)
    holds, seen = np.isin(mine, theirs), np.isin(theirs, mine)
    both = int(seen.sum())
    if not both:
        return Overlap(0, 0, holds)
    exact = int(np.isin(exact_hashes(other.where(seen)), exact_hashes(here.where(holds))).sum())
    return Overlap(exact, both - exact, holds)


def answer_leaks(
    cfg: DatasetConfig, rows: dict[str, Rows], notes: list[str], pairs: Sequence[tuple[str, str, str]] = PAIRS
) -> int:
    """Find what the splits share, and do with it what ``on_leak`` says: warn, drop (in place), or fail.

    Shared are texts, and groups where ``group_column`` is set: both count alike, since a model that knows a group from
    training is not tested on strangers. Dropping takes rows out of train that stand in val or test, and out of val
    those that stand in test; test is never touched. ``pairs`` are the splits to compare.

    Returns:
        the number of test rows whose text stands in train, before any row was dropped.

    Raises:
        DataError: ``on_leak=fail`` and something is shared, or nothing is left of val.
    """
    leaked, found = 0, []
    for here, other, effect in pairs:
        overlap = find_overlap(rows[here], rows[other])
        if (here, other) == ("train", "test"):
            leaked = overlap.rows
        if overlap.rows:
            kinds = f"({overlap.exact} to the letter, {overlap.folded} but for case or spaces)"
            told = f"{overlap.rows} of {len(rows[other])} {other} texts stand in {here} {kinds}"
            found.append(_answer(cfg, rows, here, overlap.holds, told, effect))
        if rows[here].groups is not None and len(rows[here]):
            mine, theirs = np.asarray(rows[here].groups), np.asarray(rows[other].groups)
            if shared := int(np.isin(theirs, mine).sum()):
                told = f"{shared} of {len(theirs)} {other} rows share their {cfg.group_column} with rows of {here}"
                found.append(_answer(cfg, rows, here, np.isin(mine, theirs), told, effect))
    if found and cfg.on_leak == "fail":
        raise DataError(*found)
    if not len(rows["val"]):
        raise DataError("dataset.on_leak=drop leaves no row of val; give another dataset.val, or dataset.val=null")
    notes.extend(found)
    return leaked


def _answer(
    cfg: DatasetConfig, rows: dict[str, Rows], here: str, holds: NDArray[np.bool_], told: str, effect: str
) -> str:
    """Return the sentence for what two splits share, after dropping it where that is wanted."""
    if cfg.on_leak == "fail":
        return (
            f"{told} (first: {rows[here].ids[int(holds.argmax())]}), and dataset.on_leak=fail; type "
            f"dataset.on_leak=drop to take them out of {here}, or dataset.on_leak=warn to go on"
        )
    if cfg.on_leak == "drop":
        rows[here] = rows[here].where(~holds)
        return f"{told}; dataset.on_leak=drop took {holds.sum()} rows out of {here}"
    return f"{told}, so {effect}; take them out of {here} with dataset.on_leak=drop"

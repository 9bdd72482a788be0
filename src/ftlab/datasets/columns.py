"""What every source gives: the wanted columns of one split, by role, and the sentence for one that is missing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftlab.errors import DataError, closest

# What people call these columns, the commonest first.
_USUAL = {
    "text_column": ("text", "sentence", "review", "content", "body", "message", "tweet", "comment", "url", "document"),
    "text_pair_column": ("text_pair", "sentence2", "hypothesis", "question2", "answer", "title"),
    "label_column": ("label", "labels", "class", "target", "sentiment", "category", "stance", "intent", "y"),
}
_MOST_NAMED = 20  # columns listed in a sentence


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one split as read: text, integer, boolean, float or None per value."""

    values: dict[str, list[Any]]  # by role: text_column, label_column, ...; equal lengths
    rows: Sequence[int]  # row number of each value, counted from 1 without the header
    label_names: list[str] | None = None  # that the source itself carries, in the order of their numbers
    notes: list[str] = field(default_factory=list)


def check_columns(where: str, wanted: Mapping[str, str], found: Sequence[str]) -> None:
    """Check that the columns of all roles are there.

    Args:
        where: the file or hub split, as the user typed it.
        wanted: role to column name; a role is a key of ``dataset.*``.
        found: the columns that are there.

    Raises:
        DataError: one is missing; the sentence lists those found and the override to type.
    """
    sentences = []
    listed = ", ".join(found[:_MOST_NAMED]) + (", ..." if len(found) > _MOST_NAMED else "") or "none"
    free = [name for name in found if name not in wanted.values()]
    for role, column in wanted.items():
        if column in found:
            continue
        guess = _guess(role, column, free)
        free = [name for name in free if name != guess]  # one column is not both text and label
        remedy = f"type {shlex.quote(f'dataset.{role}={guess}')}" if guess else "give a file that has it"
        sentences.append(f"{where} has no column {column!r} (dataset.{role}); it has: {listed}; {remedy}")
    if sentences:
        raise DataError(*sentences)


def _guess(role: str, column: str, free: Sequence[str]) -> str | None:
    if near := closest(column, free):
        return near
    lowered = {name.lower(): name for name in free}
    for usual in _USUAL.get(role, ()):
        if usual in lowered:
            return lowered[usual]
    return free[0] if free else None

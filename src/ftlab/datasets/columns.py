"""What every source gives: the wanted columns of one split, by role, and the sentence for one that is missing."""

from __future__ import annotations

import json
import shlex
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftlab.datasets.compact import Texts
from ftlab.errors import DataError, closest

# What people call these columns, the commonest first.
USUAL = {
    "text_column": ("text", "sentence", "review", "content", "body", "message", "tweet", "comment", "url", "document"),
    "text_pair_column": ("text_pair", "sentence2", "hypothesis", "question2", "answer", "title"),
    "label_column": ("label", "labels", "class", "target", "sentiment", "category", "stance", "intent", "y"),
    "messages_column": ("messages", "conversations", "conversation", "message", "chat", "dialog", "dialogue", "turns"),
    "prompt_column": ("prompt", "question", "query", "instruction", "input", "idea"),
    "completion_column": ("completion", "answer", "response", "output", "reply", "target", "post"),
    "group_column": ("group", "author", "user", "user_id", "source", "document", "thread", "patient"),
}
NESTED = ("messages_column", "history")  # roles whose values may be lists of objects, kept as JSON
OPTIONAL = ("input", "system", "history")  # roles whose column need not be there
_MOST_NAMED = 20  # columns listed in a sentence
_LONGEST_NAME = 60  # characters of a name in a sentence: a file without a header has a whole text there


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one split as read.

    Text roles hold text (``Texts``, or a list); ``label_column`` text, integers, booleans, floats or None.
    """

    values: dict[str, Any]  # by role: text_column, label_column, ...: sequences of equal lengths
    rows: Sequence[int]  # row number of each value in its file, counted from 1 without the header
    label_names: list[str] | None = None  # that the source itself carries, in the order of their numbers
    notes: list[str] = field(default_factory=list)
    files: list[tuple[str, int]] = field(default_factory=list)  # file, and position of its first row; empty: one source
    found: list[str] | None = None  # every column of the source, where it has one list of them

    def place(self, position: int, where: str) -> str:
        """Return file and row of a value for a sentence; ``where`` is the file of a source that is one."""
        if self.files:
            where = self.files[bisect_right(self.files, position, key=lambda pair: pair[1]) - 1][0]
        return f"{where} row {self.rows[position]}"


class MissingColumnError(DataError):
    """A wanted column is not there; ``found`` are the columns that are."""

    def __init__(self, found: Sequence[str], *sentences: str) -> None:
        super().__init__(*sentences)
        self.found = list(found)


class Collector:
    """Takes rows one by one and keeps their wanted columns in little memory.

    Args:
        wanted: role to column name.
    """

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._values: list[Any] = [[] if role == "label_column" else Texts() for role in wanted]
        self._roles = list(wanted)
        self._rows = array("I")
        self._same: dict[str, str] = {}  # one string object per label, however many rows
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, fields: Iterable[Any], row: int | None = None) -> None:
        """Add a row: a value per role, in their order; ``row`` is its number where that is not the next one."""
        for role, values, value in zip(self._roles, self._values, fields, strict=True):
            if role == "label_column" and isinstance(value, str):
                value = self._same.setdefault(value, value)
            elif role == "group_column" and isinstance(value, (bool, int)):
                value = str(value)
            elif role in NESTED and isinstance(value, (list, dict)):
                value = json.dumps(value, ensure_ascii=False, default=str)
            values.append(value)
        self._count += 1
        if row is not None:
            self._rows.append(row)

    @property
    def size(self) -> int:
        """Bytes of text kept."""
        return sum(values.size for values in self._values if isinstance(values, Texts))

    def columns(self, where: str, names: list[str] | None = None, found: list[str] | None = None) -> Columns:
        """Return what was added."""
        rows = self._rows or range(1, self._count + 1)
        values = dict(zip(self._roles, self._values, strict=True))
        return Columns(values, rows, names, [], [(where, 0)], found)


def collect(role: str, values: Iterable[Any]) -> Any:  # noqa: ANN401 - Texts, or a list of labels
    """Return one column by itself, as a ``Collector`` would keep it."""
    collector = Collector({role: role})
    for value in values:
        collector.add((value,))
    return collector.columns("").values[role]


def join(parts: Sequence[Columns], key: str) -> Columns:
    """Return the rows of several files as one split, in their order.

    Raises:
        DataError: the files do not have the same columns, or not the same label names.
    """
    first, *others = parts
    if not others:
        return first
    rows, files, notes = array("I", first.rows), list(first.files), list(first.notes)
    for part in others:
        name = part.files[0][0]
        if part.found is not None and first.found is not None and set(part.found) != set(first.found):
            raise DataError(
                f"{name} has the columns {listed_columns(part.found)}, and {files[0][0]} has "
                f"{listed_columns(first.found)}; files of "
                f"one split have the same columns, so name fewer files with {key}"
            )
        if part.label_names != first.label_names:
            raise DataError(f"{name} carries other label names than {files[0][0]}; type dataset.labels=[<name>,<name>]")
        files.append((name, len(rows)))
        rows.extend(part.rows)
        notes += part.notes
        for role, values in first.values.items():
            values.extend(part.values[role])
    return Columns(first.values, rows, first.label_names, notes, files, first.found)


def check_columns(where: str, wanted: Mapping[str, str], found: Sequence[str]) -> None:
    """Check that the columns of all roles are there, each once.

    Args:
        where: the file or hub split, as the user typed it.
        wanted: role to column name; a role is a key of ``dataset.*``.
        found: the columns that are there.

    Raises:
        MissingColumnError: one is missing; the sentence lists those found and the override to type.
    """
    sentences = []
    free = [name for name in found if name not in wanted.values()]
    for role, column in wanted.items():
        if found.count(column) == 1 or (role in OPTIONAL and column not in found):
            continue
        if column in found:
            sentences.append(
                f"{where} has {found.count(column)} columns called {column!r}; give each a name of its own"
            )
            continue
        guess = _guess(role, column, free)
        free = [name for name in free if name != guess]  # one column is not both text and label
        fits = guess is not None and len(guess) <= _LONGEST_NAME
        remedy = f"type {shlex.quote(f'dataset.{role}={guess}')}" if fits else "give a file that has it"
        sentences.append(
            f"{where} has no column {column!r} (dataset.{role}); it has: {listed_columns(found)}; {remedy}"
        )
    if sentences:
        raise MissingColumnError(found, *sentences)


def listed_columns(found: Sequence[str]) -> str:
    """Return column names for a sentence: the first of many, and the beginning of long ones."""
    names = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..." for name in found[:_MOST_NAMED]]
    return ", ".join(names) + (", ..." if len(found) > _MOST_NAMED else "") or "none"


def _guess(role: str, column: str, free: Sequence[str]) -> str | None:
    if near := closest(column, free[:1000]):
        return near
    lowered = {name.lower(): name for name in free}
    for usual in USUAL.get(role, ()):
        if usual in lowered:
            return lowered[usual]
    return free[0] if free else None


def standard_columns(wanted: Mapping[str, str], found: Sequence[str]) -> dict[str, str]:
    """Return ``wanted`` with ftlab's own names where a file has those and not the names the hub data set uses."""
    own = {"text_column": "text", "label_column": "label"}
    return {
        role: own[role]
        if role in own and column not in found and own[role] in found and closest(column, found) in (None, own[role])
        else column
        for role, column in wanted.items()
    }

"""Rows in chunks whose borders depend on nothing but the rows before them, so that a resumed run cuts them alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ftlab.errors import DataError
from ftlab.streams.delimited import Placed, Row
from ftlab.streams.readers import Source

MOST_ROWS = 2048  # per chunk: what is computed again after an interruption, at most
MOST_CHARACTERS = 16_000_000  # of text per chunk, so that memory stays bounded however long the texts are


@dataclass(frozen=True, slots=True)
class Chunk:
    """N rows in a row.

    Args:
        rows: with all their columns.
        texts: the text of each row, or its pair; None where there is none to predict.
    """

    rows: list[Row]
    texts: list[str | tuple[str, str] | None]

    def digest(self, before: str) -> str:
        """Return the digest of all rows up to the end of this chunk, given that of the rows before it."""
        held = json.dumps([list(row.items()) for row in self.rows], default=str)
        return hashlib.sha256(f"{before}\n{held}".encode()).hexdigest()


def chunks(source: Source, column: str, pair_column: str | None = None) -> Iterator[Chunk]:
    """Cut the rows of ``source`` into chunks of ``MOST_ROWS``, or fewer where their texts are long.

    A row whose text is null, missing or blank has no text to predict; its row is kept.

    Raises:
        DataError: a text is no text, or holds what no text holds, with its place.
    """
    wanted = [column] if pair_column is None else [column, pair_column]
    rows: list[Row] = []
    texts: list[str | tuple[str, str] | None] = []
    characters = 0
    for placed in source.rows:
        parts = [_text(source, placed, name) for name in wanted]
        found = [part for part in parts if part is not None]
        whole = len(found) == len(wanted)
        rows.append(placed[1])
        texts.append(None if not whole else found[0] if pair_column is None else (found[0], found[1]))
        characters += sum(map(len, found))
        if len(rows) == MOST_ROWS or characters >= MOST_CHARACTERS:
            yield Chunk(rows, texts)
            rows, texts, characters = [], [], 0
    if rows:
        yield Chunk(rows, texts)


def _text(source: Source, placed: Placed, name: str) -> str | None:
    number, row = placed
    value: Any = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise DataError(
            f"{source.place(number)} column {name!r} holds {value!r:.40}, which is no text; put it in quotes, or name "
            "another column with text_column=<column>"
        )
    if "\0" in value:
        raise DataError(f"{source.place(number)} column {name!r} holds a NUL character; remove it")
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise DataError(f"{source.place(number)} column {name!r} holds half a character (a surrogate); remove it")
    return value if value.strip() else None


def check_columns(source: Source, row: Row, wanted: list[tuple[str, str]], added: list[str]) -> None:
    """Refuse rows that lack the text, or have a column already that would be added.

    Args:
        source: for the sentence.
        row: one of them.
        wanted: (key of the configuration, column).
        added: names of the columns to be added.

    Raises:
        DataError: one sentence per fault.
    """
    listed = ", ".join(row) or "none"
    faults = [
        f"{source.shown} has no column {column!r}; its columns: {listed}; write {key}=<column>"
        for key, column in wanted
        if column not in row
    ]
    clash = next((column for column in added if column in row), None)
    if clash is not None:
        faults.append(f"{source.shown} has a column {clash!r} already; write prefix=new_ to add new_{clash} instead")
    if faults:
        raise DataError(*faults)

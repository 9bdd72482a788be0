"""Predicted rows as bytes to append, one chunk at a time, and the finished file made of them.

Text formats are appended as they will stand. Parquet cannot be appended to, so its chunks are appended as Arrow
streams, and become one parquet file at the end.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import struct
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any, Protocol

from ftlab.errors import DataError
from ftlab.streams.delimited import Row

_SIZE = struct.Struct("<Q")


class Writer(Protocol):
    """One format."""

    columns: list[str] | None  # fixed by the first chunk where the format needs that; kept in the state file

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return what is appended for ``rows``."""

    def finish(self, partial: Path, target: Path) -> None:
        """Make ``target`` of what was appended to ``partial``."""


def make_writer(kind: str, output: str, schema: Any, added: dict[str, type]) -> Writer:  # noqa: ANN401 - pyarrow's
    """Return the writer of a format.

    Args:
        kind: jsonl, csv, tsv or parquet.
        output: its name, for sentences.
        schema: of a parquet input, whose columns keep their types in parquet; else None.
        added: added columns with their types, str or float.
    """
    if kind == "parquet":
        from ftlab.streams.parquet import ParquetWriter

        return ParquetWriter(schema, added)
    return JsonLines() if kind == "jsonl" else Delimited("\t" if kind == "tsv" else ",", output)


class JsonLines:
    """One JSON object per line."""

    columns: list[str] | None = None

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return one line per row; what JSON has no kind for is written as text."""
        return b"".join(map(_json_line, rows))

    def finish(self, partial: Path, target: Path) -> None:
        """Give the file its name."""
        partial.replace(target)


def _json_line(row: Row) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, default=_plain).encode() + b"\n"
    except UnicodeEncodeError:  # half a character in another column
        return json.dumps(row, default=_plain).encode() + b"\n"


def _plain(value: object) -> str:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


class Delimited:
    """Csv or tsv with a header; the columns are those of the first chunk."""

    def __init__(self, delimiter: str, output: str) -> None:
        self.columns: list[str] | None = None
        self._delimiter = delimiter
        self._output = output

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return one line per row, the header before the first; lists and objects as JSON, null as nothing.

        Raises:
            DataError: a row has a column that the header does not have.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self._delimiter, lineterminator="\n")
        if self.columns is None:
            self.columns = list(dict.fromkeys(name for row in rows for name in row))
            writer.writerow(self.columns)
        known = set(self.columns)
        for row in rows:
            new = next((name for name in row if name not in known), None)
            if new is not None:
                better = Path(self._output).with_suffix(".jsonl").name
                raise DataError(
                    f"{self._output} has its header already, and a later row has a column {new!r} besides; "
                    f"write output={better}, where rows may differ"
                )
            writer.writerow([_field(row.get(name)) for name in self.columns])
        return text.getvalue().encode("utf-8", "replace")

    def finish(self, partial: Path, target: Path) -> None:
        """Give the file its name."""
        partial.replace(target)


def _field(value: Any) -> Any:  # noqa: ANN401 - a cell
    if value is None or isinstance(value, (str, int, float)):
        return value
    return json.dumps(value, ensure_ascii=False, default=_plain) if isinstance(value, (list, dict)) else _plain(value)


def as_text(value: object) -> str | None:
    """Return a value of a column of mixed kinds as text: JSON, but for texts, which stay."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=_plain)


def framed(block: bytes) -> bytes:
    """Return ``block`` with its length before it."""
    return _SIZE.pack(len(block)) + block


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the blocks of a file of ``framed`` blocks."""
    while head := file.read(_SIZE.size):
        yield file.read(_SIZE.unpack(head)[0])

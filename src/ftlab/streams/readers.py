"""Inputs of each format as rows with all their columns, one after the other.

Csv and tsv fields stay text, whatever they look like. A blank line of csv or jsonl is no row; of plain text it is one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ftlab.errors import DataError
from ftlab.streams.delimited import Placed, check_header, quoting, read_delimited
from ftlab.streams.lines import numbered_lines, open_bytes, reading
from ftlab.streams.names import STDIN, input_kind

TEXT = "text"  # the one column of plain text
_BATCH = 1024  # rows taken out of a parquet file at a time


@dataclass(slots=True)
class Source:
    """An input, being read.

    Args:
        name: as the user typed it, ``-`` for a pipe.
        kind: csv, tsv, txt, jsonl, json or parquet.
        unit: what its rows' numbers count: ``line`` or ``row``.
        rows: each can be had once.
        schema: of a parquet file, so that its columns keep their types; else None.
    """

    name: str
    kind: str
    unit: str
    rows: Iterator[Placed]
    schema: Any = None

    @property
    def shown(self) -> str:
        """Its name in a sentence."""
        return "stdin" if self.name == STDIN else self.name

    def place(self, number: int) -> str:
        """Return how a sentence names a row."""
        return f"{self.shown} {self.unit} {number}"


@contextmanager
def open_source(name: str, kind: str | None = None) -> Iterator[Source]:
    """Open an input.

    Args:
        name: a file, or ``-`` for what is piped in.
        kind: its format; None: by its ending, and for a pipe jsonl where the first line begins with ``{``, else txt.

    Raises:
        DataError: it cannot be read; also while its rows are taken.
    """
    kind = kind or input_kind(name)
    shown = "stdin" if name == STDIN else name
    if kind == "parquet":
        with _open_parquet(name) as (rows, schema):
            yield Source(name, kind, "row", rows, schema)
        return
    file = open_bytes(name)
    with contextlib.nullcontext() if name == STDIN else file:
        lines = numbered_lines(file, shown)
        if kind is None:
            kind, lines = _told_by_first(lines)
        if kind == "json":
            yield Source(name, kind, "row", _json(file, shown))
        elif kind in ("csv", "tsv"):
            yield Source(name, kind, "line", read_delimited(lines, shown, kind, quoting(name, kind)))
        else:
            yield Source(name, kind, "line", _BY_LINE[kind](lines, shown))


def _told_by_first(lines: Iterator[tuple[int, str]]) -> tuple[str, Iterator[tuple[int, str]]]:
    seen: list[tuple[int, str]] = []
    for number, line in lines:
        seen.append((number, line))
        if line.strip():
            break
    kind = "jsonl" if seen and seen[-1][1].lstrip().startswith("{") else "txt"

    def all_lines() -> Iterator[tuple[int, str]]:
        yield from seen
        yield from lines

    return kind, all_lines()


def _plain(lines: Iterator[tuple[int, str]], name: str) -> Iterator[Placed]:
    for number, line in lines:
        yield number, {TEXT: line.rstrip("\r\n")}


def _jsonl(lines: Iterator[tuple[int, str]], name: str) -> Iterator[Placed]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name} line {number} is no JSON ({error}); write one object per line") from None
        if not isinstance(row, dict):
            raise DataError(f'{name} line {number} is no JSON object; write one per line: {{"text": ...}}')
        yield number, row


def _json(file: IO[bytes], name: str) -> Iterator[Placed]:
    # An array cannot be read in parts with the standard library: this format alone is held in memory.
    try:
        with reading(name):
            held = file.read()
        rows = json.loads(held.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} is no JSON ({error}); write an array of objects, or one per line as .jsonl") from None
    if not isinstance(rows, list):
        raise DataError(f'{name} is no JSON array; write [{{"text": ...}}, ...], or one object per line as .jsonl')
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise DataError(f'{name} row {number} is no JSON object; write [{{"text": ...}}, ...]')
        yield number, row


@contextmanager
def _open_parquet(name: str) -> Iterator[tuple[Iterator[Placed], Any]]:
    import pyarrow.parquet as pq  # late: the other formats do without

    with _reading_parquet(name):
        file = pq.ParquetFile(Path(name).expanduser())
        schema = file.schema_arrow.remove_metadata()
    with file:
        check_header(name, schema.names)
        yield _batches(file, name), schema


def _batches(file: Any, name: str) -> Iterator[Placed]:  # noqa: ANN401 - pyarrow has no types
    number, batches = 0, file.iter_batches(batch_size=_BATCH)
    while True:
        with _reading_parquet(name):
            batch = next(batches, None)
            rows = [] if batch is None else batch.to_pylist()
        if batch is None:
            return
        for row in rows:
            number += 1
            yield number, row


@contextmanager
def _reading_parquet(name: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{name} cannot be read as parquet ({first}); write the file again") from None


_BY_LINE: dict[str, Callable[[Iterator[tuple[int, str]], str], Iterator[Placed]]] = {"txt": _plain, "jsonl": _jsonl}

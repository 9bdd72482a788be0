"""The parquet output: chunks appended as Arrow streams, with one schema found for all of them at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ftlab.streams.delimited import Row
from ftlab.streams.writers import as_text, blocks, framed

_ADDED = {str: pa.string(), float: pa.float32()}


class ParquetWriter:
    """Columns of a parquet input keep their types; others get the narrowest that holds them, mixed kinds text."""

    def __init__(self, schema: Any, added: dict[str, type]) -> None:  # noqa: ANN401 - pyarrow has no types
        self.columns: list[str] | None = None
        self._known = {field.name: field.type for field in schema or ()}
        self._added = {name: _ADDED[kind] for name, kind in added.items()}

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return the rows as one framed Arrow stream."""
        names = dict.fromkeys(name for row in rows for name in row)
        table = pa.table({name: self._column(name, [row.get(name) for row in rows]) for name in names})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return framed(sink.getvalue().to_pybytes())

    def finish(self, partial: Path, target: Path) -> None:
        """Write the parquet file beside ``target``, give it its name, and remove what it was made of."""
        schema = self._order(_common([table.schema for table in _tables(partial)]))
        made = target.with_name(f"{target.name}.partial.parquet")
        with pq.ParquetWriter(made, schema, compression="zstd") as writer:
            for table in _tables(partial):
                writer.write_table(pa.table([_cast(table, field) for field in schema], schema=schema))
        with made.open("rb") as file:
            os.fsync(file.fileno())
        made.replace(target)
        partial.unlink()

    def _column(self, name: str, values: list[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
        kind = self._added.get(name, self._known.get(name))
        if kind is not None:
            return pa.array(values, kind)
        try:
            return pa.array(values)
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            texts = [as_text(value) for value in values]
            return pa.array([None if t is None else t.encode("utf-8", "replace").decode() for t in texts], pa.string())

    def _order(self, schema: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Put the added columns last: a later row may have brought a column more."""
        last = [field for field in schema if field.name in self._added]
        return pa.schema([*(field for field in schema if field.name not in self._added), *last])


def _tables(partial: Path) -> Iterator[Any]:
    with partial.open("rb") as file:
        for block in blocks(file):
            yield pa.ipc.open_stream(block).read_all()


def _common(schemas: list[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return one schema: numbers widened, columns of different kinds as text."""
    kinds: dict[str, Any] = {}
    for field in (field for schema in schemas for field in schema):
        before = kinds.get(field.name)
        kinds[field.name] = field.type if before is None else _wider(field.name, before, field.type)
    return pa.schema(list(kinds.items()))


def _wider(name: str, one: Any, other: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    if one == other:
        return one
    try:
        pair = [pa.schema([(name, one)]), pa.schema([(name, other)])]
        return pa.unify_schemas(pair, promote_options="permissive").field(name).type
    except pa.ArrowException:
        return pa.string()


def _cast(table: Any, field: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    if field.name not in table.column_names:
        return pa.nulls(len(table), field.type)
    column = table.column(field.name)
    if column.type == field.type or not pa.types.is_string(field.type):
        return column.cast(field.type)
    return pa.chunked_array([pa.array([as_text(value) for value in column.to_pylist()], pa.string())])

"""Reads parquet files: the wanted columns only, batch by batch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftlab.datasets.columns import NESTED, Collector, Columns, check_columns
from ftlab.datasets.text_files import MAX_RATIO
from ftlab.errors import DataError

_ROWS = 2048  # per batch: few enough that a batch of long texts is small
_FREE = 2**28  # bytes of text that a file may hold whatever its own size


def read_parquet(path: Path, wanted: Mapping[str, str]) -> Columns:
    """Read a parquet file; label names written by the ``datasets`` library are used.

    Raises:
        DataError: missing column, a column of another kind, or a file that is damaged.
    """
    import pyarrow as pa  # late: the other formats do without
    import pyarrow.parquet as pq

    collector = Collector(wanted)
    most = max(_FREE, path.stat().st_size * MAX_RATIO)
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            check_columns(str(path), wanted, schema.names)
            for role, name in wanted.items():
                _check_type(path, role, name, schema.field(name).type)
            for batch in file.iter_batches(_ROWS, columns=list(dict.fromkeys(wanted.values()))):
                for fields in zip(*(batch.column(name).to_pylist() for name in wanted.values()), strict=True):
                    collector.add(fields)
                if collector.size > most:
                    raise DataError(f"{path} holds more than {MAX_RATIO} times its size in texts; look what it holds")
            names = _carried_names((schema.metadata or {}).get(b"huggingface"), wanted.get("label_column", ""))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read as parquet ({first}); write the file again") from None
    return collector.columns(str(path), names, list(schema.names))


def _check_type(path: Path, role: str, name: str, kind: Any) -> None:  # noqa: ANN401 - a pyarrow type, untyped
    import pyarrow as pa

    held = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held)
    whole = pa.types.is_integer(held) or pa.types.is_boolean(held)
    if role in NESTED and pa.types.is_nested(held):
        return
    if text or pa.types.is_null(held) or (whole and role in ("label_column", "group_column")):
        return
    if role == "label_column":
        if pa.types.is_floating(held):
            return  # told by its first decimal, as in the other formats
        many = " (one label per row is supported, several are not)" if pa.types.is_nested(held) else ""
        raise DataError(
            f"{path} column {name!r} holds {kind}, not text, integers or booleans{many}; choose with "
            "dataset.label_column=<column>"
        )
    raise DataError(f"{path} column {name!r} holds {kind}, not text; choose with dataset.{role}=<column>")


def _carried_names(metadata: bytes | None, column: str) -> list[str] | None:
    """Return the ClassLabel names that the ``datasets`` library keeps in a parquet file's metadata."""
    part: Any = json.loads(metadata) if metadata else {}
    for key in ("info", "features", column, "names"):
        part = part.get(key) if isinstance(part, dict) else None
    return [str(name) for name in part] if isinstance(part, list) else None

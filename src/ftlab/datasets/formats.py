"""Files of rows: csv, tsv, jsonl and parquet, each read into the same columns."""

from __future__ import annotations

import difflib
import json
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ftlab.datasets.columns import Columns, check_columns
from ftlab.datasets.delimited import not_utf8, read_csv, read_tsv
from ftlab.errors import DataError


def is_file_name(value: str) -> bool:
    """Say whether ``value`` ends like a file that can be read, so that it is no split name of a hub data set."""
    return Path(value).suffix.lower() in READERS


def read_file(key: str, value: str, wanted: Mapping[str, str]) -> Columns:
    """Read the wanted columns of a file.

    Args:
        key: the option that names it, e.g. ``dataset.train``.
        value: the path as the user typed it.
        wanted: role to column name.

    Raises:
        DataError: missing, unreadable or unsupported file, missing column, broken row.
    """
    path = Path(value).expanduser()
    if not path.exists():
        raise DataError(_missing(key, path))
    if path.is_dir():
        inside = _listed(path)
        raise DataError(f"{key}={value} is a folder; name a file in it: {inside or 'it holds none that can be read'}")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{key}={value} ends in {path.suffix or 'nothing'}; give one of {', '.join(READERS)}")
    return reader(path, wanted)


def _missing(key: str, path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        while not folder.is_dir():
            folder = folder.parent
        return f"{key}={path} does not exist, nor does its folder; the last folder that exists is {folder.resolve()}"
    names = [entry.name for entry in folder.iterdir() if entry.is_file()]
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    if near:
        return f"{key}={path} does not exist; did you mean {key}={folder / near[0]}? Close names: {', '.join(near)}"
    held = _listed(folder)
    return f"{key}={path} does not exist; {folder.resolve()} holds {held or 'no csv, tsv, jsonl or parquet file'}"


def _listed(folder: Path, most: int = 8) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix.lower() in READERS)
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _read_jsonl(path: Path, wanted: Mapping[str, str]) -> Columns:
    """Read one JSON object per line; blank lines are skipped, and a row's number is its line."""
    kept: dict[str, list[Any]] = {role: [] for role in wanted}
    rows = array("L")
    same: dict[Any, Any] = {}  # one string object per label
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                record = _parse(path, number, line)
                if not rows:
                    check_columns(str(path), wanted, list(record))
                rows.append(number)
                for role, name in wanted.items():
                    value = record.get(name)
                    repeats = role == "label_column" and isinstance(value, str)
                    kept[role].append(same.setdefault(value, value) if repeats else value)
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None
    if not rows:
        raise DataError(f"{path} is empty; give a file with one JSON object per line")
    return Columns(kept, rows)


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} line {number} is no JSON ({error}); write one object per line") from None
    if not isinstance(record, dict):
        raise DataError(f'{path} line {number} is no JSON object; write one per line: {{"text": ..., "label": ...}}')
    return record


def _read_parquet(path: Path, wanted: Mapping[str, str]) -> Columns:
    """Read the wanted columns only, batch by batch; label names written by the ``datasets`` library are used."""
    import pyarrow as pa  # late: the other formats do without
    import pyarrow.parquet as pq

    kept: dict[str, list[Any]] = {role: [] for role in wanted}
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            check_columns(str(path), wanted, schema.names)
            for role, name in wanted.items():
                _check_type(path, role, name, schema.field(name).type)
            for batch in file.iter_batches(columns=list(dict.fromkeys(wanted.values()))):
                for role, name in wanted.items():
                    kept[role].extend(batch.column(name).to_pylist())
            names = _carried_names((schema.metadata or {}).get(b"huggingface"), wanted.get("label_column", ""))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read as parquet ({first}); write the file again") from None
    return Columns(kept, range(1, len(kept["text_column"]) + 1), names)


def _check_type(path: Path, role: str, name: str, kind: Any) -> None:  # noqa: ANN401 - a pyarrow type, untyped
    import pyarrow as pa

    held = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held)
    number = pa.types.is_integer(held) or pa.types.is_boolean(held) or pa.types.is_floating(held)
    if not (text or pa.types.is_null(held) or (number and role == "label_column")):
        wants = "text, integers or booleans" if role == "label_column" else "text"
        raise DataError(f"{path} column {name!r} holds {kind}, not {wants}; choose with dataset.{role}=<column>")


def _carried_names(metadata: bytes | None, column: str) -> list[str] | None:
    """Return the ClassLabel names that the ``datasets`` library keeps in a parquet file's metadata."""
    part: Any = json.loads(metadata) if metadata else {}
    for key in ("info", "features", column, "names"):
        part = part.get(key) if isinstance(part, dict) else None
    return [str(name) for name in part] if isinstance(part, list) else None


READERS: dict[str, Callable[[Path, Mapping[str, str]], Columns]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}

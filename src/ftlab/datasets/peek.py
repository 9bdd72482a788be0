"""The columns of a file, or of one record of it, before or apart from reading the file. Reads hardly anything."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from ftlab.datasets.columns import MissingColumnError
from ftlab.datasets.formats import READERS, file_ending
from ftlab.datasets.json_files import JsonStream, parse_line
from ftlab.datasets.text_files import lines, open_text
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig


def file_columns(path: Path, cfg: DatasetConfig) -> list[str]:
    """Return the columns of a file, of jsonl and json those of its first record; almost none of it is read.

    Raises:
        DataError: it cannot be read, or holds nothing.
    """
    ending = file_ending(path.name)
    assert ending is not None, path
    if ending == ".json":
        return _json_columns(path, (cfg.messages_column or "messages", "conversations", "history"))
    try:
        READERS[ending](path, {"text_column": "\0"})  # a column that no file has
    except MissingColumnError as error:
        return error.found
    raise AssertionError(f"{path} has a column called NUL")


def _json_columns(path: Path, nested: Sequence[str]) -> list[str]:
    """Return the columns of the first record of a json file of any of the shapes that ``read_json`` reads.

    Args:
        path: the file.
        nested: columns whose value may be an array of objects, which are then no records.

    Raises:
        DataError: broken JSON, or bytes that are not UTF-8.
    """
    with open_text(path) as file:
        stream = JsonStream(path, file)
        if stream.peek() == "[":
            first = next(stream.array(), None)
            if first is not None:
                return list(first) if isinstance(first, dict) else []
        elif stream.peek() == "{":
            return _of_object(stream, nested)
        raise DataError(f"{path} holds no records; write an array of objects, or one object per line")


def _of_object(stream: JsonStream, nested: Sequence[str]) -> list[str]:
    """Return the names in an object; where it holds an array of records, the names in the first of these."""
    names = []
    for name in stream.members():
        names.append(name)
        if stream.peek() != "[":
            stream.value()
            continue
        stream.next("[")
        if stream.peek() == "{" and name not in nested:
            return list(stream.value())
        for _ in stream.elements():  # read over, not kept
            continue
    return names


def record_columns(path: Path, row: int) -> list[str]:
    """Return the columns that hold something in record ``row`` of a file that was read before; none where unknown.

    Args:
        path: jsonl, or json that is an array of objects.
        row: of jsonl its line, of json its number from 1.
    """
    with open_text(path) as file:
        if ".json" not in path.suffixes:
            line = next(islice(lines(path, file), row - 1, None), "")
            record = parse_line(path, row, line) if line.strip() else None
        else:
            stream = JsonStream(path, file)
            record = next(islice(stream.array(), row - 1, None), None) if stream.peek() == "[" else None
    return [name for name, value in record.items() if value is not None] if isinstance(record, dict) else []

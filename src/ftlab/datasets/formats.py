"""Files of rows: csv, tsv, jsonl, json and parquet, each read into the same columns."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from ftlab.datasets.columns import Columns, MissingColumnError, standard_columns
from ftlab.datasets.delimited import read_csv, read_tsv
from ftlab.datasets.json_files import read_json, read_jsonl
from ftlab.datasets.parquet import read_parquet
from ftlab.errors import DataError

READERS: dict[str, Callable[[Path, Mapping[str, str]], Columns]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".parquet": read_parquet,
}
ENDINGS = ".csv, .tsv, .jsonl, .json (each also with .gz behind it) or .parquet"


def file_ending(value: str) -> str | None:
    """Return what says how a file is read, e.g. ``.csv`` of ``a.csv`` and of ``a.csv.gz``; None where nothing does."""
    name = value.lower()
    packed = name.endswith(".gz")
    ending = Path(name.removesuffix(".gz")).suffix
    return None if ending not in READERS or (packed and ending == ".parquet") else ending


def is_file_name(value: str) -> bool:
    """Say whether ``value`` ends like a file that can be read, so that it is no split name of a hub data set."""
    return file_ending(value) is not None


def is_text_file(value: str) -> bool:
    """Say whether ``value`` ends like a file of plain text, which is one document and has no columns."""
    return value.lower().removesuffix(".gz").endswith(".txt")


def read_file(key: str, value: str, wanted: Mapping[str, str], own_names: bool = False) -> Columns:
    """Read the wanted columns of a file.

    Args:
        key: the option that names it, e.g. ``dataset.train``.
        value: the path as the user typed it.
        wanted: role to column name.
        own_names: the names in ``wanted`` are those of a hub data set, and a file in its place may have ``text`` and
            ``label`` instead, which a note then says.

    Raises:
        DataError: missing, unreadable or unsupported file, missing column, broken row.
    """
    path = Path(value).expanduser()
    if not path.exists():
        raise DataError(missing_file(key, path))
    if path.is_dir():
        inside = _listed(path)
        raise DataError(f"{key}={value} is a folder; name a file in it: {inside or 'it holds none that can be read'}")
    ending = file_ending(path.name)
    if ending is None:
        raise DataError(wrong_ending(key, value))
    try:
        return READERS[ending](path, wanted)
    except MissingColumnError as error:
        others = standard_columns(wanted, error.found) if own_names else wanted
        if others == wanted:
            raise
    columns = READERS[ending](path, others)
    columns.notes.extend(
        f"{path} has no column {wanted[role]!r}, so its column {name!r} was read"
        for role, name in others.items()
        if name != wanted[role]
    )
    return columns


def wrong_ending(key: str, value: str) -> str:
    """Return the sentence for a file that is none of rows, such as a script."""
    path = Path(value)
    packed = path.name.endswith(".parquet.gz")
    hint = "parquet is packed in itself, so unpack it" if packed else f"give one of {ENDINGS}"
    return f"{key}={value} ends in {path.suffix or 'nothing'}; {hint}"


def missing_file(key: str, path: Path) -> str:
    """Return the sentence for a path where nothing lies, with the nearest names there are."""
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
    return f"{key}={path} does not exist; {folder.resolve()} holds {held or 'no file that ends in ' + ENDINGS}"


def _listed(folder: Path, most: int = 8) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if is_file_name(entry.name))
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")

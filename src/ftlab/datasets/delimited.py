"""Reads csv and tsv files: UTF-8 with or without a byte order mark, any line ending, every field kept as text.

Fields such as ``NA``, ``null`` or ``None`` stay what they are: text. Memory grows with the wanted columns only.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ftlab.csv_faults import broken_row, wrong_width
from ftlab.datasets.columns import Collector, Columns, check_columns
from ftlab.datasets.text_files import MAX_CHARACTERS, lines, open_text
from ftlab.errors import DataError


def read_csv(path: Path, wanted: Mapping[str, str]) -> Columns:
    """Read a csv file; the delimiter is the comma, or the semicolon, tab or bar where the header has no comma.

    Raises:
        DataError: missing column, broken quotes, a row of another width, or bytes that are not UTF-8.
    """
    with open_text(path, newline="") as file:
        header = next(lines(path, file), "")
    delimiter = next((d for d in ",;\t|" if d in header), ",")
    return _read(path, wanted, delimiter, csv.QUOTE_MINIMAL)


def read_tsv(path: Path, wanted: Mapping[str, str]) -> Columns:
    """Read a tsv file: quoted as spreadsheets write it, else with quotes as plain characters (IANA's definition).

    Raises:
        DataError: as ``read_csv``.
    """
    try:
        return _read(path, wanted, "\t", csv.QUOTE_MINIMAL)
    except _BrokenRowError:
        columns = _read(path, wanted, "\t", csv.QUOTE_NONE)
        columns.notes.append(f"{path} was read with quotes as plain characters, since they do not pair up")
        return columns


class _BrokenRowError(DataError):
    """A row that cannot be parsed under the quoting tried."""


def _read(path: Path, wanted: Mapping[str, str], delimiter: str, quoting: int) -> Columns:
    collector = Collector(wanted)
    with open_text(path, newline="") as file, _long_fields():
        # Strict: broken quotes would otherwise run rows together without a word.
        reader = csv.reader(lines(path, file), delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
        header: list[str] | None = None
        places: list[int] = []
        line = 1  # where the record begins
        try:
            for fields in reader:
                if not fields:
                    pass  # a blank line is no row
                elif header is None:
                    header = [name.strip() for name in fields]
                    check_columns(str(path), wanted, header)
                    places = [header.index(name) for name in wanted.values()]
                elif len(fields) != len(header):
                    raise _BrokenRowError(wrong_width(str(path), line, len(fields), header))
                else:
                    collector.add([fields[place] for place in places])
                line = reader.line_num + 1
        except csv.Error as error:
            raise _BrokenRowError(broken_row(str(path), line, error, MAX_CHARACTERS)) from None
    if header is None:
        raise DataError(f"{path} is empty; give a file with a header and rows")
    return collector.columns(str(path), found=header)


@contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(MAX_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)

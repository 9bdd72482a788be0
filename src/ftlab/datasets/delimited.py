"""Reads csv and tsv files: UTF-8 with or without a byte order mark, any line ending, every field kept as text.

Fields such as ``NA``, ``null`` or ``None`` stay what they are: text. Memory grows with the wanted columns only.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ftlab.datasets.columns import Columns, check_columns
from ftlab.errors import DataError

MAX_CHARACTERS = 1_000_000  # per text; beyond it a quote was left open, or the text is a book


def read_csv(path: Path, wanted: Mapping[str, str]) -> Columns:
    """Read a csv file; the delimiter is the comma, or the semicolon, tab or bar where the header has no comma.

    Raises:
        DataError: missing column, broken quotes, a row of another width, or bytes that are not UTF-8.
    """
    with _text_file(path) as file:
        header = file.readline()
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
    kept: dict[str, list[Any]] = {role: [] for role in wanted}
    same: dict[str, str] = {}  # one string object per label, however many rows
    with _text_file(path) as file, _long_fields():
        # Strict: broken quotes would otherwise run rows together without a word.
        reader = csv.reader(file, delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
        header: list[str] | None = None
        places: list[tuple[str, list[Any], int]] = []
        line = 1  # where the record begins
        try:
            for fields in reader:
                if not fields:
                    pass  # a blank line is no row
                elif header is None:
                    header = [name.strip() for name in fields]
                    check_columns(str(path), wanted, header)
                    places = [(role, kept[role], header.index(name)) for role, name in wanted.items()]
                elif len(fields) != len(header):
                    raise _wrong_width(path, line, len(fields), header)
                else:
                    for role, values, place in places:
                        value = fields[place]
                        values.append(same.setdefault(value, value) if role == "label_column" else value)
                line = reader.line_num + 1
        except csv.Error as error:
            raise _broken(path, line, error) from None
    if header is None:
        raise DataError(f"{path} is empty; give a file with a header and rows")
    return Columns(kept, range(1, len(kept["text_column"]) + 1))


def _wrong_width(path: Path, line: int, width: int, header: list[str]) -> DataError:
    return _BrokenRowError(
        f"{path} line {line} has {width} {'column' if width == 1 else 'columns'}, the header has {len(header)} "
        f"({', '.join(header[:10])}); put quotes around a text that holds the delimiter"
    )


def _broken(path: Path, line: int, error: csv.Error) -> DataError:
    if "field limit" in str(error):
        why = f"a field of more than {MAX_CHARACTERS:,} characters; a quote was left open, or the text must be cut"
    elif "unexpected end" in str(error):
        why = "a quote that is never closed; close it"
    else:
        why = f'broken quotes ({error}); a quote inside a quoted text is written twice ("")'
    return _BrokenRowError(f"{path} line {line} has {why}")


@contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(MAX_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@contextmanager
def _text_file(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 file, byte order mark or not; bytes that are no UTF-8 become one sentence with their line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None


def not_utf8(path: Path) -> DataError:
    """Return the error for a file that is not UTF-8, with the first bad line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                known = "utf-16" if number == 1 and line[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
                return DataError(
                    f"{path} line {number} is not UTF-8 (byte 0x{line[error.start]:02x}); save the file as UTF-8, "
                    f"e.g. iconv -f {known} -t utf-8 {path.name} > utf8{path.suffix}"
                )
    raise AssertionError(f"{path} is UTF-8 after all")

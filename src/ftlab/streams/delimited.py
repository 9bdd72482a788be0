"""Csv and tsv as rows with all their columns, one after the other."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from ftlab.csv_faults import broken_row, wrong_width
from ftlab.errors import DataError
from ftlab.streams.lines import numbered_lines, open_bytes
from ftlab.streams.names import STDIN

Row = dict[str, Any]
Placed = tuple[int, Row]  # a row with the number it is known by: its line, or where lines mean nothing, its count
_FIELD = 1_000_000  # characters; beyond it a quote was left open


def read_delimited(lines: Iterator[tuple[int, str]], name: str, kind: str, quoting: int) -> Iterator[Placed]:
    """Yield the rows of csv or tsv text, each with the line it begins on; every field stays text.

    Args:
        lines: numbered.
        name: for sentences.
        kind: ``csv`` (comma, or where the header has none: semicolon, tab or bar) or ``tsv``.
        quoting: of the csv module.

    Raises:
        DataError: broken quotes, a row of another width, two columns of one name.
    """
    at = [0]  # the line the parser has come to

    def texts() -> Iterator[str]:
        for number, line in lines:
            at[0] = number
            yield line

    source = texts()
    first = next((line for line in source if line.strip()), None)
    if first is None:
        return
    delimiter = "\t" if kind == "tsv" else next((d for d in ",;\t|" if d in first), ",")

    def all_texts() -> Iterator[str]:
        yield first
        yield from source

    # Strict: broken quotes would otherwise run rows together without a word.
    reader = csv.reader(all_texts(), delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
    header: list[str] | None = None
    begins = at[0]
    while True:
        before = csv.field_size_limit(_FIELD)  # of the whole process, so never while the caller works
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise DataError(broken_row(name, begins, error, _FIELD)) from None
        finally:
            csv.field_size_limit(before)
        if fields is None:
            return
        if header is None:
            header = check_header(name, fields)
        elif fields:
            if len(fields) != len(header):
                raise DataError(wrong_width(name, begins, len(fields), header))
            yield begins, dict(zip(header, fields, strict=True))
        begins = at[0] + 1


def check_header(name: str, fields: list[str]) -> list[str]:
    """Return the names of columns without blanks around them.

    Raises:
        DataError: two are the same.
    """
    header = [field.strip() for field in fields]
    twice = next((field for field in header if header.count(field) > 1), None)
    if twice is not None:
        raise DataError(f"{name} has two columns named {twice!r}; give each its own name")
    return header


def quoting(name: str, kind: str) -> int:
    """Return how quotes are read: as spreadsheets write them; in a tsv file where they do not pair up, as characters.

    A pipe cannot be looked through first, so its tsv has plain quotes, as IANA defines the format.
    """
    if kind == "csv":
        return csv.QUOTE_MINIMAL
    if name == STDIN:
        return csv.QUOTE_NONE
    try:
        with open_bytes(name) as file:
            for _ in read_delimited(numbered_lines(file, name), name, kind, csv.QUOTE_MINIMAL):
                continue
    except DataError:
        return csv.QUOTE_NONE
    return csv.QUOTE_MINIMAL

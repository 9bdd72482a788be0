"""What is wrong with a csv or tsv file, in one sentence each; said when training rows and rows to predict are read."""

from __future__ import annotations

import csv
from collections.abc import Sequence


def wrong_width(name: str, line: int, width: int, header: Sequence[str]) -> str:
    """Return the sentence for the row at ``line`` that has ``width`` fields, and not one per column of ``header``."""
    return (
        f"{name} line {line} has {width} {'column' if width == 1 else 'columns'}, the header has {len(header)} "
        f"({', '.join(header[:10])}); put quotes around a text that holds the delimiter"
    )


def broken_row(name: str, line: int, error: csv.Error, most: int) -> str:
    """Return the sentence for the row at ``line`` that cannot be parsed; a field may have ``most`` characters."""
    if "field limit" in str(error):
        why = f"a field of more than {most:,} characters; a quote was left open, or the text must be cut"
    elif "unexpected end" in str(error):
        why = "a quote that is never closed; close it"
    else:
        why = f'broken quotes ({error}); a quote inside a quoted text is written twice ("")'
    return f"{name} line {line} has {why}"

"""From what a label column holds to numbers in [0, number of labels) and their names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ftlab.datasets.columns import Columns
from ftlab.datasets.faults import Faults
from ftlab.errors import DataError, did_you_mean

_INTEGER = re.compile(r"0|-?[1-9]\d*")  # 007 is a name, not a number
_DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?")
_MOST_NAMED = 20  # labels listed in a sentence


def read_labels(where: str, columns: Columns, given: Sequence[str] | None, faults: Faults) -> list[str]:
    """Return each row's label as text, so that the same data in another file format gives the same labels.

    Null labels, and decimal numbers (a regression target), go to ``faults``; null ones are then the empty string.

    Args:
        where: the file or hub split.
        columns: with the role ``label_column``.
        given: the names the user or the source gives; a decimal number among them is a name.
        faults: collects what is wrong.
    """
    texts = []
    for row, value in zip(columns.rows, columns.values["label_column"], strict=True):
        text = _as_text(value)
        if text is None:
            faults.add(f"{where} row {row} has no label; delete the row or label it")
        elif not isinstance(value, (str, bool, int, float)):
            faults.add(f"{where} row {row} has a {type(value).__name__} as label; write text, an integer or a boolean")
        texts.append(text or "")
    seen = dict.fromkeys(texts)
    seen.pop("", None)
    decimals = [text for text in seen if _DECIMAL.fullmatch(text) and text not in (given or ())]
    if decimals and all(_DECIMAL.fullmatch(text) or _INTEGER.fullmatch(text) for text in seen):
        row = columns.rows[texts.index(decimals[0])]
        faults.add(
            f"{where} row {row} has the decimal number {decimals[0]} as its label, and ftlab classifies, it does not "
            "regress; write integers or names, e.g. after rounding to classes"
        )
    return texts


def _as_text(value: Any) -> str | None:  # noqa: ANN401 - whatever the source held
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(value).strip() or None  # True and False stay words, in every format


def name_labels(train: Iterable[str], given: Sequence[str] | None) -> list[str]:
    """Return the label names in the order of their numbers.

    They are ``given``, or else those found in train: integers in the order of their values, all else in the order of
    their characters.
    """
    if given is not None:
        return list(given)
    found = set(train)
    if all(_INTEGER.fullmatch(text) for text in found):
        return sorted(found, key=int)
    return sorted(found)


def number_labels(
    where: str, columns: Columns, texts: Sequence[str], names: Sequence[str], given: bool, faults: Faults
) -> list[int]:
    """Return each row's label number; a label that has none goes to ``faults`` and counts as 0 until they are raised.

    Where the names were given and none of them is an integer itself, an integer means the name with that number, and
    False and True mean the two names in this order.
    """
    numbers = {name: number for number, name in enumerate(names)}
    by_number = given and not any(_INTEGER.fullmatch(name) for name in names)
    if by_number:
        numbers = {str(number): number for number in range(len(names))} | numbers
        if len(names) == 2:
            numbers = {"False": 0, "True": 1} | numbers
    unknown = set(texts) - set(numbers) - {""}
    if unknown:
        allowed = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
        allowed += f" (or 0 to {len(names) - 1})" if by_number else ""
        for text in dict.fromkeys(t for t in texts if t in unknown):  # a sentence per label, not per row
            rows = [row for row, found in zip(columns.rows, texts, strict=True) if found == text]
            more = f" and {len(rows) - 1} more rows have" if len(rows) > 1 else " has"
            remedy = did_you_mean(text, names) or "; correct the row" + ", or dataset.labels" * given
            faults.add(f"{where} row {rows[0]}{more} the label {text!r}; allowed: {allowed}{remedy}")
    return [numbers.get(text, 0) for text in texts]


def check_names(names: Sequence[str]) -> None:
    """Check label names that the user gave.

    Raises:
        DataError: fewer than two, or one twice.
    """
    if len(names) < 2:
        raise DataError(f"dataset.labels={list(names)} is one class only; name two labels at least")
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise DataError(f"dataset.labels names {twice!r} twice; give each label once")

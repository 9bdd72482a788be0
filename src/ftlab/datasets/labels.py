"""From what a label column holds to numbers in [0, number of labels) and their names."""

from __future__ import annotations

import ast
import math
import re
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from ftlab.datasets.columns import Columns
from ftlab.datasets.faults import LIMIT, Faults
from ftlab.errors import DataError, did_you_mean

_INTEGER = re.compile(r"0|-?[1-9]\d*")  # 007 is a name, not a number
_DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?")
_MOST_NAMED = 20  # labels listed in a sentence
_LONGEST = 60  # characters of a label in a sentence: the column may hold texts
_SUPPORTED = "supported is one label per row: text, an integer or a boolean"


def read_labels(
    where: str, columns: Columns, given: Sequence[str] | None, faults: Faults, column: str = "label"
) -> list[str]:
    """Return each row's label as text, so that the same data in another file format gives the same labels.

    Null labels, several labels per row, and decimal numbers (a regression target), go to ``faults``; null ones are
    then the empty string.

    Args:
        where: the file or hub split.
        columns: with the role ``label_column``.
        given: the names the user or the source gives; a decimal number or a list among them is a name.
        faults: collects what is wrong.
        column: the name of the column, for sentences.
    """
    texts: list[str] = []
    known: dict[tuple[type, Any], str] = {}  # the text of each value: True, 1 and 1.0 are equal, and not the same
    other: tuple[int, Any] | None = None
    for position, value in enumerate(columns.values["label_column"]):
        if value is not None and not isinstance(value, (str, bool, int, float)):
            other = other or (position, value)
            texts.append("")
            continue
        text = known.get((type(value), value))
        if text is None:
            text = known[type(value), value] = _as_text(value)
            if "\0" in text or text.encode(errors="replace") != text.encode(errors="surrogatepass"):
                faults.add(
                    f"{columns.place(position, where)}: column {column!r} holds a character that is none; fix it"
                )
        if not text:
            faults.add(f"{columns.place(position, where)}: column {column!r} is empty; label the row or delete it")
        texts.append(text)
    if other is not None:
        faults.add(_several(columns.place(other[0], where), column, type(other[1]).__name__))
    _refuse_numbers_and_lists(where, columns, texts, given, faults, column)
    return texts


def _as_text(value: Any) -> str:  # noqa: ANN401 - whatever the source held
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()  # True and False stay words, in every format


def _several(place: str, column: str, kind: str) -> str:
    return (
        f"{place}: column {column!r} holds a {kind}, and several labels per row are not supported; {_SUPPORTED}; "
        "choose another column with dataset.label_column=<column>"
    )


def _refuse_numbers_and_lists(
    where: str, columns: Columns, texts: list[str], given: Sequence[str] | None, faults: Faults, column: str
) -> None:
    """Refuse a column of decimal numbers, and one where every label is written as a list; one among names is a name."""
    seen = [text for text in dict.fromkeys(texts) if text]
    unnamed = [text for text in seen if text not in (given or ())] if len(seen) < 1000 or not given else seen
    decimals = [text for text in unnamed if _DECIMAL.fullmatch(text)]
    if decimals and all(_DECIMAL.fullmatch(text) or _INTEGER.fullmatch(text) for text in seen):
        faults.add(
            f"{columns.place(texts.index(decimals[0]), where)}: column {column!r} holds the decimal number "
            f"{decimals[0]} as its label, and ftlab classifies, it does not regress; {_SUPPORTED}; write integers or "
            "names, e.g. after rounding to classes"
        )
    elif unnamed and len(unnamed) == len(seen) and all(map(_is_list, seen)):
        faults.add(_several(columns.place(texts.index(seen[0]), where), column, "list"))


def _is_list(text: str) -> bool:
    if not (text.startswith("[") and text.endswith("]") and len(text) < 10_000):
        return False
    try:
        return isinstance(ast.literal_eval(text), list)  # of JSON and of Python
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


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


def check_gaps(where: str, names: Sequence[str], column: str, faults: Faults) -> None:
    """Refuse integer labels found in the data that leave a number out: a class without rows, or another column.

    Args:
        where: the file or hub split of train.
        names: found in train, in order.
        column: the name of the column.
        faults: collects what is wrong.
    """
    if not names or not all(_INTEGER.fullmatch(name) for name in names):
        return
    first, last = int(names[0]), int(names[-1])
    if last - first + 1 == len(names):
        return
    missing = next(number for number in range(first, last) if str(number) not in set(names))
    typed = ",".join(names) if len(names) <= _MOST_NAMED else f"{names[0]},{names[1]},...,{names[-1]}"
    faults.add(
        f"{where}: column {column!r} has integer labels from {first} to {last} and no row of {missing}; add rows of "
        f"it, or say that these are all with 'dataset.labels=[{typed}]'"
    )


def number_labels(
    where: str, columns: Columns, texts: Sequence[str], names: Sequence[str], given: bool, faults: Faults
) -> Sequence[int]:
    """Return each row's label number; a label that has none goes to ``faults`` and counts as 0 until they are raised.

    Where the names were given and none of them is an integer itself, an integer means the name with that number, and
    False and True mean the two names in this order.
    """
    numbers, by_number = _numbers(names, given)
    unknown: dict[str, list[int]] = {}  # first row and number of rows
    for position, text in enumerate(texts):
        if text and text not in numbers:
            unknown.setdefault(text, [position, 0])[1] += 1
    allowed = ", ".join(map(_short, names[:_MOST_NAMED])) + (", ..." if len(names) > _MOST_NAMED else "")
    allowed += f" (or 0 to {len(names) - 1})" if by_number else ""
    if unknown.keys() == {"-1"} and unknown["-1"][1] == len(texts):
        faults.add(f"{where} has the label -1 in every row, which says that it is not labelled; give another split")
        unknown = {}
    for told, (text, (position, count)) in enumerate(unknown.items()):  # a sentence per label, not per row
        if told >= LIMIT and faults.full:
            faults.add_more(len(unknown) - told)
            break
        more = f" and {count - 1} more rows have" if count > 1 else " has"
        near = did_you_mean(text, names[:1000]) if len(text) <= _LONGEST else ""
        remedy = near or "; correct the row" + ", or dataset.labels" * given
        faults.add(f"{columns.place(position, where)}{more} the label {_short(text)!r}; allowed: {allowed}{remedy}")
    return array("i", (numbers.get(text, 0) for text in texts))


def _numbers(names: Sequence[str], given: bool) -> tuple[dict[str, int], bool]:
    """Return the number of each label as it may be written, and whether integers stand for positions."""
    numbers = {name: number for number, name in enumerate(names)}
    by_number = given and not any(_INTEGER.fullmatch(name) for name in names)
    if by_number:
        numbers = {str(number): number for number in range(len(names))} | numbers
        if len(names) == 2:
            numbers = {"False": 0, "True": 1} | numbers
    return numbers, by_number


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[:_LONGEST]}..."


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

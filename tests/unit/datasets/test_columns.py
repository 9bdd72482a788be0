from __future__ import annotations

import pytest

from ftlab.datasets.columns import check_columns
from ftlab.errors import DataError

WANTED = {"text_column": "text", "label_column": "label"}


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        (["review", "label"], r"no column 'text' .* it has: review, label; type dataset\.text_column=review$"),
        (["id", "Review", "label"], r"type dataset\.text_column=Review$"),  # by what people call it
        (["id", "txt", "label"], r"type dataset\.text_column=txt$"),  # by spelling
        (["id", "label"], r"type dataset\.text_column=id$"),
        (["Review Text", "label"], r"type 'dataset\.text_column=Review Text'$"),
        (["label"], r"it has: label; give a file that has it$"),
        ([], r"it has: none; give a file"),
        (["label", *(f"c{i}" for i in range(30))], r"c18, \.\.\.; type"),
    ],
)
def test_a_missing_column_lists_those_found_and_the_override(found: list[str], remedy: str) -> None:
    with pytest.raises(DataError, match=remedy):
        check_columns("a.csv", WANTED, found)


def test_both_missing_columns_are_named_and_get_different_guesses() -> None:
    with pytest.raises(DataError) as error:
        check_columns("a.csv", WANTED, ["sentence", "class", "id"])
    text, label = error.value.sentences
    assert text.endswith("type dataset.text_column=sentence") and label.endswith("type dataset.label_column=class")
    with pytest.raises(DataError, match=r"text_column=messages\n.*give a file that has it$"):
        check_columns("a.csv", WANTED, ["messages"])


def test_columns_that_are_there_pass() -> None:
    check_columns("a.csv", WANTED, ["label", "x", "text"])

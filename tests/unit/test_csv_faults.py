"""Sentences about csv rows."""

import csv

import pytest

from ftlab.csv_faults import broken_row, wrong_width


def test_a_row_of_another_width_names_line_widths_and_remedy():
    assert wrong_width("a.csv", 3, 1, ["text", "label"]) == (
        "a.csv line 3 has 1 column, the header has 2 (text, label); put quotes around a text that holds the delimiter"
    )


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("field larger than field limit (9)", "a field of more than 9 characters; a quote was left open"),
        ("unexpected end of data", "a quote that is never closed; close it"),
        ("',' expected after '\"'", "broken quotes"),
    ],
)
def test_a_row_that_cannot_be_parsed_says_why(error, why):
    assert broken_row("a.csv", 2, csv.Error(error), 9).startswith(f"a.csv line 2 has {why}")

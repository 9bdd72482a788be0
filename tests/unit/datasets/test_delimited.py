from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path

import pytest

from ftlab.datasets.columns import Columns
from ftlab.datasets.delimited import MAX_CHARACTERS, read_csv, read_tsv
from ftlab.errors import DataError

WANTED = {"text_column": "text", "label_column": "label"}


def read(path: Path, content: str | bytes) -> Columns:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return (read_tsv if path.suffix == ".tsv" else read_csv)(path, WANTED)


@pytest.mark.parametrize(
    "content",
    [
        "text,label\nNA,null\nNone,nan\n",
        "\ufefftext,label\nNA,null\nNone,nan\n",
        "text,label\r\nNA,null\r\nNone,nan\r\n",
        'text,label\n\n"NA",null\n\nNone,"nan"',
        "x,label, text \n1,null,NA\n2,nan,None\n",
        "text;label\nNA;null\nNone;nan\n",
        "text\tlabel\nNA\tnull\nNone\tnan\n",
    ],
    ids=["plain", "byte order mark", "crlf", "quotes and blank lines", "other columns", "semicolon", "tab"],
)
def test_words_that_look_like_nothing_stay_text(tmp_path: Path, content: str) -> None:
    columns = read(tmp_path / "a.csv", content)
    assert columns.values == {"text_column": ["NA", "None"], "label_column": ["null", "nan"]}
    assert list(columns.rows) == [1, 2]


def test_quoted_texts_hold_delimiters_quotes_and_newlines(tmp_path: Path) -> None:
    columns = read(tmp_path / "a.csv", 'text,label\n"a, ""b""\nc",x\nd,y\n')
    assert columns.values["text_column"] == ['a, "b"\nc', "d"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("text,label\nfine,x\nno label\n", r"line 3 has 1 column, the header has 2 \(text, label\); put quotes"),
        ("text,label\na,b,x\n", "line 2 has 3 columns, the header has 2"),
        ('text,label\nfine,x\n"never closed,x\nb,y\n', r"line 3 has a quote that is never closed; close it"),
        ('text,label\n"multi\nline",x\n"a"b,x\n', r"line 4 has broken quotes .* is written twice"),
        ("", "is empty; give a file with a header and rows"),
        (b"text,label\nfine,x\ncaf\xe9,y\n", r"line 3 is not UTF-8 \(byte 0xe9\); .* iconv -f latin1 -t utf-8 a\.csv"),
        ("text,label\nfine,x\n".encode("utf-16"), r"line 1 is not UTF-8 .* iconv -f utf-16"),
        ("text,label\n" + "x" * (MAX_CHARACTERS + 1) + ",y\n", r"line 2 has a field of more than 1,000,000 characters"),
    ],
)
def test_a_broken_row_names_its_line(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    with pytest.raises(DataError, match=r"a\.csv " + sentence) as error:
        read(tmp_path / "a.csv", content)
    assert len(error.value.sentences) == 1


def test_long_texts_are_read_and_the_csv_module_is_left_as_it_was(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    assert len(read(tmp_path / "a.csv", f"text,label\n{'x' * 500_000},y\n").values["text_column"][0]) == 500_000
    assert csv.field_size_limit() == before


def test_a_missing_column_is_told_by_its_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv has no column 'text' .* type dataset\.text_column=review"):
        read(tmp_path / "a.csv", "review,label\na,b\n")


def test_tsv_reads_quotes_as_spreadsheets_write_them(tmp_path: Path) -> None:
    columns = read(tmp_path / "a.tsv", 'text\tlabel\n"a\tb ""c"""\tx\n')
    assert columns.values["text_column"] == ['a\tb "c"'] and columns.notes == []


def test_tsv_with_quotes_that_do_not_pair_up_is_read_plain_and_says_so(tmp_path: Path) -> None:
    columns = read(tmp_path / "a.tsv", 'text\tlabel\n"Great" film\tx\n"open\ty\n')
    assert columns.values["text_column"] == ['"Great" film', '"open']
    assert "quotes as plain characters" in columns.notes[0]


def test_tsv_with_a_row_too_wide_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.tsv line 2 has 3 columns"):
        read(tmp_path / "a.tsv", "text\tlabel\na\tb\tc\n")


def test_a_file_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        read_csv(tmp_path / "a.csv", WANTED)


def test_a_quote_left_open_in_a_large_file_is_found_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + 'a,b\n"' + "some words and no closing quote,x\n" * 120_000)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"line 3 has a field of more than 1,000,000 characters; a quote was left open"):
        read_csv(path, WANTED)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * path.stat().st_size

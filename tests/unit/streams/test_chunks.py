import pytest

from ftlab.errors import DataError
from ftlab.streams import chunks as module
from ftlab.streams.chunks import check_columns, chunks
from ftlab.streams.readers import Source


def source(rows):
    return Source("in.jsonl", "jsonl", "line", iter(enumerate(rows, start=1)))


def texts(count, length=5):
    return [{"text": "x" * length, "n": n} for n in range(count)]


def test_chunks_end_after_so_many_rows_or_characters(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 4)
    assert [len(c.rows) for c in chunks(source(texts(10)), "text")] == [4, 4, 2]
    monkeypatch.setattr(module, "MOST_CHARACTERS", 15)
    assert [len(c.rows) for c in chunks(source(texts(8)), "text")] == [3, 3, 2]
    assert [row["n"] for c in chunks(source(texts(8)), "text") for row in c.rows] == list(range(8))


def test_rows_without_a_text_are_kept_with_nothing_to_predict():
    rows = [{"text": None}, {"text": " \t"}, {}, {"text": "a"}]
    (chunk,) = chunks(source(rows), "text")
    assert chunk.texts == [None, None, None, "a"] and chunk.rows == rows


def test_pairs_need_both_texts():
    rows = [{"a": "x", "b": "y"}, {"a": "x", "b": None}, {"a": "", "b": "y"}]
    (chunk,) = chunks(source(rows), "a", "b")
    assert chunk.texts == [("x", "y"), None, None]


@pytest.mark.parametrize(
    "value, says",
    [
        (3, "in.jsonl line 2 column 'text' holds 3, which is no text"),
        (["a"], "in.jsonl line 2 column 'text' holds ['a'], which is no text"),
        ("a\0b", "in.jsonl line 2 column 'text' holds a NUL character; remove it"),
        ("a\ud800", "in.jsonl line 2 column 'text' holds half a character"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(value, says):
    with pytest.raises(DataError) as caught:
        list(chunks(source([{"text": "a"}, {"text": value}]), "text"))
    assert caught.value.sentences[0].startswith(says)


def test_the_digest_changes_with_any_row_before():
    one, two = (next(chunks(source([{"text": "a", "n": n}]), "text")) for n in (1, 2))
    assert one.digest("") != two.digest("") and one.digest("") != one.digest("x")
    assert one.digest("") == next(chunks(source([{"text": "a", "n": 1}]), "text")).digest("")


def test_missing_and_clashing_columns_are_refused_with_what_to_type():
    row = {"review": "a", "p_yes": 1}
    with pytest.raises(DataError) as caught:
        check_columns(source([]), row, [("text_column", "text")], ["prediction", "p_yes"])
    assert caught.value.sentences == (
        "in.jsonl has no column 'text'; its columns: review, p_yes; write text_column=<column>",
        "in.jsonl has a column 'p_yes' already; write prefix=new_ to add new_p_yes instead",
    )
    check_columns(source([]), row, [("text_column", "review")], ["prediction", "p_no"])

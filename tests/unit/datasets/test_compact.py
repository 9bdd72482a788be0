from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.datasets.compact import RowIds, Texts

any_text = st.text(st.characters(), max_size=20)  # half surrogate pairs too: JSON may hold them


@settings(deadline=None, max_examples=50)
@given(texts=st.lists(any_text, max_size=20), more=st.lists(any_text, max_size=5), data=st.data())
def test_texts_read_as_the_list_they_were_made_of(texts: list[str], more: list[str], data: st.DataObject) -> None:
    held = Texts(texts)
    held.extend(Texts(more))
    whole = texts + more
    mask = data.draw(st.lists(st.booleans(), min_size=len(whole), max_size=len(whole)))
    assert held == whole and list(held) == whole and len(held) == len(whole) and held == Texts(whole)
    assert [held[i] for i in range(len(whole))] == whole and held[1:7:2] == whole[1:7:2]
    assert held.where(mask) == [text for text, kept in zip(whole, mask, strict=True) if kept]


def test_what_is_no_text_reads_as_empty_and_is_remembered() -> None:
    held = Texts(["a", None])
    held.extend(Texts([5, "b"]))
    assert held == ["a", "", "", "b"] and held.odd == {1: None, 2: 5}


def test_positions_count_from_the_end_and_stop_there() -> None:
    held, ids = Texts(["a", "b"]), RowIds(["t:"], [0], range(1, 3))
    assert held[-1] == "b" and ids[-1] == "t:2"
    for sequence in (held, ids):
        with pytest.raises(IndexError):
            sequence[2]


def test_row_ids_name_file_and_row() -> None:
    ids = RowIds(["train:a.csv:", "train:b.csv:"], [0, 2], array("I", [1, 2, 1, 2]))
    names = ["train:a.csv:1", "train:a.csv:2", "train:b.csv:1", "train:b.csv:2"]
    assert ids == names and list(ids) == names and ids[1:3] == names[1:3] and len(ids) == 4
    assert ids.where(bytes([0, 1, 1, 0])) == names[1:3]
    assert ids.where(bytes([0, 0, 0, 1])) == names[3:] and ids.where(bytes(4)) == []


def test_a_million_short_texts_take_little_more_than_their_letters() -> None:
    held = Texts("ab" for _ in range(10_000))
    assert held.size == 20_000 and held._ends.itemsize * len(held._ends) < 90_000

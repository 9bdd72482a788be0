from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.datasets.leaks import answer_leaks, count_duplicates, find_overlap
from ftlab.datasets.splits import Rows
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig


def rows_of(texts: list[str], pairs: list[str] | None = None, groups: list[int] | None = None) -> Rows:
    ids = [f"r{i}" for i in range(len(texts))]
    return Rows(texts, pairs, [0] * len(texts), ids, None if groups is None else array("q", groups))


def answered(on_leak: str, rows: dict[str, Rows]) -> tuple[int, list[str], dict[str, Rows]]:
    notes: list[str] = []
    leaked = answer_leaks(DatasetConfig(name="x", on_leak=on_leak, group_column="author"), rows, notes)
    return leaked, notes, rows


@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.sampled_from("abcdef"), max_size=30))
def test_duplicates_are_rows_beyond_the_first_of_their_text(texts: list[str]) -> None:
    assert count_duplicates(rows_of(texts)) == len(texts) - len(set(texts))


def test_duplicates_are_exact_and_include_the_second_text() -> None:
    assert count_duplicates(rows_of(["a b", "a  b", "A b"])) == 0
    assert count_duplicates(rows_of(["a", "a", "a"], ["x", "x", "y"])) == 1


def test_overlaps_tell_equal_texts_from_those_that_differ_in_white_space_and_case() -> None:
    train, test = (
        rows_of(["A  film\n", "other", "Straße"]),
        rows_of(["a film", "a FILM", "A  film\n", "new", "STRASSE"]),
    )
    overlap = find_overlap(train, test)
    assert (overlap.exact, overlap.folded, overlap.rows) == (1, 3, 4)
    assert overlap.holds.tolist() == [True, False, True]


def test_an_overlap_of_pairs_is_both_texts() -> None:
    train, test = rows_of(["q", "q"], ["x", "Y "]), rows_of(["Q", "q"], ["y", "z"])
    overlap = find_overlap(train, test)
    assert overlap.rows == 1 and overlap.holds.tolist() == [False, True]


def splits() -> dict[str, Rows]:
    return {"train": rows_of(["a", "b", "c", "d"]), "val": rows_of(["B", "e", "f"]), "test": rows_of(["a", "F ", "g"])}


def test_warnings_say_both_kinds_for_each_two_splits() -> None:
    leaked, notes, rows = answered("warn", splits())
    assert leaked == 1 and rows == splits()
    assert [note.split(", so ")[0] for note in notes] == [
        "1 of 3 test texts stand in val (0 to the letter, 1 but for case or spaces)",
        "1 of 3 test texts stand in train (1 to the letter, 0 but for case or spaces)",
        "1 of 3 val texts stand in train (0 to the letter, 1 but for case or spaces)",
    ]


def test_dropping_takes_rows_out_of_train_and_val_and_never_out_of_test() -> None:
    leaked, notes, rows = answered("drop", splits())
    assert leaked == 1 and len(notes) == 3
    assert [rows[split].texts for split in rows] == [["c", "d"], ["B", "e"], ["a", "F ", "g"]]


def test_failing_names_everything_shared_and_both_ways_out() -> None:
    with pytest.raises(DataError, match=r"first: r2\).*type dataset\.on_leak=drop .* out of val, or .*=warn") as error:
        answered("fail", splits())
    assert len(error.value.sentences) == 3


def test_dropping_all_of_val_is_refused() -> None:
    rows = {"train": rows_of(["a", "b"]), "val": rows_of(["c"]), "test": rows_of(["c"])}
    with pytest.raises(DataError, match=r"no row of val; give another dataset\.val"):
        answered("drop", rows)


def test_shared_groups_count_like_shared_texts() -> None:
    def grouped() -> dict[str, Rows]:
        return {
            "train": rows_of(["a", "b", "c"], groups=[1, 1, 2]),
            "val": rows_of(["d"], groups=[5]),
            "test": rows_of(["e", "f"], groups=[1, 7]),
        }

    leaked, notes, _ = answered("warn", grouped())
    assert leaked == 0 and notes[0].startswith("1 of 2 test rows share their author with rows of train, so")
    assert answered("drop", grouped())[2]["train"].texts == ["c"]
    with pytest.raises(DataError, match="share their author"):
        answered("fail", grouped())

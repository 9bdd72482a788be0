from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.datasets.leaks import count_duplicates, find_leaks
from ftlab.datasets.splits import Rows


def rows_of(texts: list[str], pairs: list[str] | None = None) -> Rows:
    return Rows(texts, pairs, [0] * len(texts), [str(i) for i in range(len(texts))])


@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.sampled_from("abcdef"), max_size=30))
def test_duplicates_are_rows_beyond_the_first_of_their_text(texts: list[str]) -> None:
    assert count_duplicates(rows_of(texts)) == len(texts) - len(set(texts))


def test_duplicates_are_exact_and_include_the_second_text() -> None:
    assert count_duplicates(rows_of(["a b", "a  b", "A b"])) == 0
    assert count_duplicates(rows_of(["a", "a", "a"], ["x", "x", "y"])) == 1


def test_leaks_fold_whitespace_and_case() -> None:
    train, test = rows_of(["A  film\n", "other", "Straße"]), rows_of(["a film", "a FILM", "new", "STRASSE"])
    leaked, holds = find_leaks(train, test)
    assert leaked == 3 and holds.tolist() == [True, False, True]


def test_a_leaked_pair_is_both_texts() -> None:
    train, test = rows_of(["q", "q"], ["x", "Y "]), rows_of(["Q", "q"], ["y", "z"])
    leaked, holds = find_leaks(train, test)
    assert leaked == 1 and holds.tolist() == [False, True]

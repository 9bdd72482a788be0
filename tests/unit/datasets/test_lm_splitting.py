from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.datasets.compact import Texts
from ftlab.datasets.examples import unlabelled
from ftlab.datasets.lm_splitting import cut_place, make_splits
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig, LimitConfig


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 30 + "\n\n" + "b b\nc" + "d" * 63, 32),
        ("a" * 30 + "\n" + "b b" + "d" * 66, 31),
        ("a" * 30 + " " + "d" * 69, 31),
        ("a" * 100, 34),
        ("\n\n" + "a" * 98, 34),
    ],
    ids=["blank line", "line", "word", "nowhere better", "a blank line far off"],
)
def test_a_cut_lies_behind_the_nearest_border_before_the_place_wanted(text: str, expected: int) -> None:
    assert cut_place(text, 34, 0) == expected


@settings(deadline=None, max_examples=60)
@given(
    text=st.text(st.sampled_from("ab \n"), min_size=40, max_size=300),
    val=st.floats(0.1, 0.4),
    test=st.floats(0.1, 0.4),
)
def test_the_pieces_of_a_document_are_the_document(text: str, val: float, test: float) -> None:
    rows = {"train": unlabelled(Texts([text]), ["train:1"])}
    try:
        make_splits(DatasetConfig(val_fraction=val, test_fraction=test), "text", rows, [])
    except DataError as error:
        assert "has too little text to cut" in str(error)  # a piece of white space only
    else:
        assert "".join(rows[split].texts[0] for split in ("train", "val", "test")) == text


def test_a_limit_says_that_it_counts_documents() -> None:
    notes: list[str] = []
    rows = {"train": unlabelled(Texts(["words " * 50]), ["train:1"])}
    make_splits(DatasetConfig(limit=LimitConfig(train=5)), "text", rows, notes)
    assert notes[-1].startswith("dataset.limit counts documents")


def test_a_given_test_leaves_only_val_to_be_cut() -> None:
    notes: list[str] = []
    rows = {"train": unlabelled(Texts(["words " * 50]), ["train:1"]), "test": unlabelled(Texts(["x"]), ["test:1"])}
    make_splits(DatasetConfig(), "text", rows, notes)
    assert rows["test"].texts == ["x"] and list(rows["val"].ids) == ["train:1#val"]
    assert notes == ["train has 1 document, so val (10%) is cut from the end of it; for others give dataset.val=<file>"]

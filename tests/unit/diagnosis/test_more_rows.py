"""How many more test rows, and what to type for them."""

from __future__ import annotations

import dataclasses

import pytest

from ftlab.diagnosis.more_rows import more_test_rows, rounded_up
from made_runs import run_result

DATA = run_result().dataset  # 1,000 rows to train on, 165 and 495 to look at, two labels
NOTHING = {"limit": None, "per_class": None, "share": None}


@pytest.mark.parametrize(("rows", "said"), [(7, 7), (42, 42), (431, 440), (43_001, 44_000), (99_100, 100_000)])
def test_two_digits_are_told_rounded_up(rows: int, said: int) -> None:
    assert rounded_up(rows) == said


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ({"limit": 495}, "dataset.limit.test=800"),
        ({"limit": 9000, "per_class": 50}, "dataset.sample_per_class=400"),
        ({"share": 0.3}, "dataset.test_fraction=0.49"),
        ({"limit": 9000}, ""),
        ({}, ""),
    ],
)
def test_rows_are_taken_where_there_are_some(asked: dict[str, float], remedy: str) -> None:
    assert DATA is not None
    assert more_test_rows(800, DATA, **(NOTHING | asked)) == remedy


def test_half_of_the_rows_stay_to_train_on() -> None:
    assert DATA is not None
    small = dataclasses.replace(DATA, train_rows=500)
    assert more_test_rows(800, small, **(NOTHING | {"share": 0.3})) == ""

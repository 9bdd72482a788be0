from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.datasets.splits import Rows
from ftlab.datasets.strata import apportion, draw_order, limit_per_label, limit_rows, split_off


def rows_of(labels: list[int]) -> Rows:
    return Rows([f"t{i}" for i in range(len(labels))], None, labels, [f"train:{i + 1}" for i in range(len(labels))])


many_labels = st.lists(st.integers(0, 4), min_size=1, max_size=200)


@settings(deadline=None, max_examples=50)
@given(labels=many_labels, test=st.floats(0.01, 0.5), val=st.floats(0.01, 0.45), seed=st.integers(0, 9))
def test_made_splits_are_disjoint_complete_stratified_and_repeatable(
    labels: list[int], test: float, val: float, seed: int
) -> None:
    rows = rows_of(labels)
    whole = rows.counts(5)
    tested, rest = split_off(rows, test, whole, seed)
    validated, train = split_off(rest, val, whole, seed)
    assert sorted(tested.ids + validated.ids + train.ids) == sorted(rows.ids)
    for split, fraction in ((tested, test), (validated, val)):
        for have, count, kept in zip(split.counts(5), whole, train.counts(5), strict=True):
            assert have < fraction * count + 1
            assert have > fraction * count - 1 or kept == 1  # fewer only to leave train one row of the label
        # In the order of the source, with the texts that belong to the ids.
        assert [int(i.split(":")[1]) for i in split.ids] == sorted(int(i.split(":")[1]) for i in split.ids)
        assert [f"t{int(i.split(':')[1]) - 1}" for i in split.ids] == split.texts
    assert all(kept for kept, count in zip(train.counts(5), whole, strict=True) if count)
    assert split_off(rows, test, whole, seed) == (tested, rest)


@settings(deadline=None, max_examples=50)
@given(counts=st.lists(st.integers(3, 400), min_size=1, max_size=6), fraction=st.floats(0.05, 0.6))
def test_each_label_is_within_one_row_of_its_share(counts: list[int], fraction: float) -> None:
    rows = rows_of([label for label, count in enumerate(counts) for _ in range(count)])
    drawn, _ = split_off(rows, fraction, counts, seed=3)
    for have, count in zip(drawn.counts(len(counts)), counts, strict=True):
        assert abs(have - count * fraction) < 1
    assert len(drawn) == max(1, round(sum(counts) * fraction))


@settings(deadline=None, max_examples=50)
@given(labels=many_labels, most=st.integers(1, 250))
def test_limit_gives_exactly_that_many_rows_stratified(labels: list[int], most: int) -> None:
    rows = rows_of(labels)
    limited = limit_rows(rows, most, 5, seed=1)
    assert len(limited) == min(most, len(rows))
    for have, count in zip(limited.counts(5), rows.counts(5), strict=True):
        assert abs(have - count * len(limited) / len(rows)) < 1


def test_limit_per_label_takes_all_rows_of_a_small_label() -> None:
    rows = rows_of([0] * 10 + [1] * 2)
    assert limit_per_label(rows, 4, 2, seed=1).counts(2) == [4, 2]


def test_a_larger_sample_contains_the_smaller_one() -> None:
    rows = rows_of([0, 1] * 50)
    small, large = limit_per_label(rows, 5, 2, seed=1), limit_per_label(rows, 20, 2, seed=1)
    assert set(small.ids) < set(large.ids)


def test_rows_added_at_the_end_leave_the_order_of_the_others() -> None:
    names = [f"train:{i}" for i in range(100)]
    longer = draw_order([*names, "train:100", "train:101"], seed=13)
    assert [i for i in longer if i < 100] == draw_order(names, seed=13).tolist()


def test_draw_order_is_frozen() -> None:
    # A change here moves the made splits of every user: it needs a note in the changelog.
    assert draw_order([f"train:{i}" for i in range(1, 9)], seed=13).tolist() == [4, 0, 6, 7, 2, 5, 1, 3]
    assert draw_order([f"train:{i}" for i in range(1, 9)], seed=14).tolist() != [4, 0, 6, 7, 2, 5, 1, 3]


def test_draw_order_is_uniform() -> None:
    first = Counter(int(draw_order([f"train:{i}" for i in range(5)], seed)[0]) for seed in range(2000))
    assert all(abs(count - 400) < 80 for count in first.values()) and len(first) == 5  # 4 standard deviations: 71


@pytest.mark.parametrize(
    ("shares", "total", "room", "expected"),
    [
        ([1.5, 1.5, 1.0], 4, [9, 9, 9], [2, 1, 1]),  # a tie goes to the first
        ([0.4, 0.3, 0.3], 1, [9, 9, 9], [1, 0, 0]),
        ([0.9, 0.9], 2, [0, 9], [0, 1]),  # no room: left out, and nobody else takes more than its share
        ([6.0, 3.9], 10, [9, 2], [6, 2]),
    ],
)
def test_apportion_rounds_by_largest_remainder(
    shares: list[float], total: int, room: list[int], expected: list[int]
) -> None:
    assert apportion(shares, total, room) == expected


def test_a_label_with_one_row_stays_in_train(make_rows: Callable[..., Rows]) -> None:
    rows = make_rows([0] * 20 + [1])
    drawn, rest = split_off(rows, 0.5, [20, 1], seed=0)
    assert drawn.counts(2) == [10, 0] and rest.counts(2) == [10, 1]

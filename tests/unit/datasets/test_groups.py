from __future__ import annotations

from array import array
from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.datasets.groups import draw_groups, folded_hashes, keys_of
from ftlab.datasets.splits import Rows
from ftlab.datasets.strata import draw, draw_order, split_off


def rows_of(labels: list[int], texts: list[str] | None = None, groups: list[int] | None = None) -> Rows:
    texts = texts or [f"t{i}" for i in range(len(labels))]
    return Rows(texts, None, labels, [f"train:{i}" for i in range(len(labels))], groups and array("q", groups))


grouped_rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=4, max_size=120)


@settings(deadline=None, max_examples=60)
@given(rows=grouped_rows, fraction=st.floats(0.05, 0.5), seed=st.integers(0, 5))
def test_groups_are_never_torn_and_no_label_loses_its_last_row(
    rows: list[tuple[int, int]], fraction: float, seed: int
) -> None:
    whole = rows_of([label for label, _ in rows], groups=[group for _, group in rows])
    drawn, rest = split_off(whole, fraction, whole.counts(3), seed)
    assert drawn.groups is not None and rest.groups is not None
    assert not set(drawn.groups) & set(rest.groups)
    assert sorted([*drawn.ids, *rest.ids]) == sorted(whole.ids)
    assert all(kept for kept, count in zip(rest.counts(3), whole.counts(3), strict=True) if count)
    assert split_off(whole, fraction, whole.counts(3), seed) == (drawn, rest)


@settings(deadline=None, max_examples=40)
@given(labels=st.lists(st.integers(0, 2), min_size=2, max_size=80), seed=st.integers(0, 5))
def test_rows_that_stand_alone_are_drawn_as_without_groups(labels: list[int], seed: int) -> None:
    rows = rows_of(labels, groups=list(range(len(labels))))
    quotas = [count // 3 for count in rows.counts(3)]
    order = draw_order(rows.ids, seed)
    if any(quotas):
        assert np.array_equal(
            draw_groups(order, keys_of(rows), labels, quotas, rows.counts(3)), draw(rows, quotas, seed)
        )


def test_small_groups_are_stratified() -> None:
    labels = [i // 2 % 2 for i in range(400)]  # groups of two rows with one label
    drawn, _ = split_off(rows_of(labels, groups=[i // 2 for i in range(400)]), 0.2, [200, 200], seed=13)
    assert drawn.counts(2) == [40, 40]


def test_groups_larger_than_their_share_still_give_a_split() -> None:
    rows = rows_of([0, 1] * 50, groups=[i // 20 for i in range(100)])
    drawn, rest = split_off(rows, 0.05, [50, 50], seed=1)
    assert len(drawn) == 20 and len(rest) == 80


def test_one_group_of_all_rows_cannot_be_split() -> None:
    drawn, rest = split_off(rows_of([0, 1] * 5, groups=[7] * 10), 0.2, [5, 5], seed=1)
    assert len(drawn) == 0 and len(rest) == 10


def test_equal_texts_but_for_case_and_white_space_stay_together() -> None:
    texts = [f"{'A b' if i % 2 else ' a  B'} {i // 4}" for i in range(200)]
    drawn, rest = split_off(rows_of([0, 1] * 100, texts), 0.3, [100, 100], seed=2)
    assert drawn.counts(2) == [30, 30]
    assert not set(folded_hashes(drawn)) & set(folded_hashes(rest))


def test_rows_added_at_the_end_leave_the_groups_where_they_were() -> None:
    labels, groups = [0, 1] * 60, [i // 4 for i in range(120)]
    before = split_off(rows_of(labels, groups=groups), 0.25, [60, 60], seed=3)[0]
    longer = rows_of([*labels, 0, 1], groups=[*groups, 99, 99])
    after = split_off(longer, 0.25, [60, 60], seed=3)[0]
    moved = set(before.ids) ^ set(after.ids)
    by_group = defaultdict(set)
    for name in moved:
        by_group[int(name.split(":")[1]) // 4].add(name)
    assert len(by_group) <= 1


def test_keys_are_groups_before_texts() -> None:
    rows = rows_of([0, 1, 0], ["same", "same", "other"], [1, 2, 1])
    first, second, third = keys_of(rows)
    assert first == third != second

"""The front: who is on it, who is not, and who cannot be ranked."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlab.compare.axes import find_axes, find_axis
from ftlab.compare.front import front_axes, front_notes, in_order, pareto_front, rankable, value_of
from made_board import made_candidate

AXES = find_axes(("f1_macro", "p95_ms", "usd_per_1k"))


def keys(candidates):
    return [one.key for one in candidates]


def made(*rows):
    """Return candidates a, b, ... with f1_macro, p95_ms, usd_per_1k."""
    names = "abcdefghijklmnop"
    return [
        made_candidate(names[n], **dict(zip(("f1_macro", "p95_ms", "usd_per_1k"), row, strict=True)))
        for n, row in enumerate(rows)
    ]


def test_a_candidate_worse_on_one_axis_and_better_on_none_is_not_on_the_front():
    found = pareto_front(made((0.9, 10, 2), (0.9, 11, 2), (0.8, 5, 1), (0.7, 5, 1)), AXES)
    assert keys(found) == ["a", "c"]


def test_equal_points_stay_together():
    assert keys(pareto_front(made((0.9, 10, 2), (0.9, 10, 2), (0.8, 10, 2)), AXES)) == ["a", "b"]


def test_the_best_on_any_one_axis_is_on_the_front():
    assert keys(pareto_front(made((0.9, 50, 9), (0.5, 1, 9.5), (0.4, 60, 0.1)), AXES)) == ["a", "b", "c"]


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf])
def test_without_a_value_nobody_is_on_the_front_or_pushes_another_off(unknown):
    candidates = made((0.99, unknown, 0.1), (0.9, 10, 2), (0.8, 20, 3))
    assert keys(pareto_front(candidates, AXES)) == ["b"]
    assert keys(rankable(candidates, AXES)) == ["b", "c"]
    assert value_of(candidates[0], AXES[1]) is None


def test_the_note_names_who_is_missing_and_the_axes_that_would_rank_it():
    candidates = made((0.99, None, 0.1), (0.9, 10, 2))
    assert front_notes(candidates, AXES, AXES) == [
        "not on the front, since p95_ms is unknown: a; axes=[f1_macro,usd_per_1k] ranks without it"
    ]


def test_the_remedy_leaves_out_every_axis_that_somebody_lacks():
    notes = front_notes(made((0.99, None, 0.1), (0.9, 10, None), (0.8, 9, 1)), AXES, AXES)
    assert notes == [
        "not on the front, since p95_ms is unknown: a; axes=[f1_macro] ranks without them",
        "not on the front, since usd_per_1k is unknown: b; axes=[f1_macro] ranks without them",
    ]


def test_the_main_metric_is_always_an_axis_so_another_metric_takes_its_place():
    candidates = [made_candidate("a", accuracy=0.9, p95_ms=1, usd_per_1k=1), made_candidate("b", f1_macro=0.9)]
    candidates[1].values.update(accuracy=0.8, p95_ms=None, usd_per_1k=2)
    assert front_notes(candidates, AXES, AXES)[0] == (
        "not on the front, since f1_macro is unknown: a; metric=accuracy axes=[accuracy,usd_per_1k] ranks without them"
    )
    candidates[1].values.update(accuracy=None)
    assert front_notes(candidates, AXES, AXES)[0] == "not on the front, since f1_macro is unknown: a"


def test_what_the_objective_asks_for_cannot_be_left_out_alone():
    (note,) = front_notes(made((0.99, None, 0.1), (0.9, 10, 2)), AXES, AXES, AXES[1])
    assert note.endswith("; objective=balanced axes=[f1_macro,usd_per_1k] ranks without it")


def test_an_axis_that_nobody_has_is_left_out_aloud():
    candidates = made((0.9, None, 2), (0.8, None, 1))
    used = front_axes(candidates, AXES)
    assert [axis.name for axis in used] == ["f1_macro", "usd_per_1k"]
    assert front_notes(candidates, AXES, used) == [
        "nothing that meets the constraints has a value of p95_ms, so the front is drawn without it"
    ]
    assert keys(pareto_front(candidates, used)) == ["a", "b"]


def test_no_axis_or_no_candidate_makes_no_front():
    assert pareto_front(made((0.9, 1, 1)), ()) == ()
    assert pareto_front([], AXES) == ()


def test_one_axis_leaves_the_best_alone():
    assert keys(pareto_front(made((0.9, 1, 1), (0.95, 2, 2)), [find_axis("f1_macro")])) == ["b"]


def test_order_puts_unknown_values_last_and_equals_by_key():
    assert keys(in_order(reversed(made((None, 1, 1), (0.9, 5, 1), (0.9, 5, 1))), AXES)) == ["b", "c", "a"]


VALUES = st.one_of(st.none(), st.integers(0, 4))
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=12)


@given(ROWS)
def test_the_front_is_those_that_no_other_dominates(rows):
    candidates = made(*rows)
    whole = [one for one in candidates if None not in one.values.values()]

    def beats(one, other):
        ours, theirs = ((-c.values["f1_macro"], c.values["p95_ms"], c.values["usd_per_1k"]) for c in (one, other))
        return all(a <= b for a, b in zip(ours, theirs, strict=True)) and ours != theirs

    expected = {c.key for c in whole if not any(beats(other, c) for other in whole)}
    assert set(keys(pareto_front(candidates, AXES))) == expected


@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter(rows, random):
    candidates = made(*rows)
    shuffled = random.sample(candidates, len(candidates))
    assert keys(pareto_front(shuffled, AXES)) == keys(pareto_front(candidates, AXES))

"""Constraints: their names, those that nothing can meet, and who misses them by how much."""

import math

import pytest

from ftlab.compare.axes import find_axes
from ftlab.compare.constraints import feasible, keeps, misses, override, parse_constraints, relative
from ftlab.errors import ConfigError
from made_board import made_candidate

AXES = find_axes(("f1_macro", "p95_ms", "usd_per_1k"))


def test_names_are_axes_with_a_bound_in_the_order_given():
    found = parse_constraints({"f1_macro_min": 0.9, "p95_ms_max": 20, "usd_per_1k_max": 0.01, "size_mb_max": 100})
    assert [override(one) for one in found] == [
        "constraints.f1_macro_min=0.9",
        "constraints.p95_ms_max=20",
        "constraints.usd_per_1k_max=0.01",
        "constraints.size_mb_max=100",
    ]


def test_null_and_nothing_set_no_constraint():
    assert parse_constraints(None) == parse_constraints({}) == parse_constraints({"p95_ms_max": None}) == ()


def test_what_people_type_for_an_axis_is_understood_and_the_tighter_of_two_holds():
    (found,) = parse_constraints({"latency_max": 20, "p95_ms_max": 10})
    assert (found.axis.name, found.bound, found.limit) == ("p95_ms", "max", 10)


def test_a_users_own_metric_may_be_bounded_anywhere():
    (found,) = parse_constraints({"mine_min": 12}, {"mine": "max"})
    assert (found.axis.name, found.limit) == ("mine", 12)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"f1_macr_min": 0.9}, "did you mean f1_macro.*known: accuracy"),
        ({"happiness_max": 1}, "constraints has happiness, which is nothing to rank by; known: .*p95_ms"),
        ({"p95_ms": 20}, r"least or the most; give constraints\.p95_ms_max=20"),
        ({"f1": 0.8}, r"give constraints\.f1_macro_min=0\.8"),
        ({"p95_ms_max": "fast"}, "p95_ms_max=fast is not a number"),
        ({"p95_ms_max": True}, "is not a number"),
        ({"p95_ms_max": math.nan}, "is not a number"),
        ({"f1_macro_min": 90}, r"is at most 1; give a share, such as constraints\.f1_macro_min=0\.9"),
        ({"p95_ms_max": -1}, "never below 0"),
        (
            {"f1_macro_min": 0.9, "f1_macro_max": 0.5},
            r"f1_macro_min=0\.9 lies above constraints\.f1_macro_max=0\.5, so nothing can meet both",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_with_the_remedy(given, said):
    with pytest.raises(ConfigError, match=said) as caught:
        parse_constraints(given)
    assert len(caught.value.sentences) == 1


def test_every_fault_is_said_at_once():
    with pytest.raises(ConfigError) as caught:
        parse_constraints({"nothing_min": 1, "p95_ms_max": "x", "size_mb_max": -2})
    assert len(caught.value.sentences) == 3


def test_equal_bounds_ask_for_one_value():
    assert len(parse_constraints({"f1_macro_min": 0.9, "f1_macro_max": 0.9})) == 2


def test_the_limit_itself_is_within_and_an_unknown_value_is_not():
    (most,) = parse_constraints({"p95_ms_max": 20})
    (least,) = parse_constraints({"f1_macro_min": 0.9})
    assert keeps(made_candidate("a", p95_ms=20.0), most)
    assert not keeps(made_candidate("a", p95_ms=20.001), most)
    assert keeps(made_candidate("a", f1_macro=0.9), least)
    assert not keeps(made_candidate("a", p95_ms=None), most)
    assert not keeps(made_candidate("a", p95_ms=math.nan), most)


def test_feasible_keeps_the_order():
    candidates = [made_candidate(name, f1_macro=value) for name, value in (("c", 0.9), ("a", 0.7), ("b", 0.95))]
    assert [one.key for one in feasible(candidates, parse_constraints({"f1_macro_min": 0.8}))] == ["c", "b"]


def test_the_nearest_misses_by_the_smallest_share_of_the_limit():
    candidates = [
        made_candidate("slow", f1_macro=0.95, p95_ms=40.0),  # twice the time
        made_candidate("poor", f1_macro=0.81, p95_ms=5.0),  # a tenth too low
        made_candidate("both", f1_macro=0.85, p95_ms=21.0),  # 5.6% and 5%
        made_candidate("unknown", f1_macro=0.99, p95_ms=None),
    ]
    found = misses(candidates, parse_constraints({"f1_macro_min": 0.9, "p95_ms_max": 20}), AXES)
    assert [(one.candidate.key, one.constraint.axis.name) for one in found] == [
        ("poor", "f1_macro"),
        ("both", "f1_macro"),
        ("both", "p95_ms"),
        ("slow", "p95_ms"),
        ("unknown", "p95_ms"),
    ]
    assert found[0].by == pytest.approx(0.09)
    assert relative(found[0]) == pytest.approx(0.1)
    assert found[-1].by is None
    assert relative(found[-1]) is None


def test_of_equal_misses_the_better_candidate_is_nearer():
    candidates = [
        made_candidate("a", f1_macro=0.7, p95_ms=30.0, usd_per_1k=1.0),
        made_candidate("b", f1_macro=0.8, p95_ms=30.0, usd_per_1k=1.0),
    ]
    assert misses(candidates, parse_constraints({"p95_ms_max": 20}), AXES)[0].candidate.key == "b"


def test_a_limit_of_nothing_is_missed_by_the_whole_value():
    (miss,) = misses([made_candidate("a", usd_per_1k=0.5)], parse_constraints({"usd_per_1k_max": 0}), AXES)
    assert (miss.by, relative(miss)) == (0.5, 1.0)

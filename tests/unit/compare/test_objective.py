"""What each objective asks for, and the sum of log ratios by hand."""

import math

import pytest

from ftlab.compare.axes import find_axes, find_axis
from ftlab.compare.objective import balance, by_objective, cheaper_axis, objective_axis, require_objective
from ftlab.compare.types import Axis
from ftlab.errors import ConfigError, DataError
from made_board import board_of, made_candidate

AXES = find_axes(("f1_macro", "p95_ms"))


def pair(name, one, other):
    return [made_candidate("a", **{name: one}), made_candidate("b", **{name: other})]


def scored(name, one, other, rows=0):
    found = balance(pair(name, one, other), [find_axis(name)], rows)
    return found["a"], found["b"]


def test_balance_is_the_sum_of_log_ratios_to_the_best_of_each_axis():
    front = [made_candidate("a", f1_macro=0.9, p95_ms=30.0), made_candidate("b", f1_macro=0.8, p95_ms=10.0)]
    found = balance(front, AXES, 540)
    assert found["a"] == pytest.approx(math.log(30 / 10))
    assert found["b"] == pytest.approx(math.log(0.2 / 0.1))


@pytest.mark.parametrize(
    ("name", "one", "other", "expected"),
    [
        ("throughput", 100.0, 50.0, (0.0, math.log(2))),  # more is better, and it is no share
        ("perplexity", 12.0, 18.0, (0.0, math.log(1.5))),
        ("accuracy", 0.98, 0.96, (0.0, math.log(2))),  # half the errors
        ("usd_training", 0.0, 4.0, (0.0, math.log(2))),  # a zero is half the smallest above it
        ("usd_training", 0.0, 0.0, (0.0, 0.0)),
        ("throughput", 0.0, 8.0, (math.log(2), 0.0)),
    ],
)
def test_ratios_of_one_axis(name, one, other, expected):
    assert scored(name, one, other) == pytest.approx(expected)


def test_no_error_at_all_counts_as_half_a_test_row():
    assert scored("accuracy", 1.0, 0.99, rows=100) == pytest.approx((0.0, math.log(0.01 / 0.005)))
    assert scored("accuracy", 1.0, 0.99) == pytest.approx((0.0, math.log(2)))


def test_a_metric_beyond_one_is_no_share_and_one_below_zero_has_distances():
    mine = Axis("mine", "max", "", "mine", "quality")
    assert balance(pair("mine", 4.0, 2.0), [mine])["b"] == pytest.approx(math.log(2))
    assert balance(pair("mine", 4.0, -4.0), [mine])["b"] == pytest.approx(math.log1p(2))
    correlation = balance(pair("mine", 0.5, -0.5), [mine])  # at most 1: what is still wrong has a ratio
    assert correlation["b"] == pytest.approx(math.log(3))


def test_order_by_objective_and_by_the_axes_among_equals():
    front = [
        made_candidate("good", f1_macro=0.9, p95_ms=30.0, usd_per_1k=3.0),
        made_candidate("quick", f1_macro=0.6, p95_ms=5.0, usd_per_1k=3.0),
        made_candidate("cheap", f1_macro=0.7, p95_ms=20.0, usd_per_1k=1.0),
    ]
    axes = find_axes(("f1_macro", "p95_ms", "usd_per_1k"))
    board = board_of(*front)

    def order(objective):
        ranked = by_objective(objective, front, axes, objective_axis(objective, board), 540)
        return [one.key for one in ranked]

    assert order("best") == ["good", "cheap", "quick"]
    assert order("fastest") == ["quick", "cheap", "good"]
    assert order("cheapest") == ["cheap", "good", "quick"]
    assert order("balanced") == ["cheap", "quick", "good"]  # log 3 + log 4 of both: the better metric is first


def test_an_objective_that_is_none_names_those_there_are():
    with pytest.raises(ConfigError, match=r"did you mean fastest.*balanced, best, cheapest, fastest"):
        require_objective("fast")


@pytest.mark.parametrize("objective", ["fastest", "cheapest"])
def test_an_objective_without_any_value_says_what_to_give(objective):
    board = board_of(made_candidate("a", f1_macro=0.9), made_candidate("b", f1_macro=0.8))
    with pytest.raises(DataError, match=f"objective={objective} needs .*give objective=best or balanced"):
        objective_axis(objective, board)


def test_cheapest_takes_the_price_the_front_is_drawn_over():
    board = board_of(made_candidate("a", usd_per_1m_tokens=1.0, usd_per_1k=2.0), axes=("loss", "usd_per_1m_tokens"))
    assert objective_axis("cheapest", board).name == "usd_per_1m_tokens"
    assert objective_axis("cheapest", board_of(made_candidate("a", usd_per_1k=2.0))).name == "usd_per_1k"


def test_cheaper_is_by_money_then_by_time_then_by_size():
    assert cheaper_axis(made_candidate("a", usd_per_1k=1.0, p95_ms=2.0), AXES).name == "usd_per_1k"
    assert cheaper_axis(made_candidate("a", usd_per_1k=None, p95_ms=2.0), AXES).name == "p95_ms"
    assert cheaper_axis(made_candidate("a", size_mb=2.0), AXES).name == "size_mb"
    assert cheaper_axis(made_candidate("a", f1_macro=0.5), AXES) is None

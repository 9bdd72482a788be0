"""Numbers and words each key may hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlab.check.ranges import ONE_OF, RANGES, Range, check_ranges, select


def nested(key, value):
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


@given(st.floats(allow_nan=False), st.sampled_from(["[]", "(]", "[)", "()"]))
def test_ends_belong_to_a_range_as_the_brackets_say(value, ends):
    found = Range(0, 1, ends).holds(value)
    inside = 0 < value < 1
    assert found == (inside or (value == 0 and ends[0] == "[") or (value == 1 and ends[1] == "]"))


def test_nan_is_in_no_range():
    assert not Range(-math.inf, math.inf).holds(math.nan)


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (Range(1), "at least 1"),
        (Range(0, ends="(]"), "above 0"),
        (Range(0, 1, "[)"), "in [0, 1)"),
        (Range(0, 2**32 - 1), "in [0, 4294967295]"),
    ],
)
def test_a_range_reads_like_one(allowed, words):
    assert str(allowed) == words


@pytest.mark.parametrize("key", RANGES)
def test_a_number_outside_is_refused_with_the_usual_one(key):
    outside = RANGES[key].low - 1
    good = next(value for value in (RANGES[key].low, 0.5, 1) if RANGES[key].holds(value))
    assert check_ranges(nested(key, good), {}) == []
    (sentence,) = check_ranges(nested(key, outside), nested(key, good))
    assert sentence.startswith(f"{key}={outside} must be ") and sentence.endswith(f"; write e.g. {key}={good}")
    (sentence,) = check_ranges(nested(key, outside), nested(key, outside))
    assert "write" not in sentence


@pytest.mark.parametrize("value", [None, "text", True, [1]])
def test_what_is_no_number_is_left_to_the_check_of_types(value):
    assert check_ranges({"seed": value}, {}) == []


@pytest.mark.parametrize("key", ONE_OF)
def test_an_unknown_word_is_refused_with_a_known_one(key):
    assert [check_ranges(nested(key, word), {}) for word in ONE_OF[key]] == [[]] * len(ONE_OF[key])
    (sentence,) = check_ranges(nested(key, "xyzzy"), {})
    assert sentence.startswith(f"{key}=xyzzy is not one of ") and f"; write {key}=" in sentence


def test_true_is_not_the_number_one():
    assert check_ranges(nested("trainer.precision", True), {})
    assert check_ranges(nested("adapter.merge", 1), {})


def test_the_nearest_word_is_proposed():
    assert check_ranges({"model": {"init": "randm"}}, {}) == [
        "model.init=randm is not one of pretrained, random; write model.init=random"
    ]


def test_select_finds_values_and_nothing_else():
    values = {"a": {"b": {"c": 0}}, "d": 1}
    assert (select(values, "a.b.c"), select(values, "d"), select(values, "a.x"), select(values, "d.e")) == (
        0,
        1,
        None,
        None,
    )

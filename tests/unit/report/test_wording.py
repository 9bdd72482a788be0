from __future__ import annotations

import math

import pytest

from ftlab.report import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (0, "$0"),
        (0.0012, "$0.0012"),
        (0.0012345, "$0.00123"),
        (0.00000012, "$0.00000012"),
        (0.5, "$0.50"),
        (0.9999, "$1.00"),
        (1.234, "$1.23"),
        (12.345, "$12.35"),
        (99.96, "$100"),
        (1234.5, "$1,234"),
    ],
)
def test_dollars_keep_two_or_three_digits_and_cents(value, text):
    assert wording.usd(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (math.inf, "-"),
        (0, "0 ms"),
        (0.1234, "0.123 ms"),
        (5.0, "5 ms"),
        (9.999, "10 ms"),
        (12.345, "12.3 ms"),
        (99.99, "100 ms"),
        (12345.6, "12,346 ms"),
    ],
)
def test_numbers_keep_three_digits_and_their_unit(value, text):
    assert wording.number(value, "ms") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.42, "0.42 s"),
        (48.2, "48 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_are_said_as_people_do(seconds, text):
    assert wording.duration(seconds) == text


def test_scores_changes_and_intervals_show_what_is_known():
    assert wording.score(0.81249) == "0.812"
    assert wording.score(math.nan) == wording.score(None) == "-"
    assert wording.change(0.5, 0.25) == "-0.250"
    assert wording.change(None, 0.25) == wording.change(0.25, math.nan) == "-"
    assert wording.interval((0.1, 0.25)) == "0.100 to 0.250"
    assert wording.interval((None, None)) == wording.interval((math.nan, math.nan)) == wording.interval(None) == "-"


def test_counts_agree_with_their_noun():
    assert (wording.count(1, "step"), wording.count(1200, "step")) == ("1 step", "1,200 steps")


def test_the_better_side_of_an_own_metric_is_known_when_it_is_the_main_one():
    main = {"name": "mcc", "direction": "max"}
    assert [wording.better(name, main) for name in ("loss", "accuracy", "mcc", "kappa")] == [
        "lower",
        "higher",
        "higher",
        "-",
    ]


def test_one_line_holds_no_control_characters_and_no_more_than_its_limit():
    assert wording.one_line("a\nb\tc\x1b[31m d\u2028e") == "a b c [31m d e"
    assert wording.one_line("x" * 30, 10) == "xxxxxxx..."
    assert wording.one_line("x" * 10, 10) == "x" * 10


def test_the_line_that_says_what_happened_is_the_last_of_a_traceback():
    assert wording.first_line("ValueError: bad\nmore") == "ValueError: bad"
    assert wording.first_line("Traceback (most recent call last):\n  File x\nValueError: bad\n") == "ValueError: bad"
    assert wording.first_line(None) == wording.first_line(" \n") == "-"


@pytest.mark.parametrize(
    ("value", "letters", "said"),
    [
        (None, "KMBT", "-"),
        (12, "KMBT", "12"),
        (999, "KMBT", "999"),
        (999_700, "KMBT", "1 M"),
        (22_713_216, "KMBT", "22.7 M"),
        (8.03e9, "KMBT", "8.03 B"),
        (4.82e10, "KMGTP", "48.2 G"),
        (3e18, "KMGTP", "3000 P"),
    ],
)
def test_large_numbers_have_a_letter_for_their_thousands(value, letters, said):
    assert wording.scaled(value, letters) == said


def test_a_range_whose_ends_read_the_same_is_one_number():
    assert wording.span((1.0, 2.0), wording.usd) == "$1.00 to $2.00"
    assert wording.span((1.001, 1.002), wording.usd) == "$1.00"
    assert wording.span(None, wording.usd) == "-"

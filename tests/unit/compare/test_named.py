"""A few names, and how many more there are."""

import pytest

from ftlab.compare.named import a_few


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("", ""),
        ("a", "a"),
        ("abcd", "a, b, c, d"),
        ("abcde", "a, b, c, d and 1 more"),
        ("badcfe", "b, a, d, c and 2 more"),
    ],
)
def test_four_are_named_and_the_others_counted(names, said):
    assert a_few(list(names)) == said


def test_a_place_may_bear_fewer():
    assert a_few(["x", "y", "z"], 2) == "x, y and 1 more"

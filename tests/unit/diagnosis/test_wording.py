"""Numbers in the sentences of a diagnosis."""

from __future__ import annotations

import pytest

from ftlab.diagnosis.wording import told


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (0.512, 1.1, ("0.512", "1.1")),
        (1.0984, 1.0989, ("1.098", "1.099")),
        (1.09841, 1.09839, ("1.09841", "1.09839")),
        (1.1, 1.1, ("1.1", "1.1")),
        (1.10000001, 1.1, ("1.1", "1.1")),
    ],
)
def test_two_numbers_have_the_digits_that_show_their_difference(
    one: float, other: float, said: tuple[str, str]
) -> None:
    assert told(one, other) == said

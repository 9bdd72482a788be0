"""Numbers that follow from others."""

import pytest

from ftlab.planning.types import Calibration
from planned_cells import CUDA


def test_what_is_reserved_is_not_available():
    assert CUDA.available_mb == pytest.approx(15_200)


def test_the_speed_of_a_width_between_two_that_were_timed_lies_between_theirs():
    timed = Calibration(1e-5, {100: 10.0, 200: 30.0}, 1)
    assert [timed.speed(width) for width in (50, 100, 150, 200, 4096)] == [10.0, 10.0, 20.0, 30.0, 30.0]

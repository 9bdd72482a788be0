"""Reading curves."""

from __future__ import annotations

import pytest

from ftlab.diagnosis.curves import allowed, ends, noise, smoothed, thirds
from made_evidence import curve, evidence


@pytest.mark.parametrize(
    ("scheduler", "share"),
    [("constant", 0.5), ("get_linear_schedule_with_warmup", 0.75), ("get_cosine_schedule_with_warmup", 0.818)],
)
def test_half_of_the_steps_use_more_than_half_of_a_rate_that_decays(scheduler: str, share: float) -> None:
    made = evidence(scheduler=scheduler, warmup=0.0)
    assert allowed(80, made) == pytest.approx(share, abs=0.001)
    assert (allowed(0, made), allowed(160, made)) == (0.0, 1.0)


@pytest.mark.parametrize("warmup", [0.25, 40])
def test_warm_up_uses_little(warmup: float) -> None:
    made = evidence(scheduler="constant", warmup=warmup)
    assert allowed(40, made) == pytest.approx(20 / 140)


def test_noise_is_that_of_a_point_whatever_the_trend() -> None:
    assert noise([1.0, 0.9, 0.8, 0.7]) == pytest.approx(1.4826 * 0.1 / 2**0.5)
    assert noise([1.0, 0.9]) == 0.0


def test_a_single_wild_point_leaves_no_trace() -> None:
    assert smoothed([1.0, 0.9, 9.0, 0.7, 0.6]) == [1.0, 0.9, 0.7]


def test_ends_are_quarters() -> None:
    assert ends([4.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.5]) == (3.0, 0.25)


def test_thirds_need_three_points_each() -> None:
    made = evidence(scheduler="constant", warmup=0.0)
    found = thirds(curve("train/loss", [3.0] * 3 + [2.0] * 4 + [1.0] * 5), made)
    assert found == pytest.approx((2.75, 2.0, 1.0))  # a point on an edge is the later third's
    assert thirds(curve("train/loss", [3.0, 2.0, 1.0]), made) is None

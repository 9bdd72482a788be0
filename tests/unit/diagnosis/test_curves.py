"""Reading curves."""

from __future__ import annotations

import pytest

from ftlab.diagnosis.curves import allowed, ends, noise, smoothed, thirds, train_points
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


def test_points_of_single_steps_are_put_together_by_ten() -> None:
    found = train_points(evidence([1.0] * 80 + [3.0] * 80, [1.0], main=(0.5,)))
    assert [(point.step, point.value) for point in found] == [
        (step, 1.0 if step <= 80 else 3.0) for step in range(10, 161, 10)
    ]
    whole = evidence([1.0] * 16)
    assert train_points(whole) == whole.curve("train/loss")


def test_ends_are_quarters() -> None:
    assert ends([4.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.5]) == (3.0, 0.25)


def test_thirds_need_three_points_each() -> None:
    made = evidence(scheduler="constant", warmup=0.0)
    found = thirds(curve("train/loss", [3.0] * 3 + [2.0] * 4 + [1.0] * 5), made)
    assert found == pytest.approx((2.75, 2.0, 1.0))  # a point on an edge is the later third's
    assert thirds(curve("train/loss", [3.0, 2.0, 1.0]), made) is None

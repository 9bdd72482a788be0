"""Overfitting: val loss that rises while train loss falls, and what looks like it and is not."""

from __future__ import annotations

import pytest

from ftlab.diagnosis.overfitting import NAME, look
from made_evidence import HEALTHY_TRAIN, curve, evidence, writer

MEMORISED = [1.1, 0.9, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.03, 0.02, 0.02]
RISING = [0.70, 0.60, 0.75, 0.95]


def test_val_loss_that_rises_while_train_loss_falls_is_overfitting() -> None:
    found = look(evidence(MEMORISED, RISING, main=(0.70, 0.75, 0.74, 0.75)))
    assert found is not None
    assert found.name == NAME
    assert found.evidence == (
        "val/loss rose from 0.6 (epoch 2) to 0.95 (epoch 4) while train/loss fell from 0.188 to 0.025"
    )
    assert found.remedy == "trainer.max_epochs=2"


def test_a_healthy_run_is_not() -> None:
    assert look(evidence()) is None


def test_a_rise_within_the_wobble_of_a_settled_loss_is_not() -> None:
    assert look(evidence(MEMORISED, [0.70, 0.60, 0.61, 0.64], main=(0.7, 0.75, 0.75, 0.75))) is None


def test_a_rise_within_the_noise_of_few_val_rows_is_not() -> None:
    noisy = {"loss": (0.1, 0.9)}
    assert look(evidence(MEMORISED, [0.70, 0.60, 0.66, 0.70], main=(0.7, 0.75, 0.75, 0.75), ci95=noisy)) is None


def test_confidence_alone_that_raises_the_loss_while_answers_get_better_is_not() -> None:
    assert look(evidence(MEMORISED, RISING, main=(0.60, 0.65, 0.75, 0.80))) is None


def test_answers_that_get_better_do_not_excuse_a_loss_above_that_of_the_untrained_model() -> None:
    assert look(evidence(MEMORISED, [0.70, 0.69, 0.95, 1.4], main=(0.31, 0.31, 0.5, 0.6))) is not None


def test_a_train_loss_that_rises_too_is_not() -> None:
    assert look(evidence(MEMORISED[::-1], RISING, main=(0.7, 0.7, 0.7, 0.7))) is None


def test_a_model_that_writes_overfits_by_its_loss() -> None:
    found = look(writer([3.4, 3.0, 2.5, 2.0, 1.5, 1.0, 0.8, 0.6], [3.1, 3.0, 3.4, 3.9], epochs=4))
    assert found is not None
    assert found.remedy == "trainer.max_epochs=2"


def test_steps_that_end_the_training_are_what_is_shortened() -> None:
    found = look(evidence(MEMORISED, RISING, main=(0.7, 0.7, 0.7, 0.7), max_epochs=-1, max_steps=160))
    assert found is not None
    assert found.remedy == "trainer.max_steps=80"


def test_within_the_only_epoch_a_lower_rate_is_what_is_left() -> None:
    found = look(evidence(MEMORISED, RISING, main=(0.7, 0.7, 0.7, 0.7), epochs=1))
    assert found is not None
    assert found.remedy == "optimizer.lr=1.7e-05"


@pytest.mark.parametrize("steps", [4, 19])
def test_a_handful_of_steps_says_nothing(steps: int) -> None:
    assert look(evidence(MEMORISED, RISING, main=(0.7, 0.7, 0.7, 0.7), steps=steps)) is None


def test_one_validation_says_nothing() -> None:
    assert look(evidence(HEALTHY_TRAIN, [0.9], main=(0.7,))) is None


def test_points_of_a_curve_lie_in_their_epochs() -> None:
    assert [point.epoch for point in curve("val/loss", RISING)] == [0, 1, 2, 3]

"""Under-training: the end came while the loss was falling."""

from __future__ import annotations

from ftlab.diagnosis.under_training import NAME, look
from made_evidence import HEALTHY_TRAIN, evidence, writer

FALLING = [1.0, 0.85, 0.72, 0.60]


def test_val_loss_that_still_falls_at_the_end_is_under_training() -> None:
    found = look(evidence(HEALTHY_TRAIN, FALLING))
    assert found is not None
    assert found.name == NAME
    assert found.evidence == "val/loss still fell by 17% before the end, from 0.72 (step 120) to 0.6 (step 160)"
    assert found.remedy == "trainer.max_epochs=8"


def test_a_loss_that_has_settled_is_not() -> None:
    assert look(evidence()) is None


def test_a_last_validation_that_is_not_the_best_is_not() -> None:
    assert look(evidence(HEALTHY_TRAIN, [0.5, 0.4, 0.6, 0.5])) is None


def test_a_fall_within_the_noise_of_few_val_rows_is_not() -> None:
    assert look(evidence(HEALTHY_TRAIN, FALLING, ci95={"loss": (0.0, 1.0)})) is None


def test_with_one_validation_the_train_loss_says_it() -> None:
    train = [1.1, 1.08, 1.05, 1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6]
    found = look(evidence(train, [0.6], main=(0.7,), epochs=1))
    assert found is not None
    assert "in the middle third of the 160 steps" in found.evidence
    assert found.remedy == "trainer.max_epochs=2"


def test_with_one_validation_a_settled_train_loss_is_not() -> None:
    assert look(evidence(HEALTHY_TRAIN, [0.4], main=(0.7,), epochs=1)) is None


def test_a_model_that_writes_is_judged_alike() -> None:
    assert look(writer([6.0, 5.0, 4.5, 4.2, 4.0, 3.9, 3.8, 3.7], [5.0, 4.4, 4.0, 3.6])) is not None
    found = look(writer([6.0, 5.6, 5.4, 5.3, 5.2, 5.15, 5.12, 5.1], [5.6, 5.24, 5.12], epochs=3))
    assert found is not None  # 11% of perplexity, though 2% of the loss
    assert found.evidence.startswith("val/loss still fell by 0.12 nats before the end")
    assert look(writer([3.4, 3.2, 3.1, 3.05, 3.02, 3.0, 3.0, 3.0], [3.2, 3.1, 3.08, 3.07])) is None


def test_steps_that_end_the_training_are_doubled_and_so_are_the_epochs_they_need() -> None:
    found = look(evidence(HEALTHY_TRAIN, FALLING, max_epochs=4, max_steps=160, training={"epochs": 2.5}))
    assert found is not None
    assert found.remedy == "trainer.max_steps=320 trainer.max_epochs=5"


def test_steps_alone_are_doubled_where_epochs_have_no_end() -> None:
    found = look(evidence(HEALTHY_TRAIN, FALLING, max_epochs=-1, max_steps=160))
    assert found is not None
    assert found.remedy == "trainer.max_steps=320"


def test_a_handful_of_steps_says_nothing() -> None:
    assert look(evidence(HEALTHY_TRAIN, FALLING, steps=8)) is None

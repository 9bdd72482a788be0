"""A learning rate too low, and one too high."""

from __future__ import annotations

from ftlab.diagnosis.learning_rate import HIGH, LOW, look_high, look_low
from made_evidence import UNTRAINED, counts, evidence, writer

GUESSING = [1.104, 1.102, 1.106, 1.099, 1.101, 1.105, 1.100, 1.103, 1.102, 1.101, 1.104, 1.100]
SAME = {"loss": 1.098, "mean_confidence": 0.351, "accuracy": 0.34, "f1_macro": 0.2}
ONE_LABEL = counts(predicted=(0, 600, 0))


def test_a_model_that_is_what_it_was_had_too_low_a_rate() -> None:
    found = look_low(evidence(GUESSING, [1.1, 1.1], test=SAME, learning_rate=1e-7))
    assert found is not None
    assert found.name == LOW
    assert found.evidence == (
        "after 160 steps the test loss is 1.098, and 1.1 before training; train/loss went from 1.104 to 1.102"
    )
    assert found.remedy == "optimizer.lr=1e-06"


def test_a_loss_that_falls_in_a_line_had_too_low_a_rate() -> None:
    slow = [1.10, 1.095, 1.09, 1.083, 1.077, 1.07, 1.062, 1.055, 1.047, 1.04, 1.032, 1.025]
    found = look_low(evidence(slow, [1.08, 1.05, 1.03, 1.02], test={"loss": 1.02}, scheduler="constant", warmup=0.0))
    assert found is not None
    assert "had not begun to settle after 160 steps" in found.evidence
    assert found.remedy == "optimizer.lr=0.00015"


def test_a_loss_that_falls_fast_and_settles_had_not() -> None:
    assert look_low(evidence()) is None
    assert look_low(evidence([1.10, 1.0, 0.98, 0.97, 0.965, 0.96, 0.96, 0.96, 0.96, 0.96, 0.96, 0.96])) is None


def test_a_head_that_only_learned_the_shares_at_a_far_lower_rate_than_usual_had_too_low_a_rate() -> None:
    before = {**UNTRAINED, "loss": 1.25, "mean_confidence": 0.5}
    found = look_low(evidence(GUESSING, [1.1, 1.1], before=before, test=SAME, learning_rate=1e-6))
    assert found is not None
    assert "at optimizer.lr=1e-06 (this adapter comes with 5e-05)" in found.evidence


def test_a_model_thrown_about_that_only_guesses_had_too_high_a_rate() -> None:
    wild = [3.9, 2.1, *GUESSING]
    test = {"loss": 1.10, "mean_confidence": 0.41, "accuracy": 0.33, "f1_macro": 0.17}
    found = look_high(evidence(wild, [1.11, 1.1], test=test, labels=ONE_LABEL, learning_rate=3e-3))
    assert found is not None
    assert found.name == HIGH
    assert found.evidence == (
        "train/loss ended at 1.1, no better than giving each label its share of the rows, and 600 of 600 test rows are "
        "called neutral, at optimizer.lr=0.003 (this adapter comes with 5e-05)"
    )
    assert found.remedy == "optimizer.lr=0.0003"
    assert look_low(evidence(wild, [1.11, 1.1], test=test, labels=ONE_LABEL, learning_rate=3e-3)) is None


def test_a_healthy_run_had_neither() -> None:
    assert look_high(evidence()) is None
    assert look_low(evidence()) is None


def test_labels_that_cannot_be_learned_at_the_usual_rate_are_not_blamed_on_it() -> None:
    test = {"loss": 1.12, "mean_confidence": 0.41, "accuracy": 0.33, "f1_macro": 0.3}
    found = evidence(GUESSING, [1.11, 1.1], test=test)
    assert look_high(found) is None
    assert look_low(found) is None


def test_a_model_that_writes_worse_than_before_had_too_high_a_rate() -> None:
    found = look_high(writer([3.4, 5.2, 5.0, 4.8, 4.7, 4.6, 4.6, 4.5], [4.6, 4.5], learning_rate=0.1))
    assert found is not None
    assert found.evidence.startswith("training made the model worse: the test loss is 4.5, and 3.4 before")
    assert look_high(writer([3.4, 3.2, 3.1, 3.0, 3.0, 3.0, 3.0, 3.0], [3.1, 3.0])) is None


def test_a_model_that_overfits_until_it_is_worse_is_not_blamed_on_the_rate() -> None:
    assert look_high(writer([3.4, 2.5, 1.9, 1.2, 0.8, 0.5, 0.3, 0.2], [3.1, 4.5])) is None


def test_an_optimizer_without_a_rate_is_not_judged_by_one() -> None:
    assert look_low(evidence(GUESSING, [1.1, 1.1], test=SAME, learning_rate=None)) is None


def test_a_handful_of_steps_says_nothing() -> None:
    assert look_low(evidence(GUESSING, [1.1, 1.1], test=SAME, steps=10)) is None

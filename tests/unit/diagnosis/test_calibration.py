"""Miscalibration, and that chance alone is not taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from ftlab.diagnosis.calibration import NAME, chance_error, look
from ftlab.metrics.bootstrap import bootstrap_ci95
from ftlab.metrics.calibration import bin_confidences
from made_evidence import evidence

OFF = {"ece": 0.16, "mean_confidence": 0.97, "accuracy": 0.81}
ENDS = {"ece": (0.13, 0.19)}


def test_confidence_far_above_accuracy_is_miscalibration() -> None:
    found = look(evidence(test=OFF, ci95=ENDS))
    assert found is not None
    assert found.name == NAME
    assert found.evidence == "ece is 0.16 (95% interval 0.13 to 0.19): mean confidence 0.97, accuracy 0.81"
    assert found.remedy == "model.label_smoothing=0.1"


def test_smoothing_that_is_there_already_is_not_asked_for_and_too_little_confidence_asks_for_less() -> None:
    found = look(evidence(test=OFF, ci95=ENDS, label_smoothing=0.1))
    assert found is not None
    assert found.remedy == ""
    low = {**OFF, "mean_confidence": 0.61}
    found = look(evidence(test=low, ci95=ENDS, label_smoothing=0.2))
    assert found is not None
    assert found.remedy == "model.label_smoothing=0"
    found = look(evidence(test=low, ci95=ENDS))
    assert found is not None
    assert found.remedy == "trainer.max_epochs=8"


def test_labels_by_a_prompt_are_calibrated_by_the_prompt() -> None:
    found = look(evidence(test=OFF, ci95=ENDS, model={"head": "lm"}))
    assert found is not None
    assert found.remedy == "prompt.calibration=contextual"


def test_weights_kept_for_another_metric_far_from_the_lowest_loss_ask_to_be_kept_by_it() -> None:
    found = look(evidence(val=[0.66, 0.30, 0.12, 0.09], kept={"loss": 0.66}, test=OFF, ci95=ENDS))
    assert found is not None
    assert found.remedy == "monitor=val/loss"
    found = look(evidence(kept={"loss": 0.47}, test=OFF, ci95=ENDS))
    assert found is not None
    assert found.remedy == "model.label_smoothing=0.1"


def test_a_healthy_run_is_calibrated() -> None:
    assert look(evidence()) is None


def test_few_rows_say_nothing() -> None:
    assert look(evidence(test=OFF, ci95=ENDS, data={"test_rows": 90})) is None


@pytest.mark.parametrize("rows", [100, *(pytest.param(n, marks=pytest.mark.slow) for n in (300, 1000))])
def test_a_perfectly_calibrated_model_is_hardly_ever_called_off(rows: int) -> None:
    """At most one in a hundred, over models of any confidence; seeds are fixed."""
    random, called = np.random.default_rng(rows), 0
    for _ in range(100):
        confidences = random.uniform(0.5, 1.0, rows)
        right = random.random(rows) < confidences
        # Two labels: all rows are called the first, so that its probability is the confidence.
        probabilities = np.stack([confidences, 1 - confidences], axis=1)
        labels = np.where(right, 0, 1)
        ends = bootstrap_ci95(labels, probabilities, np.zeros(rows), resamples=100)
        test = {
            "ece": bin_confidences(confidences.astype(np.float32), right).ece,
            "mean_confidence": float(confidences.mean()),
            "accuracy": float(right.mean()),
        }
        called += look(evidence(test=test, ci95={"ece": ends["ece"]}, data={"test_rows": rows})) is not None
    assert called <= 1


def test_the_error_of_chance_is_a_bound() -> None:
    random = np.random.default_rng(0)
    confidences = random.uniform(0.5, 1.0, (200, 400))
    right = random.random((200, 400)) < confidences
    found = [bin_confidences(sure.astype(np.float32), hit).ece for sure, hit in zip(confidences, right, strict=True)]
    assert 0.5 * chance_error(400) < np.mean(found) < chance_error(400)

"""Divergence and spikes."""

from __future__ import annotations

import math

from ftlab.diagnosis.divergence import NAME, SPIKES, look, look_for_spikes
from ftlab.diagnosis.evidence import Lost
from made_evidence import HEALTHY_TRAIN, evidence, writer

DIVERGED = [1.1, 0.9, 0.7, 0.6, 0.58, 0.6, 0.9, 1.5, 2.4, 2.6, 2.9, 3.0]


def test_a_loss_that_ends_far_above_its_best_has_diverged() -> None:
    found = look(evidence(DIVERGED, [0.7, 3.0], main=(0.7, 0.3), clip=None))
    assert found is not None
    assert found.name == NAME
    assert found.evidence == "train/loss had come down to 0.6 by step 53 and ended at 2.83, at optimizer.lr=5e-05"
    assert found.remedy == "optimizer.lr=1.7e-05 trainer.gradient_clip_val=1"


def test_a_healthy_loss_has_not() -> None:
    assert look(evidence()) is None


def test_a_noisy_loss_that_goes_nowhere_has_not() -> None:
    assert look(evidence([1.1, 0.9, 1.2, 1.0, 0.85, 1.15, 0.95, 1.2, 0.9, 1.1, 1.2, 1.15], [1.0])) is None


def test_a_tiny_loss_that_wobbles_has_not() -> None:
    assert look(evidence([1.1, 0.5, 0.2, 0.1, 0.01, 0.01, 0.02, 0.01, 0.03, 0.05, 0.04, 0.05], [1.0])) is None


def test_a_loss_that_is_no_number_is_divergence_however_few_the_steps() -> None:
    found = look(evidence([], [], main=(), steps=0, evidence={"lost": Lost(0, 6, math.nan, 8.31)}, precision="16-true"))
    assert found is not None
    assert found.evidence == (
        "the training loss is nan in epoch 1, step 7, after 8.31 the step before, at optimizer.lr=5e-05"
    )
    assert found.remedy == "optimizer.lr=5e-06 trainer.precision=32-true"


def test_a_first_loss_that_is_no_number_names_none_before_it() -> None:
    found = look(evidence([], [], main=(), steps=0, evidence={"lost": Lost(0, 0, math.inf, None)}))
    assert found is not None
    assert found.evidence == "the training loss is inf in epoch 1, step 1, at optimizer.lr=5e-05"


def test_a_curve_with_a_hole_is_divergence_where_no_guard_stopped_it() -> None:
    found = look(evidence([1.1, 0.9, math.nan, math.nan, 0.8, 0.7, 0.7, 0.7], [0.7]))
    assert found is not None
    assert found.evidence.startswith("train/loss is nan at step 60")


def test_a_model_that_writes_diverges_alike() -> None:
    assert look(writer([3.4, 3.0, 2.9, 2.8, 2.9, 4.0, 5.5, 6.0, 6.2], [4.0])) is not None


def test_points_far_above_their_neighbours_are_spikes() -> None:
    spiky = [1.1, 0.9, 0.7, 0.6, 2.4, 0.6, 0.55, 0.5, 2.0, 0.5, 0.45, 0.42]
    found = look_for_spikes(evidence(spiky, [0.5], clip=None))
    assert found is not None
    assert found.name == SPIKES
    assert found.evidence == "train/loss leapt up 2 times, to 2 from about 0.6 at step 120"
    assert found.remedy == "trainer.gradient_clip_val=1"
    assert look(evidence(spiky, [0.5])) is None


def test_with_clipping_on_spikes_ask_for_a_lower_rate() -> None:
    found = look_for_spikes(evidence([1.1, 0.9, 0.7, 0.6, 4.4, 0.6, 0.55, 0.5, 0.5, 0.5], [0.5]))
    assert found is not None
    assert found.remedy == "optimizer.lr=1.7e-05"


def test_one_small_leap_is_no_trouble() -> None:
    assert look_for_spikes(evidence([1.1, 0.9, 0.7, 0.6, 1.6, 0.6, 0.55, 0.5, 0.5, 0.5], [0.5])) is None


def test_a_healthy_loss_has_no_spikes() -> None:
    assert look_for_spikes(evidence(HEALTHY_TRAIN)) is None


def test_a_handful_of_steps_says_nothing() -> None:
    assert look(evidence(DIVERGED, [0.7, 3.0], steps=12)) is None


def test_a_loss_that_leaps_from_nothing_is_a_spike_and_no_fault() -> None:
    found = look_for_spikes(evidence([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e-12, 0.0], []))
    assert found is not None and "to 1e-12 from about 0 at step" in found.evidence

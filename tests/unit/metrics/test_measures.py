from __future__ import annotations

from types import SimpleNamespace

import pytest

from ftlab.errors import ConfigError
from ftlab.metrics.generation.statistics import ROUGE
from ftlab.metrics.measures import CLASSIFICATION, GENERATION, LANGUAGE_MODEL, MEASURES, direction

LESS = {"loss", "brier", "ece", "perplexity", "empty_share", "cut_share"}
NEITHER = {"generated_tokens_mean", "generated_words_mean", "reference_words_mean", "length_ratio"}


@pytest.mark.parametrize("name", sorted(LESS))
def test_less_of_an_error_is_better(name):
    assert direction(name) == "min"


@pytest.mark.parametrize("name", sorted(set(MEASURES) - LESS - NEITHER))
def test_more_of_a_score_is_better(name):
    assert direction(name) == "max"


@pytest.mark.parametrize("name", sorted(NEITHER))
def test_a_length_is_better_neither_high_nor_low(name):
    with pytest.raises(ConfigError, match=rf"test/{name} is better neither high nor low; choose another, such as perp"):
        direction(f"test/{name}")


def test_every_metric_states_its_unit():
    assert all(measure.unit for measure in MEASURES.values())


def test_those_of_a_language_model_follow_those_of_a_classifier():
    assert list(MEASURES) == [*CLASSIFICATION, "perplexity", *GENERATION]
    assert set(LANGUAGE_MODEL) == {"loss", "perplexity"}


def test_wording_has_a_teacher_forced_twin_and_length_has_none():
    twins = {name for name in GENERATION if f"{name}_teacher_forced" in GENERATION}
    assert twins == {"bleu", "bleu_1", "bleu_2", "bleu_3", "bleu_4", "exact_match", *ROUGE}
    assert direction("rougeL_teacher_forced") == "max"


def test_a_split_before_the_name_changes_nothing():
    assert direction("val/loss") == "min"
    assert direction("test/f1_macro") == "max"


def test_own_metrics_say_their_direction_themselves():
    own = {"mcc": SimpleNamespace(higher_is_better=True), "cost": SimpleNamespace(higher_is_better=False)}
    assert direction("val/mcc", own) == "max"
    assert direction("cost", own) == "min"


def test_an_own_metric_without_direction_is_told_what_to_set():
    with pytest.raises(ConfigError, match=r"metrics\.mcc .* set higher_is_better = True or False"):
        direction("mcc", {"mcc": SimpleNamespace(higher_is_better=None)})


def test_an_unknown_metric_lists_those_there_are_with_the_nearest_first():
    with pytest.raises(ConfigError, match=r"val/f1_makro is not a metric; did you mean f1_macro\? Metrics: .*, kappa"):
        direction("val/f1_makro", {"kappa": SimpleNamespace(higher_is_better=True)})

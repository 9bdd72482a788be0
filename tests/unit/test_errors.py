"""Sentences for what a user did."""

import pytest

from ftlab.errors import ConfigError, DataError, ModelError, UserError, closest, did_you_mean

ADAPTERS = ["freeze", "full", "head", "lora", "none"]


def test_a_user_error_keeps_its_sentences_apart_and_prints_them_in_lines():
    error = DataError("one", "two")
    assert error.sentences == ("one", "two") and str(error) == "one\ntwo"
    assert all(issubclass(kind, UserError) for kind in (ConfigError, DataError, ModelError))


def test_a_user_error_without_a_sentence_is_our_mistake():
    with pytest.raises(AssertionError):
        UserError()


@pytest.mark.parametrize(
    ("word", "choices", "near"),
    [
        ("lroa", ADAPTERS, "lora"),
        ("LoRA", ADAPTERS, "lora"),
        ("bert-large", ["bert_base", "bert_large"], "bert_large"),
        ("rnk", ["adapter.alpha", "adapter.rank"], "adapter.rank"),
        ("batchsize", ["dataset.batch_size", "dataset.batching"], "dataset.batch_size"),
        ("quantum", ADAPTERS, None),
        ("x", [], None),
    ],
)
def test_closest_is_the_choice_a_reader_means(word, choices, near):
    assert closest(word, choices) == near


def test_of_two_names_that_differ_in_capitals_the_first_is_kept():
    assert closest("LORA", iter(["Lora", "lora"])) == "Lora"


def test_did_you_mean_is_silent_where_nothing_is_near():
    assert did_you_mean("lroa", ADAPTERS) == "; did you mean lora?"
    assert did_you_mean("quantum", ADAPTERS) == ""

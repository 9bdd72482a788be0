"""What a reader is told of a run, a line each."""

import dataclasses

from ftlab.report.facts import facts
from made_runs import model_info, run_result


def weights(**changes):
    return facts(run_result(model=model_info(**changes))).get("weights")


def test_weights_from_the_hub_go_without_saying():
    assert weights(weights="hub") is None and weights() is None, "nor do those of an older record"
    assert weights(weights="package") is None, "a package of the hub's own bytes"


def test_random_weights_a_package_in_4_bits_and_a_stand_in_are_told():
    assert weights(init="random", weights="random").startswith("random before training: quality says nothing")
    assert weights(weights="package_4bit").startswith("the same model in 4 bits, from its package")
    stood = weights(name="minilm", weights="package", stands_for="distilbert")
    assert stood == "minilm stands in for distilbert, which the study names"
    both = weights(init="random", stands_for="bert_base")
    assert both.startswith("random before training") and both.endswith("names") and "; distilbert stands in" in both


def test_a_run_without_a_model_has_no_weights():
    assert "weights" not in facts(dataclasses.replace(run_result(), model=None))

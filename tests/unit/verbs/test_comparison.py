"""What a comparison says of money."""

import dataclasses

import pytest

from ftlab.verbs.comparison import Asked, compare_runs
from made_board import made_run


def money_said(*runs, **asked):
    return compare_runs(runs, Asked(**asked)).money_said


def test_without_a_price_one_sentence_says_so_whatever_volume_was_asked():
    runs = []
    for run in (made_run("minilm", usd_per_1k=None, usd_training=None), made_run("bert_base", usd_per_1k=None)):
        cost = dataclasses.replace(run.result.cost, usd_per_hour=None)
        runs.append(dataclasses.replace(run, result=dataclasses.replace(run.result, cost=cost)))
    assert money_said(*runs, requests_per_month=1234) == (
        "no candidate has a price, so nothing is said of money; give cost.usd_per_hour=<number>",
    )


def test_the_volume_is_the_one_that_was_typed():
    runs = [made_run("minilm", usd_training=0.02), made_run("bert_base", p95_ms=50.0, usd_training=0.5)]
    assert "at 1,234 requests a month, over 12 months, minilm lora (f1_macro 0.800) costs $0.0496" in money_said(
        *runs, requests_per_month=1234
    )


def test_who_is_the_cheapest_at_any_volume_is_said_once():
    good = made_run("minilm", f1_macro=0.9, usd_per_1k=0.002, usd_training=0.02, p95_ms=10.0)
    dear = made_run("bert_base", f1_macro=0.91, usd_per_1k=0.01, usd_training=0.5, p95_ms=50.0)
    (said,) = money_said(good, dear)
    assert said.startswith("at any volume minilm lora (f1_macro 0.900) is the cheapest")


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_run_of_unknown_quality_that_is_cheap_is_marked(value):
    cheap = made_run("tiny_bert", f1_macro=value, usd_per_1k=0.0001, usd_training=0.0)
    runs = [cheap, made_run("minilm", f1_macro=0.9, usd_training=0.02), made_run("bert_base", usd_training=0.03)]
    first, *_, last = money_said(*runs, requests_per_month=100)
    assert first.startswith("at any volume tiny_bert lora (f1_macro unknown) is the cheapest")
    assert "tiny_bert lora (f1_macro unknown) costs $" in last

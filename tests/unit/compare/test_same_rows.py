"""Runs on the same test rows: one pair, and one run against many at once."""

import dataclasses

import pytest

from ftlab.compare.rows import ScoredRows, pair_rows
from ftlab.compare.same_rows import difference_of, differences_to_others
from made_board import made_run, save_made

METRICS = ("accuracy", "f1_macro")


@pytest.fixture
def opened(tmp_path):
    """Return what opens the rows of a made run."""

    def one(adapter, accuracy=0.8, **more):
        run = made_run("minilm", adapter, accuracy=accuracy, f1_macro=accuracy, test_rows=60, **more)
        return ScoredRows(save_made(tmp_path / run.result.run.name, run))

    return one


def at_once(ours, others, turned=()):
    return differences_to_others(ours, others, turned, METRICS, 50)


def test_many_at_once_are_what_each_pair_is_alone(opened):
    ours, others = opened("full", 0.9), {"lora": opened("lora", 0.7, seed=1), "head": opened("head", 0.5, seed=2)}
    found = at_once(ours, others, turned=["head"])
    assert found["lora"] == difference_of(pair_rows(ours, others["lora"]), METRICS, 50)
    assert found["head"] == difference_of(pair_rows(others["head"], ours), METRICS, 50)
    assert found["lora"].rows == 60 and 12 <= found["lora"].discordant <= 24


def test_rows_that_lie_otherwise_are_left_to_the_pair(opened):
    ours, theirs = opened("full"), opened("lora")
    theirs.ids = theirs.ids[::-1]
    assert at_once(ours, {"lora": theirs}) == {}
    assert at_once(ours, {"other": opened("head", test_digest="0f0f0f0f")}) == {}


def test_rows_that_cannot_be_read_spoil_their_pair_only(opened):
    ours, good, bad = opened("full"), opened("lora"), opened("head")
    data = dataclasses.replace(bad.run.result.dataset, labels=["oppose", "neutral", "support"])
    bad.run = dataclasses.replace(bad.run, result=dataclasses.replace(bad.run.result, dataset=data))
    bad.columns = tuple(name for name in bad.columns if name != "p_support")
    found = at_once(ours, {"lora": good, "head": bad})
    assert "has no column p_support" in found["head"] and found["lora"].rows == 60


def test_models_that_write_are_left_to_the_pair(opened):
    texts = opened("none", task="causal_lm", main="loss")
    assert at_once(opened("full"), {"none": texts}) == {} == at_once(texts, {"full": opened("head")})

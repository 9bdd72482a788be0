from __future__ import annotations

from pathlib import Path

import pytest

from ftlab.errors import ConfigError
from ftlab.schema import DatasetConfig, ModelConfig, PromptConfig
from ftlab.task import chosen_task

LABELLED = DatasetConfig(name="policy_stance", bundled="policy_stance")
TEXTS = DatasetConfig(name="idea_posts", bundled="idea_posts")


def model(*, causal: bool, head: str = "auto") -> ModelConfig:
    target = "ftlab.modules.causal_lm.CausalLMModule" if causal else "ftlab.modules.classifier.ClassifierModule"
    return ModelConfig(_target_=target, name="gpt" if causal else "bert", head=head)


@pytest.mark.parametrize(
    ("causal", "head", "dataset", "prompt", "expected"),
    [
        (False, "auto", LABELLED, "none", "classification"),
        (False, "classification", LABELLED, "none", "classification"),
        (False, "auto", LABELLED, "few_shot", "classification"),
        (True, "auto", LABELLED, "none", "classification"),
        (True, "classification", LABELLED, "none", "classification"),
        (True, "classification", LABELLED, "zero_shot", "classification"),
        (True, "auto", LABELLED, "zero_shot", "prompted"),
        (True, "lm", LABELLED, "few_shot", "prompted"),
        (True, "auto", TEXTS, "none", "generation"),
        (True, "lm", TEXTS, "none", "generation"),
    ],
)
def test_model_data_and_prompt_decide(causal, head, dataset, prompt, expected):
    assert chosen_task(model(causal=causal, head=head), dataset, PromptConfig(name=prompt)) == expected


@pytest.mark.parametrize(
    ("causal", "head", "dataset", "prompt", "said"),
    [
        (False, "auto", TEXTS, "none", "model=bert gives labels; write model=smollm2_135m"),
        (False, "lm", LABELLED, "none", "model=bert is none; write model.head=auto"),
        (True, "lm", LABELLED, "none", "write prompt=zero_shot, or model.head=auto"),
        (True, "auto", TEXTS, "few_shot", "dataset=idea_posts holds texts to write; write prompt=none"),
        (True, "classification", TEXTS, "none", "holds texts to write; write model.head=auto"),
        (True, "seq", TEXTS, "none", "model.head=seq must be one of auto, classification, lm"),
    ],
)
def test_pairings_that_make_no_sense_are_named_with_their_remedy(causal, head, dataset, prompt, said):
    with pytest.raises(ConfigError, match=said):
        chosen_task(model(causal=causal, head=head), dataset, PromptConfig(name=prompt))


def test_columns_decide_where_they_can_and_the_model_where_they_cannot(tmp_path: Path):
    path = tmp_path / "train.csv"
    dataset = DatasetConfig(name="files", train=str(path))
    path.write_text("text\nA line.\n")
    assert chosen_task(model(causal=True), dataset, PromptConfig()) == "generation"
    assert chosen_task(model(causal=True), dataset, PromptConfig(name="zero_shot")) == "prompted"
    assert chosen_task(model(causal=False), dataset, PromptConfig()) == "classification"
    path.write_text("text,label\nA line.,a\n")
    assert chosen_task(model(causal=True), dataset, PromptConfig()) == "classification"

"""What a run is for: each sentence of the rule, and what passes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ftlab.errors import ConfigError

GPT, BERT = "model=tiny_gpt", "model=tiny_bert"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("chats.jsonl").write_text(json.dumps({"prompt": "a", "completion": "b"}) + "\n")
    Path("fine.json").write_text(json.dumps({"type": "object", "required": ["a"]}))
    Path("list.json").write_text("[]")


TEXTS = [GPT, "dataset=files", "dataset.train=chats.jsonl"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([BERT, "model.head=lm"], "model.head=lm needs a model that writes, and model=tiny_bert is none"),
        ([GPT, "model.head=lmm"], "model.head=lmm must be one of auto, classification, lm"),
        ([GPT, "model.head=lm"], "write prompt=zero_shot, or model.head=auto"),
        ([BERT, "dataset=idea_posts"], "holds texts to write, and model=tiny_bert gives labels"),
        ([*TEXTS, "prompt=zero_shot"], "prompt=zero_shot asks for labels, and dataset=files holds texts to write"),
        (
            [*TEXTS, "model.head=classification"],
            "model.head=classification gives labels, and dataset=files holds texts",
        ),
        ([BERT, "model.chat_template=chatml"], "is for models that write, and model=tiny_bert is none; leave it out"),
        ([*TEXTS, "model.chat_template=chatm"], "did you mean chatml?"),
        ([*TEXTS, "model.chat_template=gone.jinja"], "model.chat_template=gone.jinja does not exist"),
        ([BERT, "monitor=val/perplexity"], "monitor=val/perplexity is not measured; write monitor=val/"),
        ([*TEXTS, "monitor=val/accuracy"], "write monitor=val/loss, or one of val/loss, val/perplexity"),
        ([*TEXTS, "monitor=val/perplexty"], "write monitor=val/perplexity, or one of"),
        ([GPT, "prompt=zero_shot", "model.label_smoothing=0.1"], "write model.label_smoothing=0"),
        ([BERT, "dataset.batching=packed"], "a label belongs to one text; type dataset.batching=length_grouped"),
        (
            [GPT, "prompt=zero_shot", "dataset.batching=packed"],
            "dataset.batching=packed puts several texts into one row",
        ),
        ([BERT, "generation.limit=3"], "generation.limit is for texts that a model writes, and this run gives labels"),
        (
            [GPT, "generation={limit: 3}"],
            "generation.limit is for texts that a model writes, and this run gives labels",
        ),
        ([BERT, "dataset.loss_on=all"], "dataset.loss_on is for texts that a model writes"),
        ([*TEXTS, "model.class_weights=balanced"], "model.class_weights is for labels, and this run learns to write"),
        (
            [*TEXTS, "dataset.sample_per_class=5"],
            "dataset.sample_per_class is for labels, and this run learns to write",
        ),
        ([GPT, "prompt=zero_shot", "prompt.calibration=x"], "prompt.calibration=x is none of none, contextual"),
        ([GPT, "prompt=few_shot", "prompt.shots_per_class=-1"], "prompt.shots_per_class=-1 is negative"),
        ([GPT, "prompt=zero_shot", "prompt.verbalisers={support: x, oppose: x}"], "'x' for support and oppose"),
        ([*TEXTS, "generation.max_new_tokens=0"], "generation.max_new_tokens=0 writes nothing"),
        ([*TEXTS, "generation.top_p=0.5"], "type generation.do_sample=true"),
        ([*TEXTS, "generation.json_schema=gone.json"], "generation.json_schema=gone.json does not exist"),
        ([*TEXTS, "generation.json_schema=list.json"], "generation.json_schema=list.json is no JSON schema but []"),
        ([*TEXTS, "generation.json_schema=chats.jsonl"], "generation.json_schema=chats.jsonl is no JSON schema"),
    ],
)
def test_what_does_not_go_together_is_said_with_what_to_type(cfg, words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        cfg(*words)


@pytest.mark.parametrize(
    "words",
    [
        [BERT],
        [GPT],
        [GPT, "model.head=classification"],
        [GPT, "prompt=zero_shot"],
        [GPT, "prompt=few_shot", "model.head=lm", "model.chat_template=chatml", "prompt.chat=true"],
        [BERT, "prompt=zero_shot"],
        [GPT, "prompt=zero_shot", "monitor=val/accuracy"],
        [GPT, "dataset=idea_posts", "monitor=val/perplexity", "dataset.batching=packed", "dataset.loss_on=all"],
        [*TEXTS, "model.head=lm", "generation.json_schema=fine.json", "generation={do_sample: true, top_p: 0.9}"],
    ],
)
def test_what_goes_together_passes(cfg, words: list[str]) -> None:
    assert cfg(*words)


def test_files_that_are_not_there_are_said_once(cfg) -> None:
    with pytest.raises(ConfigError) as caught:
        cfg(GPT, "dataset=files", "dataset.train=gone.jsonl")
    assert len(caught.value.sentences) == 1 and "dataset.train=gone.jsonl" in caught.value.sentences[0]


def test_all_that_is_wrong_is_said_at_once(cfg) -> None:
    with pytest.raises(ConfigError) as caught:
        cfg(*TEXTS, "monitor=val/accuracy", "generation.limit=-1", "model.class_weights=balanced")
    assert len(caught.value.sentences) == 3

"""The prompt of a run: examples from train alone, a chat template only where the model converses, all of it told."""

from __future__ import annotations

from typing import Any

import pytest

from ftlab.datasets.splits import Rows, Splits
from ftlab.errors import ModelError
from ftlab.prompts.classification import ClassificationPrompt
from ftlab.verbs.tasks.asking import make_prompt, prompt_record
from prompting import config, tokenizer

LABELS = ["no", "yes"]


def rows(split: str, count: int, pairs: bool = False) -> Rows:
    texts = [f"{split} text {n}" for n in range(count)]
    seconds = [f"{split} second {n}" for n in range(count)] if pairs else None
    return Rows(texts, seconds, [n % 2 for n in range(count)], [f"{split}:{n}" for n in range(count)])


def splits(pairs: bool = False) -> Splits:
    found = {split: rows(split, count, pairs) for split, count in (("train", 20), ("val", 6), ("test", 6))}
    options = {"name": "mine", "labels": LABELS, "digest": "d", "test_digest": "t", "duplicate_rows": 0}
    return Splits(**options, leaked_rows=0, notes=[], **found)  # type: ignore[arg-type]


def made(template: str | None = None, *, pairs: bool = False, **changes: Any) -> ClassificationPrompt:
    return make_prompt(config(**changes), template, splits(pairs), tokenizer())


def test_examples_are_rows_of_train_as_many_per_label_and_the_same_for_a_seed() -> None:
    prompt = made(shots_per_class=2)
    shown = [line.removeprefix("Text: ") for line in prompt.prefix.splitlines() if line.startswith("Text: t")]
    assert len(shown) == 4 and all(text.startswith("train text") for text in shown) and prompt.shots == 4
    assert sorted(int(text.split()[-1]) % 2 for text in shown) == [0, 0, 1, 1]
    assert made(shots_per_class=2) == prompt and made(shots_per_class=2, seed=1) != prompt


@pytest.mark.parametrize(
    ("chat", "template", "converses", "wanted"),
    [
        ("auto", None, True, None),  # the bundled tokenizer has none of its own
        ("auto", "chatml", True, "chatml"),
        (True, None, True, "plain"),
        (False, "chatml", True, None),
        (True, "chatml", False, None),  # an encoder
    ],
)
def test_a_chat_template_is_taken_where_there_is_one_and_the_model_converses(
    chat: Any, template: str | None, converses: bool, wanted: str | None
) -> None:
    prompt = make_prompt(config(chat=chat), template, splits(), tokenizer(), chat=converses)
    assert prompt.template == wanted
    assert ("<|im_start|>" in prompt.prefix) is (wanted == "chatml")


def test_pairs_keep_both_texts() -> None:
    prompt = made(pairs=True, shots_per_class=1)
    assert prompt.pairs and "Second: train second" in prompt.prefix
    assert "Second: b" in prompt.suffix(("a", "b"))


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"model\.chat_template=nope"):
        made("nope")


def test_record_tells_all_that_a_reader_needs_to_ask_alike() -> None:
    prompt = made(shots_per_class=1, calibration="contextual")
    told = prompt_record(prompt, 80.5, 60, 0.25)
    assert (told["tokens_per_request"], told["prompt_tokens"], told["computed_share"]) == (80.5, 60, 0.25)
    assert told["prefix"] == prompt.prefix and told["sha256"] == prompt.digest and told["shots"] == 2
    assert f"{told['prefix']} text{told['suffix']}{told['answers']['yes']}" == prompt.whole("text", "yes")
    assert told["calibration"] == "contextual" and told["cache"] is True and told["chat_template"] is None
    told["answers"]["yes"] = "changed"
    assert prompt.answers["yes"] != "changed"

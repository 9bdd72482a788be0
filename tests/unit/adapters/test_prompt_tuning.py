from __future__ import annotations

from typing import Any

import pytest
import torch

import nets
from ftlab.adapters.prompt_tuning import add_prompt_tuning
from ftlab.errors import ModelError


class Words:
    """A tokenizer with one token per word: its length."""

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        assert not add_special_tokens
        self.read = text
        return {"input_ids": [len(word) for word in text.split()]}


def prompt(net: Any) -> torch.Tensor:
    found: torch.Tensor = net.prompt_encoder["default"].embedding.weight.detach()
    return found


@pytest.mark.parametrize("kind", ["bert", "distilbert", "modernbert", "llama"])
def test_the_prompt_begins_as_the_tokens_of_the_text_repeated(kind: str) -> None:
    net = nets.tiny(kind)
    table: torch.Tensor = net.get_input_embeddings().weight.detach()  # type: ignore[union-attr, operator]
    adapted = add_prompt_tuning(net, tokens=5, init_text="a bbb cc", tokenizer=Words())
    assert torch.equal(prompt(adapted.net), table[[1, 3, 2, 1, 3]])
    assert not adapted.unchanged


@pytest.mark.parametrize(
    ("kind", "lm"), [("distilbert", False), ("modernbert", False), ("gpt2", False), ("qwen2", True)]
)
def test_only_prompt_and_head_train_and_outputs_follow(kind: str, lm: bool) -> None:
    adapted = add_prompt_tuning(nets.tiny(kind, lm), tokens=5)
    base, before = nets.base_weights(adapted.net), nets.outputs(adapted.net)
    trained = nets.trained(adapted.net)
    assert sum("prompt_encoder" in name for name in trained) == 1
    assert all("prompt_encoder" in name or "modules_to_save" in name for name in trained)
    nets.train(adapted.net, lm)
    assert all(torch.equal(nets.base_weights(adapted.net)[name], value) for name, value in base.items())
    assert (nets.outputs(adapted.net) - before).abs().max() > 0.01


def test_without_a_text_the_labels_are_named() -> None:
    words = Words()
    add_prompt_tuning(nets.tiny("bert", device="meta"), tokenizer=words)
    assert words.read == "Read the text and decide which of these labels fits it best: LABEL_0, LABEL_1, LABEL_2."
    add_prompt_tuning(nets.tiny("gpt2", lm=True, device="meta"), tokenizer=words)
    assert "answer" in words.read


def test_random_ones_are_tokens_of_the_vocabulary() -> None:
    net = nets.tiny("bert")
    table: torch.Tensor = net.get_input_embeddings().weight.detach()  # type: ignore[union-attr, operator]
    drawn = prompt(add_prompt_tuning(net, init="random").net)
    assert drawn.shape == (16, 32)
    assert all((row == table).all(dim=1).any() for row in drawn)


def test_the_prompt_does_not_decay_and_the_head_trains_at_its_share() -> None:
    groups = add_prompt_tuning(nets.tiny("bert"), head_scale=0.25).param_groups
    assert groups is not None and (groups[0]["weight_decay"], groups[1]["lr_scale"]) == (0.0, 0.25)
    assert [len(group["params"]) for group in groups] == [1, 2]


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"tokens": 0}, r"adapter\.tokens=0 must be a whole number from 1; type adapter\.tokens=16"),
        ({"tokens": True}, r"adapter\.tokens=True must be a whole number"),
        ({"init": "zero"}, r"adapter\.init=zero is none of text, random; type adapter\.init=text"),
        ({"init_text": " "}, r"adapter\.init_text is empty.*or adapter\.init=random"),
        ({"head_scale": 0}, r"adapter\.head_scale=0 must be above 0"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, object], remedy: str) -> None:
    with pytest.raises(ModelError, match=remedy):
        add_prompt_tuning(nets.tiny("bert", device="meta"), tokenizer=Words(), **options)  # type: ignore[arg-type]


def test_an_encoder_with_a_decoder_takes_no_virtual_tokens(build: Any) -> None:
    with pytest.raises(ModelError, match=r"this bart, an encoder with a decoder; type adapter=lora"):
        add_prompt_tuning(build("bart", device="meta"))

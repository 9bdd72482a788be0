"""Prompt in, answer out: text, tokens or a conversation; whole or piece by piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

import ftlab.models
from ftlab.decoding.generate import generate
from ftlab.generator import TorchGenerator
from ftlab.prompts.chat import load_template
from ftlab.prompts.special import special_tokens
from ftlab.prompts.turns import Turn
from ftlab.schema import GenerationConfig

CPU = torch.device("cpu")
BYTES = Path(ftlab.models.__file__).parent / "bytes"


def made(precision: str = "32-true", template: str = "plain", max_length: int = 64, **options: Any) -> TorchGenerator:
    torch.manual_seed(3)
    shape = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 96, "vocab_size": 2048, "initializer_range": 0.3}
    net = AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt2", **shape))
    tokenizer = AutoTokenizer.from_pretrained(BYTES)
    tokenizer.eos_token = "[SEP]"
    return TorchGenerator(
        net,
        tokenizer,
        load_template(template, None),
        max_length=max_length,
        device=CPU,
        precision=precision,
        options=GenerationConfig(**{"max_new_tokens": 20, **options}),
    )


def test_texts_and_tokens_are_answered_alike() -> None:
    generator = made()
    tokens = generator.encode(["Tell me", "more"])
    assert generator.as_text(tokens[0]) == "Tell me"
    found = generator.generate(["Tell me", tokens[1]])
    assert found == generate(generator.net, tokens, generator.options, generator.tokenizer, CPU, 1000)
    assert [a.prompt_tokens for a in found] == [len(ids) for ids in tokens]


def test_dropout_is_off() -> None:
    assert not made().net.training


def test_a_stream_is_the_answer_in_pieces() -> None:
    generator = made()
    (whole,) = generator.generate(["Tell me"])
    assert "".join(generator.stream("Tell me")) == whole.text


def test_long_prompts_lose_their_beginning_at_max_length() -> None:
    (found,) = made(max_length=10).generate(["x" * 30])
    assert (found.prompt_tokens, found.prompt_cut) == (10, 20)


def test_a_conversation_ends_with_what_opens_the_answer() -> None:
    generator = made()
    turns = [Turn("user", "Tell me"), Turn("assistant", "What?"), Turn("user", "Why")]
    text = generator.as_text(generator.chat_prompt(turns))
    with_answer = generator.template.render(
        [*turns, Turn("assistant", "ANSWER")],
        add_generation_prompt=False,
        special_tokens=special_tokens(generator.tokenizer),
    )
    assert with_answer.startswith(text)
    assert with_answer[len(text) :].startswith("ANSWER")
    assert "Why" in text


def test_what_closes_a_turn_of_the_template_ends_an_answer() -> None:
    generator = made()
    assert generator.ends.eos >= {3}
    tokenizer = generator.tokenizer
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_end|>"]})
    chat = TorchGenerator(generator.net, tokenizer, load_template("chatml", None), max_length=64, device=CPU)
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") in chat.ends.eos


def test_mixed_precision_holds_inside_and_not_at_the_caller() -> None:
    generator = made("bf16-mixed")
    assert generator.dtype == "bfloat16"
    seen: list[torch.dtype] = []
    layer = generator.net.transformer.h[0].mlp.c_fc
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    (whole,) = generator.generate(["Tell me"])
    pieces = []
    for piece in generator.stream("Tell me"):
        assert not torch.is_autocast_enabled("cpu")
        pieces.append(piece)
    assert set(seen) == {torch.bfloat16}
    assert "".join(pieces) == whole.text


def test_timed_steps_write_what_generate_does_whatever_would_end_it() -> None:
    generator = made()
    (first, second) = generator.encode(["Tell me", "a"])
    assert list(generator.steps([first, second], 6)) == [2] * 6
    generator.ends = type(generator.ends)(frozenset(range(2048)))
    assert generator.generate(["a"])[0].completion_tokens == 1
    assert list(generator.steps([first], 6)) == [1] * 6
    assert list(generator.steps([first * 50], 6)) == [1] * 6  # a prompt beyond the context


@pytest.mark.parametrize(("precision", "dtype"), [("32-true", "float32"), ("bf16-true", "bfloat16")])
def test_dtype_is_that_of_the_products(precision: str, dtype: str) -> None:
    assert made(precision).dtype == dtype

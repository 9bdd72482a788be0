"""Tiny language models and a prompt for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, GPT2Config, LlamaConfig, Qwen2Config
from transformers import GPT2LMHeadModel as Gpt2
from transformers import LlamaForCausalLM as Llama
from transformers import Qwen2ForCausalLM as Qwen2

import ftlab.models
from ftlab.decoding.prompt_tokens import PromptTokens
from ftlab.prompts.classification import ClassificationPrompt
from ftlab.prompts.layout import Shot
from ftlab.schema import PromptConfig

LABELS = ["not_at_all", "maybe", "of_course"]
TEXTS = ["short", "a text that is a good deal longer than the first one, in many words", "mid size text", "x"]
SHOTS = [Shot("no, never", "not_at_all"), Shot("who knows", "maybe"), Shot("yes", "of_course")]
WORDS = {  # for the bundled tokenizer
    "one token": {"not_at_all": "no", "maybe": "it", "of_course": "is"},
    "several": {"not_at_all": "no", "maybe": "perhaps it is so", "of_course": "certainly"},
}
_SMALL = {"vocab_size": 2048, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0, "initializer_range": 0.2}
_ROPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_ROPE |= {"num_key_value_heads": 2, "max_position_embeddings": 256, **_SMALL}
NETS = ("gpt2", "llama", "qwen2")


def language_model(kind: str = "llama", attention: str = "sdpa", **changes: Any) -> Any:
    """Return a random model of two layers in eval mode, whose scores are far apart."""
    torch.manual_seed(5)
    made: Any
    if kind == "gpt2":
        made = Gpt2(GPT2Config(**{"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 256, **_SMALL, **changes}))
    elif kind == "llama":
        made = Llama(LlamaConfig(**{**_ROPE, **changes}))
    else:
        made = Qwen2(Qwen2Config(**{**_ROPE, **changes}))
    made.set_attn_implementation(attention)
    return made.eval()


def tokenizer() -> Any:
    """Return the bundled tokenizer, as a language model's: no token types."""
    found = AutoTokenizer.from_pretrained(Path(ftlab.models.__file__).parent / "bytes")
    found.padding_side = "right"
    found.model_input_names = ["input_ids", "attention_mask"]
    return found


def config(**changes: Any) -> PromptConfig:
    """Return the few-shot prompt in short."""
    words = {"instruction": "Choose: {labels}.", "text_prefix": "Text: ", "text_pair_prefix": "Second: "}
    return PromptConfig(**{"name": "mine", **words, "label_prefix": "Label:", **changes})


def prompt(shots: list[Shot] | None = None, **changes: Any) -> ClassificationPrompt:
    """Return it with its examples."""
    return ClassificationPrompt.of(config(**changes), LABELS, SHOTS if shots is None else shots)


def prompt_tokens(made: ClassificationPrompt | None = None, max_length: int = 64, **changes: Any) -> PromptTokens:
    """Return a prompt in the tokens of the bundled tokenizer."""
    return PromptTokens.of(made or prompt(**changes), tokenizer(), max_length=max_length, positions=256)

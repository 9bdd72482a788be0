"""What the methods have in common that put trained virtual tokens before a text."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from ftlab.adapters.anatomy import writes
from ftlab.adapters.numbers import check_whole
from ftlab.adapters.peft_net import shared_options
from ftlab.errors import ModelError

UPDATE = "prompt_encoder"  # how peft calls the part that trains
INITS = ("text", "random")


def prompt_options(net: PreTrainedModel, tokens: int) -> dict[str, Any]:
    """Return the options of peft for ``tokens`` virtual tokens before the texts of ``net``.

    Sizes are given one by one: DistilBERT's are called otherwise, and an ELECTRA's embeddings may be narrower than its
    layers.

    Raises:
        ModelError: ``tokens`` is no whole number from 1, or the architecture reads with an encoder and writes with a
            decoder.
    """
    check_whole("tokens", tokens, 16)
    config = net.config
    if config.is_encoder_decoder:
        raise ModelError(
            f"virtual tokens do not fit this {config.model_type}, an encoder with a decoder; type adapter=lora or "
            "adapter=ia3"
        )
    return {
        "num_virtual_tokens": tokens,
        "token_dim": int(embedding_of(net).shape[1]),
        "num_attention_heads": int(config.num_attention_heads),
        "num_layers": int(config.num_hidden_layers),
        "num_transformer_submodules": 1,
        **shared_options(net),
    }


def embedding_of(net: PreTrainedModel) -> Tensor:
    """Return the table of token embeddings (vocabulary, width)."""
    untyped: Any = net
    table: Tensor = untyped.get_input_embeddings().weight
    return table.detach()


def takes_keys_and_values(net: PreTrainedModel) -> bool:
    """Return whether the layers of ``net`` take keys and values from outside, as decoders do from a cache."""
    base = getattr(net, net.base_model_prefix)
    return any("past_key_values" in inspect.signature(part.forward).parameters for part in (net, base))


def first_ids(net: PreTrainedModel, tokens: int, init_text: str | None, tokenizer: Any) -> Tensor:  # noqa: ANN401
    """Return the ids (tokens) of a text, repeated or cut to that number.

    Args:
        net: whose labels the text names where none is given.
        tokens: number of ids.
        init_text: None: an instruction that fits the task.
        tokenizer: of the run; None: the ids are drawn.

    Raises:
        ModelError: the text has no tokens.
    """
    text = instruction(net) if init_text is None else str(init_text)
    if tokenizer is None and text.strip():
        return drawn_ids(net, tokens)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"] if text.strip() else []
    if not ids:
        raise ModelError(
            "adapter.init_text is empty, and virtual tokens begin as its tokens; type adapter.init_text='Is the text "
            "positive or negative?', or adapter.init=random"
        )
    return torch.tensor([ids[place % len(ids)] for place in range(tokens)])


def drawn_ids(net: PreTrainedModel, tokens: int) -> Tensor:
    """Return ids (tokens) of the vocabulary, drawn from torch's global generator."""
    return torch.randint(0, len(embedding_of(net)), (tokens,), device="cpu")


def instruction(net: PreTrainedModel) -> str:
    """Return what a person would be told to do."""
    if writes(net):
        return "Read what is asked and write the best answer to it:"
    names = [str(name) for _, name in sorted((net.config.id2label or {}).items())]
    return f"Read the text and decide which of these labels fits it best: {', '.join(names[:20])}."


def set_embedding(net: PeftModel, values: Tensor) -> None:
    """Let the virtual tokens begin as ``values``, unless ``net`` holds no weights."""
    encoder: Any = net.prompt_encoder[net.active_adapter]
    weight = encoder.embedding.weight
    if not weight.is_meta:
        with torch.no_grad():
            weight.copy_(values)

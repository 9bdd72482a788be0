"""Prefix tuning: trained keys and values before those of each text, in every layer (arXiv:2101.00190), by peft."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from peft import PrefixTuningConfig
from torch import Tensor
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.numbers import check_choice, check_positive
from ftlab.adapters.peft_net import own_groups, wrap_net
from ftlab.adapters.soft_prompt import (
    INITS,
    UPDATE,
    drawn_ids,
    first_ids,
    prompt_options,
    set_embedding,
    takes_keys_and_values,
)
from ftlab.errors import ModelError

_SPREAD = 0.1  # of the first keys and values where they are those of no text: much below that of a text's


def add_prefix_tuning(
    net: PreTrainedModel,
    *,
    tokens: int = 16,
    init: str = "text",
    init_text: str | None = None,
    head_scale: float = 0.1,
    tokenizer: Any = None,  # noqa: ANN401 - transformers' tokenizers share no useful base class
    total_steps: int | None = None,
) -> Adapted:
    """Freeze ``net``, put trained keys and values before those of each text, and let the head train.

    Args:
        net: a classifier or a language model; changed in place.
        tokens: places before the text, each with a key and a value per layer.
        init: text: a causal model begins as if ``init_text`` stood before each text, an encoder as with random; random:
            the same with tokens drawn from the vocabulary, in an encoder with small numbers.
        init_text: repeated or cut to ``tokens``; None: an instruction that fits the task.
        head_scale: share of the learning rate that the head trains at.
        tokenizer: of the run; None: as with ``init=random``.
        total_steps: not used.

    Raises:
        ModelError: an option does not fit, or the architecture's layers take no keys and values.
    """
    check_choice("init", init, INITS)
    check_positive("head_scale", head_scale, "or the head learns nothing", 0.1)
    options = prompt_options(net, tokens)
    kind = net.config.model_type
    if not takes_keys_and_values(net):
        raise ModelError(
            f"adapter=prefix_tuning gives each layer keys and values from outside, which those of {kind} do not take "
            "in transformers; type adapter=prompt_tuning, adapter=p_tuning or adapter=lora"
        )
    ids = first_ids(net, tokens, init_text, tokenizer) if init == "text" else drawn_ids(net, tokens)
    seen = _keys_and_values(net, ids)
    wrapped = wrap_net(net, PrefixTuningConfig(**options), UPDATE)
    if seen is None:
        encoder: Any = wrapped.prompt_encoder[wrapped.active_adapter]
        seen = encoder.embedding.weight.detach() * _SPREAD  # drawn with a spread of one
    set_embedding(wrapped, seen)
    return Adapted(wrapped, param_groups=own_groups(wrapped, UPDATE, head_scale=head_scale))


def _keys_and_values(net: PreTrainedModel, ids: Tensor) -> Tensor | None:
    """Return those of a text, as peft lays them out: (tokens, layers * 2 * heads * width of a head).

    None where there are none to be had: an encoder keeps no cache, and the meta device has no numbers.
    """
    base: Any = getattr(net, net.base_model_prefix)
    device = next(base.parameters()).device
    if device.type == "meta" or not _is_causal(net):
        return None
    training = base.training
    base.eval()
    with torch.no_grad():
        cache = base(input_ids=ids[None].to(device), use_cache=True).past_key_values
    base.train(training)
    # Each of shape (1, heads, tokens, width of a head).
    parts = [part[0].transpose(0, 1).flatten(1) for layer in cache.layers for part in (layer.keys, layer.values)]
    return torch.cat(parts, dim=1)


def _is_causal(net: PreTrainedModel) -> bool:
    """Return whether the classifier itself takes a cache, not only its base: that of a decoder does."""
    return "past_key_values" in inspect.signature(net.forward).parameters

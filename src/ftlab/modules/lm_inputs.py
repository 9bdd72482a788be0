"""What of a batch a causal language model is called with."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ftlab.errors import ModelError
from ftlab.modules.stepped import Batch

_INPUTS = ("input_ids", "attention_mask", "position_ids")


def network_inputs(net: nn.Module, batch: Batch) -> dict[str, Any]:
    """Return the options of ``net``'s forward: the batch's own, and no cache of keys and values.

    A mask of pairs is (B, 1, T, T) bool, as ``scaled_dot_product_attention`` takes it; eager attention adds its mask to
    the scores, and is given 0 and the lowest number instead.

    Raises:
        ModelError: virtual tokens in front of packed documents, which only one of them would see.
    """
    inputs: dict[str, Any] = {name: batch[name] for name in _INPUTS if name in batch}
    mask: Tensor | None = inputs.get("attention_mask")
    if mask is not None and mask.ndim == 4:
        if getattr(getattr(net, "active_peft_config", None), "is_prompt_learning", False):
            raise ModelError(
                "documents packed into one row cannot share the virtual tokens that this adapter puts in front; "
                "type dataset.batching=length_grouped"
            )
        if getattr(getattr(net, "config", None), "_attn_implementation", None) == "eager":
            kind = next(net.parameters()).dtype
            lowest = torch.finfo(kind).min
            inputs["attention_mask"] = torch.zeros_like(mask, dtype=kind).masked_fill_(~mask, lowest)
    return {**inputs, "use_cache": False}

"""Where a decoder with a classification head reads its logits: at the last token of each text."""

from __future__ import annotations

import logging
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

from ftlab.models.virtual_tokens import are_keys_and_values, base_of, virtual_tokens

_HEAD = "score"  # of every decoder that transformers makes a classifier of


class _LastToken:
    """Hands the head the hidden states of each text's last token only.

    Two hooks of one network: what they share is an attribute, so that copies of the network have their own, and a
    compiled network sees the same hooks in each batch.
    """

    def __init__(self, padding: int) -> None:
        self._padding = padding
        self._last: Tensor | None = None  # (B,), counted from the end of the row: -1 is its last place

    def find(self, net: nn.Module, given: tuple[Any, ...], options: dict[str, Any]) -> None:
        ids, mask = options.get("input_ids", given[0] if given else None), options.get("attention_mask")
        self._last = None
        if isinstance(ids, Tensor):
            there = (ids != self._padding) if mask is None else mask.bool()
            places = torch.arange(ids.shape[1], device=ids.device)
            self._last = (places * there).argmax(dim=1) - ids.shape[1]

    def cut(self, head: nn.Module, given: tuple[Any, ...]) -> Any:  # noqa: ANN401 - torch's signature of hooks
        if self._last is None:
            return None
        hidden = given[0]  # (B, virtual tokens + T, H)
        rows = torch.arange(len(hidden), device=hidden.device)
        return (hidden[rows, hidden.shape[1] + self._last][:, None], *given[1:])  # (B, 1, H)


def read_last_token(net: nn.Module) -> None:
    """Let a decoder with virtual tokens in front classify by the last token of each text, however it is padded.

    Peft gives such a network embeddings, in which transformers sees no padding: of a padded batch it would read the
    logits off the padding, and the same text would have others beside a longer one. A text alone keeps the logits that
    plain peft gives it. Networks that read elsewhere, or see the padding, are left as they are.

    Args:
        net: a classifier with its adapter; changed in place, once however often it is called.
    """
    base: Any = base_of(net)
    if not virtual_tokens(net) or are_keys_and_values(net) or not isinstance(getattr(base, _HEAD, None), nn.Module):
        return
    assert isinstance(net, PeftModel), "only these have virtual tokens"
    hooks = net._forward_pre_hooks.values()
    if any(isinstance(getattr(hook, "__self__", None), _LastToken) for hook in hooks):
        return
    reader = _LastToken(int(base.config.pad_token_id))
    net.register_forward_pre_hook(reader.find, with_kwargs=True)
    base.get_submodule(_HEAD).register_forward_pre_hook(reader.cut)
    # It says that padding is not seen, which is so no longer.
    logging.getLogger(type(base).forward.__module__).addFilter(_is_about_something_else)


def _is_about_something_else(record: logging.LogRecord) -> bool:
    return "will not detect padding tokens in `inputs_embeds`" not in record.getMessage()

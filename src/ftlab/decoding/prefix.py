"""What stands before every text, read once for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ftlab.decoding.kept_prefix import KeptPrefix
from ftlab.decoding.label_tokens import Answers
from ftlab.models.virtual_tokens import base_of, virtual_tokens


class SharedPrefix:
    """The P tokens that come before every text, behind the virtual tokens of an adapter, which are the same for all.

    Kept as ``KeptPrefix`` says, and then ``net`` is called without its virtual tokens. Gradient checkpointing takes no
    cache: each row begins with the prefix there, as it does without ``cached``.

    Args:
        net: a transformers causal language model, or a PeftModel around one.
        ids: (P,).
        cached: False: each row of a batch begins with the prefix.
    """

    def __init__(self, net: nn.Module, ids: Sequence[int], *, cached: bool) -> None:
        self._net = net
        self._ids = torch.tensor(list(ids), dtype=torch.int64)
        self._virtual = virtual_tokens(net)
        self._cached = cached and len(ids) + self._virtual > 0
        self._kept = KeptPrefix(ids)

    @property
    def net(self) -> nn.Module:
        """The network that ``inputs`` are for."""
        return base_of(self._net) if self._virtual and self._is_shared else self._net

    def inputs(self, ids: Tensor, mask: Tensor, answers: Answers | None = None) -> dict[str, Any]:
        """Return what ``net`` is to be called with for a batch of suffixes.

        Args:
            ids: (B, T), padded on the right.
            mask: (B, T), 1 where there is a token.
            answers: read behind each suffix, side by side; the last L columns of the output are theirs.
        """
        shared = self._is_shared
        before = len(self._ids) + (self._virtual if shared else 0)
        seen = torch.cat([mask.new_ones(len(ids), before), mask], dim=1)  # (B, before + T)
        inputs: dict[str, Any] = {"attention_mask": seen}
        if answers is not None:
            assert not virtual_tokens(self.net), "a mask of pairs has no place for virtual tokens"
            inputs = self._tree(seen, mask, answers, before if shared else 0)
            ids = torch.cat([ids, answers.given.expand(len(ids), -1)], dim=1)
        if not shared:
            prefix = self._ids.to(ids.device).expand(len(ids), -1)  # (B, P)
            return {"input_ids": torch.cat([prefix, ids], dim=1), "use_cache": False, **inputs}
        cache = self._kept.cache(self._net, len(ids))
        return {"input_ids": ids, "past_key_values": cache, "use_cache": True, **inputs}

    def _tree(self, seen: Tensor, mask: Tensor, answers: Answers, start: int) -> dict[str, Tensor]:
        """Return mask and positions of the tokens from ``start`` on: after the text, answers blind to each other.

        Args:
            seen: (B, S), prefix and suffix.
            mask: (B, T), of the suffix.
            answers: L tokens.
            start: first token that is read now.
        """
        (batch, known), more = seen.shape, answers.width
        keys = torch.cat([seen.bool(), seen.new_ones(batch, more, dtype=torch.bool)], dim=1)  # (B, S + L)
        order = torch.ones(known + more - start, known + more, dtype=torch.bool, device=seen.device).tril(start)
        order[-more:, known:] = answers.visible()
        visible = (order & keys[:, None])[:, None]  # (B, 1, S + L - start, S + L)
        config: Any = base_of(self._net).config
        if config._attn_implementation == "eager":  # which adds the mask to its scores
            dtype = next(self._net.parameters()).dtype
            visible = torch.zeros_like(visible, dtype=dtype).masked_fill(~visible, torch.finfo(dtype).min)
        ends = seen.sum(dim=1, keepdim=True)  # (B, 1)
        counted = torch.arange(start, known, device=seen.device).expand(batch, -1)
        return {"attention_mask": visible, "position_ids": torch.cat([counted, ends + answers.depth], dim=1)}

    def state(self) -> object:
        """Return what changes when the network would read the prefix otherwise."""
        return self._kept.state(self._net)

    def forget(self) -> None:
        """Drop keys and values."""
        self._kept.forget()

    @property
    def _is_shared(self) -> bool:
        return self._cached and not _recomputes(self._net)


def _recomputes(net: nn.Module) -> bool:
    """Whether activations are computed again in the backward pass: a cache would then be filled twice."""
    base: Any = base_of(net)
    # Named anew in transformers 5.2x; the old name warns there.
    names = ("is_activation_checkpointing", "is_gradient_checkpointing")
    return bool(net.training and next((getattr(base, name) for name in names if hasattr(type(base), name)), False))

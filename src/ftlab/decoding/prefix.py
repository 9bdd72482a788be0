"""What stands before every text, read once for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from transformers.cache_utils import DynamicCache, DynamicLayer

from ftlab.decoding.decoder import base_of
from ftlab.decoding.label_tokens import Answers

_taken = 0  # steps, of whatever optimizer: fused ones change weights and leave their version as it was

KeysAndValues = list[tuple[Tensor, Tensor]]  # per layer, (1, heads, P, size) each


def _count_step(*ignored: object) -> None:
    global _taken
    _taken += 1


register_optimizer_step_post_hook(_count_step)


class _Begun(DynamicLayer):  # type: ignore[no-untyped-call]
    """A layer that has seen the prefix, as often as there are rows; nothing is copied until more is appended."""

    def __init__(self, keys: Tensor, values: Tensor, rows: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys, self.values = keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1)
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True


class SharedPrefix:
    """The P tokens that come before every text, and their keys and values, which are the same for all.

    These are computed when first asked for, and again once weights, device or precision have changed. While a network
    learns they are computed for each batch, with their gradients.

    Args:
        net: a transformers causal language model, or a PeftModel around one.
        ids: (P,).
        cached: False: each row of a batch begins with the prefix.
    """

    def __init__(self, net: nn.Module, ids: Sequence[int], *, cached: bool) -> None:
        self._net = net
        self._ids = torch.tensor(list(ids), dtype=torch.int64)
        self._cached = cached and len(ids) > 0
        self._weights: tuple[Tensor, ...] = ()
        self._kept: tuple[object, KeysAndValues] | None = None

    def __len__(self) -> int:
        """Return P."""
        return len(self._ids)

    def inputs(self, ids: Tensor, mask: Tensor, answers: Answers | None = None) -> dict[str, Any]:
        """Return what the network is to be called with for a batch of suffixes.

        Args:
            ids: (B, T), padded on the right.
            mask: (B, T), 1 where there is a token.
            answers: read behind each suffix, side by side; the last L columns of the output are theirs.
        """
        shared = self._cached and not _recomputes(self._net)
        before = self._ids.to(ids.device).expand(len(ids), -1)  # (B, P)
        seen = torch.cat([torch.ones_like(before), mask], dim=1)  # (B, P + T)
        inputs: dict[str, Any] = {"attention_mask": seen}
        if answers is not None:
            start = len(self) if shared else 0
            inputs = self._tree(seen, mask, answers, start)
            ids = torch.cat([ids, answers.given.expand(len(ids), -1)], dim=1)
        if not shared:
            return {"input_ids": torch.cat([before, ids], dim=1), "use_cache": False, **inputs}
        cache = DynamicCache()
        cache.layers = [_Begun(keys, values, len(ids)) for keys, values in self._read()]
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
        ends = len(self) + mask.sum(dim=1, keepdim=True)  # (B, 1)
        counted = torch.arange(start, known, device=seen.device).expand(batch, -1)
        return {"attention_mask": visible, "position_ids": torch.cat([counted, ends + answers.depth], dim=1)}

    def _read(self) -> KeysAndValues:
        if torch.is_grad_enabled() and self._net.training:
            return self._compute()
        state = self.state()
        if self._kept is None or self._kept[0] != state:
            with torch.inference_mode():
                self._kept = state, self._compute()
        return self._kept[1]

    def _compute(self) -> KeysAndValues:
        cache = DynamicCache()  # of no configuration: sliding layers keep all, and the mask says what they see
        ids = self._ids.to(next(self._net.parameters()).device)[None]
        nowhere = torch.zeros(0, dtype=torch.int64, device=ids.device)
        inputs = {"input_ids": ids, "past_key_values": cache, "use_cache": True}
        logits_at(self._net, inputs, nowhere, nowhere, len(self))
        layers: Any = cache.layers
        return [(layer.keys, layer.values) for layer in layers]

    def state(self) -> object:
        """Return what changes when the network would read the prefix otherwise."""
        if not self._weights:
            self._weights = tuple(self._net.parameters())
        device = self._weights[0].device.type
        autocast = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device)
        versions = tuple((w.data_ptr(), -1 if w.is_inference() else w._version) for w in self._weights)
        return _taken, autocast, self._net.training, versions

    def forget(self) -> None:
        """Drop keys and values."""
        self._kept, self._weights = None, ()


def logits_at(net: nn.Module, inputs: dict[str, Any], rows: Tensor, columns: Tensor, width: int) -> Tensor:
    """Return the logits (N, V) of some places, and compute no others.

    The head is given the hidden states of these places only; what a network does to logits behind it, it does to them.

    Args:
        net: a transformers causal language model, or a PeftModel around one.
        inputs: of its forward.
        rows: (N,) in the batch.
        columns: (N,) in [0, width): among the last ``width`` tokens that are read.
        width: tokens of the batch that are not the prefix's.
    """

    def cut(head: nn.Module, given: tuple[Any, ...]) -> Any:  # noqa: ANN401 - torch's signature of hooks
        hidden = given[0]  # (B, width, H), or with the prefix in front
        return (hidden[rows, columns + (hidden.shape[1] - width)][None], *given[1:])

    head: Any = base_of(net).get_output_embeddings()  # type: ignore[operator]
    handle = head.register_forward_pre_hook(cut)
    try:
        logits: Tensor = net(**inputs).logits  # (1, N, V)
    finally:
        handle.remove()
    assert logits.shape[:2] == (1, len(rows)), "the output head makes logits of hidden states, place by place"
    return logits[0]


def _recomputes(net: nn.Module) -> bool:
    """Whether activations are computed again in the backward pass: a cache would then be filled twice."""
    base: Any = base_of(net)
    # Named anew in transformers 5.2x; the old name warns there.
    names = ("is_activation_checkpointing", "is_gradient_checkpointing")
    return bool(net.training and next((getattr(base, name) for name in names if hasattr(type(base), name)), False))

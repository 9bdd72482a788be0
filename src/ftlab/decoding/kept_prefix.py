"""Keys and values of what comes before every text: an adapter's virtual tokens, and tokens of a prompt behind them."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from transformers.cache_utils import DynamicCache, DynamicLayer

from ftlab.decoding.chosen_logits import logits_at
from ftlab.models.virtual_tokens import base_of, virtual_tokens

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


class KeptPrefix:
    """Keys and values of the virtual tokens of a network, and of the P tokens behind them.

    The network itself, without its virtual tokens, goes on from them: it then gives what it would give with all of them
    in front of each row. They are computed when first asked for, and again once weights, device or precision have
    changed. While a network learns they are computed each time, with their gradients.

    Args:
        ids: (P,) token numbers.
    """

    def __init__(self, ids: Sequence[int] = ()) -> None:
        self._ids = torch.tensor(list(ids), dtype=torch.int64)
        self._weights: tuple[Tensor, ...] = ()
        self._kept: tuple[object, KeysAndValues] | None = None

    def read(self, net: nn.Module) -> KeysAndValues:
        """Return keys and values, (1, heads, virtual tokens + P, size) of each layer.

        Args:
            net: a transformers causal language model, or a PeftModel around one; the same in each call.
        """
        if torch.is_grad_enabled() and net.training:
            return self._compute(net)
        state = self.state(net)
        if self._kept is None or self._kept[0] != state:
            with torch.inference_mode():
                self._kept = state, self._compute(net)
        return self._kept[1]

    def cache(self, net: nn.Module, rows: int) -> DynamicCache:
        """Return a cache of so many rows that have all seen them."""
        cache = DynamicCache()
        cache.layers = [_Begun(keys, values, rows) for keys, values in self.read(net)]
        return cache

    def state(self, net: nn.Module) -> object:
        """Return what changes when ``net`` would read them otherwise."""
        if not self._weights:
            self._weights = tuple(net.parameters())
        device = self._weights[0].device.type
        autocast = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device)
        versions = tuple((w.data_ptr(), -1 if w.is_inference() else w._version) for w in self._weights)
        return _taken, autocast, net.training, versions

    def forget(self) -> None:
        """Drop keys and values."""
        self._kept, self._weights = None, ()

    def _compute(self, net: nn.Module) -> KeysAndValues:
        base: Any = base_of(net)
        ids = self._ids.to(next(net.parameters()).device)[None]
        cache: Any = DynamicCache()  # of no configuration: sliding layers keep all, and the mask says what they see
        inputs: dict[str, Any] = {"input_ids": ids}
        if virtual_tokens(net):
            assert isinstance(net, PeftModel), "only these have virtual tokens"
            prompt: Any = net.get_prompt(1)
            if not isinstance(prompt, Tensor):  # keys and values, of prefix tuning
                cache = prompt
            else:  # (1, virtual tokens, hidden)
                embedded = base.get_input_embeddings()(ids)
                inputs = {"inputs_embeds": torch.cat([prompt.to(embedded.dtype), embedded], dim=1)}
            net = base
        (read,) = inputs.values()
        if read.shape[1]:
            nowhere = torch.zeros(0, dtype=torch.int64, device=ids.device)
            inputs |= {"past_key_values": cache, "use_cache": True}
            logits_at(net, inputs, nowhere, nowhere, read.shape[1])
        return [(layer.keys, layer.values) for layer in cache.layers]


_soft: weakref.WeakKeyDictionary[nn.Module, KeptPrefix] = weakref.WeakKeyDictionary()


def soft_prefix(net: nn.Module) -> KeptPrefix:
    """Return what is kept of the virtual tokens of ``net``, for as long as it lives."""
    return _soft.setdefault(net, KeptPrefix())

"""One pass over the prompts, then one token at a time: the only place where a network is called to write."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ftlab.decoding.cache import roomy_cache
from ftlab.decoding.kept_prefix import soft_prefix
from ftlab.models.positions import max_positions
from ftlab.models.virtual_tokens import base_of, virtual_tokens


class Decoder:
    """B prompts that are being continued.

    Prompts are padded on the left, so that all of them end at the same place; positions are counted from each prompt's
    first token. Virtual tokens of an adapter (prompt, prefix and p-tuning) stand before them all, the padding too; what
    they come to is computed once for the weights as they are.

    Args:
        net: a transformers causal language model, or a PeftModel around one, in eval mode, on ``device``.
        prompts: token numbers, none empty.
        room: tokens that will be written to each.
        pad: any token number; what stands there is never attended to.
        device: of ``net``.
    """

    def __init__(
        self, net: nn.Module, prompts: Sequence[Sequence[int]], room: int, pad: int, device: torch.device
    ) -> None:
        lengths = torch.tensor([len(prompt) for prompt in prompts])
        assert len(prompts) and int(lengths.min()) > 0, "an empty prompt has nothing to continue"
        width, virtual = int(lengths.max()), virtual_tokens(net)
        self._net = base_of(net) if virtual else net
        accepted = inspect.signature(base_of(net).forward).parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        self._width = virtual + width
        self._cache: Any = roomy_cache(base_of(net).config, self._width + room)  # type: ignore[arg-type]
        self._mask: Tensor | None = None
        self._next: Tensor | None = None  # (B, 1) position of the next token; None: the network counts by itself
        positions = None
        if int(lengths.min()) < width:
            padding = width - lengths[:, None]
            mask = torch.ones(len(prompts), self._width + room, dtype=torch.int64)
            mask[:, virtual : self._width] = torch.arange(width) >= padding
            self._mask = mask.to(device)
            if "position_ids" in accepted:
                counted = (mask[:, : self._width].cumsum(-1) - 1).clamp(min=0).to(device)
                positions, self._next = counted[:, virtual:], counted[:, -1:] + 1
        ids = torch.tensor([[pad] * (width - len(p)) + list(map(int, p)) for p in prompts], device=device)
        if virtual:
            # Not through PeftModel.forward: it puts its virtual tokens before every step, and drops position_ids.
            for number, (keys, values) in enumerate(soft_prefix(net).read(net)):
                rows = (len(prompts), -1, -1, -1)
                self._cache.update(keys.expand(rows), values.expand(rows), number)
        self.logits = self._forward(self._width, ids, positions)

    def step(self, tokens: Tensor) -> Tensor:
        """Append ``tokens`` (B,) and return the logits (B, V) in float32 of those that follow, also in ``logits``."""
        self._width += 1
        positions, self._next = self._next, None if self._next is None else self._next + 1
        self.logits = self._forward(self._width, tokens[:, None], positions)
        return self.logits

    def keep(self, rows: Tensor) -> None:
        """Go on with ``rows`` (B',) only: the others cost nothing from here."""
        self._cache.batch_select_indices(rows)
        self._mask = None if self._mask is None else self._mask[rows]
        self._next = None if self._next is None else self._next[rows]

    def _forward(self, width: int, ids: Tensor, positions: Tensor | None) -> Tensor:
        inputs: dict[str, Any] = {} if positions is None else {"position_ids": positions}
        mask = None if self._mask is None else self._mask[:, :width]
        output = self._net(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=self._cache,
            use_cache=True,
            **inputs,
            **self._last_only,
        )
        logits: Tensor = output.logits[:, -1].float()
        return logits


def context_tokens(net: nn.Module) -> int | None:
    """Return how many tokens prompt and answer may have together; None: nothing bounds it."""
    limit = max_positions(base_of(net).config)  # type: ignore[arg-type]
    return None if limit is None else limit - virtual_tokens(net)

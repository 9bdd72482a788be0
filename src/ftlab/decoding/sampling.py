"""Which token comes next."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ftlab.schema import GenerationConfig


def row_source(seed: int | None, row: int) -> np.random.Generator:
    """Return the random numbers of one prompt: the same whichever prompts stand beside it."""
    return np.random.default_rng([seed or 0, row])


def choose(logits: Tensor, options: GenerationConfig, sources: list[np.random.Generator]) -> Tensor:
    """Return the next token (B,) of each row: the likeliest, or one drawn.

    Drawn in the order transformers has: temperature, then ``top_k``, then ``top_p`` (the likeliest tokens until they
    hold that share; Holtzman et al., arXiv:1904.09751). One random number a row and step, and no other rows matter.

    Args:
        logits: (B, V) float32.
        options: greedy without ``do_sample``.
        sources: one per row, read only where drawn.
    """
    if not options.do_sample:
        return logits.argmax(dim=-1)
    vocabulary = logits.shape[-1]
    scores, order = logits / options.temperature, None
    if options.top_k or options.top_p < 1:
        scores, order = scores.topk(min(options.top_k or vocabulary, vocabulary), dim=-1)  # the likeliest first
    probabilities = scores.softmax(dim=-1)
    if options.top_p < 1:
        before = probabilities.cumsum(dim=-1) - probabilities
        probabilities = probabilities * (before < options.top_p)
    exact = torch.float32 if logits.device.type == "mps" else torch.float64
    reached = probabilities.cumsum(dim=-1, dtype=exact)
    drawn = torch.tensor([source.random() for source in sources], dtype=exact, device=logits.device)
    place = torch.searchsorted(reached, drawn[:, None] * reached[:, -1:], right=True)
    place = place.clamp(max=reached.shape[-1] - 1)  # where rounding makes the number the whole
    return (place if order is None else order.gather(-1, place))[:, 0]

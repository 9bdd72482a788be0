"""Logits of some places of a batch, and no others."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ftlab.models.virtual_tokens import base_of


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

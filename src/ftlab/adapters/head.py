"""A trained head on a frozen base."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.anatomy import freeze_all, head_parameters, is_tied, writes
from ftlab.errors import ModelError


def add_head(net: PreTrainedModel, *, total_steps: int | None = None) -> Adapted:
    """Freeze the base of ``net``; all beside it trains, DistilBERT's pre_classifier and ModernBERT's head too.

    Of a language model the output layer trains, where it has one of its own.

    Raises:
        ModelError: its output layer is its embedding.
    """
    if is_tied(net):
        raise ModelError(
            f"adapter=head has no head to train in this {net.config.model_type}, whose output layer is its embedding; "
            "type adapter=lora or adapter=freeze"
        )
    freeze_all(net)
    if writes(net):
        untyped: Any = net
        untyped.get_output_embeddings().requires_grad_(True)
    for _, parameter in head_parameters(net):
        parameter.requires_grad_(True)
    return Adapted(net, unchanged=True)

"""Gradient checkpointing: inner activations of each layer are computed again on the way back, not kept."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedModel

from ftlab.errors import ModelError


def recompute_activations(net: PreTrainedModel) -> None:
    """Keep only the inputs of each layer of ``net`` while it trains; the rest is computed again in the backward pass.

    Random generators are put back for it, so that dropout is the same and gradients are what they were. In eval mode
    nothing changes. Call it after the adapter is on: peft would else make the embeddings' output require gradients,
    which the non-reentrant form does not need, and frozen layers below the first trained one would be computed twice.

    Args:
        net: a classifier, or the one inside an adapter; changed in place.

    Raises:
        ModelError: the architecture has no layers that can do so.
    """
    kind = str(net.config.model_type)
    if not net.supports_gradient_checkpointing:
        raise ModelError(_refusal(kind))
    # Named anew in transformers 5.2x; the old name warns there.
    enable = getattr(net, "activation_checkpointing_enable", None) or net.gradient_checkpointing_enable
    try:
        enable({"use_reentrant": False})
    except ValueError as error:  # a class that says it can, without a layer that does
        raise ModelError(_refusal(kind)) from error
    untyped: Any = net
    untyped.disable_input_require_grads()


def _refusal(kind: str) -> str:
    return (
        f"model.gradient_checkpointing=true: model type {kind} cannot compute its layers again in transformers; type "
        "model.gradient_checkpointing=false, and dataset.batch_size=8 with trainer.accumulate_grad_batches=2 to save "
        "memory"
    )

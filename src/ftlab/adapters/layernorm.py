"""The norms train, and the head (arXiv:2312.11420)."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.anatomy import base_modules, freeze_all, head_parameters
from ftlab.errors import ModelError


def add_layernorm(net: PreTrainedModel, *, total_steps: int | None = None) -> Adapted:
    """Freeze ``net`` except weights and biases of its norms, and its head.

    Args:
        net: a classifier, or a language model, which has no head to train; changed in place.
        total_steps: not used.

    Raises:
        ModelError: no norm of it has weights.
    """
    norms = [part for part in base_modules(net).values() if is_norm(part)]
    if not norms:
        raise ModelError(
            f"adapter=layernorm trains norms, and those of this {net.config.model_type} have no weights; type "
            "adapter=lora"
        )
    freeze_all(net)
    for norm in norms:
        norm.requires_grad_(True)
    for _, parameter in head_parameters(net):
        parameter.requires_grad_(True)
    return Adapted(net, unchanged=True)


def is_norm(module: nn.Module) -> bool:
    """Return whether ``module`` is a norm with weights: LayerNorm, RMSNorm, ``LlamaRMSNorm``."""
    weights = list(module.parameters(recurse=False))
    return bool(weights) and "norm" in type(module).__name__.lower() and all(p.ndim == 1 for p in weights)

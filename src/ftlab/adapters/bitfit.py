"""BitFit: only the biases train, and the head (arXiv:2106.10199)."""

from __future__ import annotations

from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.anatomy import freeze_all, head_parameters
from ftlab.errors import ModelError


def add_bitfit(net: PreTrainedModel, *, total_steps: int | None = None) -> Adapted:
    """Freeze ``net`` except its biases, those of the norms too, and its head.

    Args:
        net: a classifier, or a language model, which has no head to train; changed in place.
        total_steps: not used.

    Raises:
        ModelError: there is no bias outside the head, as in ModernBERT and Llama.
    """
    heads = {name for name, _ in head_parameters(net)}
    biases = {name for name, _ in net.named_parameters() if _is_bias(name)}
    if not biases - heads:
        raise ModelError(
            f"adapter=bitfit trains biases, and this {net.config.model_type} has none; type adapter=layernorm or "
            "adapter=lora"
        )
    freeze_all(net)
    for name, parameter in net.named_parameters():
        if name in biases or name in heads:
            parameter.requires_grad_(True)
    return Adapted(net, unchanged=True)


def _is_bias(name: str) -> bool:
    """``bias`` nearly everywhere; XLNet's ``r_w_bias``. Not ``relative_attention_bias.weight``, which is a table."""
    last = name.rsplit(".", 1)[-1]
    return last == "bias" or last.endswith("_bias")

"""Virtual tokens: what prompt tuning, p-tuning and prefix tuning put before every text."""

from __future__ import annotations

from peft import PeftModel, PeftType
from torch import nn

from ftlab.errors import ModelError


def base_of(net: nn.Module) -> nn.Module:
    """Return the transformers network inside ``net``."""
    return net.get_base_model() if isinstance(net, PeftModel) else net


def virtual_tokens(net: nn.Module) -> int:
    """Return how many virtual tokens an adapter puts before each text."""
    if not isinstance(net, PeftModel) or not net.active_peft_config.is_prompt_learning:
        return 0
    return int(net.active_peft_config.num_virtual_tokens)


def are_keys_and_values(net: nn.Module) -> bool:
    """Return whether the virtual tokens of ``net`` are keys and values of each layer, as in prefix tuning."""
    return bool(virtual_tokens(net)) and net.active_peft_config.peft_type == PeftType.PREFIX_TUNING  # type: ignore[union-attr]


def check_virtual_tokens(net: nn.Module, adapter: str, *, packed: bool, recomputes: bool) -> None:
    """Refuse what virtual tokens cannot be trained with.

    Args:
        net: adapter included.
        adapter: its name.
        packed: documents share a row, and none sees another.
        recomputes: activations of each layer are computed again in the backward pass.

    Raises:
        ModelError: one of them is asked for.
    """
    if not virtual_tokens(net):
        return
    if packed:
        raise ModelError(
            f"dataset.batching=packed: documents packed into one row cannot share the virtual tokens that "
            f"adapter={adapter} puts in front; type dataset.batching=length_grouped"
        )
    if recomputes and are_keys_and_values(net):
        # transformers takes the cache away from layers that are computed again, and the prefix with it.
        raise ModelError(
            f"model.gradient_checkpointing=true: layers that are computed again forget the keys and values that "
            f"adapter={adapter} trains; type model.gradient_checkpointing=false, or adapter=prompt_tuning"
        )

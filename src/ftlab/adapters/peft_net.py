"""A network wrapped by peft: what all of its methods have in common."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from peft import PeftConfig, PeftModel, get_peft_model
from peft.utils.other import ModulesToSaveWrapper
from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.anatomy import head_modules, writes


def shared_options(net: PreTrainedModel) -> dict[str, Any]:
    """Return the options of peft that say what ``net`` is for, and that its head trains and is saved.

    Its head is named part by part: peft by itself trains only modules called classifier or score, not ModernBERT's
    ``head``.
    """
    return {
        "task_type": "CAUSAL_LM" if writes(net) else "SEQ_CLS",
        "modules_to_save": head_modules(net) or None,
    }


def wrap_net(net: PreTrainedModel, config: PeftConfig, update: str) -> PeftModel:
    """Return ``net``, changed in place, with what ``config`` describes; only that and the head train.

    Args:
        net: a classifier or a language model; the meta device will do.
        config: made with ``shared_options``.
        update: how the names of the parts begin that hold the method's own parameters.
    """
    heads = head_modules(net)
    with warnings.catch_warnings():
        # peft reads a flag that transformers renamed: huggingface/peft, `PeftModel.__init__`.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        wrapped: PeftModel = get_peft_model(net, config)
    _keep_whole(wrapped)
    for name, parameter in wrapped.named_parameters():
        if ".ranknum." in name:  # AdaLoRA's number of ranks, which comes back as one that trains from the meta device
            parameter.requires_grad_(False)
        trains = _is_update(name, update) or _is_head(name, heads)
        assert parameter.requires_grad == trains, f"{name} trains or stays frozen against the plan"
    return wrapped


def own_groups(net: nn.Module, update: str, *, head_scale: float = 1.0) -> list[dict[str, Any]]:
    """Return the groups for the optimizer: the method's own parameters, which do not decay, and the head.

    Args:
        net: as ``wrap_net`` gave it.
        update: as given to ``wrap_net``.
        head_scale: share of the learning rate that the head trains at.
    """
    trained = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    own = [p for name, p in trained if _is_update(name, update)]
    head = [p for name, p in trained if not _is_update(name, update)]
    groups: list[dict[str, Any]] = [{"params": own, "weight_decay": 0.0}]
    return [*groups, {"params": head, "lr_scale": head_scale}] if head else groups


def _keep_whole(wrapped: Any) -> None:  # noqa: ANN401 - attributes that only some methods have
    """Take what makes virtual tokens out of the wrapper of a head: ModernBERT's `head` ends the name of `mlp_head`."""
    encoder: Any = getattr(wrapped, "prompt_encoder", None)
    if encoder is None:
        return
    found = [(name, part) for name, part in encoder.named_modules() if isinstance(part, ModulesToSaveWrapper)]
    for name, wrapper in found:
        parent, _, last = name.rpartition(".")
        setattr(encoder.get_submodule(parent), last, wrapper.original_module.requires_grad_(True))


def _is_update(name: str, update: str) -> bool:
    return any(part.startswith(update) for part in name.split("."))


def _is_head(name: str, heads: Sequence[str]) -> bool:
    parts = name.split(".")
    return "modules_to_save" in parts and parts[parts.index("modules_to_save") - 1] in heads

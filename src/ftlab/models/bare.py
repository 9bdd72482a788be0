"""The base inside a wrapped network, as it would be without the wrapper."""

from __future__ import annotations

import copy
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import Tensor
from transformers import PreTrainedModel

from ftlab.models.quiet import quiet


def base_tensors(net: PeftModel) -> dict[str, Tensor]:
    """Return parameters and buffers of the base by the names they have without the adapter; nothing is copied.

    A head that was trained beside the adapter is the one from before.
    """
    held = net.get_base_model().state_dict(keep_vars=True)
    inside: dict[str, str] = {}  # what a wrapper adds to a name -> where the wrapped module's own begins
    for name, module in net.get_base_model().named_modules():
        if isinstance(module, BaseTunerLayer):
            inside[f"{name}."] = f"{name}.base_layer."
        elif isinstance(module, AuxiliaryTrainingWrapper):
            inside[f"{name}."] = f"{name}.original_module."
    found: dict[str, Tensor] = {}
    for name, tensor in held.items():
        wrapper = next((outer for outer in inside if name.startswith(outer)), None)
        if wrapper is None:
            found[name] = tensor
        elif name.startswith(inside[wrapper]):
            found[wrapper + name.removeprefix(inside[wrapper])] = tensor
    return found


def base_changed(net: PeftModel) -> dict[str, Tensor]:
    """Return the weights of the base itself that train, beside the adapter: no adapter's folder holds them."""
    return {name: tensor.detach() for name, tensor in base_tensors(net).items() if tensor.requires_grad}


def bare_net(net: PeftModel) -> PreTrainedModel:
    """Return the base as a network to be saved, which shares its storage; ``net`` stays as it is.

    It does not compute: buffers that are in no file have no storage. Not for PiSSA and OLoRA, whose base lacks what
    they took out of it, nor for quantised weights.
    """
    inner = net.get_base_model()
    assert isinstance(inner, PreTrainedModel), "the models room builds transformers networks only"
    make: Any = type(inner)
    with quiet(), torch.device("meta"):
        plain: PreTrainedModel = make(copy.deepcopy(inner.config))
    tensors = {name: tensor.detach() for name, tensor in base_tensors(net).items()}
    missing, unexpected = plain.load_state_dict(tensors, strict=False, assign=True)
    assert not missing and not unexpected, f"the base is not whole: {missing} {unexpected}"
    plain.tie_weights()
    if getattr(inner, "generation_config", None) is not None:
        plain.generation_config = copy.deepcopy(inner.generation_config)
    return plain

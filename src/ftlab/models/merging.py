"""Adapter weights folded into the base: a plain network that computes what base and adapter did."""

from __future__ import annotations

from typing import Any

from peft import PeftModel
from peft.utils.other import ModulesToSaveWrapper
from torch import nn
from transformers import PreTrainedModel

from ftlab.models.quantization import dequantized, is_quantized


def is_mergeable(net: nn.Module) -> bool:
    """Return whether ``net`` carries an adapter that can become part of its base: all but tokens put before a text."""
    return isinstance(net, PeftModel) and not net.peft_config[net.active_adapter].is_prompt_learning


def merge_adapter(net: nn.Module) -> PreTrainedModel:
    """Return the network in plain layers, the adapter's update added to their weights.

    ``net`` must not be used afterwards: its layers are taken over. A quantised base is first unpacked to fp32; ``net``
    then stays as it is.
    """
    if is_quantized(net):
        net = dequantized(net)
    if isinstance(net, PreTrainedModel):
        return net
    assert isinstance(net, PeftModel) and is_mergeable(net), "the check and preflight refuse this"
    # peft's own way fails for heads of several layers beside IA3: github.com/huggingface/peft, `_replace_module`.
    wrappers = [(name, m) for name, m in net.named_modules() if isinstance(m, ModulesToSaveWrapper)]
    for name, wrapper in wrappers:
        parent, _, last = name.rpartition(".")
        setattr(net.get_submodule(parent), last, wrapper.modules_to_save[net.active_adapter])
    untyped: Any = net
    plain = untyped.merge_and_unload()
    assert isinstance(plain, PreTrainedModel), "the models room builds transformers networks only"
    return plain

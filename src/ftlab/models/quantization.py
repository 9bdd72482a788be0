"""The frozen base of an adapter held in few bits (QLoRA, arXiv:2305.14314), and made plain again."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftlab.errors import ModelError
from ftlab.models.load_options import FOUR_BITS, LoadOptions
from ftlab.models.quantized_layers import EightBitLinear, FourBitLinear, QuantizedLinear, bitsandbytes_here


def quantize_base(net: PreTrainedModel, options: LoadOptions) -> None:
    """Hold the linear layers inside the base of ``net`` in few bits; heads, embeddings, norms and biases stay.

    Args:
        net: on the CPU; changed in place.
        options: how; with ``quantization=none`` nothing happens.

    Raises:
        ModelError: bitsandbytes is not here, or the base has no linear layer.
    """
    if options.name is None:
        return
    check_quantizable(net, options)
    kind = FourBitLinear if options.quantization in FOUR_BITS else EightBitLinear
    made: dict[int, QuantizedLinear] = {}  # a layer that stands in two places stays one
    for parent, name, layer in linear_layers(net):
        if id(layer) not in made:
            transposed = isinstance(layer, Conv1D)
            matrix = layer.weight.detach().float()
            held = kind(matrix.t() if transposed else matrix, layer.bias, options, transposed=transposed)
            made[id(layer)] = held.train(layer.training)
        setattr(parent, name, made[id(layer)])


def linear_layers(net: PreTrainedModel) -> list[tuple[nn.Module, str, nn.Linear | Conv1D]]:
    """Return the linear layers inside the base, each with the module it stands in and its name there."""
    prefix = f"{net.base_model_prefix}."
    found: list[tuple[nn.Module, str, nn.Linear | Conv1D]] = []
    for path, part in net.named_modules(remove_duplicate=False):
        # The very classes: one derived from them may compute something else.
        if path.startswith(prefix) and type(part) in (nn.Linear, Conv1D):
            parent, _, name = path.rpartition(".")
            found.append((net.get_submodule(parent), name, part))
    return found


def check_quantizable(net: PreTrainedModel, options: LoadOptions) -> None:
    """Raise what ``quantize_base`` would; the meta device will do, and nothing is quantised there."""
    if options.name is None:
        return
    if options.quantization in FOUR_BITS:
        bitsandbytes_here()
    if not linear_layers(net):
        raise ModelError(
            f"adapter.load.quantization={options.quantization} finds no linear layer in this {net.config.model_type}; "
            "type adapter.load.quantization=none"
        )


def is_quantized(net: nn.Module) -> bool:
    """Return whether matrices of ``net`` are held in few bits."""
    return any(isinstance(part, QuantizedLinear) for part in net.modules())


def dequantized(net: nn.Module) -> Any:  # noqa: ANN401 - of the kind that came in
    """Return a copy of ``net``, an adapter on it included, with plain layers in float32 that compute the same.

    GPT-2 gets its ``Conv1D`` back, so that it is saved as any GPT-2. ``net`` stays as it is.
    """
    plain = copy.deepcopy(net)
    made: dict[int, nn.Module] = {}
    for path, part in list(plain.named_modules(remove_duplicate=False)):
        if not isinstance(part, QuantizedLinear):
            continue
        if id(part) not in made:
            made[id(part)] = part.plain()
        parent, _, name = path.rpartition(".")
        owner = plain.get_submodule(parent)
        setattr(owner, name, made[id(part)])
        if part.transposed and name == "base_layer":
            _tell_transposed(owner)
    for config in getattr(plain, "peft_config", {}).values():
        if any(isinstance(part, Conv1D) for part in made.values()) and hasattr(config, "fan_in_fan_out"):
            config.fan_in_fan_out = True
    return plain


def count_parameters(net: nn.Module) -> int:
    """Return the parameters of ``net``, each weight held in few bits counted as one."""
    held = {id(part): part for part in net.modules() if isinstance(part, QuantizedLinear)}
    packed = sum(part.in_features * part.out_features for part in held.values())
    return packed + sum(parameter.numel() for parameter in net.parameters())


def stored_bytes(net: nn.Module) -> int:
    """Return the bytes that the weights of ``net`` take in memory, codes and their scales included."""
    packed = [tensor for part in net.modules() if isinstance(part, QuantizedLinear) for tensor in part.buffers(False)]
    return sum(tensor.nbytes for tensor in [*packed, *net.parameters()])


def _tell_transposed(layer: nn.Module) -> None:
    """Tell a layer of peft, and what it is made of, that its base holds (in, out)."""
    for part in layer.modules():
        untyped: Any = part
        if hasattr(part, "fan_in_fan_out"):
            untyped.fan_in_fan_out = True
        if hasattr(part, "is_target_conv_1d_layer"):
            untyped.is_target_conv_1d_layer = True

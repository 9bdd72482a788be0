"""The network of a cell as it would train, on the meta device: adapter on, base held in few bits where asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftlab.models.architecture import Task, read_config
from ftlab.models.first_token import skip_unread
from ftlab.models.load_options import FOUR_BITS, LoadOptions, read_load_options
from ftlab.models.quantization import check_quantizable, count_parameters, linear_layers, stored_bytes
from ftlab.models.quantized_layers import BLOCK, DTYPES, QuantizedLinear
from ftlab.models.recompute import recompute_activations
from ftlab.models.weights import meta_net
from ftlab.planning.layers import Stack, bare_net, find_stack
from ftlab.planning.semantics import HALF
from ftlab.planning.types import BuildAdapter, Node
from ftlab.schema import ModelConfig

_SHOWN = 4  # layers of a network built short: the first, two alike after it, the last
# Adapters that treat all layers alike, whatever their number.
_ALIKE = re.compile(r"ftlab\.adapters\.(none|full|head|bitfit|layernorm|lora|ia3|adalora|prompt_tuning|p_tuning)\.\w+")
_TYPES = {"bf16-true": torch.bfloat16, "16-true": torch.float16, "64-true": torch.float64}
_GROUP = 256  # scales that share a scale, with double quantisation


@dataclass(frozen=True, slots=True)
class Network:
    """A network on the meta device, perhaps built with fewer layers than it has; numbers are those of all layers."""

    net: nn.Module
    config: PretrainedConfig
    stack: Stack | None
    base_parameters: int  # before the adapter
    parameters: int
    weight_bytes: float
    trained: tuple[tuple[nn.Parameter, int], ...]  # what trains, and how often it stands there

    @property
    def trainable(self) -> int:
        """Numbers that train."""
        return sum(p.numel() * times for p, times in self.trained)

    @property
    def gradient_bytes(self) -> float:
        """Bytes of all gradients together."""
        return float(sum(p.nbytes * times for p, times in self.trained))


def build_network(
    model: ModelConfig, adapter: Node, task: str, labels: int, precision: str, build: BuildAdapter
) -> Network:
    """Build the network of a cell. Nothing is fetched where the model's YAML has its numbers.

    Args:
        model: of the cell.
        adapter: node of the cell.
        task: classification, prompted, generation.
        labels: of a classification head.
        precision: Lightning's name; that of the weights follows from it.
        build: puts the adapter on.

    Raises:
        ModelError: model and adapter do not go together, or the architecture cannot be had.
    """
    # Flash attention is asked of this machine when it is built; what it keeps in memory is what sdpa keeps on a GPU.
    model = replace(model, attention="sdpa" if model.attention == "flash" else model.attention)
    if model.architecture:
        model = replace(model, init="random")
    kind: Task = "classification" if task == "classification" else "causal_lm"
    config = read_config(model, max(2, labels) if kind == "classification" else None, None, kind)
    missing = _shorten(config) if _treats_alike(adapter) else 0
    try:
        return _built(model, config, kind, adapter, precision, build, missing)
    except _Uneven:
        config = read_config(model, max(2, labels) if kind == "classification" else None, None, kind)
        return _built(model, config, kind, adapter, precision, build, 0)


class _Uneven(Exception):
    """A short network does not tell of the whole one."""


def _built(
    model: ModelConfig,
    config: PretrainedConfig,
    kind: Task,
    adapter: Node,
    precision: str,
    build: BuildAdapter,
    missing: int,
) -> Network:
    bare = meta_net(model, config, kind)
    before = find_stack(bare, missing)
    if missing and (before is None or before.repeats[before.missing_like] <= missing):
        raise _Uneven
    base = count_parameters(bare) + (missing * count_parameters(before.middle) if before and missing else 0)
    hold(bare, read_load_options(adapter.get("load")), HALF.get(precision))
    net = build(adapter, bare).net
    if model.gradient_checkpointing:
        recompute_activations(bare_net(net))
    if precision in _TYPES:
        net.to(_TYPES[precision])
    if kind == "classification":
        skip_unread(net)
    net.train()
    stack = find_stack(net, missing)
    if missing and (stack is None or stack.repeats[stack.missing_like] <= missing):
        raise _Uneven
    middle = stack.middle if stack is not None and missing else None
    more = {id(p) for p in middle.parameters()} if middle is not None else set()
    return Network(
        net=net,
        config=config,
        stack=stack,
        base_parameters=base,
        parameters=count_parameters(net) + (missing * count_parameters(middle) if middle is not None else 0),
        weight_bytes=float(stored_bytes(net) + (missing * stored_bytes(middle) if middle is not None else 0)),
        trained=tuple((p, 1 + missing * (id(p) in more)) for p in net.parameters() if p.requires_grad),
    )


def _treats_alike(adapter: Node) -> bool:
    """Return whether what the adapter does to a layer does not depend on which one it is."""
    named = str(adapter.get("targets", "")) + str(adapter.get("feed_forward", ""))
    return bool(_ALIKE.fullmatch(str(adapter.get("_target_")))) and not re.search(r"\d|\\", named)


def _shorten(config: PretrainedConfig) -> int:
    """Leave a few layers of the network that ``config`` describes; return how many are missing."""
    count = getattr(config, "num_hidden_layers", None)
    if not isinstance(count, int) or count <= _SHOWN + 1:
        return 0
    untyped: Any = config
    kinds = getattr(config, "layer_types", None)
    if isinstance(kinds, list):
        untyped.layer_types = kinds[:_SHOWN]
    untyped.num_hidden_layers = _SHOWN
    return count - _SHOWN


def hold(net: PreTrainedModel, options: LoadOptions, half: torch.dtype | None) -> None:
    """Put layers without storage in the place of those that `quantize_base` would hold in few bits.

    Raises:
        ModelError: as it does.
    """
    if options.name is None:
        return
    check_quantizable(net, options)
    made: dict[int, HeldLinear] = {}
    for parent, name, layer in linear_layers(net):
        if id(layer) not in made:
            made[id(layer)] = HeldLinear(layer, options, half)
        setattr(parent, name, made[id(layer)])


class HeldLinear(QuantizedLinear):
    """A linear layer held in few bits, without storage: codes and scales have their sizes, no values.

    Args:
        layer: on the meta device; its bias is taken over.
        options: how it is held.
        half: what autocast computes products in, which the meta device does not say; None: as they come.
    """

    def __init__(self, layer: nn.Linear | Conv1D, options: LoadOptions, half: torch.dtype | None) -> None:
        transposed = isinstance(layer, Conv1D)
        matrix = layer.weight.detach()
        super().__init__(matrix.t() if transposed else matrix, layer.bias, options, transposed=transposed)
        for name, tensor in _codes(matrix.numel(), self.out_features, options).items():
            self.register_buffer(name, tensor, persistent=False)
        self._half = half

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor (..., out) without values, and keep what the layer would."""
        plain = self._half or x.dtype
        found = self.product(x.to(DTYPES.get(self.options.compute_dtype, plain)))
        return (found if self.bias is None else found + self.bias.to(found.dtype)).to(plain)

    def unpacked(self, dtype: torch.dtype) -> Tensor:
        """Return a matrix (out, in) without values; it is made in float32 first."""
        return torch.empty(self.out_features, self.in_features, device="meta").to(dtype)


def _codes(weights: int, rows: int, options: LoadOptions) -> Mapping[str, Tensor]:
    with torch.device("meta"):
        if options.quantization not in FOUR_BITS:
            return {"codes": torch.empty(weights, dtype=torch.int8), "scales": torch.empty(rows, 1)}
        blocks = -(-weights // BLOCK)
        found = {"codes": torch.empty(-(-weights // 2), dtype=torch.uint8), "codebook": torch.empty(16)}
        if not options.double_quantization:
            return {**found, "scales": torch.empty(blocks)}
        outer = {"outer_codebook": torch.empty(256), "outer_scales": torch.empty(-(-blocks // _GROUP))}
        return {**found, **outer, "scales": torch.empty(blocks, dtype=torch.uint8), "offset": torch.empty(())}

"""An adapter as a folder holds it: plain data that goes onto the base as it was before training.

PiSSA and OLoRA take their update out of the base when they begin, and AdaLoRA scales it by numbers of its own. All are
the same mathematics as LoRA, and are written as that, so that the base stays the published one and any peft loads them:

- base + PiSSA: ``W - s B0 A0 + s B A`` = ``W + s [B, -B0] [A; A0]``, of twice the rank;
- AdaLoRA: ``W + s B (A * E) / n`` = ``W + (s B / n) (A * E)``, of the rank that is left.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel
from peft.tuners.adalora.layer import AdaLoraLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

from ftlab.models.adapter_file import WEIGHTS, write_adapter_config

_START = "_ftlab_start"  # what a PeftModel keeps its first update under


@dataclass(frozen=True, slots=True)
class Portable:
    """Settings and weights of an adapter."""

    config: PeftConfig
    tensors: dict[str, Tensor]  # on the CPU, head included


def remember_start(net: Any) -> None:  # noqa: ANN401 - any network, wrapped by peft or not
    """Keep a copy of the update that ``net`` begins with where it was taken out of the base: it is as small as itself.

    Call it before training; ``portable`` gives the base back what was taken.
    """
    if is_taken_out(net):
        tensors = _tensors(net)
        setattr(net, _START, {name: tensor.clone() for name, tensor in tensors.items() if "lora_" in name})


def is_taken_out(net: Any) -> bool:  # noqa: ANN401 - any network
    """Return whether the base of ``net`` lacks what its adapter began with: PiSSA, OLoRA."""
    how = getattr(_config(net), "init_lora_weights", None) if isinstance(net, PeftModel) else None
    return isinstance(how, str) and how.startswith(("pissa", "olora"))


def portable(net: PeftModel) -> Portable:
    """Return the adapter of ``net`` such that it goes onto the base as it was loaded."""
    config = copy.deepcopy(_config(net))
    tensors = _tensors(net)
    kind = str(getattr(config.peft_type, "value", config.peft_type))
    if kind == "ADALORA":
        return _from_adalora(net, config, tensors)
    if is_taken_out(net):
        return _given_back(net, config, tensors)
    return Portable(config, tensors)


def write_adapter(net: PeftModel, folder: Path, base: str, revision: str | None) -> None:
    """Write the adapter of ``net`` in peft's layout, with hub id or ``BESIDE`` as its base."""
    found = portable(net)
    write_adapter_config(folder, found.config, base, revision)
    tensors = {name: tensor.contiguous().clone() for name, tensor in found.tensors.items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def _config(net: PeftModel) -> Any:  # noqa: ANN401 - options of many kinds
    return net.peft_config[net.active_adapter]


def _tensors(net: PeftModel) -> dict[str, Tensor]:
    # Embeddings do not change here, and peft's own look at that asks the hub.
    found = get_peft_model_state_dict(net, adapter_name=net.active_adapter, save_embedding_layers=False)
    # A head called `head` has peft train and save p-tuning's own `mlp_head` with it, which the saved prompt is made by.
    kept = {name: tensor for name, tensor in found.items() if not name.startswith("prompt_encoder.")}
    return {name: tensor.detach().cpu() for name, tensor in kept.items()}


def _given_back(net: PeftModel, config: Any, tensors: dict[str, Tensor]) -> Portable:  # noqa: ANN401
    start: dict[str, Tensor] | None = getattr(net, _START, None)
    assert start is not None, "remember_start is called before an adapter trains"
    assert not config.rank_pattern and not config.alpha_pattern and not config.use_dora, "ftlab sets none of them"
    found = dict(tensors)
    for name, first in start.items():
        down = "lora_A" in name or "lora_embedding_A" in name
        found[name] = torch.cat([tensors[name], first if down else -first], 0 if down else 1)
    scale = config.lora_alpha / (config.r**0.5 if config.use_rslora else config.r)
    config.init_lora_weights, config.use_rslora = True, False
    config.r, config.lora_alpha = 2 * config.r, scale * 2 * config.r
    return Portable(config, found)


def _from_adalora(net: PeftModel, config: Any, tensors: dict[str, Tensor]) -> Portable:  # noqa: ANN401
    adapter = net.active_adapter
    found = {name: tensor for name, tensor in tensors.items() if "lora_" not in name and "ranknum" not in name}
    layers = {n: m for n, m in net.named_modules() if isinstance(m, AdaLoraLayer) and adapter in m.lora_A}
    left = {name: layer.lora_E[adapter].detach().flatten().nonzero().flatten() for name, layer in layers.items()}
    rank = max(1, *(len(rows) for rows in left.values()))
    for name, layer in layers.items():
        rows, scale = left[name], layer.scaling[adapter] / (layer.ranknum[adapter].detach() + 1e-5)
        down = (layer.lora_A[adapter] * layer.lora_E[adapter]).detach()[rows]
        up = (layer.lora_B[adapter] * scale).detach()[:, rows]
        missing = rank - len(rows)  # rows that the budget took away; other layers kept more
        found[f"{name}.lora_A.weight"] = torch.nn.functional.pad(down, (0, 0, 0, missing)).cpu()
        found[f"{name}.lora_B.weight"] = torch.nn.functional.pad(up, (0, missing)).cpu()
    plain = LoraConfig(
        task_type=config.task_type,
        r=rank,
        lora_alpha=rank,  # a scale of one: it is in the weights
        lora_dropout=config.lora_dropout,
        target_modules=sorted(config.target_modules),
        modules_to_save=config.modules_to_save,
        fan_in_fan_out=config.fan_in_fan_out,
    )
    return Portable(plain, found)

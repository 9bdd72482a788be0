"""Tiny random networks of seven architectures, built once; what tests of adapters do with them."""

from __future__ import annotations

import copy
import functools
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SHAPES: dict[str, dict[str, Any]] = {
    "bert": _SIZES,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "roberta": _SIZES,
    "modernbert": _SIZES,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2},
    "llama": {**_SIZES, "num_key_value_heads": 1},
    "qwen2": {**_SIZES, "num_key_value_heads": 1},
}
ENCODERS = ("bert", "distilbert", "roberta", "modernbert")
DECODERS = ("gpt2", "llama", "qwen2")
# (architecture, whether it writes)
CELLS = [(kind, False) for kind in SHAPES] + [(kind, True) for kind in DECODERS]
NAMES = [f"{kind}_lm" if lm else kind for kind, lm in CELLS]
PAD = 1  # as RoBERTa's, which counts positions from it
IDS = torch.tensor([[5, 6, 7, 8, 9, 10], [9, 8, 7, 6, 5, 4]])


def tiny(kind: str, lm: bool = False, device: str = "cpu") -> PreTrainedModel:
    """Return a copy of the network in train mode: the same weights each time."""
    return copy.deepcopy(_built(kind, lm, device))


@functools.cache
def _built(kind: str, lm: bool, device: str) -> PreTrainedModel:
    ids = {"pad_token_id": PAD} | {f"{name}_token_id": 0 for name in ("bos", "eos", "cls", "sep")}
    config = AutoConfig.for_model(kind, **{"vocab_size": 99, "num_labels": 3, **ids, **SHAPES[kind]})
    torch.manual_seed(5)
    with torch.device(device):
        return (AutoModelForCausalLM if lm else AutoModelForSequenceClassification).from_config(config).train()


def outputs(net: nn.Module, ids: torch.Tensor = IDS, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Return the logits of ``ids`` without dropout, not those of virtual tokens; the mode stays as it was."""
    training = net.training
    net.eval()
    with torch.inference_mode():
        found: torch.Tensor = net(input_ids=ids, attention_mask=torch.ones_like(ids) if mask is None else mask).logits
    net.train(training)
    return found[:, -ids.shape[1] :] if found.ndim == 3 else found


def loss_of(net: nn.Module, lm: bool) -> torch.Tensor:
    """Return a loss that does not go through the network's own."""
    logits = net(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits
    if lm:
        return nn.functional.cross_entropy(logits[:, -6:-1].flatten(0, 1).float(), IDS[:, 1:].flatten())
    return nn.functional.cross_entropy(logits, torch.tensor([0, 2]))


def train(net: nn.Module, lm: bool, steps: int = 3, lr: float = 0.05) -> None:
    """Take some AdamW steps on all that trains."""
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(net, lm).backward()
        optimizer.step()


def trained(net: nn.Module) -> set[str]:
    """Return the names of the parameters that train."""
    return {name for name, parameter in net.named_parameters() if parameter.requires_grad}


def base_weights(net: nn.Module) -> dict[str, torch.Tensor]:
    """Return copies of the frozen weights of a wrapped network, under the names of the network itself.

    The head that peft keeps beside the one that trains is left out.
    """
    untyped: Any = net
    return {
        name.replace(".base_layer", ""): parameter.detach().clone()
        for name, parameter in untyped.get_base_model().named_parameters()
        if not parameter.requires_grad and "original_module" not in name and "ranknum" not in name
    }

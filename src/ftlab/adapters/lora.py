"""LoRA: a low-rank update beside chosen layers (arXiv:2106.09685), and its variants, by peft."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import LoraConfig
from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.low_rank import check_linear, check_numbers, check_rank, check_tied, stored_transposed
from ftlab.adapters.numbers import check_choice
from ftlab.adapters.peft_net import shared_options, wrap_net
from ftlab.adapters.targets import Targets, find_targets
from ftlab.errors import ModelError

# What peft is told. PiSSA by a randomised decomposition, which takes seconds where the whole one takes an hour.
_OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "pissa": {"init_lora_weights": "pissa_niter_16"},
    "olora": {"init_lora_weights": "olora"},
}
_TAKEN_OUT = ("pissa", "olora")  # these begin with a part of the base, and take it out of there


def add_lora(
    net: PreTrainedModel,
    *,
    variant: str = "plain",
    targets: Sequence[str] | str = "auto",
    rank: int = 8,
    alpha: float = 16,
    dropout: float = 0.1,
    total_steps: int | None = None,
) -> Adapted:
    """Freeze ``net``, put a trainable update of rank ``rank`` beside each target, and let the head train.

    A fresh update is zero: outputs are what they were, bit by bit. PiSSA and OLoRA begin with the largest part of each
    target instead, which is taken out of the base, so that outputs are what they were but for rounding; the base is
    then another until the update is added to it again. Peft writes the head into the adapter's folder.

    Args:
        net: a classifier, or a language model, which has no head to train; changed in place.
        variant: plain; rslora scales by ``alpha / sqrt(rank)`` (arXiv:2312.03732); dora trains the length of each
            column apart from its direction (arXiv:2402.09353); pissa begins with the largest singular values
            (arXiv:2404.02948), olora with a QR decomposition (arXiv:2406.01775).
        targets: see `find_targets`.
        rank: of the update.
        alpha: the update is scaled by ``alpha / rank``.
        dropout: on the input of the update, in [0, 1).
        total_steps: not used.

    Raises:
        ModelError: a target does not exist, a number does not fit, or the variant does not fit the architecture.
    """
    check_choice("variant", variant, tuple(_OPTIONS))
    check_numbers(rank, alpha, dropout)
    found = find_targets(net, targets)
    check_rank(net, rank, found)
    check_tied(net, found)
    if variant in _TAKEN_OUT:
        check_linear(net, found, f"adapter.variant={variant}", transposed=variant != "olora")
        _check_whole_weights(found, variant)
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=found.names,
        fan_in_fan_out=stored_transposed(found),
        **shared_options(net),
        **(_OPTIONS[variant] if variant not in _TAKEN_OUT or not _is_tried(net) else {}),
    )
    with _drawing_alike(variant == "pissa"):
        return Adapted(wrap_net(net, config, "lora_"), unchanged=variant not in _TAKEN_OUT)


@contextmanager
def _drawing_alike(enabled: bool) -> Iterator[None]:
    """Let a decomposition that draws numbers give the same each time: a resumed training needs the same base."""
    with torch.random.fork_rng(devices=[], enabled=enabled):
        if enabled:
            torch.manual_seed(0)
        yield


def _is_tried(net: PreTrainedModel) -> bool:
    """Return whether ``net`` holds no weights that a part could be taken out of."""
    return any(parameter.is_meta for parameter in net.parameters())


def _check_whole_weights(found: Targets, variant: str) -> None:
    name, layer = next(iter(found.layers.items()))
    weight = layer.weight  # in few bits no parameter, but unpacked when it is read: what is written is lost
    if not (isinstance(weight, nn.Parameter) and weight.is_floating_point()):
        raise ModelError(
            f"adapter.variant={variant} takes a part out of {name}, which adapter.load.quantization holds in few bits; "
            "type adapter.variant=plain or adapter.load.quantization=none"
        )

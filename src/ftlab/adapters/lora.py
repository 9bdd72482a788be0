"""LoRA: a low-rank update beside chosen layers (arXiv:2106.09685), by peft."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.anatomy import head_modules, is_tied, writes
from ftlab.adapters.targets import Targets, find_targets
from ftlab.errors import ModelError


def add_lora(
    net: PreTrainedModel,
    *,
    targets: Sequence[str] | str = "auto",
    rank: int = 8,
    alpha: float = 16,
    dropout: float = 0.1,
    total_steps: int | None = None,
) -> Adapted:
    """Freeze ``net``, put a trainable update of rank ``rank`` beside each target, and let the head train.

    A fresh update is zero: outputs are what they were, bit by bit. Peft writes the head into the adapter's folder.

    Args:
        net: a classifier, or a language model, which has no head to train; changed in place.
        targets: see `find_targets`.
        rank: of the update.
        alpha: the update is scaled by ``alpha / rank``.
        dropout: on the input of the update, in [0, 1).
        total_steps: not used.

    Raises:
        ModelError: a target does not exist, or a number does not fit.
    """
    _check_numbers(rank, alpha, dropout)
    found = find_targets(net, targets)
    _check_rank(net, rank, found)
    _check_tied(net, found)
    # Named one by one: peft by itself trains only heads called classifier or score, not ModernBERT's `head`.
    heads = head_modules(net)
    config = LoraConfig(
        task_type="CAUSAL_LM" if writes(net) else "SEQ_CLS",
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=found.names,
        modules_to_save=heads or None,
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in found.layers.values()),  # GPT-2 stores weights so
    )
    with warnings.catch_warnings():
        # peft reads a flag that transformers renamed: huggingface/peft, `PeftModel.__init__`.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        wrapped = get_peft_model(net, config)
    _assert_only_update_and_head(wrapped, heads)
    return Adapted(wrapped, unchanged=True)


def _check_numbers(rank: int, alpha: float, dropout: float) -> None:
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ModelError(f"adapter.rank={rank} must be a whole number from 1; type adapter.rank=8")
    if not alpha > 0:
        raise ModelError(f"adapter.alpha={alpha} must be above 0, or nothing is learned; type adapter.alpha={2 * rank}")
    if not 0 <= dropout < 1:
        raise ModelError(f"adapter.dropout={dropout} must be at least 0 and below 1; type adapter.dropout=0.1")


def _check_rank(net: PreTrainedModel, rank: int, found: Targets) -> None:
    widths = {name: min(layer.weight.shape) for name, layer in found.layers.items()}  # type: ignore[arg-type]
    name, width = min(widths.items(), key=lambda item: item[1])
    if rank > width:
        raise ModelError(
            f"adapter.rank={rank} is more than the {width} that {name} of this {net.config.model_type} is wide; type "
            f"adapter.rank={max(1, min(8, width))}"
        )


def _check_tied(net: PreTrainedModel, found: Targets) -> None:
    """One matrix that reads and writes: beside the embedding alone, an update could not be merged."""
    embedding = net.get_input_embeddings()
    names = [name for name, layer in found.layers.items() if layer is embedding] if is_tied(net) else []
    if names:
        raise ModelError(
            f"adapter.targets: {names[0]} of this {net.config.model_type} is its output layer too and takes no update; "
            "type adapter.targets=auto or adapter.targets=all-linear"
        )


def _assert_only_update_and_head(wrapped: nn.Module, heads: Sequence[str]) -> None:
    for name, parameter in wrapped.named_parameters():
        parts = name.split(".")
        update = any(part.startswith("lora_") for part in parts)
        saved = "modules_to_save" in parts and parts[parts.index("modules_to_save") - 1] in heads
        assert parameter.requires_grad == (update or saved), f"{name} trains or stays frozen against the plan"

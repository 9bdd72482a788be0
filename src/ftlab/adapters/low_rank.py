"""What the methods have in common that put matrices of a low rank beside layers."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftlab.adapters.anatomy import is_tied
from ftlab.adapters.numbers import check_positive, check_share, check_whole
from ftlab.adapters.targets import Targets
from ftlab.errors import ModelError


def check_numbers(rank: int, alpha: float, dropout: float) -> None:
    """Raise ModelError for a rank, a scale or a dropout that can be none."""
    check_whole("rank", rank, 8)
    check_positive("alpha", alpha, "or nothing is learned", 2 * rank)
    check_share("dropout", dropout, 0.1)


def check_rank(net: PreTrainedModel, rank: int, found: Targets, option: str = "rank") -> None:
    """Raise ModelError for a rank above the smaller side of a target."""
    widths = {name: _width(layer) for name, layer in found.layers.items()}
    name, width = min(widths.items(), key=lambda item: item[1])
    if rank > width:
        raise ModelError(
            f"adapter.{option}={rank} is more than the {width} that {name} of this {net.config.model_type} is wide; "
            f"type adapter.{option}={max(1, min(8, width))}"
        )


def check_tied(net: PreTrainedModel, found: Targets) -> None:
    """Raise ModelError for an embedding that is the output layer too: an update beside it could not be merged."""
    embedding = net.get_input_embeddings()
    names = [name for name, layer in found.layers.items() if layer is embedding] if is_tied(net) else []
    if names:
        raise ModelError(
            f"adapter.targets: {names[0]} of this {net.config.model_type} is its output layer too and takes no update; "
            "type adapter.targets=auto or adapter.targets=all-linear"
        )


def check_linear(net: PreTrainedModel, found: Targets, method: str, *, transposed: bool = True) -> None:
    """Raise ModelError for a target that is no linear layer.

    Args:
        net: for the sentence.
        found: the targets.
        method: as the user types it.
        transposed: whether the layers of GPT-2 will do, which store their weights the other way round.
    """
    for name, layer in found.layers.items():
        if isinstance(layer, Conv1D) and not transposed:
            raise ModelError(
                f"{method} does not fit this {net.config.model_type}, which stores the weights of {name} transposed; "
                "type adapter=pissa, adapter=dora or adapter=lora"
            )
        if not isinstance(layer, (nn.Linear, Conv1D)):
            raise ModelError(
                f"{method} goes beside linear layers only, and {name} of this {net.config.model_type} is an embedding; "
                "type adapter.targets=auto or adapter.targets=all-linear"
            )


def stored_transposed(found: Targets) -> bool:
    """Return whether the targets store their weights as GPT-2 does."""
    return any(isinstance(layer, Conv1D) for layer in found.layers.values())


def _width(layer: Any) -> int:  # noqa: ANN401 - linear, Conv1D or embedding
    # Not the weight's shape, which is another where it is held in few bits.
    if isinstance(layer, nn.Linear):
        return min(layer.in_features, layer.out_features)
    return int(min(layer.weight.shape))

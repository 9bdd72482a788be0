"""What an adapter hands back, and what one is given that is made of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers import PreTrainedModel


@dataclass(frozen=True)
class Adapted:
    """A network whose ``requires_grad`` flags say what trains.

    ``param_groups`` are for the optimizer; None: all that trains, at the optimizer's rate. A group may have, beside
    ``params``: ``lr_scale``, its share of the optimizer's rate; ``starts_at``, the share of all steps that are done
    when it begins to train, until when its weights and moments stay as they are; ``weight_decay``, else matrices decay
    as the optimizer's options say, and biases and norms do not.
    """

    net: nn.Module
    param_groups: list[dict[str, Any]] | None = None
    callbacks: tuple[Any, ...] = ()  # Lightning callbacks that the method needs
    unchanged: bool = False  # whether outputs before training are, bit by bit, those without the adapter


@dataclass(frozen=True)
class Member:
    """One of several adapters on the same network.

    Args:
        add: puts it on a network.
        learning_rate: its own.
        wraps: whether it puts layers of its own around those of the network, to be merged into them when saved.
    """

    add: Callable[[PreTrainedModel], Adapted]
    learning_rate: float
    wraps: bool

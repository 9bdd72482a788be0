"""What an adapter hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Adapted:
    """A network whose ``requires_grad`` flags say what trains."""

    net: nn.Module
    param_groups: list[dict[str, Any]] | None = None  # for the optimizer; None: one group of all that trains
    callbacks: tuple[Any, ...] = ()  # Lightning callbacks that the method needs
    unchanged: bool = False  # whether outputs before training are, bit by bit, those without the adapter

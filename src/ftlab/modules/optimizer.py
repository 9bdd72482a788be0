"""Parameter groups, and the step counts a schedule needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

ParamGroups = list[dict[str, Any]]
OptimizerFactory = Callable[[ParamGroups], torch.optim.Optimizer]
# (optimizer, steps in all) -> schedule, stepped once per optimizer step.
SchedulerFactory = Callable[[torch.optim.Optimizer, int], torch.optim.lr_scheduler.LRScheduler]


def split_decay(net: nn.Module, weight_decay: float) -> ParamGroups:
    """Return two groups of the trainable parameters: matrices decay, biases and norms (fewer than 2 axes) do not."""
    trainable = [p for p in net.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [g for g in groups if g["params"]]


def warmup_steps(warmup: float, total_steps: int) -> int:
    """Return the steps of warm-up: ``warmup`` is a share of all steps below 1, else a number of steps."""
    return round(warmup * total_steps) if warmup < 1 else int(warmup)


def fused_option(optimizer: Callable[..., Any], device: str, unscales_gradients: bool) -> dict[str, bool]:
    """Return ``{"fused": True}`` where optimizer and device have a fused step, else nothing.

    Under fp16 with a gradient scaler, a fused optimizer unscales inside its step: too late to clip the gradients.
    """
    has_option = "fused" in inspect.signature(optimizer).parameters
    return {"fused": True} if has_option and device in {"cpu", "cuda", "mps"} and not unscales_gradients else {}

"""Parameter groups, and the step counts a schedule needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from ftlab.errors import ConfigError

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


def fused_option(
    optimizer: Callable[..., Any],
    device: str,
    unscales_gradients: bool,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, bool]:
    """Return ``{"fused": True}`` where optimizer and device have a fused step, else nothing.

    Under fp16 with a gradient scaler, a fused optimizer unscales inside its step: too late to clip the gradients.

    Args:
        optimizer: class or function.
        device: it will step on.
        unscales_gradients: whether there is a gradient scaler.
        options: the optimizer's own; those that torch has no fused step for rule it out.
    """
    has_option = "fused" in inspect.signature(optimizer).parameters
    other_step = any(options.get(name) for name in ("foreach", "differentiable"))
    fits = device in {"cpu", "cuda", "mps"} and not unscales_gradients and not other_step
    return {"fused": True} if has_option and fits else {}


def check_options(make: OptimizerFactory, options: Mapping[str, Any]) -> None:
    """Try ``make`` on one small tensor, so that options it refuses are found before a weight is loaded.

    Args:
        make: of the run's optimizer.
        options: what the configuration gives it, for the sentence.

    Raises:
        ConfigError: they do not go together.
    """
    try:
        make([{"params": [nn.Parameter(torch.zeros(2, 2))]}])
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        given = ", ".join(f"optimizer.{name}={value}" for name, value in options.items())
        name = str(getattr(make, "func", make).__name__)
        raise ConfigError(f"{name} refuses its options ({error}); change one of {given}") from error

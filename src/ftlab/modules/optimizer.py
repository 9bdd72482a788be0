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


def split_decay(net: nn.Module, weight_decay: float, groups: ParamGroups | None = None) -> ParamGroups:
    """Return the groups, each split in two: matrices decay, biases and norms (fewer than 2 axes) do not.

    Args:
        net: that trains.
        weight_decay: of matrices.
        groups: an adapter's own, see `Adapted`; those that say how they decay stay whole. None: all that trains.
    """
    made = []
    for group in groups or [{"params": [p for p in net.parameters() if p.requires_grad]}]:
        if "weight_decay" in group:
            made.append(dict(group))
            continue
        params = list(group["params"])
        made.append({**group, "params": [p for p in params if p.ndim >= 2], "weight_decay": weight_decay})
        made.append({**group, "params": [p for p in params if p.ndim < 2], "weight_decay": 0.0})
    return [g for g in made if g["params"]]


def scale_rates(optimizer: torch.optim.Optimizer) -> None:
    """Give each group its ``lr_scale`` of the optimizer's rate, before a schedule is made of the rates.

    Raises:
        ConfigError: the optimizer has no rate.
    """
    for group in optimizer.param_groups:
        scale = group.get("lr_scale", 1.0)
        if scale == 1.0:
            continue
        if "lr" not in group:
            raise ConfigError(
                f"{type(optimizer).__name__} has no lr, and the adapter gives parts of the network different shares of "
                "it; type optimizer=adamw"
            )
        group["lr"] = group["lr"] * scale


def hold_back(optimizer: torch.optim.Optimizer, done: float) -> None:
    """Drop the gradients of the groups that do not train yet: the step then leaves weights and moments as they are.

    Args:
        optimizer: about to step; its gradients not clipped yet, so that only those of what trains count.
        done: share of all steps taken before this one.
    """
    for group in optimizer.param_groups:
        if group.get("starts_at", 0.0) > done:
            for parameter in group["params"]:
                parameter.grad = None


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

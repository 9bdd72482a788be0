"""Turns component nodes of the configuration into objects. The only place that calls a ``_target_``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import nn
from torchmetrics import Metric, MetricCollection
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted, Member
from ftlab.callbacks.compiling import Compiling
from ftlab.callbacks.progress import Progress
from ftlab.callbacks.saving_memory import SavingMemory
from ftlab.callbacks.stopping import FirstError
from ftlab.check.allowlist import resolve_allowed
from ftlab.check.components import RESERVED, inner_nodes
from ftlab.checkpoints.durable import DurableCheckpointIO
from ftlab.datasets.shares import Part
from ftlab.modules.optimizer import OptimizerFactory, SchedulerFactory, check_options, fused_option, warmup_steps
from ftlab.modules.trained import TrainedModule
from ftlab.modules.unprofiled import Unprofiled
from ftlab.processes.environment import OneHost
from ftlab.processes.strategies import make_strategy

Node = Mapping[str, Any]
_ALONE = Part()


def build(node: Node, group: str, /, **runtime: Any) -> Any:  # noqa: ANN401 - any component
    """Call the node's ``_target_`` with its options, and with those ``runtime`` values its signature names.

    Args:
        node: of the configuration.
        group: it stands in; what ftlab reads itself in that group is no option of the target.
        runtime: values by name.

    Raises:
        ConfigError: the target is not allowed.
    """
    target = resolve_allowed(str(node["_target_"]))
    options = _options(node, group)
    named = inspect.signature(target).parameters
    return target(**{k: v for k, v in runtime.items() if k in named and k not in options}, **options)


def _options(node: Node, group: str) -> dict[str, Any]:
    return {k: v for k, v in node.items() if k not in ("_target_", *RESERVED.get(group, ()))}


def build_adapter(
    node: Node,
    net: nn.Module,
    total_steps: int | None,
    *,
    tokenizer: Any = None,  # noqa: ANN401 - transformers' tokenizers share no useful base class
    max_length: int | None = None,
) -> Adapted:
    """Put the adapter on ``net``.

    Args:
        node: of the configuration.
        net: changed in place, or wrapped; the meta device will do.
        total_steps: optimizer steps of the training; None where it is only tried.
        tokenizer: of the run; None: there is none.
        max_length: tokens of a text.
    """
    runtime = {"net": net, "total_steps": total_steps, "tokenizer": tokenizer, "max_length": max_length}
    members = {name: _member(inner, runtime) for name, inner in inner_nodes(node).items()}
    outer = {key: value for key, value in node.items() if key not in members}
    adapted = build(outer, "adapter", **runtime, members=members)
    assert isinstance(adapted, Adapted), f"{node['_target_']} must return Adapted"
    return adapted


def _member(node: Node, runtime: Mapping[str, Any]) -> Member:
    def add(net: PreTrainedModel) -> Adapted:
        adapted: Adapted = build(node, "adapter", **{**runtime, "net": net})
        return adapted

    # Only what wraps layers can be merged into them, or left apart.
    return Member(add, float(node.get("learning_rate") or 0), wraps="merge" in node)


def build_optimizer(node: Node, device: str, precision: str) -> OptimizerFactory:
    """Return parameter groups -> optimizer; weight decay is set by the groups."""
    target = resolve_allowed(str(node["_target_"]))
    options = _options(node, "optimizer")
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    fused = fused_option(target, device, precision == "16-mixed", options)
    return functools.partial(target, **{**fused, **options})


def check_optimizer(node: Node) -> None:
    """Try the optimizer's options on one small tensor.

    Raises:
        ConfigError: it refuses them.
    """
    check_options(build_optimizer(node, "cpu", "32-true"), _options(node, "optimizer"))


def build_scheduler(node: Node) -> SchedulerFactory:
    """Return (optimizer, steps in all) -> schedule."""

    def make(optimizer: torch.optim.Optimizer, total_steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        warmup = warmup_steps(float(node.get("warmup", 0.0)), total_steps)
        schedule: torch.optim.lr_scheduler.LRScheduler = build(
            node, "scheduler", optimizer=optimizer, num_warmup_steps=warmup, num_training_steps=total_steps
        )
        return schedule

    return make


def build_module(target: str, net: nn.Module, metrics: MetricCollection | None, **options: Any) -> TrainedModule:  # noqa: ANN401
    """Wrap ``net`` in the Lightning module that ``target`` names."""
    module = resolve_allowed(target)(net, metrics, **options)
    assert isinstance(module, TrainedModule), f"{target} is no module that ftlab trains"
    return module


def build_metrics(nodes: Mapping[str, Node]) -> dict[str, Metric]:
    """Return the user's own metrics by name."""
    return {name: build(node, "metrics") for name, node in nodes.items() if node}


def build_callbacks(nodes: Mapping[str, Node | None], **runtime: Any) -> list[L.Callback]:  # noqa: ANN401
    """Return the callbacks in the order of the file; one set to null is left out."""
    return [build(node, "callbacks", **runtime) for node in nodes.values() if node]


def build_trainer(
    node: Node,
    *,
    precision: str,
    folder: Path,
    callbacks: list[L.Callback],
    logger: Any,  # noqa: ANN401 - a logger of Lightning's, or False
    part: Part = _ALONE,
    strategy: str = "auto",
    net: nn.Module | None = None,
) -> L.Trainer:
    """Return Lightning's Trainer; what the user gave wins over our settings.

    Args:
        node: of the configuration.
        precision: Lightning's name.
        folder: of the run.
        callbacks: in their order.
        logger: of the run.
        part: which process this is.
        strategy: of several processes.
        net: that several processes train.
    """
    options = {k: v for k, v in _options(node, "trainer").items() if v is not None}
    every = options.get("val_check_interval")
    if isinstance(every, int) and every > 1:
        # Count steps across epochs, so that every n steps means that also when an epoch has fewer.
        options["check_val_every_n_epoch"] = None
    compiling = [Compiling()] if node.get("compile") else []
    switches = {name: bool(node.get(name)) for name in ("optimizer_in_backward", "activation_offload")}
    ours = {
        "default_root_dir": folder,
        "logger": logger,
        "callbacks": [FirstError(), SavingMemory(**switches), *compiling, *callbacks],
        "plugins": [DurableCheckpointIO()],
        "use_distributed_sampler": False,  # batches come dealt
        "enable_model_summary": False,
        "enable_progress_bar": not any(isinstance(callback, Progress) for callback in callbacks),  # which has its own
        "profiler": Unprofiled(),
        "num_sanity_val_steps": 0,
        "enable_checkpointing": True,
    }
    options["strategy"] = "auto"
    if part.processes > 1:
        assert net is not None, "several processes share a network"
        ours["plugins"] = [DurableCheckpointIO(), OneHost(part.rank, part.processes)]
        options["strategy"] = make_strategy(strategy, net)
    trainer: L.Trainer = resolve_allowed(str(node["_target_"]))(**{**ours, **options, "precision": precision})
    return trainer

"""How many processes train: one per device."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch

from ftlab.errors import ConfigError
from ftlab.processes.devices import SHARDED, STRATEGIES, named_devices, not_processes, uneven


def check_gpus(trainer: Mapping[str, Any]) -> None:
    """Refuse a strategy for GPUs where there are none.

    Raises:
        ConfigError: there are none; it names what works here.
    """
    strategy, accelerator = trainer.get("strategy"), trainer.get("accelerator")
    on_gpus = accelerator in ("gpu", "cuda") or strategy == SHARDED
    if strategy in STRATEGIES and on_gpus and not torch.cuda.is_available():
        does = "shards the weights over CUDA GPUs" if strategy == SHARDED else "trains on CUDA GPUs"
        raise ConfigError(
            f"trainer.strategy={strategy} {does}, and torch {torch.__version__} finds none here; write trainer=ddp_cpu"
        )


def count_processes(trainer: Mapping[str, Any], accelerator: str, batch_size: int, key: str = "batch_size") -> int:
    """Return how many processes the trainer's options ask for on this machine.

    Args:
        trainer: the node of the configuration.
        accelerator: cuda, mps or cpu: what is there.
        batch_size: rows per batch, shared by all processes.
        key: of the data set that says how many.

    Raises:
        ConfigError: the accelerator takes no such devices, the rows cannot be shared out evenly, or another launcher
            started this.
    """
    devices = trainer.get("devices", 1)
    count = named_devices(devices)
    _check_devices(devices, count, accelerator)
    if not count:
        count = torch.cuda.device_count() if accelerator == "cuda" else 1
    if count == 1:
        return 1
    if batch_size % count:
        raise ConfigError(uneven(batch_size, count, key))
    if "LOCAL_RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1":
        raise ConfigError(
            "another launcher (torchrun, srun) started this as one of several processes, and ftlab starts its own; "
            "type python -m ftlab without the launcher"
        )
    return count


def _check_devices(devices: object, count: int | None, accelerator: str) -> None:
    """Refuse what Lightning refuses with an error of its own, where ``auto`` has become a CPU or an Apple GPU."""
    if accelerator == "cpu" and (said := not_processes(devices, count)):
        raise ConfigError(said)
    typed = str(devices).replace(" ", "")
    if accelerator == "mps" and (typed not in ("auto", "-1", "1", "[0]")):
        raise ConfigError(f"trainer.devices={typed} is not the one Apple GPU there is; write trainer.devices=1")


def strategy_name(trainer: Mapping[str, Any], count: int) -> str:
    """Return which of ``STRATEGIES`` trains with ``count`` processes; ``auto`` for one."""
    name = str(trainer.get("strategy") or "auto")
    if count == 1:
        return "auto"
    return name if name in STRATEGIES else STRATEGIES[0]

"""Where a training runs: devices, precisions and processes, once ``auto`` is settled."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ftlab.check.memory_rules import not_in_backward, not_offloaded
from ftlab.datasets.options import AUTO, step_rows
from ftlab.datasets.shares import Part
from ftlab.errors import ConfigError
from ftlab.modules.precision import (
    inference_device,
    inference_precision,
    pick_accelerator,
    pick_precision,
    training_device,
)
from ftlab.processes.devices import SHARDED
from ftlab.processes.plan import check_gpus, count_processes, strategy_name
from ftlab.schema import TrainConfig


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a training runs, and in how many processes."""

    accelerator: str  # cuda, mps, cpu
    trains_on: torch.device
    precision: str
    device: torch.device  # of inference
    answers_in: str  # precision of inference
    part: Part  # which process this is
    strategy: str  # auto: one process

    def named(self) -> str:
        """Return the device of inference, and the processes that train if there are several."""
        several = f" ({self.part.processes} processes train)" if self.part.processes > 1 else ""
        return f"{self.device}{several}"

    @property
    def is_sharded(self) -> bool:
        """Whether each process holds a part of the weights: then the first one tests alone, with whole ones."""
        return self.strategy == SHARDED


def pick_machine(settings: TrainConfig, rank: int = 0) -> Machine:
    """Return what ``auto`` devices and precisions are here.

    Raises:
        ConfigError: what is asked for is not on this machine.
    """
    check_gpus(settings.trainer)
    accelerator = pick_accelerator(settings.trainer["accelerator"])
    key = "effective_batch_size" if settings.dataset.batch_size == AUTO else "batch_size"
    processes = count_processes(settings.trainer, accelerator, step_rows(settings.dataset), key)
    trains_on = training_device(accelerator, settings.trainer["devices"])
    precision = pick_precision(settings.trainer["precision"], trains_on)
    is_auto = settings.dataset.batch_size == AUTO
    asked = {**settings.trainer, "precision": precision}
    faults = [*not_in_backward(asked, is_auto, processes), *not_offloaded(asked, accelerator)]
    if faults:
        raise ConfigError(*faults)
    device = inference_device(settings.device, trains_on)
    return Machine(
        accelerator,
        trains_on,
        precision,
        device,
        inference_precision(precision, trains_on.type, device),
        Part(rank, processes),
        strategy_name(settings.trainer, processes),
    )

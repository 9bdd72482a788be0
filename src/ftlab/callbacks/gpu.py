"""How busy the GPU is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import lightning as L
from lightning.pytorch.utilities.types import STEP_OUTPUT

from ftlab.callbacks.measuring import Batch, Measured, Measuring
from ftlab.measure.nvml import Gpu
from ftlab.processes import collective

EVERY_SECONDS = 1.0  # NVML's own sampling period is up to one second


class GpuUtilisation(Measuring):
    """Measures the mean GPU utilisation during ``fit``, in [0, 1]; None without an NVIDIA GPU or ``nvidia-ml-py``.

    Price: one NVML query per second (below 1 ms), no synchronisation.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._gpu: Gpu | None = None
        self._next = 0.0
        self._values: list[float] = []

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look for a GPU that counts."""
        self._values = list(self.resumed().get("values", []))
        self._gpu = Gpu.open(trainer.strategy.root_device)
        self._next = self._clock() + EVERY_SECONDS

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Look once per second."""
        if self._gpu is None or self._clock() < self._next:
            return
        self._next = self._clock() + EVERY_SECONDS
        if (value := self._gpu.utilisation()) is not None:
            self._values.append(value)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the values of all GPUs that trained together."""
        self._values = [value for values in collective.gathered(self._values) for value in values]

    def state_dict(self) -> dict[str, Any]:
        """Return the values so far."""
        return {"values": list(self._values)}

    def measured(self) -> Measured:
        """Return ``training.gpu_utilisation``."""
        mean = sum(self._values) / len(self._values) if self._values else None
        return {"training": {"gpu_utilisation": mean}}

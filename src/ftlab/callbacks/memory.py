"""How much memory training takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import lightning as L
from lightning.pytorch.utilities.types import STEP_OUTPUT

from ftlab.callbacks.measuring import Batch, Measured, Measuring
from ftlab.measure.memory import PeakMemory
from ftlab.processes import collective

EVERY_SECONDS = 0.1


class Memory(Measuring):
    """Measures the peak memory of ``fit``: the device's own on CUDA and Apple, the process's on a CPU (see PeakMemory).

    Price: about 60 us ten times a second on a CPU; nothing on CUDA, where the allocator counts by itself.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = 0.0
        self._meter: PeakMemory | None = None
        self._peak_mb: float | None = None
        self._before_mb: float | None = None  # peak of the parts before

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin."""
        before = self.resumed().get("peak_mb")
        self._peak_mb = None
        self._on_cpu = trainer.strategy.root_device.type == "cpu"
        self._meter = PeakMemory(trainer.strategy.root_device)
        # A peak of all processes: no more than its share may be counted here again.
        self._before_mb = before / collective.count() if before is not None and self._on_cpu else before
        self._meter.start()

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Look ten times a second."""
        assert self._meter is not None
        if self._clock() >= self._next:
            self._meter.sample()
            self._next = self._clock() + EVERY_SECONDS

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Read the peak."""
        self._peak_mb = self._peak_of_all()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Read the peak: a job out of memory is the one whose peak is asked for."""
        if self._meter is not None and self._peak_mb is None:
            self._peak_mb = self._peak()

    def _peak(self) -> float | None:
        assert self._meter is not None
        return max((mb for mb in (self._meter.stop(), self._before_mb) if mb is not None), default=None)

    def _peak_of_all(self) -> float | None:
        """Return what the machine must have: the peaks of all processes together, or that of the fullest GPU."""
        peaks = [mb for mb in collective.gathered(self._peak()) if mb is not None]
        if not peaks:
            return None
        whole: float = sum(peaks) if self._on_cpu else max(peaks)
        return whole

    def state_dict(self) -> dict[str, Any]:
        """Return the peak so far."""
        return {"peak_mb": self._peak_of_all() if self._meter is not None else None}

    def measured(self) -> Measured:
        """Return ``training.peak_memory_mb``."""
        return {"training": {"peak_memory_mb": self._peak_mb}}

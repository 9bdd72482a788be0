"""What saves memory while training: rows at a time, updates in the backward pass, activations kept by the host."""

from __future__ import annotations

import functools
import logging
from typing import Any

import lightning as L
from lightning.pytorch.utilities.types import STEP_OUTPUT

from ftlab.callbacks.measuring import Batch, Measured, Measuring
from ftlab.modules.in_backward import StepsInBackward
from ftlab.modules.offload import offloaded
from ftlab.modules.stepped import SteppedModule

_log = logging.getLogger(__name__)


class SavingMemory(Measuring):
    """Sets the switches of ``trainer`` that save memory, and records them with what memory there was for a batch.

    A batch that did not fit is said aloud, and a training that goes on keeps the smaller parts.

    Args:
        optimizer_in_backward: update each parameter as soon as its gradient is whole.
        activation_offload: keep what the backward pass needs in the host's memory.
    """

    def __init__(self, *, optimizer_in_backward: bool = False, activation_offload: bool = False) -> None:
        self._in_backward, self._offload = optimizer_in_backward, activation_offload
        self._module: SteppedModule | None = None
        self._accumulated = 1
        self._said = 0  # halvings

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Go on with the parts there were."""
        self._module, self._said, self._accumulated = None, 0, 1
        before = self.resumed()
        if not isinstance(pl_module, SteppedModule):
            return
        self._module, parts = pl_module, pl_module.micro_batches
        parts.halvings, parts.most = [], 0
        if before:
            parts.rows, parts.most, self._accumulated = before["rows"], before["most"], before["accumulated"]
            parts.halvings = [dict(halving) for halving in before["halvings"]]
            self._said = len(parts.halvings)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Set the switches, now that optimizer and device are there."""
        if self._module is None:
            return
        if self._offload:
            self._module.micro_batches.saving = functools.partial(offloaded, list(pl_module.parameters()))
        if self._in_backward:
            steps = max(1, int(trainer.estimated_stepping_batches))
            self._module.step_in_backward(StepsInBackward(trainer.optimizers[0], lambda: trainer.global_step / steps))

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: STEP_OUTPUT, batch: Batch, batch_idx: int
    ) -> None:
        """Say that a batch did not fit."""
        if self._module is None:
            return
        self._accumulated = max(self._accumulated, trainer.accumulate_grad_batches)
        for halving in self._module.micro_batches.halvings[self._said :]:
            self._said += 1
            _log.warning(
                "memory ran out in step %d with %d rows at a time: goes on with %d, which changes no gradient",
                *(halving["step"], halving["from"], halving["to"]),
            )

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take the switches back."""
        self._leave()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Take the switches back."""
        self._leave()

    def _leave(self) -> None:
        if self._module is not None:
            self._module.step_in_backward(None)
            self._module.micro_batches.release()

    def state_dict(self) -> dict[str, Any]:
        """Return the parts there were."""
        if self._module is None:
            return {}
        parts = self._module.micro_batches
        halvings = [dict(halving) for halving in parts.halvings]
        return {"rows": parts.rows, "most": parts.most, "halvings": halvings, "accumulated": self._accumulated}

    def measured(self) -> Measured:
        """Return the switches, the rows computed at a time, the parts of a step, and each time memory ran out."""
        found: dict[str, Any] = {
            "optimizer_in_backward": self._in_backward,
            "activation_offload": self._offload,
        }
        if self._module is not None:
            parts = self._module.micro_batches
            found["micro_batch_size"], found["out_of_memory"] = parts.size, parts.halvings
            found["accumulation"] = parts.parts * self._accumulated
        return {"training": found}

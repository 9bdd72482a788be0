"""Stops a training whose loss is no number."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from ftlab.callbacks.measuring import Batch, batch_loss, is_fitting
from ftlab.errors import ConfigError

_SHOWN_ROWS = 32


class NonFiniteLossError(RuntimeError):
    """The training loss became NaN or infinite.

    Args:
        said: the sentence.
        epoch: from 0.
        step: updates before it.
        loss: NaN or infinite.
        before: the loss looked at right before; None: there was none.
    """

    def __init__(
        self, said: str, epoch: int = 0, step: int = 0, loss: float = math.nan, before: float | None = None
    ) -> None:
        super().__init__(said)
        self.epoch, self.step, self.loss, self.before = epoch, step, loss, before


class _Seen(NamedTuple):
    epoch: int
    step: int
    loss: Tensor  # 0-dim
    row_ids: Tensor | None  # (B,)


class NanGuard(L.Callback):
    """Stops ``fit`` at the first NaN or infinite training loss, and names epoch, step and rows.

    On a CPU each loss is looked at before its backward pass, so the weights are still those before the bad batch. On
    an accelerator losses are kept there and looked at together, every ``every_n_steps`` batches and before each
    validation and checkpoint: the first bad one is named, and no checkpoint of bad weights is written.

    Price: about 10 us per batch on a CPU; on an accelerator one synchronisation per ``every_n_steps`` batches.

    Args:
        every_n_steps: batches between two looks on an accelerator, at least 1.

    Raises:
        ConfigError: ``every_n_steps`` is below 1.
    """

    def __init__(self, every_n_steps: int = 20) -> None:
        if every_n_steps < 1:
            raise ConfigError(
                f"callbacks.nan_guard.every_n_steps={every_n_steps} looks at no loss; give 1 or more, "
                "or leave the guard out with ~callbacks.nan_guard"
            )
        self._every = every_n_steps
        self._seen: list[_Seen] = []
        self._row_ids: Tensor | None = None
        self._step = 0  # updates before the batch under way
        self._before: float | None = None  # the last finite loss seen
        self._on_cpu = True

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """See where the losses will be."""
        self._on_cpu = trainer.strategy.root_device.type == "cpu"
        self._seen, self._before = [], None

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Remember which step and rows are under way."""
        self._step = trainer.global_step
        self._row_ids = batch.get("row_ids")

    def on_before_backward(self, trainer: L.Trainer, pl_module: L.LightningModule, loss: Tensor) -> None:
        """Look at the loss on a CPU.

        Raises:
            NonFiniteLossError: it is NaN or infinite.
        """
        if not self._on_cpu:
            return
        if not math.isfinite(value := loss.item()):
            self._stop(trainer, _Seen(trainer.current_epoch, self._step, loss.detach(), self._row_ids))
        self._before = value * trainer.accumulate_grad_batches  # Lightning has divided it

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Keep the loss on an accelerator, and look every few batches.

        Raises:
            NonFiniteLossError: one was NaN or infinite.
        """
        if self._on_cpu or (loss := batch_loss(trainer, outputs)) is None:
            return
        self._seen.append(_Seen(trainer.current_epoch, self._step, loss, self._row_ids))
        if len(self._seen) >= self._every:
            self._look(trainer)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at what is left, before weights are scored and kept."""
        if is_fitting(trainer):
            self._look(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at what is left, before weights are kept."""
        self._look(trainer)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Look at what is left, before a full state is written."""
        self._look(trainer)

    def _look(self, trainer: L.Trainer) -> None:
        seen, self._seen = self._seen, []
        if not seen:
            return
        losses = torch.stack([s.loss for s in seen]).tolist()  # the one synchronisation
        bad = next((place for place, loss in enumerate(losses) if not math.isfinite(loss)), None)
        self._before = losses[(len(losses) if bad is None else bad) - 1] if bad != 0 else self._before
        if bad is not None:
            self._stop(trainer, seen[bad])

    def _stop(self, trainer: L.Trainer, bad: _Seen) -> None:
        rows = [] if bad.row_ids is None else bad.row_ids.tolist()
        shown = ", ".join(map(str, rows[:_SHOWN_ROWS])) + (", ..." if len(rows) > _SHOWN_ROWS else "")
        where = f" (row_ids {shown})" if rows else ""
        group = trainer.optimizers[0].param_groups[0]
        rate = float(group.get("initial_lr", group["lr"])) / group.get("lr_scale", 1.0)
        raise NonFiniteLossError(
            f"the training loss is {bad.loss.item()} in epoch {bad.epoch + 1}, step {bad.step + 1}{where}; "
            f"checkpoints written before are kept; try optimizer.lr={rate / 10:g} or trainer.gradient_clip_val=1.0",
            bad.epoch,
            bad.step,
            bad.loss.item(),
            self._before,
        )

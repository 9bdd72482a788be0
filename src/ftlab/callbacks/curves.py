"""The curves of a training."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from ftlab.callbacks.measuring import Batch, Resumable, batch_loss, is_fitting

_LOSSES = 64  # added up together: right after a step the processor's caches are cold, and one sum takes 20 us, not 2


class Curves(Resumable):
    """Keeps ``train/loss`` every ``trainer.log_every_n_steps`` updates and every ``val/...`` metric after a validation.

    ``history`` (for history.parquet) has one dict per point: step (updates so far), epoch (from 0), name, value,
    seconds (since ``fit`` began). A train/loss point is the mean over the batches since the point before; the rest
    of an epoch gives a point at its end. ``train/loss`` also goes to the trainer's loggers; the module logs the rest.

    Price: about 10 us per batch. On an accelerator losses stay there and are read once per validation or epoch: one
    synchronisation each.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = 0.0
        self.history: list[dict[str, Any]] = []
        self._pending: list[tuple[int, int, Tensor, float]] = []
        self._sum: Tensor | None = None
        self._count = 0
        self._losses: list[Tensor] = []  # not in the sum yet
        self._logged = 0  # step of the last point

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin."""
        self.history, self._pending, self._losses = [], [], []
        self._sum, self._count = None, 0
        self._logged = trainer.global_step
        self._began = self._clock()
        if before := self.resumed():
            self._go_on(before)

    def _go_on(self, before: dict[str, Any]) -> None:
        self._began -= before["elapsed"]
        self.history = _rows(before["history"])
        self._pending = [
            (row["step"], row["epoch"], torch.tensor(row["value"], dtype=torch.float64), row["seconds"])
            for row in _rows(before["pending"])
        ]
        self._sum, self._count, self._logged = before["sum"], before["count"], before["logged"]

    def state_dict(self) -> dict[str, Any]:
        """Return the points so far, and what has been summed up for the next one."""
        self._add_up()
        pending = [
            {"step": step, "epoch": epoch, "name": "train/loss", "value": float(loss), "seconds": seconds}
            for step, epoch, loss, seconds in self._pending
        ]
        return {
            "elapsed": self._clock() - self._began,
            "history": _columns(self.history),
            "pending": _columns(pending),
            "sum": self._sum,
            "count": self._count,
            "logged": self._logged,
        }

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Add the batch's loss, and make a point every few updates."""
        loss = batch_loss(trainer, outputs)
        if loss is not None:
            self._losses.append(loss)
            if len(self._losses) == _LOSSES:
                self._add_up()
        every = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and trainer.global_step != self._logged and trainer.global_step % every == 0:
            self._point(trainer)

    def _add_up(self) -> None:
        losses, self._losses = self._losses, []
        for loss in losses:
            self._sum = loss if self._sum is None else self._sum + loss
        self._count += len(losses)

    def _point(self, trainer: L.Trainer) -> None:
        self._add_up()
        if self._sum is not None:
            seconds = self._clock() - self._began
            self._pending.append((trainer.global_step, trainer.current_epoch, self._sum / self._count, seconds))
        self._sum, self._count, self._logged = None, 0, trainer.global_step

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the metrics of the validation."""
        if not is_fitting(trainer):
            return
        self._flush(trainer)
        seconds = self._clock() - self._began
        for name, value in trainer.callback_metrics.items():
            if name.startswith("val/"):
                self._keep(trainer.global_step, trainer.current_epoch, name, float(value), seconds)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Make a point of what is left of the epoch."""
        self._point(trainer)
        self._flush(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Keep the points made so far: they tell what went wrong."""
        self._flush(trainer)

    def _flush(self, trainer: L.Trainer) -> None:
        pending, self._pending = self._pending, []
        for step, epoch, loss, seconds in pending:
            value = float(loss)
            self._keep(step, epoch, "train/loss", value, seconds)
            for logger in trainer.loggers:
                logger.log_metrics({"train/loss": value}, step=step)

    def _keep(self, step: int, epoch: int, name: str, value: float, seconds: float) -> None:
        self.history.append({"step": step, "epoch": epoch, "name": name, "value": value, "seconds": seconds})


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return points as columns: reading a checkpoint takes a microsecond or more for each plain value, none here."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    return {
        "names": names,
        "name": torch.tensor([names.index(row["name"]) for row in rows], dtype=torch.int64),
        **{key: torch.tensor([row[key] for row in rows], dtype=torch.int64) for key in ("step", "epoch")},
        **{key: torch.tensor([row[key] for row in rows], dtype=torch.float64) for key in ("value", "seconds")},
    }


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the points of ``_columns``."""
    keys = ("step", "epoch", "name", "value", "seconds")
    rows = zip(*(columns[key].tolist() for key in keys), strict=True)
    return [{**dict(zip(keys, row, strict=True)), "name": columns["names"][row[2]]} for row in rows]

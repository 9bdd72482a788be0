"""Which weights are kept."""

from __future__ import annotations

import logging
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from ftlab.callbacks.measuring import is_fitting
from ftlab.errors import ConfigError, did_you_mean

_log = logging.getLogger(__name__)


class Checkpoints(ModelCheckpoint):
    """Keeps the best weights (``best-<step>.ckpt``) and the last state (``last.ckpt``) in ``<folder>/checkpoints``.

    Best is decided by ``monitor`` after each validation; a NaN never replaces a number. ``last.ckpt`` (weights,
    optimizer, schedule, loops) is written at the end of each epoch, under another name first and then renamed. Where
    training ends before any validation, the weights at its end are the best there are. ``best_model_path`` names the
    file, as Lightning's ``ckpt_path="best"`` expects.

    Price: one copy of the trained parameters per better validation, and about three (with AdamW) per epoch, on disk.

    Args:
        folder: of the run.
        monitor: name of a logged metric.
        mode: ``max`` or ``min``: which way is better.
    """

    def __init__(self, folder: Path, monitor: str, mode: str) -> None:
        super().__init__(
            dirpath=Path(folder) / "checkpoints",
            filename="best-{step}",  # a new file before the old one goes: a crash in between loses neither
            monitor=monitor,
            mode=mode,
            save_top_k=1,
            save_weights_only=True,  # to go on from, there is last.ckpt
            auto_insert_metric_name=False,  # no "=" in file names
            enable_version_counter=False,
        )

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the weights if validation happens within epochs and they are the best.

        Raises:
            ConfigError: ``monitor`` is not among the logged metrics.
        """
        if is_fitting(trainer):
            self._check_monitor(trainer)
        super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the weights if they are the best, and the last state in any case."""
        if self.monitor in trainer.callback_metrics:  # not yet, where max_steps cuts the first epoch short
            super().on_train_epoch_end(trainer, pl_module)
        last = Path(str(self.dirpath)) / "last.ckpt"
        partial = last.with_suffix(".partial")
        trainer.save_checkpoint(partial)
        if trainer.is_global_zero:
            partial.replace(last)
        self.last_model_path = str(last)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take the weights at the end where no validation chose any."""
        if self.best_model_path:
            return
        self.best_model_path = self.format_checkpoint_name({"step": torch.tensor(trainer.global_step)})
        trainer.save_checkpoint(self.best_model_path, weights_only=True)
        _log.warning(
            "training ended before its first validation, so the last weights count as the best; "
            "validate earlier with trainer.val_check_interval=<steps>"
        )

    def _check_monitor(self, trainer: L.Trainer) -> None:
        found = [name for name in trainer.callback_metrics if name.startswith("val/")]
        if self.monitor not in found:
            near = did_you_mean(str(self.monitor), found)
            raise ConfigError(
                f"monitor={self.monitor} is not measured on the validation split{near or ';'} "
                f"set monitor to one of {', '.join(sorted(found))}"
            )

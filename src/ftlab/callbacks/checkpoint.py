"""Which weights are kept, and from what a killed training goes on."""

from __future__ import annotations

import logging
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.types import STEP_OUTPUT

from ftlab.callbacks.kept_files import KeptFiles, plain_scores, take_scores
from ftlab.callbacks.measuring import Batch, find_callback, is_fitting
from ftlab.callbacks.resuming import Resuming
from ftlab.callbacks.stopping import StopSignals
from ftlab.callbacks.throughput import Throughput
from ftlab.checkpoints.position import Position, place
from ftlab.checkpoints.states import state_name
from ftlab.errors import ConfigError, did_you_mean
from ftlab.processes import collective

_log = logging.getLogger(__name__)


class Checkpoints(ModelCheckpoint):
    """Keeps the best weights and full states in ``<folder>/checkpoints``: ``best-<step>.ckpt``, ``state-<step>.ckpt``.

    Best is decided by ``monitor`` after each validation; a NaN never replaces a number. Where training ends before any
    validation, the weights at its end are the best there are. ``best_model_path`` names the file, as Lightning's
    ``ckpt_path="best"`` expects.

    A full state holds all that training needs to go on bit for bit: weights, optimizer, schedule, loops, random
    generators, and what the callbacks measured. It is written at the end of each epoch, every ``every_n_steps``
    updates and every ``every_minutes`` (after the update, and the validation that follows it), and when SIGTERM or
    SIGINT asks to stop: after the update under way, or before the validation under way, which is then run again. The
    two newest are kept, and the best weights that each of them knows.

    Price: one copy of the trained parameters per better validation, and about three (with AdamW) per full state.

    Args:
        folder: of the run.
        monitor: name of a logged metric.
        mode: ``max`` or ``min``: which way is better.
        every_n_steps: updates between two full states within an epoch; None: not by number.
        every_minutes: minutes between two full states within an epoch; None: not by time.
        clock: seconds.
    """

    def __init__(
        self,
        folder: Path,
        monitor: str,
        mode: str,
        every_n_steps: int | None = None,
        every_minutes: float | None = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            dirpath=Path(folder) / "checkpoints",
            filename="best-{step}",  # a new file before the old one goes: a crash in between loses neither
            monitor=monitor,
            mode=mode,
            save_top_k=1,
            save_weights_only=True,  # to go on from, there are the full states
            auto_insert_metric_name=False,  # no "=" in file names
            enable_version_counter=False,
        )
        self._every_steps, self._every_minutes, self._clock = every_n_steps, every_minutes, clock
        self._stop = StopSignals()
        self._agreed: int | None = None  # signal that all processes know of
        self._resuming = Resuming()
        self._kept = KeptFiles(Path(str(self.dirpath)))
        self._step = 0  # updates so far
        self._batches = 0  # of the epoch that are done
        self._whole = True  # no gradients wait for the rest of their accumulated batches
        self._saved_step = 0
        self._saved_at = 0.0

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Set up as Lightning does, without its warning of files in the folder: they are this run's own."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*exists and is not empty")
            super().setup(trainer, pl_module, stage)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take over whether the training that is gone on with had been told to end."""
        self._resuming.on_fit_start(trainer)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Go on where the full state stands, and listen for signals."""
        super().on_train_start(trainer, pl_module)
        asked = trainer.received_sigterm
        self._stop.install()
        if asked:
            self._stop.asked = int(signal.SIGTERM)
        self._step = self._saved_step = trainer.global_step
        self._batches, self._whole, self._saved_at = self._resuming.go_on(trainer), True, self._clock()

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Write a full state between two updates where it is time."""
        self._resuming.restore_rng(trainer)
        if not self._whole:
            return
        due = self._agree(self._is_due(trainer))
        wanted = self._asked is not None or due
        if wanted and batch_idx and trainer.global_step != self._saved_step:
            self._save_state(trainer, Position(trainer.current_epoch, batch_idx))
        self._leave_if_asked(trainer)

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Count; the state is written when the next batch or validation begins, so that nothing stands in between."""
        self._whole, self._step = trainer.global_step != self._step, trainer.global_step
        self._batches = batch_idx + 1

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remember the random generators, and leave if that was asked for."""
        if is_fitting(trainer):
            self._resuming.restore_rng(trainer)
            self._resuming.remember_rng(trainer)
            self._leave_validation_if_asked(trainer)

    def on_validation_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:  # noqa: ANN401
        """Leave if that was asked for."""
        if is_fitting(trainer):
            self._leave_validation_if_asked(trainer)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the weights if validation happens within epochs and they are the best.

        Raises:
            ConfigError: ``monitor`` is not among the logged metrics.
        """
        if is_fitting(trainer):
            self._check_monitor(trainer)
        super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the weights if they are the best, and the full state in any case."""
        if self.monitor in trainer.callback_metrics:  # not yet, where max_steps cuts the first epoch short
            super().on_train_epoch_end(trainer, pl_module)
        self._save_state(trainer, Position(trainer.current_epoch + 1, 0))
        self._agree(False)
        self._leave_if_asked(trainer)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take the weights at the end where no validation chose any."""
        self._resuming.restore_rng(trainer)  # where there was nothing left to train
        if self.best_model_path or not trainer.global_step:
            return
        self.best_model_path = self.format_checkpoint_name({"step": torch.tensor(trainer.global_step)})
        trainer.save_checkpoint(self.best_model_path, weights_only=True)
        _log.warning(
            "training ended before its first validation, so the last weights count as the best; "
            "validate earlier with trainer.val_check_interval=<steps>"
        )

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Set Lightning's counters to where this state stands."""
        if self._resuming.position is not None:
            place(checkpoint["loops"], self._resuming.position)

    def state_dict(self) -> dict[str, Any]:
        """Return the best score and file, and what ``Resuming`` needs; file names, since folders may move."""
        return {**plain_scores(self), "kept": self._kept.state_dict(), "training": self._resuming.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take them back."""
        take_scores(self, state_dict)
        self._kept.load_state_dict(state_dict["kept"])
        self._resuming.load_state_dict(state_dict["training"])

    def _agree(self, due: bool) -> bool:
        """Return whether a state is due in any process, and heed a signal that any of them was sent.

        All of them write the state together and leave together, so all must know at the same batch.
        """
        if collective.count() == 1:
            return due
        found = collective.largest(2 * (self._stop.asked or 0) + due)
        self._agreed = found // 2 or None
        self._stop.asked = self._stop.asked or self._agreed
        return bool(found % 2)  # where a signal hides it, the state is written for the signal

    @property
    def _asked(self) -> int | None:
        """The signal to heed; of several processes, the one that all of them know of."""
        return self._stop.asked if collective.count() == 1 else self._agreed

    def _is_due(self, trainer: L.Trainer) -> bool:
        by_steps = self._every_steps is not None and trainer.global_step % self._every_steps == 0
        minutes = (self._clock() - self._saved_at) / 60
        return by_steps or (self._every_minutes is not None and minutes >= self._every_minutes)

    def _leave_if_asked(self, trainer: L.Trainer) -> None:
        if self._asked is None:
            return
        name = signal.Signals(self._asked).name
        _log.warning("%s: stopped after step %d, which resume=<run folder> goes on from", name, trainer.global_step)
        raise self._stop.error()

    def _leave_validation_if_asked(self, trainer: L.Trainer) -> None:
        # Several processes go on to the next batch, where they agree.
        if self._stop.asked is not None and self._whole and collective.count() == 1:
            self._save_state(trainer, Position(trainer.current_epoch, self._batches, validation=True))
            self._leave_if_asked(trainer)

    def _save_state(self, trainer: L.Trainer, position: Position) -> None:
        path = self._kept.folder / state_name(trainer.global_step)
        with self._resuming.at(trainer, position):
            self._kept.begin(path, self.best_model_path)
            trainer.save_checkpoint(path, False)  # not the weights alone
        self.last_model_path = str(path)
        self._kept.prune(trainer, self.best_model_path)
        self._saved_step, self._saved_at = trainer.global_step, self._clock()
        if (meter := find_callback(trainer, Throughput)) is not None:
            meter.leave_out()

    def _remove_checkpoint(self, trainer: L.Trainer, filepath: str) -> None:
        if not self._kept.is_known(filepath):  # else it goes with the full state that knows it
            super()._remove_checkpoint(trainer, filepath)

    def _check_monitor(self, trainer: L.Trainer) -> None:
        found = [name for name in trainer.callback_metrics if name.startswith("val/")]
        if self.monitor not in found:
            near = did_you_mean(str(self.monitor), found)
            raise ConfigError(
                f"monitor={self.monitor} is not measured on the validation split{near or ';'} "
                f"set monitor to one of {', '.join(sorted(found))}"
            )

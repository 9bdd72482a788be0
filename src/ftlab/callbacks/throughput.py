"""How fast training runs."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from statistics import median
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from ftlab.callbacks.measuring import Batch, Measured, Measuring, is_fitting, tokens_in_parts
from ftlab.measure.device import synchronizer

_MASKS = 64  # counted together: right after a step the processor's caches are cold, and one sum takes 40 us, not 4


class Throughput(Measuring):
    """Measures training steps, examples, tokens and padding per second of the wall clock, over all parts of a training.

    Of several processes the rows of all count.

    A step is one update of the weights (all its accumulated batches), with the loading of its data, except that of
    the first step after an epoch begins, a validation ends or a checkpoint is written: these are in ``seconds`` only.
    Tokens are those of ``attention_mask``, or where a batch brings ``whole_tokens`` (shared by several processes, or
    packed), those; padding is what was computed besides them. Waiting is what the loader says it took to give the
    batches of these steps (``waited_ns``); how long batches take to another device is not in it.

    Price: on a CPU about 20 us per batch. On CUDA and Apple it waits for the device before reading the clock: one
    synchronisation per batch, which costs the overlap of Python with the device.

    Args:
        clock: nanoseconds.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock = clock
        self._reset()

    def _reset(self) -> None:
        self._began: int | None = None
        self._ended: int | None = None
        self._first_step: int | None = None
        self._mark: int | None = None  # when the batch under way began
        self._open = 0  # ns of the step under way, over its accumulated batches
        self._steps = array("q")  # ns
        self._update = 0  # number of the last update seen
        self._seen_wait: int | None = None  # ns the loader had waited when the last batch came; None: never said
        self._open_wait = 0  # ns of the step under way
        self._waited: int | None = 0  # ns of all steps
        self._batches = self._examples = 0
        self._tokens: Tensor | int = 0
        self._masks: list[Tensor] = []  # not counted yet
        self._computed: Tensor | int = 0
        self._batches_per_epoch: float | None = None

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock of the whole fit."""
        self._reset()
        self._synchronize = synchronizer(trainer.strategy.root_device)
        self._update = trainer.global_step
        self._began = self._clock()
        if before := self.resumed():
            self._go_on(before)

    def _go_on(self, before: dict[str, Any]) -> None:
        assert self._began is not None
        self._began -= before["elapsed"]
        self._first_step = None if before["first_step"] is None else self._began + before["first_step"]
        self._steps = array("q", before["steps"].tolist())
        self._update, self._batches_per_epoch = before["update"], before["batches_per_epoch"]
        self._batches, self._examples = before["batches"], before["examples"]
        self._waited = before.get("waited")  # states of earlier releases do not say
        self._computed, self._tokens = before["computed"], before["tokens"]

    def state_dict(self) -> dict[str, Any]:
        """Return the counts and times so far, in ns; a state is written when no step is under way."""
        if self._began is None:
            return {}
        self._add_up()
        return {
            "elapsed": self._clock() - self._began,
            "first_step": None if self._first_step is None else self._first_step - self._began,
            "steps": torch.tensor(self._steps, dtype=torch.int64),
            "waited": self._waited,
            "update": self._update,
            "batches_per_epoch": self._batches_per_epoch,
            "batches": self._batches,
            "examples": self._examples,
            "computed": int(self._computed),
            "tokens": int(self._tokens),
        }

    def leave_out(self, seconds: float | None = None) -> None:
        """Leave ``seconds`` out of the batch under way (the network was compiled); None: all of it so far.

        What came before it was then the writing of a full state.
        """
        if self._mark is not None:
            self._mark = self._clock() if seconds is None else self._mark + round(seconds * 1e9)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let the next step begin with its batch."""
        self._batches_per_epoch = float(trainer.num_training_batches)
        self._mark = None

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leave validation, and the checkpoint after it, out of the next step."""
        if is_fitting(trainer):
            self._mark = None

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Begin a step where none is under way, else see how long its batch was waited for."""
        before, self._seen_wait = self._seen_wait, getattr(trainer.train_dataloader, "waited_ns", None)
        if self._mark is None:
            self._mark = self._clock()
        elif self._seen_wait is not None and before is not None:
            self._open_wait += self._seen_wait - before

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Count the batch and, where the weights were updated, the step."""
        if self._synchronize is not None:
            self._synchronize()
        now = self._clock()
        assert self._mark is not None, "a batch ended that never began"
        self._open += now - self._mark
        self._mark = now
        self._count(batch, tokens_in_parts(outputs))
        if trainer.global_step != self._update:
            self._update = trainer.global_step
            self._steps.append(self._open)
            self._waited = None if self._waited is None or self._seen_wait is None else self._waited + self._open_wait
            self._open = self._open_wait = 0
            self._first_step = now if self._first_step is None else self._first_step

    def _count(self, batch: Batch, computed: int | None) -> None:
        self._batches += 1
        examples = batch.get("whole_examples")  # of packed texts there are more than lines
        self._examples += len(batch.get("whole_labels", batch["labels"])) if examples is None else int(examples.item())
        mask = batch.get("attention_mask")  # (B, T); (B, 1, T, T) where texts are packed
        if (whole := batch.get("whole_tokens")) is not None:  # of all processes that share the batch
            self._tokens = self._tokens + whole[0]
            self._computed = self._computed + (whole[1] if computed is None else computed)
        elif mask is not None and mask.ndim == 2:
            self._masks.append(mask)
            self._computed += mask.numel() if computed is None else computed
            if len(self._masks) == _MASKS:
                self._add_up()

    def _add_up(self) -> None:
        """Count the tokens of the batches that wait for it; on an accelerator the count stays there."""
        masks, self._masks = self._masks, []
        for mask in masks:
            self._tokens = self._tokens + mask.sum()

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock."""
        self._ended = self._clock()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Stop the clock: what was measured until here still counts."""
        if self._began is not None and self._ended is None:
            self._ended = self._clock()

    def measured(self) -> Measured:
        """Return the section ``training``, all None where nothing was trained."""
        self._add_up()
        busy = sum(self._steps) / 1e9 or None
        waited = None if self._waited is None or busy is None else self._waited / 1e9 / busy
        tokens, computed, examples = int(self._tokens), int(self._computed), self._examples
        return {
            "training": {
                "seconds": _seconds(self._began, self._ended),
                "seconds_to_first_step": _seconds(self._began, self._first_step),
                "epochs": self._batches / self._batches_per_epoch if self._batches_per_epoch else None,
                "steps": len(self._steps) if self._began is not None else None,
                "step_p50_ms": median(self._steps) / 1e6 if self._steps else None,
                "examples_per_second": examples / busy if busy and examples else None,
                "tokens_per_second": tokens / busy if busy and tokens else None,
                "padding_fraction": 1 - tokens / computed if computed else None,
                "loader_wait_fraction": None if waited is None else min(1.0, waited),
            }
        }


def _seconds(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else (end - start) / 1e9

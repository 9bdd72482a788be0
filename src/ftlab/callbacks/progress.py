"""How far training is, and how long it will still take."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import lightning as L
from lightning.pytorch.utilities.types import STEP_OUTPUT
from tqdm import tqdm

from ftlab.callbacks.measuring import Batch, Resumable, batch_loss

ETA_STEPS = 20  # batches, the first not timed
REDRAW_SECONDS = 0.2
_LAYERS = ("num_hidden_layers", "n_layers", "n_layer")  # BERT and Llama, DistilBERT, GPT-2
_WIDTHS = ("hidden_size", "dim", "n_embd")


class Bar(tqdm):  # type: ignore[misc]
    """A bar that draws only when told to, with no thread of its own."""

    monitor_interval = 0


class Progress(Resumable):
    """Shows a bar on a terminal; elsewhere one line per epoch. After 20 batches a line says how long the rest takes.

    Where that is longer than ``hint_hours``, the line adds how long ``hint_model`` would take, by the ratio of the
    transformer layers' multiplications per token (12 x layers x width^2, arXiv:2001.08361, section 2.1).

    Price: about 2 us per batch, and one drawing (below 1 ms) at most 5 times a second. The loss is read when the bar is
    drawn, on an accelerator once a second: one synchronisation.

    Args:
        monitor: metric shown beside the losses.
        model_name: of the model that trains.
        architecture: its numbers, as transformers names them; empty: no hint.
        hint_hours: shortest rest of training that brings the hint.
        hint_model: a model that is quicker.
        hint_layers: of ``hint_model``.
        hint_width: hidden size of ``hint_model``.
        stream: where to write; None: standard error.
        clock: seconds.
    """

    def __init__(
        self,
        monitor: str,
        model_name: str,
        architecture: Mapping[str, Any],
        hint_hours: float = 1.0,
        hint_model: str = "minilm",
        hint_layers: int = 6,
        hint_width: int = 384,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monitor, self._model_name, self._architecture = monitor, model_name, architecture
        self._hint_hours, self._hint_model = hint_hours, hint_model
        self._hint_work = layer_work(hint_layers, hint_width)
        self._given_stream, self._clock = stream, clock
        self._bar: Bar | None = None
        self._total: int | None = None  # batches
        self._done = self._timed = 0  # batches in all, and those since this process began
        self._next_draw = self._first_end = self._epoch_began = 0.0
        self._outputs: STEP_OUTPUT = None

    @property
    def _stream(self) -> TextIO:
        return self._given_stream or sys.stderr

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Switch Lightning's own bar off."""
        if trainer.progress_bar_callback is not None:
            trainer.progress_bar_callback.disable()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Open the bar."""
        self._total, self._done, self._timed = planned_batches(trainer), self.resumed().get("done", 0), 0
        self._epoch_began = self._clock()  # an epoch gone on with begins here; Lightning does not announce it again
        self._open(trainer, "train", self._total)

    def state_dict(self) -> dict[str, Any]:
        """Return the batches done."""
        return {"done": self._done}

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock of the epoch."""
        self._epoch_began = self._clock()

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Count, and draw if it is time."""
        now = self._clock()
        self._done += 1
        self._timed += 1
        if self._timed == 1:
            self._first_end = now
        elif self._timed == ETA_STEPS and trainer.is_global_zero and self._total and self._total > self._done:
            self._say(self._eta((now - self._first_end) / (ETA_STEPS - 1)))
        self._outputs = outputs
        if self._bar is not None and now >= self._next_draw:
            self._draw(trainer, now)

    def _draw(self, trainer: L.Trainer, now: float) -> None:
        assert self._bar is not None
        loss = batch_loss(trainer, self._outputs)
        slow = loss is not None and loss.device.type != "cpu"
        self._next_draw = now + (1.0 if slow else REDRAW_SECONDS)
        shown = [f"epoch {trainer.current_epoch + 1}"]
        shown += [] if loss is None else [f"loss {float(loss):.3f}"]
        if self._monitor in trainer.callback_metrics:
            shown.append(f"{self._monitor} {float(trainer.callback_metrics[self._monitor]):.3f}")
        self._bar.n = self._done
        self._bar.set_postfix_str(", ".join(shown), refresh=False)
        self._bar.refresh()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the line of the epoch where there is no bar."""
        if self._bar is not None or not trainer.is_global_zero:
            return
        loss = batch_loss(trainer, self._outputs)
        shown = [] if loss is None else [f"last train/loss {float(loss):.4f}"]
        names = dict.fromkeys(["val/loss", "val/accuracy", "val/perplexity", self._monitor])
        metrics = trainer.callback_metrics
        shown += [f"{name} {float(metrics[name]):.4f}" for name in names if name in metrics]
        last = f" of {trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        took = duration(self._clock() - self._epoch_began)
        self._say(f"epoch {trainer.current_epoch + 1}{last}: {', '.join([*shown, took])}")

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Close the bar."""
        self._close()

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Open a bar for the test split."""
        batches = sum(trainer.num_test_batches)
        self._done = 0
        self._open(trainer, "test", int(batches) if math.isfinite(batches) else None)

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count, and draw if it is time."""
        self._done += 1
        now = self._clock()
        if self._bar is not None and now >= self._next_draw:
            self._next_draw = now + REDRAW_SECONDS
            self._bar.n = self._done
            self._bar.refresh()

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Close the bar, before latency is timed."""
        self._close()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Close the bar, so that the message stands on its own line."""
        self._close()

    def _open(self, trainer: L.Trainer, name: str, total: int | None) -> None:
        self._next_draw = 0.0
        if trainer.is_global_zero and self._stream.isatty():
            self._bar = Bar(total=total, desc=name, file=self._stream, dynamic_ncols=True, leave=False, unit="batch")

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line, file=self._stream)
        else:
            print(line, file=self._stream, flush=True)

    def _eta(self, seconds_per_batch: float) -> str:
        assert self._total is not None
        rest = seconds_per_batch * (self._total - self._done)
        line = f"{self._done} of {self._total} batches done, about {duration(rest)} left"
        work = architecture_work(self._architecture)
        if rest <= self._hint_hours * 3600 or work is None or work <= self._hint_work:
            return line
        quicker = seconds_per_batch * self._total * self._hint_work / work
        return f"{line}; model={self._hint_model} takes about {max(1, round(quicker / 60))} min"


def layer_work(layers: int, width: int) -> int:
    """Return the multiplications per token in the layers of a transformer: 12 x layers x width^2."""
    return 12 * layers * width * width


def architecture_work(architecture: Mapping[str, Any]) -> int | None:
    """Return ``layer_work`` of transformers config numbers; None: they do not say."""
    layers = next((architecture[k] for k in _LAYERS if k in architecture), None)
    width = next((architecture[k] for k in _WIDTHS if k in architecture), None)
    return None if layers is None or width is None else layer_work(int(layers), int(width))


def planned_batches(trainer: L.Trainer) -> int | None:
    """Return how many batches the fit will take unless it stops early; None: no end is set."""
    epochs = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs >= 0 else math.inf
    by_steps = trainer.max_steps * trainer.accumulate_grad_batches if trainer.max_steps >= 0 else math.inf
    planned = min(epochs * trainer.num_training_batches, by_steps)
    return int(planned) if math.isfinite(planned) else None


def duration(seconds: float) -> str:
    """Return ``seconds`` for a reader: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

"""The classifier as a Lightning module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from torchmetrics import Metric, MetricCollection

from ftlab.models.first_token import skip_unread
from ftlab.models.last_token import read_last_token
from ftlab.modules.loss import training_loss
from ftlab.modules.optimizer import OptimizerFactory, ParamGroups, SchedulerFactory
from ftlab.modules.scores import ScoreCollector, ScoredRows, Scores
from ftlab.modules.stepped import Batch
from ftlab.modules.trained import TrainedModule

_NOT_INPUTS = ("labels", "row_ids", "whole_labels", "whole_tokens")


class ClassifierModule(TrainedModule):
    """Trains ``net`` to give one label per text.

    Batch: ``input_ids`` and ``attention_mask`` (B, T) int64, ``labels`` (B,) int64 in [0, num_labels), ``row_ids``;
    ``whole_labels`` where several processes share it. The loss is then still the mean over the whole batch, and the
    rows of all processes are scored together, each once, by every process alike.
    Logs: ``{val,test}/loss`` in nats, ``{val,test}/accuracy`` and the other metrics in [0, 1]; the training loss is
    returned, and read every few steps by ``callbacks.curves`` (a log call per step costs 1.4 ms).

    Args:
        net: a network whose output has ``logits`` (B, num_labels).
        metrics: fed with probabilities (B, num_labels) and labels (B,).
        optimizer: parameter groups -> optimizer; None for a module that only evaluates.
        scheduler: (optimizer, steps in all) -> schedule.
        param_groups: the adapter's own groups; None: all trainable parameters, decaying where they should.
        class_weights: None, or one weight per label, for the training loss.
        predictor: what ``predictor()`` calls on the current network.
        fingerprint: of the weights before training; a checkpoint of another base is refused.
    """

    def __init__(
        self,
        net: nn.Module,
        metrics: MetricCollection,
        *,
        optimizer: OptimizerFactory | None = None,
        scheduler: SchedulerFactory | None = None,
        param_groups: ParamGroups | None = None,
        weight_decay: float = 0.0,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        predictor: Callable[[nn.Module], Any] | None = None,
        fingerprint: str = "",
    ) -> None:
        super().__init__(
            net,
            metrics,
            optimizer=optimizer,
            scheduler=scheduler,
            param_groups=param_groups,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            predictor=predictor,
            fingerprint=fingerprint,
        )
        for part in self.split_metrics.modules():
            if isinstance(part, Metric):
                part.sync_on_compute = False  # every process is fed with all rows
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)
        self._collectors = {split: ScoreCollector() for split in ("val", "test")}
        self._tested: ScoredRows | None = None
        read_last_token(net)
        self._skipping: RemovableHandle | None = None  # while parts of the network that nothing reads are left out

    def forward(self, batch: Batch) -> Tensor:
        """Return logits (B, num_labels)."""
        logits: Tensor = self.net(**{k: v for k, v in batch.items() if k not in _NOT_INPUTS}).logits
        return logits

    def on_train_start(self) -> None:
        """Leave out what no head reads, once it is sure that the network trains."""
        super().on_train_start()
        self._skip_unread()

    def on_train_end(self) -> None:
        """Let the network compute all of itself again, as it does where it is served."""
        self._compute_all()

    def share(self, batch: Batch) -> Tensor:
        """Return what the rows add to the mean loss: cross-entropy, weighted and smoothed as configured."""
        weights = self.get_buffer("class_weights")
        weights = None if weights is None else weights.float()  # half precision converts buffers too
        logits = self(batch).float()  # (B, num_labels)
        return training_loss(logits, batch, weights, self.label_smoothing)

    def outcome(self, loss: Tensor, share: Tensor, batch: Batch) -> STEP_OUTPUT:
        """Return the loss alone where no other process has rows of the batch."""
        return loss if "whole_labels" not in batch else super().outcome(loss, share, batch)

    def on_test_epoch_start(self) -> None:
        """Begin a pass over the test split, without what no head reads."""
        self._skip_unread()
        super().on_test_epoch_start()

    def on_test_epoch_end(self) -> None:
        """Log ``test/...``, or ``untrained/...``, and keep the rows."""
        self._compute_all()  # before anything is timed
        super().on_test_epoch_end()

    def scores(self) -> Scores:
        """Return the rows of the last pass over the test split."""
        assert self._tested is not None, "nothing was tested"
        return self._tested.to_scores()

    def begin_split(self, split: str) -> None:
        """Forget the rows of an earlier pass, or of one that was broken off."""
        self._collectors[split] = ScoreCollector()

    def score_batch(self, batch: Batch, split: str) -> None:
        """Keep logits and losses of the batch."""
        logits = self(batch).float()  # (B, num_labels)
        losses = F.cross_entropy(logits, batch["labels"], reduction="none")  # (B,)
        self._collectors[split].add(batch["row_ids"], batch["labels"], logits, losses)

    def end_split(self, split: str, name: str) -> None:
        """Feed the metrics with all rows at once, and log them."""
        rows = self._collectors[split].rows()
        self.begin_split(split)
        metrics: Any = self.split_metrics[split]
        metrics.update(rows.logits.softmax(dim=-1), rows.labels)
        values = {f"{name}/{key}": value for key, value in metrics.compute().items()}
        metrics.reset()
        self.log_alike({f"{name}/loss": rows.losses.mean(), **values})
        if split == "test":
            self._tested = rows

    def _skip_unread(self) -> None:
        self._compute_all()
        self._skipping = skip_unread(self.net)

    def _compute_all(self) -> None:
        if self._skipping is not None:
            self._skipping.remove()
            self._skipping = None

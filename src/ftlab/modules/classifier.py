"""The classifier as a Lightning module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection

from ftlab.errors import ModelError
from ftlab.modules.optimizer import OptimizerFactory, ParamGroups, SchedulerFactory, split_decay
from ftlab.modules.scores import ScoreCollector, Scores

Batch = dict[str, Tensor]
_NOT_INPUTS = ("labels", "row_ids")


class ClassifierModule(L.LightningModule):
    """Trains ``net`` to give one label per text.

    Batch: ``input_ids`` and ``attention_mask`` (B, T) int64, ``labels`` (B,) int64 in [0, num_labels), ``row_ids``.
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

    strict_loading = False  # checkpoints hold the trained parameters only; on_load_checkpoint compares the keys

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
        super().__init__()
        self.net = net
        self.split_metrics = nn.ModuleDict({split: metrics.clone() for split in ("val", "test")})
        self.split_loss = nn.ModuleDict({split: MeanMetric() for split in ("val", "test")})
        self.label_smoothing = label_smoothing
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)
        self.test_name = "test"  # "untrained" while the weights before training are scored
        self.fingerprint = fingerprint
        self._optimizer = optimizer
        self._scheduler = scheduler
        self._param_groups = param_groups
        self._weight_decay = weight_decay
        self._predictor = predictor
        self._collector = ScoreCollector()

    def forward(self, batch: Batch) -> Tensor:
        """Return logits (B, num_labels)."""
        logits: Tensor = self.net(**{k: v for k, v in batch.items() if k not in _NOT_INPUTS}).logits
        return logits

    def on_train_start(self) -> None:
        """Refuse to train with dropout off: predictors leave networks in eval mode, and Lightning keeps that."""
        assert all(part.training for part in self.net.modules()), "call net.train() before fit"

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the mean loss of the batch: cross-entropy, weighted and smoothed as configured."""
        weights = self.get_buffer("class_weights")
        logits = self(batch).float()  # (B, num_labels)
        return F.cross_entropy(logits, batch["labels"], weight=weights, label_smoothing=self.label_smoothing)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Score one batch of the validation split."""
        self._score(batch, "val")

    def on_validation_epoch_end(self) -> None:
        """Log ``val/...``."""
        self._log_split("val", "val")

    def on_test_epoch_start(self) -> None:
        """Forget the rows of an earlier pass."""
        self._collector = ScoreCollector()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Score one batch of the test split and keep its rows."""
        logits, losses = self._score(batch, "test")
        self._collector.add(batch["row_ids"], batch["labels"], logits, losses)

    def on_test_epoch_end(self) -> None:
        """Log ``test/...``, or ``untrained/...``."""
        self._log_split("test", self.test_name)

    def scores(self) -> Scores:
        """Return the rows of the last pass over the test split."""
        return self._collector.scores()

    def predictor(self) -> Any:  # noqa: ANN401 - predictors stand to the right of this room
        """Return the predictor on the weights as they are now."""
        assert self._predictor is not None, "no predictor was given"
        return self._predictor(self.net)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer over the trainable parameters, and the schedule over all steps."""
        assert self._optimizer is not None and self._scheduler is not None, "this module only evaluates"
        optimizer = self._optimizer(self._param_groups or split_decay(self.net, self._weight_decay))
        schedule = self._scheduler(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the trained parameters and the running statistics; the frozen base is not copied."""
        frozen = {name for name, p in self.named_parameters() if not p.requires_grad}
        checkpoint["state_dict"] = {k: v for k, v in checkpoint["state_dict"].items() if k not in frozen}
        checkpoint["base_fingerprint"] = self.fingerprint

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another base, or one without all trained parameters.

        Raises:
            ModelError: the base or the set of trained parameters differs.
        """
        if checkpoint.get("base_fingerprint") != self.fingerprint:
            raise ModelError(
                "the checkpoint was trained on another base model; give the model and adapter it came from"
            )
        trained = {name for name, p in self.named_parameters() if p.requires_grad}
        missing = sorted(trained - set(checkpoint["state_dict"]))
        if missing:
            raise ModelError(
                f"the checkpoint lacks {len(missing)} trained parameters, first {missing[0]}; start afresh"
            )

    def _score(self, batch: Batch, split: str) -> tuple[Tensor, Tensor]:
        logits = self(batch).float()  # (B, num_labels)
        losses = F.cross_entropy(logits, batch["labels"], reduction="none")  # (B,)
        self.split_metrics[split].update(logits.softmax(dim=-1), batch["labels"])  # type: ignore[operator]
        self.split_loss[split].update(losses)  # type: ignore[operator]
        return logits, losses

    def _log_split(self, split: str, name: str) -> None:
        metrics, loss = self.split_metrics[split], self.split_loss[split]
        values = {f"{name}/{key}": value for key, value in metrics.compute().items()}  # type: ignore[operator]
        self.log_dict({f"{name}/loss": loss.compute(), **values})  # type: ignore[operator]
        metrics.reset()  # type: ignore[operator]
        loss.reset()  # type: ignore[operator]

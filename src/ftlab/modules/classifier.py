"""The classifier as a Lightning module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from lightning.pytorch.utilities import GradClipAlgorithmType
from lightning.pytorch.utilities.types import STEP_OUTPUT, OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle
from torchmetrics import Metric, MetricCollection

from ftlab.errors import ModelError
from ftlab.models.first_token import skip_unread
from ftlab.modules.loss import training_loss
from ftlab.modules.optimizer import OptimizerFactory, ParamGroups, SchedulerFactory, split_decay
from ftlab.modules.scores import ScoreCollector, ScoredRows, Scores
from ftlab.processes import collective
from ftlab.processes.strategies import found_groups, is_sharded, named_groups, plain_name

Batch = dict[str, Tensor]
_NOT_INPUTS = ("labels", "row_ids", "whole_labels", "whole_tokens")


class ClassifierModule(L.LightningModule):
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
        for part in self.split_metrics.modules():
            if isinstance(part, Metric):
                part.sync_on_compute = False  # every process is fed with all rows
        self.label_smoothing = label_smoothing
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)
        self.test_name = "test"  # "untrained" while the weights before training are scored
        self.fingerprint = fingerprint
        self._optimizer = optimizer
        self._scheduler = scheduler
        self._param_groups = param_groups
        self._weight_decay = weight_decay
        self._named_groups = named_groups(param_groups or split_decay(net, weight_decay), net)
        self._predictor = predictor
        self._collectors = {split: ScoreCollector() for split in ("val", "test")}
        self._tested: ScoredRows | None = None
        self._skipping: RemovableHandle | None = None  # while parts of the network that nothing reads are left out

    def forward(self, batch: Batch) -> Tensor:
        """Return logits (B, num_labels)."""
        logits: Tensor = self.net(**{k: v for k, v in batch.items() if k not in _NOT_INPUTS}).logits
        return logits

    def on_train_start(self) -> None:
        """Refuse to train with dropout off: predictors leave networks in eval mode, and Lightning keeps that."""
        assert all(part.training for part in self.net.modules()), "call net.train() before fit"
        self._skip_unread()

    def on_train_end(self) -> None:
        """Let the network compute all of itself again, as it does where it is served."""
        self._compute_all()

    def training_step(self, batch: Batch, batch_idx: int) -> STEP_OUTPUT:
        """Return the mean loss of the batch: cross-entropy, weighted and smoothed as configured.

        Of several processes each returns its share, times their number since DDP averages gradients, and beside it
        ``batch_loss``, the mean over the rows of all of them.
        """
        weights = self.get_buffer("class_weights")
        weights = None if weights is None else weights.float()  # half precision converts buffers too
        logits = self(batch).float()  # (B, num_labels)
        share = training_loss(logits, batch, weights, self.label_smoothing)
        if "whole_labels" not in batch:
            return share
        return {"loss": share * collective.count(), "batch_loss": collective.summed(share.detach())}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Score one batch of the validation split."""
        self._score(batch, "val")

    def on_validation_epoch_start(self) -> None:
        """Forget the rows of a pass that was broken off."""
        self._collectors["val"] = ScoreCollector()

    def on_validation_epoch_end(self) -> None:
        """Log ``val/...``."""
        self._log_split("val", "val")

    def on_test_epoch_start(self) -> None:
        """Forget the rows of an earlier pass."""
        self._skip_unread()
        self._collectors["test"] = ScoreCollector()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Score one batch of the test split."""
        self._score(batch, "test")

    def on_test_epoch_end(self) -> None:
        """Log ``test/...``, or ``untrained/...``, and keep the rows."""
        self._compute_all()  # before anything is timed
        self._tested = self._log_split("test", self.test_name)

    def scores(self) -> Scores:
        """Return the rows of the last pass over the test split."""
        assert self._tested is not None, "nothing was tested"
        return self._tested.to_scores()

    def predictor(self) -> Any:  # noqa: ANN401 - predictors stand to the right of this room
        """Return the predictor on the weights as they are now."""
        assert self._predictor is not None, "no predictor was given"
        return self._predictor(self.net)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer over the trainable parameters, and the schedule over all steps."""
        assert self._optimizer is not None and self._scheduler is not None, "this module only evaluates"
        groups = self._param_groups or split_decay(self.net, self._weight_decay)
        if is_sharded(self.trainer.strategy):
            groups = found_groups(self._named_groups, self.net)  # flat pieces now, which do not show what should decay
        optimizer = self._optimizer(groups)
        schedule = self._scheduler(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradients, of a fused optimizer under bf16-mixed too.

        Lightning refuses that, though only the gradient scaler of 16-mixed is in its way: github.com/Lightning-AI/
        pytorch-lightning/issues/21435.
        """
        plugin = self.trainer.precision_plugin
        if is_sharded(self.trainer.strategy):
            # Lightning refuses this: only the outermost module can sum the norm up over the processes.
            assert gradient_clip_algorithm in (None, "norm"), "the check refuses the other"
            self.trainer.strategy.model.clip_grad_norm_(gradient_clip_val)  # type: ignore[union-attr, operator]
        elif isinstance(plugin, MixedPrecision) and plugin.scaler is None:
            algorithm = GradClipAlgorithmType(gradient_clip_algorithm or "norm")
            Precision.clip_gradients(plugin, optimizer, gradient_clip_val or 0.0, algorithm)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the trained parameters and the running statistics; the frozen base is not copied."""
        frozen = {plain_name(name) for name, p in self.named_parameters() if not p.requires_grad}
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
        trained = {plain_name(name) for name, p in self.named_parameters() if p.requires_grad}
        missing = sorted(trained - set(checkpoint["state_dict"]))
        if missing:
            raise ModelError(
                f"the checkpoint lacks {len(missing)} trained parameters, first {missing[0]}; start afresh"
            )

    def _skip_unread(self) -> None:
        self._compute_all()
        self._skipping = skip_unread(self.net)

    def _compute_all(self) -> None:
        if self._skipping is not None:
            self._skipping.remove()
            self._skipping = None

    def _score(self, batch: Batch, split: str) -> None:
        logits = self(batch).float()  # (B, num_labels)
        losses = F.cross_entropy(logits, batch["labels"], reduction="none")  # (B,)
        self._collectors[split].add(batch["row_ids"], batch["labels"], logits, losses)

    def _log_split(self, split: str, name: str) -> ScoredRows:
        """Feed the metrics with all rows at once, and log them."""
        rows = self._collectors[split].rows()
        self._collectors[split] = ScoreCollector()
        metrics: Any = self.split_metrics[split]
        metrics.update(rows.logits.softmax(dim=-1), rows.labels)
        values = {f"{name}/{key}": value for key, value in metrics.compute().items()}
        metrics.reset()
        # Equal in all processes, so their largest is the number itself; a mean of three would round.
        options: dict[str, Any] = {"sync_dist": True, "reduce_fx": "max"} if collective.count() > 1 else {}
        self.log_dict({f"{name}/loss": rows.losses.mean(), **values}, **options)
        return rows

"""What every network that ftlab trains needs of Lightning, whatever its task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from lightning.pytorch.utilities import GradClipAlgorithmType
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim import Optimizer
from torchmetrics import MetricCollection

from ftlab.errors import ModelError
from ftlab.modules.optimizer import (
    OptimizerFactory,
    ParamGroups,
    SchedulerFactory,
    hold_back,
    scale_rates,
    split_decay,
)
from ftlab.modules.stepped import Batch, SteppedModule
from ftlab.processes import collective
from ftlab.processes.strategies import found_groups, is_sharded, named_groups, plain_name


class TrainedModule(SteppedModule):
    """Base of the modules: trains ``net``, keeps what was trained, and scores the splits.

    A task adds ``share``, the loss, and, for the passes over a split, ``begin_split``, ``score_batch``, ``end_split``
    and ``scores``. Every process must call the latter two alike.

    Args:
        net: the network, adapter included.
        metrics: of the task, one copy per split; None: none but the loss.
        optimizer: parameter groups -> optimizer; None for a module that only evaluates.
        scheduler: (optimizer, steps in all) -> schedule.
        param_groups: the adapter's own groups (`Adapted`); None: all trainable parameters, decaying where they should.
        label_smoothing: of the training loss, in [0, 1).
        predictor: what ``predictor()`` calls on the current network.
        fingerprint: of the weights before training; a checkpoint of another base is refused.
    """

    strict_loading = False  # checkpoints hold the trained parameters only; on_load_checkpoint compares the keys

    def __init__(
        self,
        net: nn.Module,
        metrics: MetricCollection | None = None,
        *,
        optimizer: OptimizerFactory | None = None,
        scheduler: SchedulerFactory | None = None,
        param_groups: ParamGroups | None = None,
        weight_decay: float = 0.0,
        label_smoothing: float = 0.0,
        predictor: Callable[[nn.Module], Any] | None = None,
        fingerprint: str = "",
    ) -> None:
        super().__init__()
        self.net = net
        clones = {} if metrics is None else {split: metrics.clone() for split in ("val", "test")}
        self.split_metrics = nn.ModuleDict(clones)
        self.label_smoothing = label_smoothing
        self.test_name = "test"  # "untrained" while the weights before training are scored
        self.fingerprint = fingerprint
        self._optimizer = optimizer
        self._scheduler = scheduler
        self._param_groups = param_groups
        self._weight_decay = weight_decay
        self._named_groups = named_groups(split_decay(net, weight_decay, param_groups), net)
        self._total_steps = 0  # of the training under way
        self._predictor = predictor

    def begin_split(self, split: str) -> None:
        """Forget the rows of an earlier pass over ``split`` (val, test), or of one that was broken off."""
        raise NotImplementedError

    def score_batch(self, batch: Batch, split: str) -> None:
        """Score one batch of a pass."""
        raise NotImplementedError

    def end_split(self, split: str, name: str) -> None:
        """Log the numbers of the pass as ``<name>/...``."""
        raise NotImplementedError

    def scores(self) -> Any:  # noqa: ANN401 - each task's own rows
        """Return the rows of the last pass over the test split."""
        raise NotImplementedError

    def predictor(self, net: nn.Module | None = None) -> Any:  # noqa: ANN401 - predictors stand right of this room
        """Return the predictor on the weights as they are now, or on ``net``, another form of the same network."""
        assert self._predictor is not None, "no predictor was given"
        return self._predictor(self.net if net is None else net)

    def on_train_start(self) -> None:
        """Refuse to train with dropout off: predictors leave networks in eval mode, and Lightning keeps that."""
        assert all(part.training for part in self.net.modules()), "call net.train() before fit"

    def on_validation_epoch_start(self) -> None:
        """Begin a pass over the validation split."""
        self.begin_split("val")

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Score one batch of the validation split."""
        self.score_batch(batch, "val")

    def on_validation_epoch_end(self) -> None:
        """Log ``val/...``."""
        self.end_split("val", "val")

    def on_test_epoch_start(self) -> None:
        """Begin a pass over the test split."""
        self.begin_split("test")

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Score one batch of the test split."""
        self.score_batch(batch, "test")

    def on_test_epoch_end(self) -> None:
        """Log ``test/...``, or ``untrained/...``, and keep the rows."""
        self.end_split("test", self.test_name)

    def log_alike(self, values: dict[str, Any]) -> None:
        """Log numbers that every process has found alike."""
        # Equal in all processes, so their largest is the number itself; a mean of three would round.
        options: dict[str, Any] = {"sync_dist": True, "reduce_fx": "max"} if collective.count() > 1 else {}
        self.log_dict(values, **options)

    def make_optimizer(self, groups: ParamGroups) -> Optimizer:
        """Return the optimizer of the run over ``groups``."""
        assert self._optimizer is not None, "this module only evaluates"
        return self._optimizer(groups)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer over the trainable parameters, and the schedule over all steps."""
        assert self._optimizer is not None and self._scheduler is not None, "this module only evaluates"
        groups = split_decay(self.net, self._weight_decay, self._param_groups)
        if is_sharded(self.trainer.strategy):
            groups = found_groups(self._named_groups, self.net)  # flat pieces now, which do not show what should decay
        optimizer = self._optimizer(groups)
        scale_rates(optimizer)
        self._total_steps = int(self.trainer.estimated_stepping_batches)
        schedule = self._scheduler(optimizer, self._total_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Hold back what the adapter lets train later."""
        hold_back(optimizer, self.trainer.global_step / max(1, self._total_steps))

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
            if gradient_clip_val:  # asked for with None and 0 as well, which mean no clipping
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

"""The causal language model as a Lightning module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torchmetrics import MetricCollection

from ftlab.datasets.shares import IGNORED
from ftlab.modules.lm_inputs import network_inputs
from ftlab.modules.lm_scores import LmCollector, LmScores
from ftlab.modules.optimizer import OptimizerFactory, ParamGroups, SchedulerFactory
from ftlab.modules.stepped import Batch
from ftlab.modules.supervised import SupervisedReader, find_places
from ftlab.modules.token_window import TokenWindow
from ftlab.modules.trained import TrainedModule
from ftlab.processes import collective


class CausalLMModule(TrainedModule):
    """Trains ``net`` to give the supervised tokens of a text, each from what stands before it.

    Batch: ``input_ids`` (B, T) int64; ``attention_mask`` (B, T) int64, or (B, 1, T, T) bool where documents are packed,
    True where a token may attend; ``position_ids`` (B, T) int64 where they restart; ``labels`` (B, T) int64 beside
    ``input_ids``, -100 where a token is not supervised; ``row_ids`` (B,); ``whole_supervised``, the number of
    supervised tokens of all processes that share the batch.

    The loss is the mean over the supervised tokens, not over rows or batches, and exactly so: of a batch that several
    processes share, of accumulated batches that hold more tokens or fewer (their gradients are weighed when the step
    is taken), and of a split whatever its batches. Logits are made at the places before supervised tokens only, and
    not kept; where the head is a plain linear layer, only some MiB of them are there at a time.

    Logs: ``{val,test}/loss`` in nats per token, ``{val,test}/perplexity`` and own metrics, which are fed with logits
    (1, n, V) and tokens (1, n), some places at a time.

    Args:
        net: a network whose output has ``logits`` (B, T, V), adapter included.
        metrics: of the user's own, or None.
        optimizer: parameter groups -> optimizer; None for a module that only evaluates.
        scheduler: (optimizer, steps in all) -> schedule.
        param_groups: the adapter's own groups; None: all trainable parameters, decaying where they should.
        label_smoothing: of the training loss, in [0, 1).
        predictor: what ``predictor()`` calls on the current network.
        fingerprint: of the weights before training; a checkpoint of another base is refused.
        keep_argmax: whether ``scores()`` tells the most likely token at each place.
    """

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
        keep_argmax: bool = False,
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
        self.keep_argmax = keep_argmax
        self._collectors = {split: LmCollector() for split in ("val", "test")}
        self._tested: LmScores | None = None
        self._reader = SupervisedReader()
        self._window = TokenWindow()

    def forward(self, batch: Batch) -> Tensor:
        """Return logits (B, T, V), all of them; virtual tokens in front have some too."""
        logits: Tensor = self.net(**network_inputs(self.net, batch)).logits
        return logits

    def on_train_start(self) -> None:
        """Begin with no batch accumulated."""
        super().on_train_start()
        self._window = TokenWindow()

    def on_train_end(self) -> None:
        """Leave the network as it was."""
        self._reader.release()

    def prepared(self, batch: Batch) -> Batch:
        """Return ``batch`` with its supervised tokens, and with what sums are divided by.

        Of accumulated batches these are the tokens of the first.
        """
        tokens = batch.get("whole_supervised")
        if tokens is None:
            tokens = collective.summed((batch["labels"][:, 1:] != IGNORED).sum())
        tokens = divisor = tokens.clamp(min=1)
        trainer = self._trainer
        if trainer is not None and trainer.training and trainer.accumulate_grad_batches > 1:
            divisor = self._window.add(tokens)
        return {**batch, "whole_supervised": tokens, "whole_divisor": divisor}

    def share(self, batch: Batch) -> Tensor:
        """Return what the rows add to the mean loss of supervised tokens in nats, smoothed; 0 where they have none."""
        places = find_places(batch["labels"])
        inputs = network_inputs(self.net, batch)
        return self._reader.summed_loss(self.net, inputs, places, self.label_smoothing) / batch["whole_divisor"]

    def outcome(self, loss: Tensor, share: Tensor, batch: Batch) -> STEP_OUTPUT:
        """Return the loss, and as ``batch_loss`` the mean itself, whatever sums were divided by."""
        mean = collective.summed(share * batch["whole_divisor"]) / batch["whole_supervised"]
        return {"loss": loss, "batch_loss": mean}

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Weigh accumulated gradients by tokens, before they are clipped."""
        super().on_before_optimizer_step(optimizer)
        scale = self._window.close(self.trainer.accumulate_grad_batches)
        if scale is None:
            return
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad.mul_(scale.to(parameter.grad.dtype))

    def on_test_epoch_end(self) -> None:
        """Log ``test/...``, or ``untrained/...``, and keep the rows."""
        self._reader.release()  # before anything is timed
        super().on_test_epoch_end()

    def scores(self) -> LmScores:
        """Return the rows of the last pass over the test split."""
        assert self._tested is not None, "nothing was tested"
        return self._tested

    def begin_split(self, split: str) -> None:
        """Forget the rows of an earlier pass, or of one that was broken off."""
        self._collectors[split] = LmCollector()

    def score_batch(self, batch: Batch, split: str) -> None:
        """Keep the sum of each row's losses."""
        labels = batch["labels"]
        places = find_places(labels)
        # Sums of float32 would depend on the batches; Apple GPUs have nothing finer, and their rows are short sums.
        kind = torch.float32 if labels.device.type == "mps" else torch.float64
        sums = torch.zeros(len(labels), dtype=kind, device=labels.device)
        counts = torch.bincount(places.rows, minlength=len(labels))
        argmax: list[Tensor] = []
        metrics: Any = self.split_metrics[split] if self.split_metrics else None
        inputs = network_inputs(self.net, batch)
        for part, logits in self._reader.logits_in_parts(self.net, inputs, places):
            losses = functional.cross_entropy(logits, places.targets[part], reduction="none")
            sums.index_add_(0, places.rows[part], losses.to(kind))
            if self.keep_argmax and split == "test":
                argmax.append(logits.argmax(dim=1))
            if metrics is not None:
                metrics.update(logits[None], places.targets[part][None])
        kept = torch.cat(argmax) if argmax else None
        if kept is None and self.keep_argmax and split == "test":
            kept = counts[:0]  # of rows without a supervised token
        self._collectors[split].add(batch["row_ids"], sums, counts, kept)

    def end_split(self, split: str, name: str) -> None:
        """Log loss, perplexity and own metrics."""
        scores = self._collectors[split].scores()
        self.begin_split(split)
        values = {}
        if self.split_metrics:
            metrics: Any = self.split_metrics[split]
            values = {f"{name}/{key}": value for key, value in metrics.compute().items()}
            metrics.reset()
        kind = torch.float32 if self.device.type == "mps" else torch.float64
        numbers = {f"{name}/loss": scores.loss, f"{name}/perplexity": scores.perplexity}
        self.log_alike({**{k: torch.tensor(v, dtype=kind, device=self.device) for k, v in numbers.items()}, **values})
        if split == "test":
            self._tested = scores

"""How a batch becomes gradients: whole, in parts, or with each parameter updated on the way back."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor
from torch.optim import Optimizer

from ftlab.errors import RunError
from ftlab.measure.memory import is_out_of_memory
from ftlab.modules.in_backward import StepsInBackward
from ftlab.modules.micro_batches import MicroBatches
from ftlab.processes import collective
from ftlab.processes.strategies import is_sharded

Batch = dict[str, Tensor]


class SteppedModule(L.LightningModule):
    """Base of ``TrainedModule``: takes the steps of a training; a task says what some rows add to the loss.

    In one process the backward passes are done within ``training_step``, one part of the batch after the other (see
    ``MicroBatches``), and Lightning is given a loss that has nothing behind it. Of several processes Lightning does
    that of the last part, after which gradients are exchanged; and all of them where weights are sharded, or updated
    on the way back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.micro_batches = MicroBatches()
        self._in_backward: StepsInBackward | None = None
        self._zeroed = self._done = False  # gradients dropped, and backward passes done, in this training_step

    def step_in_backward(self, steps: StepsInBackward | None) -> None:
        """Update each parameter as soon as its gradient is whole; None: no more."""
        if self._in_backward is not None:
            self._in_backward.remove()
        self._in_backward = steps
        if steps is not None:
            steps.install()

    def share(self, batch: Batch) -> Tensor:
        """Return what the rows of ``batch`` add to the mean loss of the whole batch that they are of.

        ``whole_...`` in it say what must be known of the whole; without them these rows are all.
        """
        raise NotImplementedError

    def prepared(self, batch: Batch) -> Batch:
        """Return ``batch`` with what ``share`` must know of the whole; called once for each."""
        return batch

    def outcome(self, loss: Tensor, share: Tensor, batch: Batch) -> STEP_OUTPUT:
        """Return what Lightning is told of a batch: the loss for its backward pass, and the mean over the whole batch.

        Args:
            loss: of this process, times the number of processes since DDP averages gradients.
            share: of this process, without a graph.
            batch: as ``prepared`` gave it.
        """
        return {"loss": loss, "batch_loss": collective.summed(share)}

    def training_step(self, batch: Batch, batch_idx: int) -> STEP_OUTPUT:
        """Return the loss of the batch, the mean over all its rows, in whatever parts it was computed.

        Of several processes each returns its share, times their number since DDP averages gradients, and beside it
        ``batch_loss``, the mean over the rows of all of them.
        """
        whole, trainer = self.prepared(batch), self._trainer
        self._zeroed = self._done = False
        in_parts = trainer is not None and trainer.training and not is_sharded(trainer.strategy)
        if not in_parts or trainer is None or self._in_backward is not None:
            with self.micro_batches.saving():
                share = self.share(whole)
            self.micro_batches.most = max(self.micro_batches.most, len(batch["input_ids"]))
            return self.outcome(share * collective.count(), share.detach(), whole)
        is_first = batch_idx % trainer.accumulate_grad_batches == 0
        exchanged = collective.count() > 1
        found = self.micro_batches.run(self, whole, is_first=is_first, leave_last=exchanged)
        self._zeroed, self._done = True, not exchanged
        loss = found.share if found.left is None else found.left + (found.share - found.left.detach())
        outcome = self.outcome(loss * collective.count(), found.share, whole)
        if found.parts == 1 or exchanged:
            return outcome
        known = outcome if isinstance(outcome, dict) else {"loss": loss, "batch_loss": found.share}
        return {**known, "computed_tokens": found.tokens}

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Lightning's
        """Do the backward pass that is left.

        Raises:
            RunError: memory ran out where other processes, or updated weights, leave no way back.
        """
        if self._done:
            return
        try:
            super().backward(loss, *args, **kwargs)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise self.micro_batches.refusal(self.trainer) from error

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        """Drop the gradients, unless that was done before the backward passes."""
        if not self._zeroed:
            super().optimizer_zero_grad(epoch, batch_idx, optimizer)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Lightning's
        """Update the weights.

        Raises:
            RunError: memory ran out in it, as in the first, which makes the optimizer's state.
        """
        try:
            super().optimizer_step(*args, **kwargs)
        except RuntimeError as error:
            if isinstance(error, RunError) or not is_out_of_memory(error):
                raise
            raise RunError(
                f"memory ran out while the optimizer updated the weights in step {self.trainer.global_step + 1}; type "
                "adapter=lora, which trains few of them, or optimizer=adamw8bit"
            ) from error

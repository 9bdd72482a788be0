"""A batch done some rows at a time, with the gradients of the whole, and again in smaller parts where memory runs out.

Passes over the parts add their gradients up, as accumulated batches do; only that here a part is what a batch is cut
into, so that the number of steps, their order and their losses do not depend on it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import lightning as L
import torch
from torch import Tensor

from ftlab.allocator import give_back
from ftlab.datasets.packing import block_causal
from ftlab.errors import RunError
from ftlab.measure.memory import is_out_of_memory
from ftlab.processes import collective

Batch = dict[str, Tensor]
_WHOLE = "whole_"  # what begins so is of the whole batch, and the same in each part of it


class Learner(Protocol):
    """What is trained: a Lightning module that says what some rows add to the loss of a batch."""

    trainer: L.Trainer

    def share(self, batch: Batch) -> Tensor:
        """Return what the rows of ``batch`` add to the mean loss of the whole batch that they are of."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What the passes over one batch came to.

    ``share``: what this process's rows add to the mean loss, without a graph. ``left``: of the last part, the loss
    whose backward pass is still to be done; None where all are done. ``parts``: how many there were. ``tokens`` that
    were computed, padding included.
    """

    share: Tensor
    left: Tensor | None
    parts: int
    tokens: int


@dataclass(slots=True)
class MicroBatches:
    """How many rows are computed at a time, and what became of it.

    Where the memory runs out, the gradients of the step are dropped, ``rows`` are halved, and all batches of the step
    are done again; once in a training. Earlier batches of a step (``trainer.accumulate_grad_batches``) are kept for
    that as token ids, since a broken pass has left its marks in the sum of the gradients.

    ``rows``: at a time, of one process; None: all of a batch. ``measured``: they were found out, not given. ``cut``:
    leave out padding that only other parts need. ``saving``: a context around each forward pass.
    """

    rows: int | None = None
    measured: bool = False
    cut: bool = True
    saving: Callable[[], AbstractContextManager[Any]] = nullcontext
    halvings: list[dict[str, int]] = field(default_factory=list)  # step (from 1), from, to: rows
    most: int = 0  # rows of the largest batch so far
    _open: list[Batch] = field(default_factory=list)  # of the step under way

    @property
    def size(self) -> int | None:
        """Rows that are computed at a time; None before the first batch."""
        return (self.most if self.rows is None else min(self.rows, self.most)) or None

    @property
    def parts(self) -> int:
        """Parts of the largest batch, at least 1."""
        return -(-self.most // self.size) if self.size else 1

    def run(self, learner: Learner, batch: Batch, *, is_first: bool, leave_last: bool) -> Passed:
        """Do the forward and backward passes of a batch.

        Args:
            learner: in whose gradients they are added up.
            batch: with what ``share`` must know of the whole under ``whole_...``.
            is_first: of the batches of its step, before which gradients are dropped.
            leave_last: leave the last backward pass to the caller.

        Raises:
            RunError: memory ran out, and there is nothing to halve, or it was halved before.
        """
        if is_first:
            self._open.clear()
            _drop_gradients(learner)
        self._open.append(batch)
        rows = len(batch["input_ids"])
        self.most = max(self.most, rows)
        passed = self._tried(learner, [batch], leave_last)
        if passed is None:
            self._halve(learner.trainer, rows)
            _drop_gradients(learner)
            give_memory_back(learner.trainer.strategy.root_device)
            passed = self._tried(learner, self._open, leave_last)
            if passed is None:
                raise self.refusal(learner.trainer)
        if learner.trainer.accumulate_grad_batches > 1:
            self._open[-1] = _small(batch)
        return passed

    def release(self) -> None:
        """Hold no batch, and nothing of the network."""
        self._open.clear()
        self.saving = nullcontext

    def refusal(self, trainer: L.Trainer) -> RunError:
        """Return the error of a memory that nothing done here makes suffice."""
        where = f"memory ran out in step {trainer.global_step + 1}"
        size = self.size
        rows = "" if size is None else f" with {size} row{'s' * (size > 1)} at a time"
        again = ", which were halved once before" if self.halvings else ""
        first = "" if self.measured else "dataset.batch_size=auto, then "
        return RunError(
            f"{where}{rows}{again}; type {first}model.gradient_checkpointing=true or a smaller dataset.max_length"
        )

    def _halve(self, trainer: L.Trainer, rows: int) -> None:
        before = min(self.rows or rows, rows)
        if self.halvings or before == 1:
            raise self.refusal(trainer)
        self.rows = before // 2
        self.halvings.append({"step": trainer.global_step + 1, "from": before, "to": self.rows})

    def _tried(self, learner: Learner, batches: Iterable[Batch], leave_last: bool) -> Passed | None:
        """Return what the last of ``batches`` came to; None where memory ran out: what was made is then gone."""
        passed = None
        try:
            for batch in batches:
                passed = self._done(learner, _whole_mask(batch), leave_last)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return None
        return passed

    def _done(self, learner: Learner, batch: Batch, leave_last: bool) -> Passed:
        parts = split(batch, self.rows or len(batch["input_ids"]), cut=self.cut)
        total, left, tokens = None, None, 0
        for number, part in enumerate(parts):
            with self.saving():
                share = learner.share(part)
            tokens += part["input_ids"].numel()
            total = share.detach() if total is None else total + share.detach()
            if leave_last and number == len(parts) - 1:
                left = share
            else:
                _backward(learner.trainer, share)
        assert total is not None, "a batch has rows"
        return Passed(total, left, len(parts), tokens)


def split(batch: Batch, rows: int, *, cut: bool = True) -> list[Batch]:
    """Return ``batch`` in parts of ``rows`` rows, the longest first; ``whole_...`` are those of the whole in each.

    Args:
        batch: ``input_ids`` (B, T) and what lies beside them; a mask of pairs is (B, 1, T, T), with ``position_ids``.
        rows: of a part, at least 1; the last one may have fewer.
        cut: leave out columns on the right in which no row of a part has a token.
    """
    total, width = batch["input_ids"].shape
    if rows >= total:
        return [batch]
    lengths = _lengths(batch)
    order = sorted(range(total), key=lambda row: -lengths[row])
    known = {"whole_labels": batch["labels"], **batch}
    parts = []
    for start in range(0, total, rows):
        chosen = order[start : start + rows]
        index = torch.tensor(chosen, device=batch["input_ids"].device)
        end = max(lengths[row] for row in chosen) if cut else width
        parts.append({k: v if k.startswith(_WHOLE) else _cut(v[index], width, end) for k, v in known.items()})
    return parts


def give_memory_back(device: torch.device) -> None:
    """Hand back what allocators keep for later, so that parts of another size find room."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    else:
        give_back()


def _lengths(batch: Batch) -> list[int]:
    """Return where the last token of each row ends, at least 1; on an accelerator this waits for it."""
    mask, places = batch.get("attention_mask"), torch.arange(batch["input_ids"].shape[1])
    places = places.to(batch["input_ids"].device)
    if mask is None or mask.ndim != 2:
        # Packed texts: positions begin with 0, and so are those of padding; a text of one token teaches nothing.
        mask = batch["position_ids"] if "position_ids" in batch else torch.ones_like(batch["input_ids"])
    ends: list[int] = (torch.where(mask > 0, places, 0).amax(dim=1) + 1).tolist()
    return ends


def _cut(tensor: Tensor, width: int, end: int) -> Tensor:
    if tensor.ndim == 4:
        return tensor[:, :, :end, :end].contiguous()
    return tensor[:, :end].contiguous() if tensor.ndim >= 2 and tensor.shape[1] == width else tensor


def _small(batch: Batch) -> Batch:
    """Return a batch without its mask of pairs, which can be had again from the positions."""
    is_packed = batch["attention_mask"].ndim == 4 if "attention_mask" in batch else False
    return {k: v for k, v in batch.items() if k != "attention_mask"} if is_packed else batch


def _whole_mask(batch: Batch) -> Batch:
    if "attention_mask" in batch or "position_ids" not in batch:
        return batch
    return {**batch, "attention_mask": block_causal((batch["position_ids"] == 0).cumsum(dim=1))}


def _drop_gradients(learner: Learner) -> None:
    for optimizer in learner.trainer.optimizers:
        optimizer.zero_grad()


def _backward(trainer: L.Trainer, share: Tensor) -> None:
    """Do a backward pass as Lightning does, in the precision of the weights: it stands outside of autocast."""
    # DDP, which hears of no part but the last, will divide the sum of the gradients by the number of processes.
    loss = share * (collective.count() / trainer.accumulate_grad_batches)
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    loss = loss if scaler is None else scaler.scale(loss)
    with torch.autocast(share.device.type, enabled=False):
        loss.backward()

"""What a measuring callback is: a Lightning callback that hands over named numbers at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import lightning as L
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

Batch = dict[str, Tensor]
Measured = dict[str, dict[str, Any]]  # section of result.json -> field -> value
C = TypeVar("C", bound=L.Callback)


class Resumable(L.Callback):
    """Base of the callbacks that go on measuring where a full state of the training stands.

    ``state_dict`` returns plain values and tensors, since checkpoints are read with ``weights_only=True``. Lightning
    gives them back before ``on_fit_start``, which takes them with ``resumed()`` once it has reset the rest. Times are
    kept as how long it has been so far: the time between two parts of a training does not count.
    """

    _resumed: dict[str, Any] | None = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the state until training begins."""
        self._resumed = state_dict

    def resumed(self) -> dict[str, Any]:
        """Return the state to go on from, once; empty where training starts afresh."""
        state, self._resumed = self._resumed, None
        return state or {}


class Measuring(Resumable):
    """Base of the callbacks whose numbers go into ``result.json``.

    None relies on its place among the others: what one needs of another it asks for when all are done.
    """

    def measured(self) -> Measured:
        """Return section -> field -> value; None for what could not be measured."""
        raise NotImplementedError


def is_fitting(trainer: L.Trainer) -> bool:
    """Tell whether the trainer is in ``fit``; a validation asked for on its own or the sanity check is not."""
    return trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking


def find_callback(trainer: L.Trainer, kind: type[C]) -> C | None:
    """Return the trainer's first callback of ``kind``, or None."""
    return next((c for c in trainer.callbacks if isinstance(c, kind)), None)  # type: ignore[attr-defined]


def tokens_in_parts(outputs: STEP_OUTPUT) -> int | None:
    """Return the tokens computed, padding included, of a batch that was done in parts; None: it was done whole."""
    found = outputs.get("computed_tokens") if isinstance(outputs, Mapping) else None
    return None if found is None else int(found)


def batch_loss(trainer: L.Trainer, outputs: STEP_OUTPUT) -> Tensor | None:
    """Return the detached training loss (0-dim) from ``on_train_batch_end``'s outputs; None: the step was skipped.

    Lightning divides it by the number of accumulated batches; that is undone here. Of several processes it is the mean
    over the rows of all, not the share of this one.
    """
    if isinstance(outputs, Mapping) and "batch_loss" in outputs:
        whole: Tensor = outputs["batch_loss"]
        return whole.detach()
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
    if loss is None:
        return None
    accumulated = trainer.accumulate_grad_batches
    return loss.detach() if accumulated == 1 else loss.detach() * accumulated

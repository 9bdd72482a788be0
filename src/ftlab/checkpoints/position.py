"""Where in a training a full state stands, written so that Lightning goes on exactly there.

Lightning's loops restart from counters of what was begun and what was completed, and read them differently by the hook
a checkpoint was written in (lightning 2.6: ``update_restart_stage`` of ``FitLoop`` and ``_TrainingEpochLoop``). A state
saved at the end of an epoch runs that end twice where ``max_steps`` is set; one saved before a validation
loses it. So the counters of each of our states are put into one of three forms that are known to go on exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_EPOCH_LOOP = "epoch_loop."
_COUNTERS = ("ready", "started", "processed", "completed")


@dataclass(frozen=True, slots=True)
class Position:
    """Where to go on.

    ``epoch`` (from 0) and ``batches`` of it that are done. ``validation``: the one due after those batches is still
    to be run, all of it.
    """

    epoch: int
    batches: int
    validation: bool = False

    def to_plain(self) -> dict[str, Any]:
        """Return the position for a checkpoint."""
        return {"epoch": self.epoch, "batches": self.batches, "validation": self.validation}

    def loader_state(self) -> dict[str, int]:
        """Return the state of the training loader at this position."""
        return {"epoch": self.epoch, "batches": self.batches}


def place(loops: dict[str, Any], position: Position) -> None:
    """Set the counters in ``loops`` (the part of that name in Lightning's checkpoint) to ``position``."""
    fit = loops["fit_loop"]
    # A training that itself went on before a validation still counts one more begun than done.
    _no_validation(fit)
    if position.validation:
        _before_validation(fit)
    elif position.batches:
        _between_batches(fit)
    else:
        _between_epochs(fit)
    loaders = fit["state_dict"].get("combined_loader")
    if loaders:
        fit["state_dict"]["combined_loader"] = [position.loader_state() for _ in loaders]


def _between_batches(fit: dict[str, Any]) -> None:
    """The next batch has been fetched; say it has not, and that the one before has just ended.

    Lightning then takes a validation that follows that batch for done, which it is.
    """
    batch = fit[_EPOCH_LOOP + "batch_progress"]
    for part in ("total", "current"):
        done = batch[part]["completed"]
        batch[part].update(ready=done, started=done, processed=done, completed=done - 1)
    batch["is_last_batch"] = False
    # Lightning adds one when it goes on, as it does after each update.
    fit[_EPOCH_LOOP + "state_dict"]["_batches_that_stepped"] -= 1


def _no_validation(fit: dict[str, Any]) -> None:
    """Say that no validation is under way."""
    validation = fit[_EPOCH_LOOP + "val_loop.batch_progress"]
    for part in ("total", "current"):
        validation[part].update(dict.fromkeys(_COUNTERS, 0))
    validation["is_last_batch"] = False


def _before_validation(fit: dict[str, Any]) -> None:
    """Say that the validation has begun and none of its batches is done: it starts from its first batch."""
    fit[_EPOCH_LOOP + "val_loop.batch_progress"]["total"].update(ready=1, started=1)


def _between_epochs(fit: dict[str, Any]) -> None:
    """Say that the epoch is complete, though its last hook is still running."""
    for part in ("total", "current"):
        progress = fit["epoch_progress"][part]
        progress["completed"] = progress["processed"]

"""What a full state holds of the course of a training, and how a training takes it up again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L

from ftlab.checkpoints.position import Position
from ftlab.checkpoints.rng import rng_state, set_rng_state
from ftlab.processes import collective


class Resuming:
    """The part of ``Checkpoints`` that Lightning leaves out of a checkpoint.

    Random generators, the metrics of the last validation, whether training was told to end, and where in the epoch it
    stands. Lightning (2.6) forgets the loader's state where ``configure_optimizers`` asks for the number of steps,
    since that makes the loader before the state is read; so it is set here once more.
    """

    def __init__(self) -> None:
        self.position: Position | None = None  # of the full state being written
        self._snapshot: dict[str, Any] = {}
        self._loaded: dict[str, Any] = {}
        self._rng: dict[str, Any] | None = None  # to put back before anything draws
        self._rng_before_validation: dict[str, Any] | None = None

    @contextmanager
    def at(self, trainer: L.Trainer, position: Position) -> Iterator[None]:
        """Say for the block, in which the state is written, where it stands."""
        device = trainer.strategy.root_device
        # Each process has its own; the first one writes them all.
        rng = collective.gathered(self._rng_before_validation if position.validation else rng_state(device))
        self.position = position
        self._snapshot = {
            "rng": rng[0],
            "rng_of_others": rng[1:],
            "position": position.to_plain(),
            "should_stop": bool(trainer.should_stop),
            "metrics": {name: value.detach().cpu().clone() for name, value in trainer.callback_metrics.items()},
        }
        try:
            yield
        finally:
            self.position, self._snapshot = None, {}

    def state_dict(self) -> dict[str, Any]:
        """Return the course of the training; empty outside of ``at``."""
        return self._snapshot

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Keep ``state`` for when training begins."""
        self._loaded = state
        others = state.get("rng_of_others", [])
        if number := collective.number():  # where there were fewer processes, this one keeps its own
            self._rng = others[number - 1] if number <= len(others) else None
        else:
            self._rng = state.get("rng")

    def on_fit_start(self, trainer: L.Trainer) -> None:
        """Set whether training is to end, before Lightning looks whether there is anything to do."""
        if self._loaded.get("should_stop"):
            trainer.should_stop = True

    def go_on(self, trainer: L.Trainer) -> int:
        """Set loops, loader and metrics, and return the batches of the epoch that are done."""
        loaded, self._loaded = self._loaded, {}
        if not loaded:
            return 0
        trainer.callback_metrics.update(loaded["metrics"])
        position = Position(**loaded["position"])
        if not position.batches:
            # With max_steps, Lightning would take the epoch before for the one to go on with.
            trainer.fit_loop.epoch_loop.restarting = False
        loader: Any = trainer.train_dataloader
        if hasattr(loader, "load_state_dict"):
            loader.load_state_dict(position.loader_state())
        return position.batches

    def restore_rng(self, trainer: L.Trainer) -> None:
        """Put the random generators back, once: right before the first batch or validation."""
        if self._rng is not None:
            set_rng_state(self._rng, trainer.strategy.root_device)
            self._rng = None

    def remember_rng(self, trainer: L.Trainer) -> None:
        """Keep the random generators as they are before a validation: a state written in it stands before it."""
        self._rng_before_validation = rng_state(trainer.strategy.root_device)

"""A loader that can say where in an epoch it stands, and begin there."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from ftlab.datasets.batching import EpochBatches


class ResumableLoader(DataLoader[Any]):
    """The training batches. Lightning saves and restores it by its ``state_dict`` and ``load_state_dict``.

    Batches that are done are skipped by their numbers; no row of theirs is loaded. Nothing is fetched, and no worker
    starts, before the first batch is asked for: by then Lightning has told ``EpochBatches`` the epoch, and a training
    that is gone on with its place.

    Its batch sampler must be ``EpochBatches``. ``waited_ns`` says how long was waited for batches, so far: with workers
    until theirs were there, without for all that makes a batch.
    """

    _given = 0  # batches of the epoch under way
    _place: tuple[int, int] | None = None  # epoch, and batches of it to skip
    waited_ns = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Give the batches of the epoch that are not done yet."""
        order = self._order()
        place, self._place = self._place, None
        order.skip = self._given = place[1] if place is not None and place[0] == order.epoch else 0
        began = time.perf_counter_ns()
        for batch in super().__iter__():
            self._given += 1
            self.waited_ns += time.perf_counter_ns() - began
            yield batch
            began = time.perf_counter_ns()

    def state_dict(self) -> dict[str, int]:
        """Return the epoch, and how many of its batches were given."""
        return {"epoch": self._order().epoch, "batches": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin the next iteration there, if it is of that epoch."""
        self._place = (state["epoch"], state["batches"])
        self._order().set_epoch(state["epoch"])

    def _order(self) -> EpochBatches:
        assert isinstance(self.batch_sampler, EpochBatches)
        return self.batch_sampler


def ignore_interrupts(worker: int) -> None:
    """Let Ctrl-C, which a terminal sends to loader processes too, stop the training alone: it needs them to its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

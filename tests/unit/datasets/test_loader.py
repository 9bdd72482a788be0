"""A loader that begins in the midst of an epoch."""

from __future__ import annotations

import signal
import time
from typing import Any

import numpy as np
import pytest
from torch.utils.data import Dataset

from ftlab.datasets.batching import EpochBatches
from ftlab.datasets.loader import ResumableLoader, ignore_interrupts


class Rows(Dataset[int]):
    """Remembers which rows were loaded."""

    def __init__(self) -> None:
        self.loaded: list[int] = []

    def __getitem__(self, row: int) -> int:
        self.loaded.append(row)
        return row


def make(workers: int = 0) -> tuple[ResumableLoader, Rows]:
    rows, order = Rows(), EpochBatches(np.full(20, 4), 3, seed=1, grouped=False)
    return ResumableLoader(rows, batch_sampler=order, collate_fn=list, num_workers=workers), rows


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_it_goes_on_after_the_batches_that_are_done(workers: int) -> None:
    first, _ = make(workers)
    first.load_state_dict({"epoch": 2, "batches": 0})
    whole = list(first)
    assert len(whole) == len(first) == 7
    begun, _ = make(workers)
    begun.load_state_dict({"epoch": 2, "batches": 0})
    batches = iter(begun)
    done = [next(batches) for _ in range(4)]
    assert begun.state_dict() == {"epoch": 2, "batches": 4}, "what workers fetched ahead does not count"
    second, rows = make(workers)
    second.load_state_dict(begun.state_dict())
    assert [*done, *second] == whole
    assert workers or rows.loaded == [row for batch in whole[4:] for row in batch], "no row of a done batch is loaded"
    assert second.state_dict() == {"epoch": 2, "batches": 7}


def test_the_next_epoch_is_whole() -> None:
    loader, _ = make()
    loader.load_state_dict({"epoch": 0, "batches": 5})
    assert len(list(loader)) == 2
    loader.batch_sampler.set_epoch(1)
    assert list(loader) == loader.batch_sampler.batches(1)


def test_place_in_another_epoch_does_not_count() -> None:
    loader, _ = make()
    loader.load_state_dict({"epoch": 0, "batches": 5})
    loader.batch_sampler.set_epoch(1)
    assert list(loader) == loader.batch_sampler.batches(1)


def test_a_place_given_after_iter_still_counts() -> None:
    loader, rows = make()
    batches = iter(loader)
    assert rows.loaded == []
    loader.load_state_dict({"epoch": 3, "batches": 6})
    assert list(batches) == loader.batch_sampler.batches(3)[6:]


def test_workers_leave_interrupts_to_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda *given: seen.append(given))
    ignore_interrupts(0)
    assert seen == [(signal.SIGINT, signal.SIG_IGN)]


def test_it_says_how_long_was_waited_for_its_batches_and_not_for_what_came_between() -> None:
    class Slow(Rows):
        def __getitem__(self, row: int) -> int:
            time.sleep(0.002)
            return super().__getitem__(row)

    order = EpochBatches(np.full(6, 4), 3, seed=1, grouped=False)
    loader = ResumableLoader(Slow(), batch_sampler=order, collate_fn=list)
    began = time.perf_counter_ns()
    for _ in loader:
        time.sleep(0.05)
    whole = time.perf_counter_ns() - began
    assert 12_000_000 <= loader.waited_ns <= whole - 100_000_000

"""Batches dealt out to several processes that train together. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IGNORED = -100  # label of a row that only fills an empty share: its loss is 0, and so is its gradient


@dataclass(frozen=True, slots=True)
class Part:
    """Which of ``processes`` this one is, from 0."""

    rank: int = 0
    processes: int = 1


class Share(list[int]):
    """The rows of one batch that one process computes.

    ``dealt`` has the rows of every process, this one's included. Where this one has none, ``is_filler`` is set, and the
    share holds a row that does not count: all processes must compute something, since each waits for the gradients of
    the others.
    """

    def __init__(self, dealt: list[list[int]], rank: int) -> None:
        super().__init__(dealt[rank] or dealt[0][:1])
        self.dealt = dealt
        self.is_filler = not dealt[rank]


def deal(batch: list[int], lengths: NDArray[np.int64], processes: int) -> list[list[int]]:
    """Return the rows of ``batch`` per process: numbers that differ by one at most, and like lengths.

    Args:
        batch: row positions.
        lengths: tokens per row of the split, (N,).
        processes: at least 1.
    """
    longest_first = np.asarray(batch)[np.argsort(-lengths[batch], kind="stable")].tolist()
    return [longest_first[rank::processes] for rank in range(processes)]


def share_of(batch: list[int], lengths: NDArray[np.int64], part: Part) -> list[int]:
    """Return what ``part`` computes of ``batch``: all of it where there is one process."""
    return batch if part.processes == 1 else Share(deal(batch, lengths, part.processes), part.rank)

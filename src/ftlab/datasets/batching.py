"""Which rows make a batch, and in which order: batch samplers that know row lengths, seed and epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from ftlab.datasets.shares import Part, share_of

_ALONE = Part()
MEGA_BATCHES = 50  # batches sorted by length together: enough for near-equal lengths, few enough to stay random


class EpochBatches(Sampler[list[int]]):
    """Batches of training rows, shuffled anew in each epoch; every row once per epoch.

    The order depends on (seed, epoch) alone, not on the global random state, so that it can be had again.
    With ``grouped``, the shuffled rows are sorted by length inside mega-batches of 50 batches, which leaves little to
    pad; then the batches are shuffled, so that neither long nor short ones come first.

    Lightning calls ``set_epoch`` at the start of each epoch on ``batch_sampler.sampler``, which is why ``sampler``
    is this object (lightning.fabric.utilities.data._set_sampler_epoch). It refuses, aloud, to inject a distributed
    sampler here: several processes need ``Trainer(use_distributed_sampler=False)``, and each gives its ``part`` of
    every batch, so that the batches are the same however many there are.

    Args:
        lengths: tokens per row, (N,).
        batch_size: rows per batch; one batch per epoch may have fewer.
        seed: of the shuffle.
        grouped: put rows of similar length together.
        part: which process this is.
    """

    def __init__(
        self, lengths: NDArray[np.int64], batch_size: int, seed: int, grouped: bool, part: Part = _ALONE
    ) -> None:
        assert batch_size >= 1 and len(lengths) >= 1, "batches need rows"
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.grouped = grouped
        self.part = part
        self.epoch = 0
        self.skip = 0  # batches that the next iteration leaves out at its start

    @property
    def sampler(self) -> EpochBatches:
        """The object Lightning tells the epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0, that the next iteration gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """Give the batches of the epoch as lists of row positions."""
        # A generator, so that an epoch set between iter() and the first batch still counts: Lightning does that.
        done, self.skip = self.skip, 0
        for batch in self.batches(self.epoch)[done:]:
            yield share_of(batch, self.lengths, self.part)

    def batches(self, epoch: int) -> list[list[int]]:
        """Return the batches of ``epoch``, of all processes, as lists of row positions."""
        generator = np.random.default_rng([self.seed, epoch])
        order = generator.permutation(len(self.lengths))
        if not self.grouped:
            return _cut(order, self.batch_size)
        batches = []
        for mega in _cut(order, self.batch_size * MEGA_BATCHES):
            by_length = np.asarray(mega)[np.argsort(self.lengths[mega], kind="stable")]
            batches.extend(_cut(by_length, self.batch_size))
        return [batches[i] for i in generator.permutation(len(batches))]


class SortedBatches(Sampler[list[int]]):
    """Batches of evaluation rows, the longest first: the least padding, and memory that runs out does so at once.

    ``row_ids`` of a batch say which rows these are. Of several processes each gives its ``part`` of every batch.
    """

    def __init__(self, lengths: NDArray[np.int64], batch_size: int, part: Part = _ALONE) -> None:
        assert batch_size >= 1 and len(lengths) >= 1, "batches need rows"
        self._batches = _cut(np.argsort(-lengths, kind="stable"), batch_size)
        self._lengths, self._part = lengths, part

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        """Give the batches as lists of row positions."""
        for batch in self._batches:
            yield share_of(batch, self._lengths, self._part)


def padding_fraction(batches: list[list[int]], lengths: NDArray[np.int64], width: int | None = None) -> float:
    """Return the share of computed tokens that is padding, in [0, 1).

    Args:
        batches: row positions.
        lengths: tokens per row, (N,).
        width: tokens every row is padded to; None: the longest row of its batch.
    """
    computed = sum(len(batch) * (width or int(lengths[batch].max())) for batch in batches)
    real = sum(int(lengths[batch].sum()) for batch in batches)
    return 1.0 - real / computed


def _cut(order: NDArray[np.int64], size: int) -> list[list[int]]:
    rows: list[int] = order.tolist()
    return [rows[start : start + size] for start in range(0, len(rows), size)]

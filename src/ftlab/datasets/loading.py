"""What the data modules of labels and of texts to write share: which loaders there are, and how they load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ftlab.datasets.batching import EpochBatches, SortedBatches, padding_fraction
from ftlab.datasets.loader import ResumableLoader, ignore_interrupts
from ftlab.datasets.shares import Part
from ftlab.schema import DatasetConfig

SplitName = Literal["train", "val", "test"]
ALONE = Part()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows of one split, ready to be batched."""

    data: Dataset[Any]
    lengths: NDArray[np.int64]  # tokens per row, (N,)
    collate: Callable[[Any], dict[str, Tensor]]

    def __post_init__(self) -> None:
        assert isinstance(self.data, Sized) and len(self.data) == len(self.lengths), "one length per row"


class LoadingDataModule(L.LightningDataModule):
    """Gives the loaders of train, val and test; whoever derives from it calls ``_serve`` once its rows are tokens.

    Args:
        cfg: batch sizes and loader processes are read from it.
        part: which process this is, of those that share each batch.
        tests_alone: give test batches whole: one process scores them.
        pin_memory: put batches where a CUDA GPU fetches them by itself; no other device does.
    """

    def __init__(self, cfg: DatasetConfig, part: Part, tests_alone: bool, pin_memory: bool) -> None:
        super().__init__()
        self._max_length = cfg.max_length
        self._num_workers = cfg.num_workers
        self._pin_memory = pin_memory
        self._eval_batch_size = cfg.eval_batch_size
        self._width = cfg.max_length if cfg.batching == "fixed" else None
        self._parts = {"train": part, "val": part, "test": ALONE if tests_alone else part}

    def _serve(self, loaded: Mapping[SplitName, Loaded], train_batches: EpochBatches | None) -> None:
        """Take the rows of the splits, and the training batches; None where there is nothing to train on."""
        self._loaded = loaded
        self._batches = train_batches

    @property
    def _train_batches(self) -> EpochBatches:
        assert self._batches is not None, "there are rows to train on"
        return self._batches

    def padding_fraction(self) -> float:
        """Return the share of the tokens computed in the first training epoch that is padding, in [0, 1)."""
        return padding_fraction(self._train_batches.batches(0), self._train_batches.lengths, self._width)

    def longest(self, rows: int) -> dict[str, Tensor]:
        """Return a batch of the longest training rows, or of all where there are fewer."""
        found = self._loaded["train"]
        places = np.argsort(-found.lengths, kind="stable")[:rows].tolist()
        data: Any = found.data
        return found.collate(data.__getitems__(places))

    def score_at_most(self, rows: int) -> None:
        """Give batches of val and test no more than ``rows``, whatever ``eval_batch_size`` says."""
        self._eval_batch_size = min(self._eval_batch_size, rows)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the training batches, in an order given by seed and epoch; it can begin in the midst of an epoch."""
        if self.trainer is not None:
            self._train_batches.set_epoch(self.trainer.current_epoch)
        return self._loader("train", self._train_batches, ResumableLoader)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the validation batches, the longest rows first."""
        return self._eval_loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        """Return the test batches, the longest rows first."""
        return self._eval_loader("test")

    def _eval_loader(self, split: SplitName) -> DataLoader[Any]:
        lengths = self._loaded[split].lengths
        return self._loader(split, SortedBatches(lengths, self._eval_batch_size, self._parts[split]))

    def _loader(
        self, split: SplitName, batches: Sampler[list[int]], kind: type[DataLoader[Any]] = DataLoader
    ) -> DataLoader[Any]:
        return kind(
            self._loaded[split].data,
            batch_sampler=batches,
            collate_fn=self._loaded[split].collate,
            num_workers=self._num_workers,
            persistent_workers=self._num_workers > 0,
            worker_init_fn=ignore_interrupts,
            pin_memory=self._pin_memory,
            generator=torch.Generator().manual_seed(0),  # else each epoch draws from the global random state
        )

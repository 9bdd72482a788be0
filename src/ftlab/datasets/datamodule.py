"""The data set as Lightning wants it: loaders of token batches, and what is known about their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import lightning as L
import torch
from torch.utils.data import DataLoader, Sampler

from ftlab.datasets.batching import EpochBatches, SortedBatches, padding_fraction
from ftlab.datasets.collate import PadCollator, TokenDataset
from ftlab.datasets.loader import ResumableLoader, ignore_interrupts
from ftlab.datasets.shares import Part
from ftlab.datasets.splits import Rows, Splits
from ftlab.datasets.tokens import tokenize
from ftlab.results import DatasetInfo
from ftlab.schema import DatasetConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SplitName = Literal["train", "val", "test"]
_ALONE = Part()


class TextDataModule(L.LightningDataModule):
    """Tokenises the splits, or takes them from the cache, and batches them.

    A batch: ``input_ids`` and ``attention_mask`` (B, T) int64, ``token_type_ids`` (B, T) int64 where the tokenizer has
    them, ``labels`` (B,) int64 in [0, num_labels), ``row_ids`` (B,) int64: positions in ``rows(split)``. Where several
    processes share each batch, ``whole_labels`` and ``whole_tokens`` too (see ``PadCollator``).

    Args:
        splits: rows as ``read_splits`` gives them.
        tokenizer: a fast tokenizer with a pad token.
        cfg: batching, sizes and max_length are read from it.
        seed: of the training order.
        part: which process this is, of those that share each batch.
        tests_alone: give test batches whole: one process scores them.
        pin_memory: put batches where a CUDA GPU fetches them by itself; no other device does.

    Raises:
        DataError: max_length leaves no room for text, or a row has no token.
    """

    def __init__(
        self,
        splits: Splits,
        tokenizer: PreTrainedTokenizerFast,
        cfg: DatasetConfig,
        seed: int,
        part: Part = _ALONE,
        tests_alone: bool = False,
        pin_memory: bool = False,
    ) -> None:
        super().__init__()
        self.splits = splits
        self.seed = seed
        self.labels: list[str] = splits.labels
        self.class_counts: list[int] = splits.train.counts(len(splits.labels))  # of train, per label
        self._max_length = cfg.max_length
        self._num_workers = cfg.num_workers
        self._pin_memory = pin_memory
        self._eval_batch_size = cfg.eval_batch_size
        self._width = cfg.max_length if cfg.batching == "fixed" else None
        self._collate = PadCollator(tokenizer, self._width)
        tokens = {name: tokenize(rows, tokenizer, cfg.max_length) for name, rows in self._named().items()}
        self._data = {name: TokenDataset(tokens[name], rows.labels) for name, rows in self._named().items()}
        self.truncated_rows: int = sum(split.truncated for split in tokens.values())  # over all splits
        self.mean_test_tokens: float = float(tokens["test"].lengths.mean())  # special tokens included, padding not
        grouped = cfg.batching == "length_grouped"
        self._parts = {"val": part, "test": _ALONE if tests_alone else part}
        self._train_batches = EpochBatches(tokens["train"].lengths, cfg.batch_size, seed, grouped, part)

    def _named(self) -> dict[str, Rows]:
        return {"train": self.splits.train, "val": self.splits.val, "test": self.splits.test}

    def rows(self, split: SplitName) -> Rows:
        """Return the rows of a split; ``row_ids`` of its batches are positions in them."""
        return self._named()[split]

    def texts(self, split: SplitName) -> list[str] | list[tuple[str, str]]:
        """Return the texts of a split, or its pairs of texts, in the order of ``rows``."""
        rows = self.rows(split)
        return list(rows.texts) if rows.pairs is None else list(zip(rows.texts, rows.pairs, strict=True))

    def padding_fraction(self) -> float:
        """Return the share of the tokens computed in the first training epoch that is padding, in [0, 1)."""
        return padding_fraction(self._train_batches.batches(0), self._train_batches.lengths, self._width)

    def info(self) -> DatasetInfo:
        """Return the record of the data set for result.json."""
        splits = self.splits
        return DatasetInfo(
            name=splits.name,
            digest=splits.digest,
            test_digest=splits.test_digest,
            labels=list(splits.labels),
            train_rows=len(splits.train),
            val_rows=len(splits.val),
            test_rows=len(splits.test),
            max_length=self._max_length,
            truncated_rows=self.truncated_rows,
            duplicate_rows=splits.duplicate_rows,
            leaked_rows=splits.leaked_rows,
        )

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
        lengths = self._data[split].tokens.lengths
        return self._loader(split, SortedBatches(lengths, self._eval_batch_size, self._parts[split]))

    def _loader(
        self, split: SplitName, batches: Sampler[list[int]], kind: type[DataLoader[Any]] = DataLoader
    ) -> DataLoader[Any]:
        return kind(
            self._data[split],
            batch_sampler=batches,
            collate_fn=self._collate,
            num_workers=self._num_workers,
            persistent_workers=self._num_workers > 0,
            worker_init_fn=ignore_interrupts,
            pin_memory=self._pin_memory,
            generator=torch.Generator().manual_seed(0),  # else each epoch draws from the global random state
        )

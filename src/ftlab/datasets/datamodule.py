"""The data set as Lightning wants it: loaders of token batches, and what is known about their rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ftlab.datasets.batching import EpochBatches
from ftlab.datasets.collate import PadCollator, TokenDataset
from ftlab.datasets.loading import ALONE, Loaded, LoadingDataModule, SplitName
from ftlab.datasets.options import packed_labels, step_rows
from ftlab.datasets.shares import Part
from ftlab.datasets.splits import Rows, Splits
from ftlab.datasets.tokens import tokenize
from ftlab.errors import ConfigError
from ftlab.results import DatasetInfo
from ftlab.schema import DatasetConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class TextDataModule(LoadingDataModule):
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
        wrap: puts a prompt around each text before it is tokenised; ``texts`` gives them without. None: nothing.

    Raises:
        ConfigError: rows with labels cannot be packed.
        DataError: max_length leaves no room for text, or a row has no token.
    """

    def __init__(
        self,
        splits: Splits,
        tokenizer: PreTrainedTokenizerFast,
        cfg: DatasetConfig,
        seed: int,
        part: Part = ALONE,
        tests_alone: bool = False,
        pin_memory: bool = False,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(cfg, part, tests_alone, pin_memory)
        if faults := packed_labels(cfg):
            raise ConfigError(*faults)
        self.splits = splits
        self.seed = seed
        self.labels: list[str] = splits.labels
        self.class_counts: list[int] = splits.train.counts(len(splits.labels))  # of train, per label
        collate = PadCollator(tokenizer, self._width)
        tokens = {
            name: tokenize(rows if wrap is None else rows.mapped(wrap), tokenizer, cfg.max_length)
            for name, rows in self._named().items()
        }
        self.truncated_rows: int = sum(split.truncated for split in tokens.values())  # over all splits
        self.mean_test_tokens: float = float(tokens["test"].lengths.mean())  # special tokens included, padding not
        self._serve(
            {
                name: Loaded(TokenDataset(tokens[name], rows.labels), tokens[name].lengths, collate)
                for name, rows in self._named().items()
            },
            EpochBatches(tokens["train"].lengths, step_rows(cfg), seed, cfg.batching == "length_grouped", part),
        )

    def _named(self) -> dict[SplitName, Rows]:
        return {"train": self.splits.train, "val": self.splits.val, "test": self.splits.test}

    def rows(self, split: SplitName) -> Rows:
        """Return the rows of a split; ``row_ids`` of its batches are positions in them."""
        return self._named()[split]

    def texts(self, split: SplitName) -> list[str] | list[tuple[str, str]]:
        """Return the texts of a split, or its pairs of texts, in the order of ``rows``."""
        rows = self.rows(split)
        return list(rows.texts) if rows.pairs is None else list(zip(rows.texts, rows.pairs, strict=True))

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

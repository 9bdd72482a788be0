"""Rows of token ids to one batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ftlab.datasets.shares import IGNORED, Share
from ftlab.datasets.tokens import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Batch = dict[str, Tensor]
Row = tuple[int, int, NDArray[np.int32], NDArray[np.int8] | None]  # row id, label, token ids, token types


class SharedRows(list[Row]):
    """Rows of one process, with what it must know of the others: ``labels`` of the whole batch, and all lengths.

    ``lengths``: tokens of each row, by process.
    """

    labels: list[int]
    lengths: list[list[int]]


class TokenDataset(Dataset[Row]):
    """The rows of one split: token ids with their label.

    Args:
        tokens: of N rows.
        labels: N label numbers.
    """

    def __init__(self, tokens: Tokens, labels: Sequence[int]) -> None:
        assert len(tokens) == len(labels), "one label per row"
        self.tokens = tokens
        self.labels = labels

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.labels)

    def __getitem__(self, row: int) -> Row:
        """Return row id, label, token ids (T,) and token types (T,) or None."""
        part = slice(self.tokens.offsets[row], self.tokens.offsets[row + 1])
        types = self.tokens.types
        return row, self.labels[row], self.tokens.ids[part], None if types is None else types[part]

    def __getitems__(self, rows: list[int]) -> list[Row]:
        """Return the rows of a batch, which torch's loader asks for at once."""
        if not isinstance(rows, Share):
            return [self[row] for row in rows]
        found, starts = SharedRows(self[row] for row in rows), self.tokens.offsets
        if rows.is_filler:
            found[:] = [(row, IGNORED, ids, types) for row, _, ids, types in found]
        found.labels = [self.labels[row] for dealt in rows.dealt for row in dealt]
        found.lengths = [[int(starts[row + 1] - starts[row]) for row in dealt] for dealt in rows.dealt]
        return found


class PadCollator:
    """Pads rows to one width and stacks them.

    Gives ``input_ids`` and ``attention_mask`` (B, T) int64, ``token_type_ids`` (B, T) int64 where the tokenizer has
    them, ``labels`` and ``row_ids`` (B,) int64. T is ``width``, or the length of the longest row of the batch.

    Of a batch that several processes share: ``whole_labels`` (all its rows,) int64, and ``whole_tokens`` (2,) int64:
    the tokens of all its rows, and those that the processes compute, padding included.

    Args:
        tokenizer: says with what, and on which side, to pad.
        width: fixed number of tokens; None: as long as needed.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, width: int | None = None) -> None:
        assert isinstance(tokenizer.pad_token_id, int), "a tokenizer that is loaded for batches has a pad token"
        self.pad = tokenizer.pad_token_id
        self.pad_type = tokenizer.pad_token_type_id
        self.left = tokenizer.padding_side == "left"
        self.width = width

    def __call__(self, rows: Sequence[Row]) -> Batch:
        """Return the batch of ``rows``."""
        width = self.width or max(len(row[2]) for row in rows)
        ids = np.full((len(rows), width), self.pad, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        types = np.full((len(rows), width), self.pad_type, np.int64)
        for line, (_, _, row_ids, row_types) in enumerate(rows):
            place = slice(width - len(row_ids), width) if self.left else slice(len(row_ids))
            ids[line, place] = row_ids
            mask[line, place] = 1
            if row_types is not None:
                types[line, place] = row_types
        batch = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if rows[0][3] is not None:
            batch["token_type_ids"] = torch.from_numpy(types)
        batch["labels"] = torch.tensor([row[1] for row in rows], dtype=torch.int64)
        batch["row_ids"] = torch.tensor([row[0] for row in rows], dtype=torch.int64)
        if isinstance(rows, SharedRows):
            batch["whole_labels"] = torch.tensor(rows.labels, dtype=torch.int64)
            batch["whole_tokens"] = torch.tensor(computed_tokens(rows.lengths, self.width), dtype=torch.int64)
        return batch


def computed_tokens(lengths: list[list[int]], width: int | None) -> tuple[int, int]:
    """Return the tokens of a batch, and those that its processes compute, padding included.

    Args:
        lengths: tokens of each row, by process.
        width: tokens every row is padded to; None: the longest row of its process.
    """
    computed = sum(len(dealt) * (width or max(dealt)) for dealt in lengths if dealt)
    return sum(sum(dealt) for dealt in lengths), computed

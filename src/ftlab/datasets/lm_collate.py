"""Rows of a language model to one batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ftlab.datasets.collate import computed_tokens
from ftlab.datasets.lm_tokens import LmTokens
from ftlab.datasets.shares import IGNORED, Share

Batch = dict[str, Tensor]
LmRow = tuple[int, NDArray[np.int32], NDArray[np.bool_]]  # row id, token ids, which of them are to be predicted


class LmRows(list[list[LmRow]]):
    """The lines of a batch that one process computes; each holds one row, or several that are packed.

    ``supervised``: tokens to be predicted in the whole batch, of all processes. ``examples``: rows of the whole batch.
    ``lengths``: tokens of each line, by process.
    """

    supervised: int
    examples: int
    lengths: list[list[int]]


class LmDataset(Dataset[list[LmRow]]):
    """The lines of one split.

    Args:
        tokens: of N rows.
        lines: the rows of each line; None: each row is a line.
    """

    def __init__(self, tokens: LmTokens, lines: Sequence[Sequence[int]] | None = None) -> None:
        self.tokens = tokens
        self._lines = lines
        counts, lengths = tokens.supervised_counts, tokens.lengths
        if lines is not None:
            counts = np.array([counts[list(line)].sum() for line in lines], np.int64)
            lengths = np.array([lengths[list(line)].sum() for line in lines], np.int64)
        self._counts = counts
        self.lengths: NDArray[np.int64] = lengths  # tokens per line

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.lengths)

    def __getitem__(self, line: int) -> list[LmRow]:
        """Return the rows of a line: row id, token ids (T,) and marks (T,)."""
        return [(row, *self.tokens.row(row)) for row in ([line] if self._lines is None else self._lines[line])]

    def __getitems__(self, lines: list[int]) -> LmRows:
        """Return the lines of a batch, which torch's loader asks for at once."""
        found = LmRows(self[line] for line in lines)
        dealt = lines.dealt if isinstance(lines, Share) else [lines]
        if isinstance(lines, Share) and lines.is_filler:
            found[:] = [[(row, ids, np.zeros_like(marks)) for row, ids, marks in line] for line in found]
        whole = [line for process in dealt for line in process]
        found.supervised = int(self._counts[whole].sum())
        found.examples = len(whole) if self._lines is None else sum(len(self._lines[line]) for line in whole)
        found.lengths = [self.lengths[process].tolist() if process else [] for process in dealt]
        return found


class LmCollator:
    """Pads lines of one row each, on the right, to one width and stacks them.

    Gives ``input_ids`` and ``attention_mask`` (B, T) int64; ``labels`` (B, T) int64: the tokens to be predicted at
    their own places (the module shifts them), -100 elsewhere and at each first token; ``row_ids`` (B,) int64. Of the
    whole batch, whoever computes it: ``whole_supervised`` () int64, the number of labels that count;
    ``whole_examples`` () int64, its rows; ``whole_tokens`` (2,) int64: the tokens of all its rows, and those that are
    computed, padding included.

    Args:
        pad: id to pad with.
        width: fixed number of tokens; None: as long as needed.
    """

    def __init__(self, pad: int, width: int | None = None) -> None:
        self.pad = pad
        self.width = width

    def __call__(self, lines: LmRows) -> Batch:
        """Return the batch of ``lines``."""
        rows = [line[0] for line in lines]
        width = self.width or max(len(ids) for _, ids, _ in rows)
        ids, labels = blank(len(rows), width, self.pad)
        mask = np.zeros((len(rows), width), np.int64)
        for line, (_, row_ids, marks) in enumerate(rows):
            put(ids[line], labels[line], 0, row_ids, marks)
            mask[line, : len(row_ids)] = 1
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
            "labels": torch.from_numpy(labels),
            "row_ids": torch.tensor([row for row, _, _ in rows], dtype=torch.int64),
            **whole(lines, self.width),
        }


def blank(lines: int, width: int, pad: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return token ids and labels (lines, width) of nothing but padding."""
    return np.full((lines, width), pad, np.int64), np.full((lines, width), IGNORED, np.int64)


def put(
    ids: NDArray[np.int64], labels: NDArray[np.int64], start: int, row: NDArray[np.int32], marks: NDArray[np.bool_]
) -> None:
    """Write a row into a line (T,) of token ids and labels."""
    place = slice(start, start + len(row))
    ids[place] = row
    labels[place] = np.where(marks, row, IGNORED)
    labels[start] = IGNORED  # nothing stands before it that could predict it


def whole(lines: LmRows, width: int | None) -> Batch:
    """Return what a process must know of the whole batch, of which it may compute a share."""
    return {
        "whole_supervised": torch.tensor(lines.supervised, dtype=torch.int64),
        "whole_examples": torch.tensor(lines.examples, dtype=torch.int64),
        "whole_tokens": torch.tensor(computed_tokens(lines.lengths, width), dtype=torch.int64),
    }

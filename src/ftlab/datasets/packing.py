"""Several texts in one line of a batch, so that little of it is padding; they do not see each other.

Exact, whatever the network: positions begin anew with each text, a mask keeps the texts apart, and the first token of
each is predicted from nothing. Positions alone would not do: networks read them so only where no cache is built.
"""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ftlab.datasets.lm_collate import Batch, LmRows, blank, put, whole


def pack(lengths: NDArray[np.int64], width: int, seed: int = 0) -> list[list[int]]:
    """Return the rows of each line: best fit, the longest first (Johnson, 1973: at most 22% more lines than needed).

    Each row goes into the fullest line that has room for it. Rows of one length are dealt in an order given by the
    seed.

    Args:
        lengths: tokens per row, (N,), each at most ``width``.
        width: tokens per line, at most.
        seed: of the order among equals.
    """
    assert not len(lengths) or lengths.max() <= width, "rows were cut to the width"
    order = np.random.default_rng(seed).permutation(len(lengths))
    order = order[np.argsort(-lengths[order], kind="stable")]
    lines: list[list[int]] = []
    with_room: dict[int, list[int]] = {}  # lines by the tokens that are free
    rooms: list[int] = []  # the keys of it, ascending
    for row, length in zip(order.tolist(), lengths[order].tolist(), strict=True):
        place = bisect_left(rooms, length)
        if place == len(rooms):
            line, room = len(lines), width
            lines.append([])
        else:
            room = rooms[place]
            line = with_room[room].pop()
            if not with_room[room]:
                del with_room[room], rooms[place]
        lines[line].append(row)
        if (left := room - length) > 0:
            if left not in with_room:
                insort(rooms, left)
            with_room.setdefault(left, []).append(line)
    return lines


class PackCollator:
    """Stacks lines of several rows each.

    Gives ``input_ids``, ``position_ids`` and ``labels`` (B, T) int64, ``attention_mask`` (B, 1, T, T) bool: true where
    a token (third axis) may attend to another (fourth): to those of its own text up to itself; padding attends to
    itself alone, since a line of the mask without any would give no number. And of the whole batch what ``LmCollator``
    gives; ``row_ids`` are left out, for a line has many.

    Args:
        pad: id to pad with.
        width: fixed number of tokens; None: the longest line of the batch.
    """

    def __init__(self, pad: int, width: int | None = None) -> None:
        self.pad = pad
        self.width = width

    def __call__(self, lines: LmRows) -> Batch:
        """Return the batch of ``lines``."""
        used = [sum(len(ids) for _, ids, _ in line) for line in lines]
        width = self.width or max(used)
        ids, labels = blank(len(lines), width, self.pad)
        positions = np.zeros((len(lines), width), np.int64)
        texts = np.tile(np.arange(width, dtype=np.int64), (len(lines), 1))  # which text each token is of
        for number, line in enumerate(lines):
            start = 0
            for _, row, marks in line:
                put(ids[number], labels[number], start, row, marks)
                positions[number, start : start + len(row)] = np.arange(len(row))
                texts[number, start : start + len(row)] = start
                start += len(row)
        return {
            "input_ids": torch.from_numpy(ids),
            "position_ids": torch.from_numpy(positions),
            "attention_mask": block_causal(torch.from_numpy(texts)),
            "labels": torch.from_numpy(labels),
            **whole(lines, self.width),
        }


def block_causal(texts: Tensor) -> Tensor:
    """Return which tokens see which, (B, 1, T, T) bool, given the number of the text of each token, (B, T).

    For ``attention=sdpa``; eager attention adds its mask to the scores, and needs numbers instead of booleans.
    """
    same = texts[:, :, None] == texts[:, None, :]
    return same.tril()[:, None]

"""Many texts as token numbers in flat arrays, cut into batches of like length and padded without a loop over rows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Text = str | tuple[str, str]  # a text, or a pair
Ints = npt.NDArray[np.int64]

_SLICE = 1024  # texts tokenised per call: Python's lists of numbers take ten times the room of the arrays they become


@dataclass(frozen=True, slots=True)
class Tokens:
    """N texts, tokenised and cut, one behind the other.

    Args:
        flat: input name (``input_ids``, ``token_type_ids``) -> the numbers of all texts.
        starts: (N,) where each text begins.
        lengths: (N,) tokens per text.
        padding: input name -> what stands behind the end of a text.
    """

    flat: dict[str, npt.NDArray[np.int32]]
    starts: Ints
    lengths: Ints
    padding: dict[str, int]

    @classmethod
    def of(cls, tokenizer: Any, texts: Sequence[Text], max_length: int) -> Tokens:  # noqa: ANN401 - as in tokenizer.py
        """Tokenise ``texts`` with a fast tokenizer that pads on the right; longer ones lose their end."""
        assert tokenizer.padding_side == "right", "load_tokenizer sets it"
        parts: dict[str, list[npt.NDArray[np.int32]]] = {}
        lengths: list[int] = []
        for start in range(0, len(texts), _SLICE):
            first, second = split_pairs(texts[start : start + _SLICE])
            encoded = tokenizer(first, second, truncation=True, max_length=max_length, return_attention_mask=False)
            lengths += map(len, encoded["input_ids"])
            for name, rows in encoded.items():
                parts.setdefault(name, []).append(np.fromiter(itertools.chain.from_iterable(rows), np.int32))
        padding = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
        flat = {name: np.concatenate(arrays) for name, arrays in parts.items()}
        sizes = np.asarray(lengths, np.int64)
        return cls(flat, np.cumsum(sizes) - sizes, sizes, {name: padding[name] for name in flat})

    def batches(self, rows: int | None, tokens: int) -> list[Ints]:
        """Return the numbers of the texts of each batch, from the shortest texts to the longest.

        Args:
            rows: per batch; None: as many as ``tokens`` holds, padding included, and at least one.
            tokens: per batch, where ``rows`` is None.
        """
        order = np.argsort(self.lengths, kind="stable")
        if rows is not None:
            return [order[start : start + rows] for start in range(0, len(order), rows)]
        ordered = self.lengths[order].tolist()
        found, start = [], 0
        for end, length in enumerate(ordered):
            if end > start and (end - start + 1) * length > tokens:
                found.append(order[start:end])
                start = end
        return [*found, order[start:]]

    def padded(self, rows: Ints) -> dict[str, Ints]:
        """Return the network's inputs for ``rows`` (B,): each (B, T) int64, with ``attention_mask``."""
        lengths = self.lengths[rows]
        place = np.arange(lengths.max())  # (T,)
        inside = place < lengths[:, None]  # (B, T)
        where = np.where(inside, self.starts[rows][:, None] + place, 0)
        inputs = {
            name: np.where(inside, numbers[where], self.padding[name]).astype(np.int64)
            for name, numbers in self.flat.items()
        }
        return {**inputs, "attention_mask": inside.astype(np.int64)}


def split_pairs(texts: Sequence[Text]) -> tuple[list[str], list[str] | None]:
    """Return first and second texts as tokenizers take them; None where ``texts`` holds no pairs."""
    if texts and isinstance(texts[0], tuple):
        return [t[0] for t in texts], [t[1] for t in texts]
    return [str(t) for t in texts], None

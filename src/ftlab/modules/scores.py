"""What a pass over a split leaves behind: one row per example, in the order of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Outputs of one split, sorted by row.

    ``row_ids`` (N,), ``labels`` (N,) in [0, C), ``logits`` (N, C), ``losses`` (N,) in nats, unweighted.
    """

    row_ids: Ints
    labels: Ints
    logits: Floats
    losses: Floats

    @property
    def probabilities(self) -> Floats:
        """Softmax of the logits, (N, C)."""
        shifted = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        probabilities: Floats = shifted / shifted.sum(axis=1, keepdims=True)
        return probabilities

    @property
    def predictions(self) -> Ints:
        """Most likely label of each row, (N,)."""
        predictions: Ints = self.logits.argmax(axis=1)
        return predictions


class ScoreCollector:
    """Gathers batches on the CPU; ``scores()`` sorts them. Memory: C + 3 numbers per row."""

    def __init__(self) -> None:
        self._batches: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def add(self, row_ids: Tensor, labels: Tensor, logits: Tensor, losses: Tensor) -> None:
        """Keep one batch: (B,), (B,), (B, C), (B,)."""
        self._batches.append((row_ids.cpu(), labels.cpu(), logits.detach().float().cpu(), losses.detach().cpu()))

    def scores(self) -> Scores:
        """Return all rows gathered so far, each once (a distributed sampler may repeat some)."""
        row_ids, labels, logits, losses = (torch.cat(part).numpy() for part in zip(*self._batches, strict=True))
        kept, first = np.unique(row_ids, return_index=True)
        return Scores(kept, labels[first], logits[first].astype(np.float64), losses[first].astype(np.float64))

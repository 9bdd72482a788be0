"""What a pass over a split leaves behind: one row per example, in the order of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ftlab.processes import collective

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


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Rows of all processes, each once, sorted.

    ``row_ids`` (N,), ``labels`` (N,), ``logits`` (N, C), ``losses`` (N,).
    """

    row_ids: Tensor
    labels: Tensor
    logits: Tensor
    losses: Tensor

    def to_scores(self) -> Scores:
        """Return them as arrays."""
        row_ids, labels = self.row_ids.cpu().numpy(), self.labels.cpu().numpy()
        return Scores(row_ids, labels, self.logits.double().cpu().numpy(), self.losses.double().cpu().numpy())


class ScoreCollector:
    """Gathers the batches of one pass where they were computed. Memory there: C + 3 numbers per row."""

    def __init__(self) -> None:
        self._batches: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def add(self, row_ids: Tensor, labels: Tensor, logits: Tensor, losses: Tensor) -> None:
        """Keep one batch: (B,), (B,), (B, C), (B,)."""
        self._batches.append((row_ids, labels, logits.detach().float(), losses.detach()))

    def rows(self) -> ScoredRows:
        """Return all rows of the pass; all processes of a training must call it. Rows that only fill are left out."""
        parts = [collective.concatenated(torch.cat(part)) for part in zip(*self._batches, strict=True)]
        counting = (parts[1] >= 0).nonzero().squeeze(1)
        order = counting[parts[0][counting].argsort(stable=True)]
        return ScoredRows(*(part[order] for part in parts))

"""What a pass of a causal language model over a split leaves behind: sums per row, never logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ftlab.processes import collective

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class LmScores:
    """Teacher-forced outputs of one split, sorted by row.

    ``row_ids`` (N,), ``loss_sums`` (N,) in nats over the row's supervised tokens, ``supervised_tokens`` (N,);
    ``argmax``: the most likely token before each supervised one, N arrays of as many; None where not asked for.
    """

    row_ids: Ints
    loss_sums: Floats
    supervised_tokens: Ints
    argmax: list[Tokens] | None = None

    @property
    def loss(self) -> float:
        """Nats per supervised token of the split; NaN where none is."""
        tokens = int(self.supervised_tokens.sum())
        return float(self.loss_sums.sum()) / tokens if tokens else float("nan")

    @property
    def perplexity(self) -> float:
        """``exp(loss)``."""
        return float(np.exp(self.loss))


class LmCollector:
    """Gathers the batches of one pass. Memory: three numbers per row, and 4 bytes per supervised token for argmax."""

    def __init__(self) -> None:
        self._row_ids: list[Tensor] = []
        self._sums: list[Tensor] = []
        self._counts: list[Tensor] = []
        self._argmax: list[Tensor] = []

    def add(self, row_ids: Tensor, loss_sums: Tensor, counts: Tensor, argmax: Tensor | None = None) -> None:
        """Keep one batch: (B,), (B,) in nats, (B,) supervised tokens, and their (sum of counts,) token ids."""
        self._row_ids.append(row_ids)
        self._sums.append(loss_sums.detach())
        self._counts.append(counts)
        if argmax is not None:
            self._argmax.append(argmax.int())

    def scores(self) -> LmScores:
        """Return all rows of the pass, each once; all processes of a training must call it.

        A row that only fills an empty share of a process has no supervised token, and its like in another process has:
        of rows with the same id, the one with the most tokens stays.
        """
        row_ids = collective.concatenated(torch.cat(self._row_ids)).cpu().numpy()
        sums = collective.concatenated(torch.cat(self._sums)).cpu().double().numpy()
        counts = collective.concatenated(torch.cat(self._counts)).cpu().numpy()
        order = np.lexsort((-counts, row_ids))
        order = order[np.unique(row_ids[order], return_index=True)[1]]
        argmax = None
        if self._argmax:
            tokens = collective.concatenated(torch.cat(self._argmax)).cpu().numpy()
            ends = counts.cumsum()
            argmax = [tokens[ends[row] - counts[row] : ends[row]] for row in order]
        return LmScores(row_ids[order], sums[order], counts[order], argmax)

"""Accumulated batches weighed by their tokens."""

from __future__ import annotations

from torch import Tensor


class TokenWindow:
    """Counts the tokens of the batches whose gradients one step adds up.

    How many tokens the step will have is not known when its first batch comes. So each batch's sum of losses is divided
    by the tokens of the first, and the gradients are put right when the step is taken: exact, with nothing read ahead.
    Counts are tensors where the batches are, so that an accelerator is not waited for.
    """

    def __init__(self) -> None:
        self._first: Tensor | None = None
        self._total: Tensor | None = None

    def add(self, tokens: Tensor) -> Tensor:
        """Count a batch; return what its sum of losses is to be divided by, 0-dim."""
        if self._first is None or self._total is None:
            self._first = self._total = tokens
        else:
            self._total = self._total + tokens
        return self._first

    def close(self, divided_by: int) -> Tensor | None:
        """Return what the gradients must be multiplied with, and begin anew; None where nothing was counted.

        Args:
            divided_by: what else each loss was divided by: the number of batches that a whole step has.
        """
        first, total = self._first, self._total
        self._first = self._total = None
        return None if first is None or total is None else first * divided_by / total

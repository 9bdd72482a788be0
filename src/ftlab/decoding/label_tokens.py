"""The answers that a prompt allows, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

IGNORED = -100  # what is no target


@dataclass(frozen=True, slots=True)
class Answers:
    """C answers: the first token of each, and for each of the L tokens that others follow, which, where and whose.

    ``lengths``, ``first`` (C,); ``given``, ``next``, ``label``, ``depth`` (L,): the token, the one behind it, whose
    answer, and how many of the answer come before it. ``padded`` (C, N), with -100 behind an answer's end.
    """

    lengths: Tensor
    first: Tensor
    given: Tensor
    next: Tensor
    label: Tensor
    depth: Tensor
    padded: Tensor

    @classmethod
    def of(cls, answers: Sequence[Sequence[int]]) -> Answers:
        """Return the answers, given as token ids."""
        inner = [
            (answer[i], answer[i + 1], label, i) for label, answer in enumerate(answers) for i in range(len(answer) - 1)
        ]
        columns = torch.tensor(inner, dtype=torch.int64).reshape(-1, 4).unbind(dim=1)
        whole = [torch.tensor(answer, dtype=torch.int64) for answer in answers]
        padded = pad_sequence(whole, batch_first=True, padding_value=IGNORED)
        given, following, label, depth = columns
        lengths = torch.tensor([len(answer) for answer in answers])
        return cls(lengths, padded[:, 0], given, following, label, depth, padded)

    @property
    def width(self) -> int:
        """L."""
        return len(self.given)

    def to(self, device: torch.device) -> Answers:
        """Return them on ``device``."""
        if self.first.device == device:
            return self
        return Answers(*(getattr(self, name).to(device) for name in self.__slots__))

    def visible(self) -> Tensor:
        """Return which of the L tokens (column) each of them (row) may see: those of its answer up to itself."""
        same = self.label[:, None] == self.label
        return same & (self.depth[:, None] >= self.depth)

    def appended(self, ids: Tensor, mask: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ids, mask and targets (B, T + N) of suffixes with one answer each, right behind the text.

        Args:
            ids: (B, T), padded on the right.
            mask: (B, T), 1 where there is a token.
            labels: (B,) whose answer; -100: none, and nothing of the row is a target.

        Returns:
            The targets are -100 but at the answer's tokens, in the place where these stand in ``ids``.
        """
        wanted = self.padded[labels.clamp_min(0)].masked_fill((labels < 0)[:, None], IGNORED)  # (B, N)
        places = mask.sum(dim=1, keepdim=True) + torch.arange(wanted.shape[1], device=ids.device)  # (B, N)
        room = ids.new_zeros(wanted.shape)
        found = torch.cat([ids, room], dim=1).scatter(1, places, wanted.clamp_min(0))
        seen = torch.cat([mask, room], dim=1).scatter(1, places, (wanted >= 0).to(mask.dtype))
        targets = torch.full_like(found, IGNORED).scatter(1, places, wanted)
        return found, seen, targets

"""Sums per row, each row once."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ftlab.modules.lm_scores import LmCollector
from ftlab.processes import collective


def test_rows_come_back_in_the_order_of_the_data_with_their_tokens() -> None:
    collector = LmCollector()
    collector.add(torch.tensor([2, 0]), torch.tensor([6.0, 1.0]), torch.tensor([3, 1]), torch.tensor([7, 8, 9, 5]))
    collector.add(torch.tensor([1]), torch.tensor([0.0]), torch.tensor([0]), torch.tensor([], dtype=torch.int64))
    scores = collector.scores()
    assert scores.row_ids.tolist() == [0, 1, 2]
    assert scores.loss_sums.tolist() == [1.0, 0.0, 6.0]
    assert scores.supervised_tokens.tolist() == [1, 0, 3]
    assert scores.argmax is not None and [one.tolist() for one in scores.argmax] == [[5], [], [7, 8, 9]]
    assert {one.dtype.name for one in scores.argmax} == {"int32"}
    assert scores.loss == 7 / 4  # by tokens, not by rows
    assert scores.perplexity == pytest.approx(math.exp(7 / 4), rel=1e-12)


def test_a_row_that_only_fills_a_share_counts_once_where_it_was_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [torch.tensor([0, 1]), torch.tensor([2.0, 3.0]), torch.tensor([1, 2]), torch.tensor([4, 5, 6])]

    def with_another_process(mine: Tensor) -> Tensor:
        return torch.cat([mine, others.pop(0)])

    monkeypatch.setattr(collective, "concatenated", with_another_process)
    collector = LmCollector()
    collector.add(torch.tensor([0]), torch.tensor([0.0]), torch.tensor([0]), torch.tensor([], dtype=torch.int64))
    scores = collector.scores()
    assert scores.row_ids.tolist() == [0, 1]
    assert scores.loss_sums.tolist() == [2.0, 3.0]
    assert scores.argmax is not None and [one.tolist() for one in scores.argmax] == [[4], [5, 6]]


def test_argmax_is_none_where_it_was_not_asked_for() -> None:
    collector = LmCollector()
    collector.add(torch.tensor([0]), torch.tensor([2.5]), torch.tensor([1]))
    assert collector.scores().argmax is None

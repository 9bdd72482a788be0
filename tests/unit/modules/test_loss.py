"""The shares of a loss add up to the loss, and their gradients to its gradient."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from ftlab.datasets.shares import IGNORED, deal
from ftlab.modules.classifier import ClassifierModule
from ftlab.modules.loss import training_loss

WEIGHTS = [None, [0.5, 2.0, 1.0]]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        return SimpleNamespace(logits=self.head(torch.tanh(self.table(input_ids)).mean(dim=1)))


def batch_of(rows: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "input_ids": torch.randint(0, 30, (rows, 4), generator=generator),
        "attention_mask": torch.ones(rows, 4, dtype=torch.int64),
        "labels": torch.randint(0, 3, (rows,), generator=generator),
        "row_ids": torch.arange(rows),
    }


def shares_of(batch: dict[str, Tensor], processes: int) -> list[dict[str, Tensor]]:
    rows = len(batch["labels"])
    shares = []
    for dealt in deal(list(range(rows)), np.arange(rows), processes):
        share = {name: tensor[dealt or [0]] for name, tensor in batch.items()}
        if not dealt:
            share["labels"] = torch.tensor([IGNORED])
        shares.append({**share, "whole_labels": batch["labels"]})
    return shares


def loss_of(net: nn.Module, batch: dict[str, Tensor], weight: list[float] | None, smoothing: float) -> Tensor:
    logits = net(batch["input_ids"], batch["attention_mask"]).logits
    return training_loss(logits, batch, None if weight is None else torch.tensor(weight).double(), smoothing)


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 9),
    processes=st.integers(2, 5),
    weight=st.sampled_from(WEIGHTS),
    smoothing=st.sampled_from([0.0, 0.1]),
    seed=st.integers(0, 99),
)
def test_shares_add_up_to_the_mean_over_the_batch_and_so_do_gradients(
    rows: int, processes: int, weight: list[float] | None, smoothing: float, seed: int
) -> None:
    torch.manual_seed(seed)
    net, batch = Net().double(), batch_of(rows, seed)
    whole = loss_of(net, batch, weight, smoothing)
    by_torch = F.cross_entropy(
        net(batch["input_ids"], batch["attention_mask"]).logits,
        batch["labels"],
        weight=None if weight is None else torch.tensor(weight).double(),
        label_smoothing=smoothing,
    )
    assert torch.equal(whole, by_torch)
    expected = torch.autograd.grad(whole, list(net.parameters()))
    found = [torch.zeros_like(p) for p in net.parameters()]
    total = 0.0
    for share in shares_of(batch, processes):
        loss = loss_of(net, share, weight, smoothing)
        total += loss.item()
        # What a process holds after its backward, averaged over the processes as DDP does.
        for place, gradient in zip(found, torch.autograd.grad(loss * processes, list(net.parameters())), strict=True):
            place += gradient / processes
    assert total == pytest.approx(whole.item(), abs=1e-12)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)


def test_accumulated_batches_of_unequal_size_keep_their_weight() -> None:
    torch.manual_seed(0)
    net = Net().double()
    batches = [batch_of(6, 1), batch_of(1, 2)]
    one, many = copy.deepcopy(net), net
    for batch in batches:
        (loss_of(one, batch, None, 0.0) / len(batches)).backward()
    for batch in batches:
        for share in shares_of(batch, 3):
            (loss_of(many, share, None, 0.0) * 3 / len(batches) / 3).backward()
    for ours, theirs in zip(many.parameters(), one.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, rtol=0, atol=1e-12)  # type: ignore[arg-type]


def test_the_module_returns_its_share_and_beside_it_the_loss_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from ftlab.processes import collective

    module = ClassifierModule(Net(), MetricCollection({"accuracy": MulticlassAccuracy(3)}))
    batch = batch_of(5, 0)
    shares = shares_of(batch, 2)
    others = training_loss(module(shares[1]), shares[1], None, 0.0).item()
    monkeypatch.setattr(collective, "count", lambda: 2)
    monkeypatch.setattr(collective, "summed", lambda share: share + others)
    found: Any = module.training_step(shares[0], 0)
    whole = found["batch_loss"].item()
    assert whole == pytest.approx(F.cross_entropy(module(batch), batch["labels"]).item(), rel=1e-6)
    assert found["loss"].item() == pytest.approx(2 * (whole - others), rel=1e-5)

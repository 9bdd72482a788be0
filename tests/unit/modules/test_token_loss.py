"""A loss made chunk by chunk is the loss, and its gradients are its gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ftlab.modules import token_loss

VOCABULARY = 50


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradients_are_those_of_torch(smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_loss, "CHUNK_BYTES", 4 * 4 * VOCABULARY)
    head = nn.Linear(6, VOCABULARY).double()
    hidden = torch.randn(11, 6, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, VOCABULARY, (11,))
    wanted = [hidden, head.weight, head.bias]
    ours = token_loss.summed_loss_of(hidden, head, targets, smoothing)
    plain = F.cross_entropy(head(hidden), targets, label_smoothing=smoothing, reduction="sum")
    assert ours.item() == pytest.approx(plain.item(), abs=1e-12)
    for a, b in zip(torch.autograd.grad(ours / 7, wanted), torch.autograd.grad(plain / 7, wanted), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-12)


def test_a_frozen_head_gets_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_loss, "CHUNK_BYTES", 4 * 4 * VOCABULARY)
    head = nn.Linear(6, VOCABULARY, bias=False).requires_grad_(False)
    hidden = torch.randn(9, 6, requires_grad=True)
    token_loss.summed_loss_of(hidden, head, torch.zeros(9, dtype=torch.int64)).backward()
    assert head.weight.grad is None
    assert hidden.grad is not None and bool(hidden.grad.abs().sum() > 0)


def test_no_places_lose_nothing_and_give_gradients_of_zero() -> None:
    head, hidden = nn.Linear(6, VOCABULARY), torch.randn(0, 6, requires_grad=True)
    loss = token_loss.summed_loss_of(hidden, head, torch.zeros(0, dtype=torch.int64))
    loss.backward()  # another process waits for them
    assert loss.item() == 0
    assert head.weight.grad is not None and not head.weight.grad.any()


def test_half_precision_is_summed_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_loss, "CHUNK_BYTES", 4 * 4 * VOCABULARY)
    head, hidden = nn.Linear(6, VOCABULARY), torch.randn(40, 6, requires_grad=True)
    targets = torch.randint(0, VOCABULARY, (40,))
    plain = torch.autograd.grad(F.cross_entropy(head(hidden), targets, reduction="sum"), [hidden, head.weight])
    with torch.autocast("cpu", torch.bfloat16):
        loss = token_loss.summed_loss_of(hidden, head, targets)
    found = torch.autograd.grad(loss, [hidden, head.weight])
    assert loss.dtype == torch.float32
    for ours, exact in zip(found, plain, strict=True):
        assert ours.dtype == torch.float32
        assert float((ours - exact).abs().max()) < 0.03 * float(exact.abs().max())

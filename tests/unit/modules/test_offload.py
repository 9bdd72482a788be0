"""Activations that are moved away and back are the same to the bit; weights stay where they are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ftlab.modules import offload
from ftlab.modules.offload import offloaded


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Return the shapes of what is moved; the CPU stands in for the device, and every size counts."""
    shapes: list[tuple[int, ...]] = []
    away = offload.away

    def watched(tensor: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(tensor.shape))
        return away(tensor)

    monkeypatch.setattr(offload, "_LEAST", 1)
    monkeypatch.setattr(offload, "away", watched)
    return shapes


def gradients(net: nn.Module, inputs: torch.Tensor, context: Any = None) -> list[torch.Tensor]:
    net.zero_grad()
    if context is None:
        loss = net(inputs).square().sum()
    else:
        with context:
            loss = net(inputs).square().sum()
    loss.backward()
    return [p.grad.clone() for p in net.parameters() if p.grad is not None]


def test_gradients_are_the_same_to_the_bit_and_weights_are_not_moved(moved: list[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.LayerNorm(7), nn.Linear(7, 3))
    inputs = torch.randn(4, 5)
    plain = gradients(net, inputs)
    found = gradients(net, inputs, offloaded(net.parameters(), "cpu"))
    assert all(torch.equal(a, b) for a, b in zip(plain, found, strict=True))
    assert (4, 7) in moved and not {(7, 5), (5, 7), (7, 3), (3, 7)} & set(moved)


def test_small_tensors_and_those_of_another_device_stay(moved: list[tuple[int, ...]], monkeypatch: Any) -> None:
    net, inputs = nn.Linear(5, 7), torch.randn(4, 5)
    gradients(net, inputs, offloaded(net.parameters(), "cuda"))
    monkeypatch.setattr(offload, "_LEAST", 10**6)
    gradients(net, inputs, offloaded(net.parameters(), "cpu"))
    assert moved == []

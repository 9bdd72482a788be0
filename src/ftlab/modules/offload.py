"""Activations that wait for the backward pass in the host's memory."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

_LEAST = 2**16  # bytes: moving less takes longer than it is worth


def offloaded(parameters: Iterable[nn.Parameter], kind: str = "cuda") -> AbstractContextManager[Any]:
    """Return a context: what a forward pass in it keeps for the backward pass lies on the CPU until then.

    As ``torch.autograd.graph.save_on_cpu(pin_memory=True)``, but for what a copy would save nothing of: weights, which
    are on the device anyway, and small tensors. Exact: bits are moved, not changed.

    Args:
        parameters: of the network, on the device.
        kind: of the device whose tensors are moved.
    """
    kept = {parameter.untyped_storage().data_ptr() for parameter in parameters}

    def pack(tensor: Tensor) -> Tensor | tuple[torch.device, Tensor]:
        moves = tensor.device.type == kind and tensor.numel() * tensor.element_size() >= _LEAST
        if not moves or tensor.is_sparse or tensor.untyped_storage().data_ptr() in kept:
            return tensor
        return tensor.device, away(tensor)

    def unpack(packed: Tensor | tuple[torch.device, Tensor]) -> Tensor:
        return packed if isinstance(packed, Tensor) else packed[1].to(packed[0], non_blocking=True)

    return saved_tensors_hooks(pack, unpack)


def away(tensor: Tensor) -> Tensor:
    """Return a copy in the host's memory, in pages that a GPU fetches by itself."""
    copy = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.device.type == "cuda")
    return copy.copy_(tensor)

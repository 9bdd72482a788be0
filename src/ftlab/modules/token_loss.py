"""Cross-entropy over a large vocabulary, a few positions at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHUNK_BYTES = 64 * 2**20  # of float32 logits at a time; smaller products take longer
GPU_CHUNK_BYTES = 256 * 2**20  # which is kept busy by larger products only


def summed_loss(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the sum of the tokens' cross-entropies in nats, in at least float32.

    Args:
        logits: (N, V).
        targets: (N,).
        label_smoothing: in [0, 1).
    """
    return F.cross_entropy(precise(logits), targets, label_smoothing=label_smoothing, reduction="sum")


def precise(logits: Tensor) -> Tensor:
    """Return ``logits`` in float32, or in float64 where they are that already."""
    return logits if logits.dtype == torch.float64 else logits.float()


def chunk_rows(vocabulary: int, device: torch.device) -> int:
    """Return how many positions are computed at a time."""
    return max(1, (CHUNK_BYTES if device.type == "cpu" else GPU_CHUNK_BYTES) // (4 * vocabulary))


def chunks(positions: int, rows: int) -> Iterator[slice]:
    """Yield slices that cover ``positions``, ``rows`` at a time."""
    for start in range(0, positions, rows):
        yield slice(start, min(start + rows, positions))


def summed_loss_of(
    hidden: Tensor, head: nn.Linear, targets: Tensor, label_smoothing: float = 0.0, rows: int | None = None
) -> Tensor:
    """Return ``summed_loss(head(hidden), targets)`` without ever holding all logits.

    Each chunk's logits become gradients at once, where they lie, and are multiplied back; the backward pass only scales
    what is there. The matrix products are the same three as in the plain way, none is computed twice (the idea of
    arXiv:2410.10989). A second derivative is not to be had.

    Args:
        hidden: (N, H).
        head: of V outputs.
        targets: (N,).
        label_smoothing: in [0, 1).
        rows: positions at a time; None: as many as suit the device.
    """
    rows = rows or chunk_rows(len(head.weight), hidden.device)
    loss: Tensor = _ChunkedLoss.apply(hidden, head.weight, head.bias, targets, label_smoothing, rows)  # type: ignore[no-untyped-call]
    return loss


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's context
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        smoothing: float,
        rows: int,
    ) -> Tensor:
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        for_hidden = torch.empty_like(hidden) if wants_hidden else None
        for_weight = torch.zeros_like(weight) if wants_weight else None
        for_bias = torch.zeros_like(bias) if bias is not None and wants_bias else None
        total = precise(hidden.new_zeros(()))
        for part in chunks(len(targets), rows):
            given = hidden[part]
            raw = F.linear(given, weight, bias)  # (n, V); in half precision where that is on
            loss, exact = _loss_and_gradient(precise(raw), targets[part], smoothing)
            total += loss
            gradient = exact.to(raw.dtype)
            if for_hidden is not None:
                for_hidden[part] = gradient @ weight
            if for_weight is not None and gradient.dtype == given.dtype == weight.dtype:
                for_weight.addmm_(gradient.T, given)
            elif for_weight is not None:
                for_weight += gradient.T @ given
            if for_bias is not None:
                for_bias += exact.sum(dim=0)
        ctx.save_for_backward(for_hidden, for_weight, for_bias)
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> Any:  # noqa: ANN401
        gradients = [g if g is None else g.mul_(scale.to(g.dtype)) for g in ctx.saved_tensors]
        return (*gradients, None, None, None)


def _loss_and_gradient(logits: Tensor, targets: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Return the sum of the cross-entropies and its gradient, (n, V); each logit is exponentiated once."""
    gradient = logits.softmax(dim=1)
    # The likeliest token's probability is at least 1 / V, so that its logarithm says the normaliser to the last digit.
    norms = logits.amax(dim=1, keepdim=True) - gradient.amax(dim=1, keepdim=True).log()  # (n, 1)
    picked = logits.gather(1, targets[:, None])  # (n, 1)
    losses = norms - picked
    if smoothing:
        losses = (1 - smoothing) * losses + smoothing * (norms - logits.mean(dim=1, keepdim=True))
        gradient.sub_(smoothing / logits.shape[1])
    gradient.scatter_add_(1, targets[:, None], torch.full_like(picked, smoothing - 1))
    return losses.sum(), gradient

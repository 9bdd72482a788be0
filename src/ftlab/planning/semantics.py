"""What operations keep in memory on one kind of device and in one precision, told on tensors without storage.

The meta device has neither autocast nor kernels of its own, so that what differs between devices is put in here:
attention, dropout, and which operations run in half precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

HALF = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
_PRODUCTS = {
    F.linear,
    torch.matmul,
    torch.mm,
    torch.bmm,
    torch.baddbmm,
    torch.addmm,
    torch.einsum,
    Tensor.matmul,
    Tensor.__matmul__,
    Tensor.bmm,
}
# What CUDA's autocast computes in float32 (pytorch.org/docs/stable/amp.html); the CPU's leaves these as they come.
_PRECISE = {F.layer_norm, F.softmax, torch.softmax, Tensor.softmax, F.log_softmax, torch.log_softmax, F.rms_norm}


class Semantics(TorchFunctionMode):
    """While it is entered, functions of torch on the meta device allocate as on ``kind`` in ``precision``.

    Args:
        kind: cuda, mps or cpu.
        precision: Lightning's name.
        count: is told the FLOPs (forward, backward) of attention that is computed in one operation.
    """

    def __init__(self, kind: str, precision: str, count: Callable[[float], None]) -> None:
        super().__init__()
        self._kind, self._half, self._count = kind, HALF.get(precision), count
        self._cached: dict[int, tuple[Tensor, Tensor]] | None = {}

    def forget(self) -> None:
        """Drop the copies of weights in half precision, as autocast does when the forward pass ends."""
        self._cached = None  # what is computed again in the backward pass keeps copies for one layer at most

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401 - torch's signature
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Call ``func`` as the device would."""
        kwargs = kwargs or {}
        if func is Tensor.__bool__:
            return False  # transformers asks whether nothing is padded
        if func is F.scaled_dot_product_attention:
            return self._attention(*args, **kwargs)
        if func is F.dropout and self._kind == "cuda":
            return self._dropout(*args, **kwargs)
        if self._half is not None:
            if func in _PRODUCTS:
                args = tuple(self._lowered(value) for value in args)
                kwargs = {name: self._lowered(value) for name, value in kwargs.items()}
            elif func in _PRECISE and self._kind == "cuda":
                args = (_raised(args[0]), *args[1:])
        return func(*args, **kwargs)

    def _lowered(self, value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, Tensor) or value.dtype != torch.float32:
            return value
        if self._cached is None or not (value.requires_grad and value.is_leaf):
            return value.to(self._half)
        if id(value) not in self._cached:
            self._cached[id(value)] = (value, value.to(self._half))
        return self._cached[id(value)][1]

    def _dropout(self, given: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        """As CUDA does: the mask is kept as booleans, where the CPU keeps numbers."""
        return torch.native_dropout(given, p, True)[0] if training and p > 0 else given

    def _attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        if self._half is not None:
            query, key, value = (self._lowered(tensor) for tensor in (query, key, value))
        if self._kind == "cuda" or (self._kind == "cpu" and not dropout_p):
            rows = query.shape[:-2].numel()
            self._count(4.0 * rows * query.shape[-2] * key.shape[-2] * query.shape[-1])
            found: Tensor = _Fused.apply(query, key, value, attn_mask, self._count)  # type: ignore[no-untyped-call]
            return found
        # With dropout the CPU, and Apple's GPU always, make the whole matrix of scores.
        if enable_gqa and key.shape[1] != query.shape[1]:
            times = query.shape[1] // key.shape[1]
            key, value = key.repeat_interleave(times, 1), value.repeat_interleave(times, 1)
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=attn_mask, dropout_p=dropout_p, is_causal=is_causal, scale=scale
        )


class _Fused(torch.autograd.Function):
    """Attention in one operation (flash, memory-efficient): inputs, output and a number per row are kept."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        count: Callable[[float], None],
    ) -> Tensor:
        batch, heads, length, _ = query.shape
        # Laid out as the kernels do, so that joining the heads again makes no copy.
        output = query.new_empty(batch, length, heads, value.shape[-1]).transpose(1, 2)
        sums = query.new_empty(query.shape[:-1], dtype=torch.float32)
        ctx.count = count
        # A boolean mask is made numbers to add, in each layer anew.
        added = mask.to(query.dtype) if mask is not None and mask.dtype == torch.bool else mask
        ctx.save_for_backward(query, key, value, output, sums, added)
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        query, key, value, *_ = ctx.saved_tensors
        rows = query.shape[:-2].numel()
        ctx.count(10.0 * rows * query.shape[-2] * key.shape[-2] * query.shape[-1])
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value), None, None


def _raised(value: Any) -> Any:  # noqa: ANN401
    halves = (torch.float16, torch.bfloat16)
    return value.float() if isinstance(value, Tensor) and value.dtype in halves else value

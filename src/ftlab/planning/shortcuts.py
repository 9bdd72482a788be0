"""What common operations give, without asking torch, which takes milliseconds for some of them on the meta device.

Each shortcut answers only where it is sure of shape, type and layout; else it says None and torch is asked. A test
holds them against torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

_aten: Any = torch.ops.aten
_HALVES = (torch.float16, torch.bfloat16)


def _empty(given: Tensor) -> Tensor:
    """As ``empty_like`` of what is contiguous, which goes through Python on the meta device."""
    return torch.empty(given.shape, dtype=given.dtype, device="meta")


def _like(given: Tensor, *_: object) -> Tensor | None:
    """A tensor of floats for one of the same shape."""
    return _empty(given) if given.is_contiguous() and given.is_floating_point() else None


def _like_both(first: Tensor, second: Tensor, *_: object, **__: object) -> Tensor | None:
    alike = first.shape == second.shape and first.dtype == second.dtype and first.is_contiguous()
    return _like(second) if alike else None


def _copy(given: Tensor, *, memory_format: Any = torch.preserve_format) -> Tensor | None:  # noqa: ANN401
    wanted = memory_format is torch.contiguous_format
    return _empty(given) if wanted or (memory_format is torch.preserve_format and given.is_contiguous()) else None


def _slice_back(gradient: Tensor, shape: Sequence[int], *_: object) -> Tensor:
    return torch.empty(shape, dtype=gradient.dtype, device="meta")


def _pair(first: Tensor, second: Any = None, **options: Any) -> Tensor | None:  # noqa: ANN401
    """Two tensors of one type, or a tensor and a number, of which one has the shape of the result."""
    if not first.is_floating_point() or set(options) - {"alpha"}:
        return None
    if not isinstance(second, Tensor):
        return _like(first) if isinstance(second, (int, float)) else None
    if second.dtype != first.dtype or not second.device == first.device:
        return None
    if first.shape == second.shape:
        return _empty(first) if first.is_contiguous() and second.is_contiguous() else None
    whole, part = (first, second) if first.ndim >= second.ndim and first.numel() >= second.numel() else (second, first)
    if not whole.is_contiguous() or part.ndim > whole.ndim:
        return None
    # As torch does, from the right: a side is that of the whole or 1.
    sides = zip(reversed(whole.shape), reversed(part.shape), strict=False)
    return _empty(whole) if all(own in (1, side) for side, own in sides) else None


def _mm(first: Tensor, second: Tensor) -> Tensor:
    return torch.empty(first.shape[0], second.shape[1], dtype=first.dtype, device="meta")


def _addmm(bias: Tensor, first: Tensor, second: Tensor, **_: object) -> Tensor:
    return _mm(first, second)


def _bmm(first: Tensor, second: Tensor) -> Tensor:
    return torch.empty(*first.shape[:2], second.shape[2], dtype=first.dtype, device="meta")


def _norm(given: Tensor, shape: Sequence[int], *_: object) -> tuple[Tensor, Tensor, Tensor] | None:
    if not given.is_contiguous():
        return None
    kind = torch.float32 if given.dtype in _HALVES else given.dtype
    rows = [*given.shape[: given.ndim - len(shape)], *(1 for _ in shape)]
    mean, spread = (torch.empty(rows, dtype=kind, device="meta") for _ in range(2))
    return _empty(given), mean, spread


def _norm_back(
    gradient: Tensor,
    given: Tensor,
    shape: Sequence[int],
    mean: Tensor,
    spread: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    wanted: Sequence[bool],
) -> tuple[Tensor | None, ...] | None:
    if not given.is_contiguous():
        return None
    sources = (given, weight, bias)
    return tuple(
        _empty(source) if want and source is not None else None for source, want in zip(sources, wanted, strict=True)
    )


def _sum(given: Tensor, over: Sequence[int] | None, keep: bool = False, **options: Any) -> Tensor | None:  # noqa: ANN401
    if not over or options or not given.is_floating_point():
        return None
    gone = {axis % given.ndim for axis in over}
    sides = [1 if axis in gone else side for axis, side in enumerate(given.shape) if keep or axis not in gone]
    return torch.empty(sides, dtype=given.dtype, device="meta")


SHORTCUTS: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys((_aten.add.Tensor, _aten.sub.Tensor, _aten.mul.Tensor, _aten.div.Tensor), _pair),
    **dict.fromkeys((_aten.mul.Scalar, _aten.div.Scalar, _aten.pow.Tensor_Scalar), _pair),
    **dict.fromkeys((_aten.neg.default, _aten.rsqrt.default, _aten.silu.default, _aten.tanh.default), _like),
    _aten.gelu.default: lambda given, **_: _like(given),
    **dict.fromkeys((_aten.silu_backward.default, _aten.tanh_backward.default), _like_both),
    **dict.fromkeys((_aten.gelu_backward.default, _aten._softmax_backward_data.default), _like_both),
    _aten.clone.default: _copy,
    _aten.slice_backward.default: _slice_back,
    _aten._safe_softmax.default: _like,
    _aten.mm.default: _mm,
    _aten.addmm.default: _addmm,
    _aten.bmm.default: _bmm,
    _aten.native_layer_norm.default: _norm,
    _aten.native_layer_norm_backward.default: _norm_back,
    _aten.sum.dim_IntList: _sum,
}

"""Counts the bytes that are alive while a step runs on tensors without storage, its FLOPs and its operations."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ftlab.planning.shortcuts import SHORTCUTS

_aten: Any = torch.ops.aten


class Tracker(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, ``now`` is the bytes alive that were made since.

    Time is cut into segments: ``enter(label)`` begins one. Of each it keeps the largest number of bytes alive, the
    bytes made in it that are alive now, and FLOPs and operations. A segment entered again goes on.

    Args:
        ignored: whose storage is counted elsewhere: parameters.
        short: take what is known of common operations on the meta device for granted.
    """

    def __init__(self, ignored: Iterable[Tensor], *, short: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._short = short
        self.now = 0
        self.label: Hashable = "before"
        self.peaks: dict[Hashable, int] = {}
        self.made: dict[Hashable, int] = defaultdict(int)  # bytes alive, by the segment they were made in
        self.flops: dict[Hashable, float] = defaultdict(float)
        self.ops: dict[Hashable, int] = defaultdict(int)
        self._ignored = {tensor.untyped_storage()._cdata for tensor in ignored}
        self._alive: dict[int, weakref.ref[Any]] = {}

    def enter(self, label: Hashable) -> None:
        """Begin a segment."""
        self.label = label
        self.peaks[label] = max(self.peaks.get(label, 0), self.now)

    def count(self, flops: float) -> None:
        """Add FLOPs to the segment."""
        self.flops[self.label] += flops

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - torch's signature
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run ``func`` and look at what it made."""
        shortcut = SHORTCUTS.get(func) if self._short else None
        out = None if shortcut is None else shortcut(*args, **(kwargs or {}))
        if out is None:
            out = func(*args, **(kwargs or {}))
        product = _PRODUCTS.get(func)
        if product is not None:
            self.flops[self.label] += product(*args)
        fresh = False
        for tensor in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(tensor, Tensor):
                fresh |= self._note(tensor)
        if fresh or product is not None:  # views are next to nothing
            self.ops[self.label] += 1
        return out

    def _note(self, tensor: Tensor) -> bool:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._alive or key in self._ignored:
            return False
        size = storage.nbytes()

        label = self.label

        def freed(_: Any) -> None:  # noqa: ANN401
            if self._alive.pop(key, None) is not None:
                self.now -= size
                self.made[label] -= size

        self._alive[key] = weakref.ref(storage, freed)
        self.now += size
        self.made[label] += size
        if self.now > self.peaks.get(self.label, 0):
            self.peaks[self.label] = self.now
        return True


def _mm(a: Tensor, b: Tensor, *_: object) -> float:
    return 2.0 * a.shape[0] * a.shape[1] * b.shape[1]


def _bmm(a: Tensor, b: Tensor, *_: object) -> float:
    return 2.0 * a.shape[0] * a.shape[1] * a.shape[2] * b.shape[2]


_PRODUCTS: dict[Any, Callable[..., float]] = {
    _aten.mm.default: _mm,
    _aten.addmm.default: lambda bias, a, b, *_: _mm(a, b),
    _aten.addmm_.default: lambda bias, a, b, *_: _mm(a, b),
    _aten.bmm.default: _bmm,
    _aten.baddbmm.default: lambda bias, a, b, *_: _bmm(a, b),
}

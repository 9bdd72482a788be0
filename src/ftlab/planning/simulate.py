"""One training step on tensors without storage: what it keeps in memory, and how much it computes.

The network's own forward and backward passes run on the meta device, and every tensor they make is counted while it is
alive. Of layers that are alike three are run, the first, one in the middle and the last; what the middle one adds is
taken as often as it stands in the network.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.hooks import RemovableHandle

from ftlab.planning.layers import Stack, shortened
from ftlab.planning.semantics import Semantics
from ftlab.planning.tracker import Tracker

Loss = Callable[[], Tensor]
_MOVED = 2**16  # bytes: smaller activations are not offloaded


@dataclass(frozen=True, slots=True)
class Setting:
    """How a step is run.

    ``kind`` of the device: cuda, mps, cpu. ``precision``: Lightning's name. ``accumulates``: gradients of earlier
    micro-batches stay while this one is computed. ``steps_in_backward``: each gradient is freed once it is there.
    ``offloads``: what is kept for the backward pass lies elsewhere.
    """

    kind: str
    precision: str
    accumulates: bool = False
    steps_in_backward: bool = False
    offloads: bool = False


@dataclass(frozen=True, slots=True)
class Simulation:
    """One step, or with nothing to train one forward pass. Bytes are beside weights and optimizer state."""

    peak_bytes: float  # gradients included, but for those of earlier micro-batches
    forward_flops: float
    backward_flops: float
    operations: float


@dataclass(frozen=True, slots=True)
class _Level:
    """Bytes that one more layer like the one in the middle adds."""

    kept: float  # at the end of the forward pass, seen from there
    needed: float  # of that, what the backward pass still needs
    gradients: float  # that its backward pass leaves


def simulate(net: nn.Module, make: Loss, stack: Stack | None, setting: Setting) -> Simulation:
    """Run one step of ``net``.

    Args:
        net: on the meta device, in train mode.
        make: runs it forward and returns its loss.
        stack: its layers; None: all are run.
        setting: how.
    """
    trained = [p for p in net.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.grad = torch.empty_like(parameter) if setting.accumulates else None
    kept = [*(p.grad for p in trained if p.grad is not None)]
    tracker = Tracker([*net.parameters(), *net.buffers(), *kept], short=True)
    semantics = Semantics(setting.kind, setting.precision, tracker.count)
    levels: dict[int, _Level] = {}
    with ExitStack() as entered:
        entered.enter_context(shortened(stack))
        handles = _watch(stack, tracker)
        if setting.steps_in_backward:
            handles += [p.register_post_accumulate_grad_hook(_drop_gradient) for p in trained]  # type: ignore[no-untyped-call]
        for handle in handles:
            entered.callback(handle.remove)
        if not trained:
            entered.enter_context(torch.no_grad())
        if setting.offloads:
            entered.enter_context(_offloaded(net))
        entered.enter_context(semantics)
        entered.enter_context(tracker)
        loss = make()
        before = dict(tracker.made)
        semantics.forget()
        if stack is not None:
            freed = setting.accumulates or setting.steps_in_backward
            levels = {number: _level(stack, number, before, tracker.made, freed) for number in _middles(stack)}
        if trained:
            tracker.enter("back")
            _run_backward(loss)
        tracker.enter("end")
    for parameter in trained:
        parameter.grad = None
    repeats = {} if stack is None else stack.repeats
    peak = max(_peak(label, high, levels, repeats) for label, high in tracker.peaks.items())
    return Simulation(
        peak,
        _total(tracker.flops, repeats, back=False),
        _total(tracker.flops, repeats, back=True),
        _total(tracker.ops, repeats, back=False) + _total(tracker.ops, repeats, back=True),
    )


def _drop_gradient(parameter: Tensor) -> None:
    parameter.grad = None


def _offloaded(net: nn.Module) -> saved_tensors_hooks:
    """Return a context in which activations take no memory between their forward and their backward pass."""
    held = {p.untyped_storage()._cdata for p in net.parameters()}

    def pack(tensor: Tensor) -> Any:  # noqa: ANN401
        moves = tensor.nbytes >= _MOVED and tensor.untyped_storage()._cdata not in held
        return (tensor.shape, tensor.dtype) if moves else tensor

    def unpack(packed: Any) -> Tensor:  # noqa: ANN401
        return packed if isinstance(packed, Tensor) else torch.empty(packed[0], dtype=packed[1], device="meta")

    return saved_tensors_hooks(pack, unpack)


def _run_backward(loss: Tensor) -> None:
    """Do as ``loss.backward()``, which is itself a function of torch: the semantics would be off while it runs."""
    engine: Any = torch.autograd.Variable._execution_engine
    options = {"allow_unreachable": True, "accumulate_grad": True}
    engine.run_backward((loss,), (torch.ones_like(loss),), False, False, (), **options)


def _watch(stack: Stack | None, tracker: Tracker) -> list[RemovableHandle]:
    """Begin a segment where a layer begins, forward and backward."""
    handles = []
    shown = [] if stack is None else stack.shown
    for number in shown:

        def begin(layer: nn.Module, args: Any, kwargs: Any, number: int = number) -> None:  # noqa: ANN401
            if _is_back(tracker.label):
                return  # computed again
            given = _hidden((*args, *kwargs.values()))
            if number == shown[0] and given is not None and given.requires_grad:
                given.register_hook(lambda grad: tracker.enter("back after"))  # type: ignore[no-untyped-call]
            tracker.enter(("layer", number))

        def end(layer: nn.Module, args: Any, out: Any, number: int = number) -> None:  # noqa: ANN401
            if _is_back(tracker.label):
                return
            hidden = _hidden(out if isinstance(out, tuple) else (out,))
            if hidden is not None and hidden.requires_grad:
                hidden.register_hook(lambda grad: tracker.enter(("back", number)))  # type: ignore[no-untyped-call]
            tracker.enter(("after", number))

        assert stack is not None
        layer = stack.layers[number]
        handles += [layer.register_forward_pre_hook(begin, with_kwargs=True), layer.register_forward_hook(end)]
    return handles


def _hidden(given: tuple[Any, ...]) -> Tensor | None:
    return next((value for value in given if isinstance(value, Tensor) and value.is_floating_point()), None)


def _middles(stack: Stack) -> list[int]:
    return [number for number, times in stack.repeats.items() if times > 1]


def _level(
    stack: Stack, number: int, before: Mapping[Hashable, int], after: Mapping[Hashable, int], freed: bool
) -> _Level:
    labels = (("layer", number), ("after", number))
    kept, needed = (float(sum(made.get(label, 0) for label in labels)) for made in (before, after))
    trained = sum(p.nbytes for p in stack.layers[number].parameters() if p.requires_grad)
    return _Level(kept, needed, 0.0 if freed else float(trained))


def _is_back(label: Hashable) -> bool:
    return label in ("back", "back after", "end") or (isinstance(label, tuple) and label[0] == "back")


def _peak(label: Hashable, high: float, levels: Mapping[int, _Level], repeats: Mapping[int, int]) -> float:
    """Return the most that is alive in any of the segments that ``label`` stands for, all layers in their places."""
    first = last = float(high)  # of the layers that are like the one in the middle
    for number, level in levels.items():
        times = repeats[number] - 1
        ahead, behind = (level.needed, level.gradients) if _is_back(label) else (0.0, level.kept)
        place = _place(label, number)
        first += times * (behind if place == "behind" else ahead)
        last += times * (ahead if place == "ahead" else behind)
    return max(first, last)


def _place(label: Hashable, number: int) -> str:
    """Return whether a segment lies ahead of, in or behind layer ``number``, in the order of its pass."""
    if not isinstance(label, tuple):
        return "ahead" if label in ("before", "back") else "behind"
    kind, own = label
    if own == number:
        return "behind" if kind == "after" else "own"
    return "behind" if (own > number) != (kind == "back") else "ahead"


def _total(counted: Mapping[Hashable, float], repeats: Mapping[int, int], *, back: bool) -> float:
    def times(label: Hashable) -> int:
        return repeats.get(label[1], 1) if isinstance(label, tuple) and label[0] != "after" else 1

    return float(sum(number * times(label) for label, number in counted.items() if _is_back(label) == back))

"""Layers of a network that are alike, so that a few of them tell of all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import nn
from transformers import PreTrainedModel

MOST_RUNS = 4  # with more, all layers are run


@dataclass(frozen=True, slots=True)
class Run:
    """Layers one after the other that are alike: the first, one in the middle and the last are run."""

    shown: tuple[int, ...]  # which of the stack's modules
    repeats: int  # how often the middle one stands there


@dataclass(frozen=True, slots=True)
class Stack:
    """The layers of a network, and which of them are run."""

    parent: nn.Module
    name: str
    layers: nn.ModuleList
    runs: tuple[Run, ...]
    missing: int  # layers that the network was built without; all like `missing_like`
    missing_like: int

    @property
    def middle(self) -> nn.Module:
        """The layer that all missing ones are like."""
        return self.layers[self.missing_like]

    @property
    def shown(self) -> list[int]:
        """Numbers of the modules that are run, in their order."""
        return [number for run in self.runs for number in run.shown]

    @property
    def repeats(self) -> dict[int, int]:
        """How often each of them stands in the network."""
        return {number: run.repeats if len(run.shown) == 3 and number == run.shown[1] else 1
                for run in self.runs for number in run.shown}  # fmt: skip


def find_stack(net: nn.Module, missing: int = 0) -> Stack | None:
    """Return the stack of layers of ``net``, an adapter around it included; None: it has none of one kind.

    Args:
        net: on the meta device.
        missing: layers it was built without.
    """
    bare = bare_net(net)
    count = getattr(bare.config, "num_hidden_layers", None)
    stacks = [
        (path, part)
        for path, part in bare.base_model.named_modules()
        if isinstance(part, nn.ModuleList) and len(part) == count and count
    ]
    if not stacks:
        return None
    path, layers = min(stacks, key=lambda stack: stack[0].count("."))
    parent, _, name = path.rpartition(".")
    signatures = [_signature(layer) for layer in layers]
    cuts = [0, *(n for n in range(1, len(layers)) if signatures[n] != signatures[n - 1]), len(layers)]
    spans = list(pairwise(cuts))
    if len(spans) > MOST_RUNS:
        spans = [(n, n + 1) for n in range(len(layers))]
    longest = max(spans, key=lambda span: span[1] - span[0])
    runs = []
    for first, end in spans:
        length, more = end - first, missing if (first, end) == longest else 0
        shown = tuple(range(first, end)) if length <= 3 else (first, first + 1, end - 1)
        runs.append(Run(shown, length - 2 + more if length > 2 else 1))
    return Stack(bare.base_model.get_submodule(parent), name, layers, tuple(runs), missing, longest[0] + 1)


@contextmanager
def shortened(stack: Stack | None) -> Iterator[None]:
    """Let the network have the shown layers only for the time being."""
    if stack is None:
        yield
        return
    setattr(stack.parent, stack.name, nn.ModuleList([stack.layers[number] for number in stack.shown]))
    try:
        yield
    finally:
        setattr(stack.parent, stack.name, stack.layers)


def bare_net(net: nn.Module) -> PreTrainedModel:
    """Return the transformers network inside ``net``."""
    return next(part for part in net.modules() if isinstance(part, PreTrainedModel))


def _signature(layer: nn.Module) -> tuple[Any, ...]:
    return tuple((name, tuple(p.shape), p.dtype, p.requires_grad) for name, p in layer.named_parameters())

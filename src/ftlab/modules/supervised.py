"""Logits of a causal language model only where the next token is supervised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from ftlab.datasets.shares import IGNORED
from ftlab.modules.token_loss import chunk_rows, chunks, precise, summed_loss, summed_loss_of

Inputs = Mapping[str, Any]
_PROBED_ROWS, _PROBED_WIDTH = 2, 8
_ALIKE = 2**-5  # of the largest logit: half precision rounds less, and another place's logits differ by more


@dataclass(frozen=True, slots=True)
class Places:
    """The N places of a batch whose next token is supervised, row by row.

    ``rows`` and ``columns`` (N,) say where, ``targets`` (N,) which token comes next; ``width`` is the batch's T.
    """

    rows: Tensor
    columns: Tensor
    targets: Tensor
    width: int

    def __len__(self) -> int:
        """Return N."""
        return len(self.targets)


def find_places(labels: Tensor) -> Places:
    """Return the places before each supervised label. On an accelerator this waits for it: N decides the shapes.

    Args:
        labels: (B, T) int64, those of ``input_ids`` at the same place; -100 where a token is not supervised. Nothing
            comes before the first column, so its labels count for nothing.
    """
    rows, columns = (labels[:, 1:] != IGNORED).nonzero(as_tuple=True)
    return Places(rows, columns, labels[rows, columns + 1], labels.shape[1])


class SupervisedReader:
    """Runs a network so that its output head sees the hidden states of some places only.

    The head's input is cut down by a hook, and the network's own forward does the rest: adapters, virtual tokens in
    front, what scales or caps the logits after the head. Whether a network can be read like that is tried on a few
    tokens of its first batch, where both ways must give the same; one that cannot gives all its logits, of which those
    of the places are taken. The hook stays until ``release``, since a compiled network keeps the one it has seen.
    """

    def __init__(self) -> None:
        self._head: nn.Module | None = None
        self._handle: RemovableHandle | None = None
        self._places: Places | None = None  # while the hook selects
        self._keeps_hidden = False  # the head is then given no row at all
        self._hidden: Tensor | None = None
        self._calls = 0
        self._selects: bool | None = None  # not tried yet
        self._is_plain = False

    def logits(self, net: nn.Module, inputs: Inputs, places: Places) -> Tensor:
        """Return the logits of the places, (N, V)."""
        if not self.selects(net, inputs):
            return _picked(net(**inputs).logits, places)
        with self._selecting(places):
            logits: Tensor = net(**inputs).logits  # (1, N, V)
        assert logits.shape[:2] == (1, len(places)), "the head was tried before"
        return logits[0]

    def summed_loss(self, net: nn.Module, inputs: Inputs, places: Places, label_smoothing: float = 0.0) -> Tensor:
        """Return the sum of the places' cross-entropies in nats; the cheapest way to have it with its gradient."""
        device = inputs["input_ids"].device.type
        half = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.float16
        # In fp16 gradients are scaled on their way back so that they do not vanish; a chunk's are made before.
        found = None if half else self.hidden(net, inputs, places)
        if found is None:
            return summed_loss(self.logits(net, inputs, places), places.targets, label_smoothing)
        return summed_loss_of(*found, places.targets, label_smoothing)

    def logits_in_parts(self, net: nn.Module, inputs: Inputs, places: Places) -> Iterator[tuple[slice, Tensor]]:
        """Yield slices of the places with their logits (n, V), in at least float32; without places no slice."""
        found = self.hidden(net, inputs, places)
        if found is None:
            if len(places):
                yield slice(None), precise(self.logits(net, inputs, places))
            return
        hidden, head = found
        for part in chunks(len(places), chunk_rows(head.out_features, hidden.device)):
            yield part, precise(functional.linear(hidden[part], head.weight, head.bias))

    def hidden(self, net: nn.Module, inputs: Inputs, places: Places) -> tuple[Tensor, nn.Linear] | None:
        """Return what the head would be given, (N, H), and the head.

        None where it is more than one matrix product that makes logits of it.
        """
        if not self.selects(net, inputs) or not self._is_plain:
            return None
        with self._selecting(places, keeps_hidden=True):
            net(**inputs)
        found, self._hidden = self._hidden, None
        assert found is not None and isinstance(self._head, nn.Linear), "the head was tried before"
        return found, self._head

    def selects(self, net: nn.Module, inputs: Inputs) -> bool:
        """Return whether the head can be given some places only."""
        self._hook(output_head(net))
        if self._selects is None and inputs["input_ids"].shape[1] > 1:
            self._selects = self._head is not None and self._try(net, inputs["input_ids"])
        return bool(self._selects)

    def trust(self, net: nn.Module) -> None:
        """Take for granted what `selects` tries: for a network without storage, which gives no values to compare."""
        self._hook(output_head(net))
        self._selects, self._is_plain = self._head is not None, type(self._head) is nn.Linear

    def release(self) -> None:
        """Take the hook off the network."""
        self._hook(None)

    def _hook(self, head: nn.Module | None) -> None:
        if head is self._head:
            return
        if self._handle is not None:
            self._handle.remove()
        self._head, self._handle = head, None if head is None else head.register_forward_pre_hook(self._cut)

    @contextmanager
    def _selecting(self, places: Places, *, keeps_hidden: bool = False) -> Iterator[None]:
        self._places, self._keeps_hidden = places, keeps_hidden
        try:
            yield
        finally:
            self._places, self._keeps_hidden = None, False

    def _cut(self, head: nn.Module, given: tuple[Any, ...]) -> Any:  # noqa: ANN401 - torch's signature of hooks
        places = self._places
        if places is None or not given:
            return None
        self._calls += 1
        hidden = given[0]  # (B, virtual tokens + T, H)
        chosen = hidden[places.rows, places.columns + (hidden.shape[1] - places.width)]  # (N, H)
        if self._keeps_hidden:
            self._hidden, chosen = chosen, chosen[:0]
        return (chosen[None], *given[1:])

    @torch.no_grad()
    def _try(self, net: nn.Module, ids: Tensor) -> bool:
        """Return whether the logits of two places are the same both ways; sees whether the head alone makes them."""
        ids = ids[:_PROBED_ROWS, :_PROBED_WIDTH]
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False}
        rows = torch.tensor([len(ids) - 1, 0], device=ids.device)
        columns = torch.tensor([0, ids.shape[1] - 1], device=ids.device)
        places = Places(rows, columns, rows, ids.shape[1])
        made: list[Any] = []
        assert self._head is not None
        watch = self._head.register_forward_hook(lambda head, given, output: made.append(output))
        modes = [(part, part.training) for part in net.modules()]
        net.eval()  # else dropout would make any two passes differ
        self._calls = 0
        try:
            whole = _picked(net(**inputs).logits, places)
            with self._selecting(places):
                some = net(**inputs).logits
        finally:
            watch.remove()
            for part, mode in modes:
                part.training = mode
        if self._calls != 1 or some.shape[:2] != (1, len(places)):
            return False
        self._is_plain = type(self._head) is nn.Linear and some is made[-1]
        return bool(((some[0] - whole).abs().max() <= _ALIKE * whole.abs().max()).item())


def output_head(net: nn.Module) -> nn.Module | None:
    """Return the module that makes logits of hidden states; None: the network does not name it."""
    find = getattr(net, "get_output_embeddings", None)
    head = None if find is None else find()
    return head if isinstance(head, nn.Module) else None


def _picked(logits: Tensor, places: Places) -> Tensor:
    """Return those of the places, (N, V), of all logits (B, virtual tokens + T, V)."""
    return logits[places.rows, places.columns + (logits.shape[1] - places.width)]

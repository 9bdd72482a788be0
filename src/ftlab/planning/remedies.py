"""The smallest change that would make a training fit, each one estimated before it is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ftlab.datasets.options import AUTO, step_rows
from ftlab.planning.layers import bare_net
from ftlab.planning.memory import memory_of, network_of, on_device, rows_in_all, static_bytes
from ftlab.planning.types import Node, PlanRequest

_EIGHT_BITS: Node = {"_target_": "bitsandbytes.optim.AdamW8bit", "min_8bit_size": 4096}
Change = tuple[str, PlanRequest]


def find_remedy(request: PlanRequest) -> str | None:
    """Return the first change, as one types it, with which the training fits on its device, or the next device.

    Tried in this order: fewer rows at a time, gradient checkpointing, an 8-bit optimizer, LoRA, QLoRA, each alone and
    then with those before it that cost only time; at last a larger device.

    Args:
        request: a training that does not fit.
    """
    available = request.device.available_mb * 1e6
    for words, changed in _changes(request):
        if static_bytes(changed) > available:
            continue
        for more, tried in (("", changed), _recomputed(changed)):
            if tried is None:
                continue
            typed = [word for word in (words, more) if word]
            if typed and _fits(tried, rows_in_all(tried), available):
                return " ".join(typed)
            if _splits(tried) and _fits(tried, 1, available):
                return " ".join([*typed, *_in_parts(request)])
    for device in request.next_devices:
        moved = on_device(request, device)
        if _fits(moved, rows_in_all(moved), device.available_mb * 1e6):
            return f"device={device.name}"
    return None


def _changes(request: PlanRequest) -> Iterator[Change]:
    """Yield the changes of what is trained, and how; the first is none."""
    yield "", request
    network = network_of(request)
    name = str(request.optimizer.get("_target_", "")).rpartition(".")[-1]
    if request.device.kind != "mps" and name in ("Adam", "AdamW", "NAdam", "RAdam", "Adamax"):
        yield "optimizer=adamw8bit", dataclasses.replace(request, optimizer=_EIGHT_BITS)
    for adapter, node in request.alternatives.items():
        if request.device.kind == "mps" and adapter == "qlora":
            continue
        changed = dataclasses.replace(request, adapter=node)
        if network_of(changed).weight_bytes < network.weight_bytes or network_of(changed).trainable < network.trainable:
            yield f"adapter={adapter}", changed


def _recomputed(request: PlanRequest) -> tuple[str, PlanRequest | None]:
    """Return the training with gradient checkpointing; None: it has it, or cannot."""
    key = "model.gradient_checkpointing=true"
    cannot = not bare_net(network_of(request).net).supports_gradient_checkpointing
    if cannot or request.model.gradient_checkpointing or request.adapter.get("name") == "prefix_tuning":
        return key, None
    return key, dataclasses.replace(request, model=dataclasses.replace(request.model, gradient_checkpointing=True))


def _splits(request: PlanRequest) -> bool:
    """Return whether a step's rows can be computed in parts."""
    return rows_in_all(request) > 1 and not request.trainer.get("optimizer_in_backward")


def _in_parts(request: PlanRequest) -> list[str]:
    if request.dataset.batch_size == AUTO:
        return []
    rows = step_rows(request.dataset)
    effective = [f"dataset.effective_batch_size={rows}"] if rows != request.dataset.effective_batch_size else []
    return ["dataset.batch_size=auto", *effective]


def _fits(request: PlanRequest, rows: int, available: float) -> bool:
    return static_bytes(request) <= available and memory_of(request, rows).peak <= available

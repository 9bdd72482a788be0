"""What the processes of one training tell each other. With one process every call returns at once.

All processes must make the same calls in the same order.
"""

from __future__ import annotations

import io
import socket
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import TCPStore

_control: dict[int, Any] = {}  # id of the default group -> group for numbers on the CPU


def count() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def number() -> int:
    """Return which of them this one is, from 0."""
    return dist.get_rank() if count() > 1 else 0


def summed(tensor: Tensor) -> Tensor:
    """Return the sum of ``tensor`` over the processes; it may lie on the device that trains."""
    if count() == 1:
        return tensor
    total = tensor.detach().clone()
    dist.all_reduce(total)
    return total


def largest(value: int) -> int:
    """Return the largest ``value`` of all processes, without waiting for a GPU."""
    if count() == 1:
        return value
    found = torch.tensor(value, dtype=torch.int64)
    dist.all_reduce(found, dist.ReduceOp.MAX, group=_cpu_group())
    return int(found)


def concatenated(tensor: Tensor) -> Tensor:
    """Return the rows of all processes, (sum of N, ...), in the order of the processes; N may differ, 0 included."""
    if count() == 1:
        return tensor
    rows = torch.tensor([len(tensor)], dtype=torch.int64, device=tensor.device)
    numbers = [torch.zeros_like(rows) for _ in range(count())]
    dist.all_gather(numbers, rows)
    most = max(int(n) for n in numbers)
    padded = tensor.new_zeros(most, *tensor.shape[1:])
    padded[: len(tensor)] = tensor
    parts = [torch.empty_like(padded) for _ in numbers]
    dist.all_gather(parts, padded)
    return torch.cat([part[: int(n)] for part, n in zip(parts, numbers, strict=True)])


def gathered(value: Any) -> list[Any]:  # noqa: ANN401 - tensors and plain values in containers
    """Return ``value`` of every process, in their order: tensors on the CPU and plain values, in containers."""
    if count() == 1:
        return [value]
    buffer = io.BytesIO()
    torch.save(value, buffer)
    packed = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
    sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(count())]
    dist.all_gather(sizes, torch.tensor([len(packed)], dtype=torch.int64), group=_cpu_group())
    padded = torch.zeros(max(int(size) for size in sizes), dtype=torch.uint8)
    padded[: len(packed)] = packed
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded, group=_cpu_group())
    held = [part[: int(size)].numpy().tobytes() for part, size in zip(parts, sizes, strict=True)]
    return [torch.load(io.BytesIO(one), weights_only=True) for one in held]


def join(port: int, rank: int, processes: int, device: str, store: Any = None) -> None:  # noqa: ANN401
    """Join the group of ``processes`` that meet at ``port`` of this host.

    Args:
        port: where ``store`` of rank 0 listens.
        rank: number of this process.
        processes: in all.
        device: ``cuda`` (NCCL) or ``cpu`` (gloo).
        store: of rank 0, which made it; None: connect to it.
    """
    store = TCPStore("127.0.0.1", port, processes, False) if store is None else store
    dist.init_process_group("nccl" if device == "cuda" else "gloo", store=store, rank=rank, world_size=processes)
    _cpu_group()  # all make it here, since making it is a call of all


def open_store(processes: int) -> TCPStore:
    """Return the place where ``processes`` meet, at a free ``port`` that only this host can reach.

    Left to itself, the store would listen on every network, and take what anyone writes into it.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, handle = server.getsockname()[1], server.detach()  # which the store closes
    return TCPStore("127.0.0.1", port, processes, True, wait_for_workers=False, master_listen_fd=handle)


def part() -> None:
    """Leave the group."""
    _control.clear()
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def _cpu_group() -> Any:  # noqa: ANN401 - torch's ProcessGroup
    if dist.get_backend() == "gloo":
        return None
    world = id(dist.group.WORLD)
    if world not in _control:
        _control[world] = dist.new_group(backend="gloo")
    return _control[world]

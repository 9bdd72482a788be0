"""How much memory there is to be taken: the machine's, and no more than its container may have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from ftlab.control_groups import control_groups, read_line

MB = 1e6  # bytes
_ROOT = Path("/")


def available_mb(device: torch.device, root: Path = _ROOT) -> float:
    """Return the memory in MB (1e6 bytes) that a program can still take on ``device`` without anything being swapped.

    CUDA: what is free, with what torch keeps for later. Apple: what the driver recommends at most, less what is taken,
    and no more than the machine has. CPU: what the machine has, or what is left of a control group's limit.

    Args:
        device: of the training.
        root: where the system's files are.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return (free + kept) / MB
    left = min([float(psutil.virtual_memory().available), *_left_of_groups(root)])
    if device.type == "mps":
        left = min(left, float(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()))
    return left / MB


def _left_of_groups(root: Path) -> Iterator[float]:
    """Yield what is left of the limit of each control group this process is in, in bytes.

    Files that were read stay in memory and count as used, though they make room when asked to: those not in use are
    left out. Source: docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, memory.current, memory.stat),
    docs.kernel.org/admin-guide/cgroup-v1/memory.html.
    """
    for folder in control_groups(root, "memory"):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes")
        if limit is not None and used is not None:
            yield max(0.0, limit - used + _unused_files(folder / "memory.stat"))


def _unused_files(path: Path) -> float:
    found = dict(line.split()[:2] for line in (read_line(path) or "").splitlines() if len(line.split()) >= 2)
    return float(found.get("total_inactive_file", found.get("inactive_file", 0)))


def _number(path: Path) -> float | None:
    text = read_line(path)
    return float(text) if text is not None and text.isdecimal() else None  # max: no limit

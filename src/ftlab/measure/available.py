"""How much memory there is to be taken: the machine's, and no more than its container may have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

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
    for folder in _groups(root):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes")
        if limit is not None and used is not None:
            yield max(0.0, limit - used + _unused_files(folder / "memory.stat"))


def _groups(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups, innermost first: a limit of any of them holds."""
    mounted = root / "sys" / "fs" / "cgroup"
    for line in (_read(root / "proc" / "self" / "cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        top = mounted / "memory" if controllers else mounted
        # A container may be told the path on its host, of which it sees the end as its top: missing folders are passed.
        inner = top / path.strip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(top))


def _unused_files(path: Path) -> float:
    found = dict(line.split()[:2] for line in (_read(path) or "").splitlines() if len(line.split()) >= 2)
    return float(found.get("total_inactive_file", found.get("inactive_file", 0)))


def _number(path: Path) -> float | None:
    text = _read(path)
    return float(text) if text is not None and text.isdecimal() else None  # max: no limit


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None

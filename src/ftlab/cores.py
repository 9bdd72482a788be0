"""How many processors this process may use: those it is pinned to, and no more than its container may spend."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

_ROOT = Path("/")


def usable_cpus(root: Path = _ROOT) -> int:
    """Return the logical processors this process may use, at least 1: its affinity, its containers' CPU quota."""
    return _within_quota(len(_affinity()), root)


def usable_cores(root: Path = _ROOT) -> int:
    """Return the physical cores this process may use, at least 1.

    Two logical processors of one core share its arithmetic units: a second thread of matrix products gains nothing.
    """
    cpus = _affinity()
    return _within_quota(_physical(cpus, root) or min(psutil.cpu_count(logical=False) or len(cpus), len(cpus)), root)


def _affinity() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _within_quota(count: int, root: Path) -> int:
    # Rounded down: with half a processor too few, all threads of a step wait for the one that was stopped.
    return max(1, int(min(count, _quota(root))))


def _physical(cpus: Iterable[int], root: Path) -> int | None:
    """Return the number of cores that ``cpus`` lie on; None where the system does not tell."""
    folder = root / "sys" / "devices" / "system" / "cpu"
    siblings = [_read(folder / f"cpu{cpu}" / "topology" / "thread_siblings_list") for cpu in cpus]
    return None if None in siblings else len(set(siblings))


def _quota(root: Path) -> float:
    """Return the processors' worth of time that the control groups grant; infinite without a limit.

    Source: docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max), docs.kernel.org/scheduler/sched-bwc.html (version 1).
    """
    return min((share for folder in _groups(root) if (share := _share(folder)) is not None), default=math.inf)


def _groups(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups, innermost first: a limit of any of them holds."""
    mounted = root / "sys" / "fs" / "cgroup"
    for line in (_read(root / "proc" / "self" / "cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = mounted / controllers if controllers else mounted
        # A container may be told the path on its host, of which it sees the end as its top: missing folders are passed.
        inner = top / path.strip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(top))


def _share(folder: Path) -> float | None:
    whole = _read(folder / "cpu.max")
    quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    if whole is not None:
        quota, _, period = whole.partition(" ")
    try:
        given, span = float(quota or "max"), float(period or "100000")
    except ValueError:  # max
        return None
    return given / span if given > 0 and span > 0 else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None

"""How many processors this process may use: those it is pinned to, and no more than its container may spend."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from ftlab.control_groups import control_groups, read_line

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
    siblings = [read_line(folder / f"cpu{cpu}" / "topology" / "thread_siblings_list") for cpu in cpus]
    return None if None in siblings else len(set(siblings))


def _quota(root: Path) -> float:
    """Return the processors' worth of time that the control groups grant; infinite without a limit.

    Source: docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max), docs.kernel.org/scheduler/sched-bwc.html (version 1).
    """
    return min(
        (share for folder in control_groups(root, "cpu") if (share := _share(folder)) is not None), default=math.inf
    )


def _share(folder: Path) -> float | None:
    whole = read_line(folder / "cpu.max")
    quota, period = read_line(folder / "cpu.cfs_quota_us"), read_line(folder / "cpu.cfs_period_us")
    if whole is not None:
        quota, _, period = whole.partition(" ")
    try:
        given, span = float(quota or "max"), float(period or "100000")
    except ValueError:  # max
        return None
    return given / span if given > 0 and span > 0 else None

"""Processors of machines made of files."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from ftlab import cores
from ftlab.cores import usable_cores, usable_cpus


def machine(root: Path, siblings: dict[int, str] | None = None, files: dict[str, str] | None = None) -> Path:
    for cpu, text in (siblings or {}).items():
        write(root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", text)
    for name, text in (files or {}).items():
        write(root / name, text)
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="ascii")


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> object:
    def pin(*cpus: int) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(cpus), raising=False)

    return pin


def test_two_logical_processors_of_a_core_are_one(tmp_path: Path, pinned) -> None:
    pinned(0, 1, 2, 3)
    root = machine(tmp_path, {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"})
    assert usable_cpus(root) == 4
    assert usable_cores(root) == 2


def test_cores_a_process_is_not_pinned_to_do_not_count(tmp_path: Path, pinned) -> None:
    pinned(0, 2)  # both on the first core
    assert usable_cores(machine(tmp_path, {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"})) == 1


def test_where_the_system_is_silent_psutil_is_asked_and_the_affinity_holds(
    tmp_path: Path, pinned, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned(0, 1, 2, 3)
    for told, expected in ((2, 2), (64, 4), (None, 4)):
        monkeypatch.setattr(psutil, "cpu_count", lambda logical, told=told: told)
        assert usable_cores(tmp_path) == expected


def test_without_affinity_all_processors_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cpus(tmp_path) == 6


V2 = {"proc/self/cgroup": "0::/kube/pod", "sys/fs/cgroup/cpu.max": "max 100000"}
V1 = {"proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc"}
QUOTAS = {
    "version 2, of the pod": ({**V2, "sys/fs/cgroup/kube/pod/cpu.max": "200000 100000"}, 2),
    "version 2, of the group around it": ({**V2, "sys/fs/cgroup/kube/cpu.max": "300000 100000"}, 3),
    "version 2, the tightest": (
        {**V2, "sys/fs/cgroup/kube/cpu.max": "300000 100000", "sys/fs/cgroup/kube/pod/cpu.max": "150000 100000"},
        1,
    ),
    "version 2, half a processor": ({**V2, "sys/fs/cgroup/kube/pod/cpu.max": "50000 100000"}, 1),
    "version 2, none": (V2, 8),
    "version 1": (
        {
            **V1,
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "400000",
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000",
        },
        4,
    ),
    "version 1, seen from inside the container": (
        {
            **V1,
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "50000",
        },
        5,
    ),
    "version 1, none": ({**V1, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1"}, 8),
    "no control groups": ({}, 8),
}


@pytest.mark.parametrize("name", QUOTAS)
def test_a_container_has_no_more_than_its_quota(tmp_path: Path, pinned, name: str) -> None:
    files, expected = QUOTAS[name]
    pinned(*range(8))
    assert usable_cpus(machine(tmp_path, files=files)) == expected


def test_this_machine_has_some() -> None:
    assert 1 <= usable_cores() <= usable_cpus() <= (os.cpu_count() or 1)
    assert cores._quota(Path("/")) > 0

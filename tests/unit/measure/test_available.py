"""Memory of machines made of files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from ftlab.measure.available import available_mb

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8_000_000_000))


def write(root: Path, files: dict[str, object]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="ascii")
    return root


def test_without_groups_it_is_the_machine(tmp_path: Path) -> None:
    assert available_mb(CPU, tmp_path) == 8000


def test_a_group_of_version_2_and_those_around_it_set_limits(tmp_path: Path) -> None:
    top = "sys/fs/cgroup"
    root = write(tmp_path, {"proc/self/cgroup": "0::/pods/one", f"{top}/pods/one/memory.max": "max"})
    write(root, {f"{top}/pods/one/memory.current": 10})
    assert available_mb(CPU, root) == 8000
    write(root, {f"{top}/pods/memory.max": 3_000_000_000, f"{top}/pods/memory.current": 2_500_000_000})
    assert available_mb(CPU, root) == 500
    write(root, {f"{top}/pods/memory.stat": "anon 5\ninactive_file 700000000\nactive_file 9"})
    assert available_mb(CPU, root) == 1200, "files that were read make room"


def test_a_group_of_version_1_sets_a_limit(tmp_path: Path) -> None:
    root = write(tmp_path, {"proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/\n0::/"})
    top = "sys/fs/cgroup/memory"  # a container sees its own group as the top
    write(root, {f"{top}/memory.limit_in_bytes": 2_000_000_000, f"{top}/memory.usage_in_bytes": 1_500_000_000})
    assert available_mb(CPU, root) == 500
    write(root, {f"{top}/memory.stat": "total_inactive_file 100000000"})
    assert available_mb(CPU, root) == 600
    write(root, {f"{top}/memory.limit_in_bytes": 2**63 - 4096})
    assert available_mb(CPU, root) == 8000, "no limit"


def test_a_group_that_is_over_its_limit_leaves_nothing(tmp_path: Path) -> None:
    top = "sys/fs/cgroup"
    root = write(tmp_path, {"proc/self/cgroup": "0::/", f"{top}/memory.max": 100, f"{top}/memory.current": 200})
    assert available_mb(CPU, root) == 0

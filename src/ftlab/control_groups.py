"""The control groups that a process is in: what a container may take of its machine. No heavy import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def control_groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's groups, innermost first: a limit of any of them holds.

    Args:
        root: where the system's files are.
        controller: cpu or memory; version 1 has a tree for each, version 2 one for all.
    """
    mounted = root / "sys" / "fs" / "cgroup"
    for line in (read_line(root / "proc" / "self" / "cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        top = mounted / controllers if controllers else mounted
        # A container may be told the path on its host, of which it sees the end as its top: missing folders are passed.
        inner = top / path.strip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(top))


def read_line(path: Path) -> str | None:
    """Return what a file of the system says; None: there is no such file, which is an answer here."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None

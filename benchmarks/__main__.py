"""``python -m benchmarks [names...] [--quick] [--out FOLDER]``: run workloads, write their numbers and the page."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import page, runner

_FOLDER = Path(__file__).resolve().parent


def workloads() -> list[str]:
    """Return the names: the files of the folder ``workloads``."""
    return sorted(path.stem for path in (_FOLDER / "workloads").glob("*.py") if not path.stem.startswith("_"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 where a workload failed."""
    known = workloads()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"workloads, all when none is given: {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="few short rounds, into a temporary folder: does it run?")
    parser.add_argument("--out", type=Path, help="folder of the results files (benchmarks/results)")
    given = parser.parse_args(argv)
    names = [name.replace("-", "_") for name in given.names] or known
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no workload {unknown[0]}; there are: {', '.join(known)}")
    out = given.out or (Path(tempfile.mkdtemp()) / "results" if given.quick else _FOLDER / "results")
    failed = [
        name
        for name in names
        if not (_run(name, given.quick, out) if len(names) == 1 else _child(name, given.quick, out))
    ]
    print(f"{page.rebuild(out)} rebuilt" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _child(name: str, quick: bool, out: Path) -> bool:
    """Run one workload in a process of its own: what it imports or warms up must not touch the next."""
    command = [sys.executable, "-m", "benchmarks", name, "--out", str(out), *(["--quick"] if quick else [])]
    return subprocess.run(command, check=False, cwd=_FOLDER.parent).returncode == 0  # noqa: S603


def _run(name: str, quick: bool, out: Path) -> bool:
    module = importlib.import_module(f"benchmarks.workloads.{name}")
    lines, skipped = [], None
    try:
        lines = module.measure(quick)
    except runner.Skipped as reason:
        skipped = str(reason)
        print(f"{name}: skipped: it {skipped}", file=sys.stderr)
    except runner.Unequal as difference:
        print(f"{name}: the two sides differ, so nothing is written: {difference}", file=sys.stderr)
        return False
    runner.write(out, runner.document(module.NAME, module.WHAT, quick, lines, skipped))
    for line in lines:
        print(f"{line.question}: {page.number(line.value)} ({page.number(line.low)} to {page.number(line.high)})")
    return True


if __name__ == "__main__":
    raise SystemExit(main())

"""Times two sides turn about, checks that both did the same work, and writes what came out."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import operator
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.paired import median_interval, paired_ratios

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ftlab", "torch", "lightning", "transformers", "peft", "accelerate", "mlflow", "numpy")

Side = Callable[[], float | None]
"""One measurement. A side that returns seconds timed itself (its set-up is not counted); else the whole call counts."""


class Skipped(Exception):
    """The workload cannot run here; says what is missing."""


class Unequal(AssertionError):
    """The two sides did not compute the same, so their times must not be compared."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the page. Without ``other`` the number itself is asked: ``low`` and ``high`` then bound it."""

    workload: str
    question: str  # says the ratio in words: "examples/s, ours over Hugging Face Trainer"
    ours: str
    other: str | None
    unit: str  # of the medians
    median_ours: float
    median_other: float | None
    ratio: float | None
    low: float
    high: float
    pairs: int
    wanted: str | None = None  # ">= 1.5" or "0.98 to 1.02", of the ratio, or of the number where there is no other side
    note: str = ""

    @property
    def value(self) -> float:
        """What ``wanted`` is about."""
        return self.median_ours if self.ratio is None else self.ratio

    @property
    def held(self) -> bool | None:
        """Whether the median is as wanted; None where nothing is."""
        return None if self.wanted is None else _holds(self.value, self.wanted)

    @property
    def sure(self) -> bool:
        """Whether both ends of the interval say the same."""
        return self.wanted is None or _holds(self.low, self.wanted) == _holds(self.high, self.wanted) == self.held


def _holds(value: float, wanted: str) -> bool:
    if " to " in wanted:
        low, high = (float(bound) for bound in wanted.split(" to "))
        return low <= value <= high
    sign, limit = wanted.split()
    compare = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}[sign]
    return bool(compare(value, float(limit)))


@dataclass(frozen=True)
class Workload:
    """Two sides that do the same work."""

    ours: Side
    other: Side
    check: Callable[[], None] | None = None  # raises Unequal

    def guard(self) -> None:
        """Raise Unequal if both sides did not compute the same."""
        if self.check is not None:
            self.check()

    def measure(self, pairs: int, warmup: int = 1) -> list[tuple[float, float]]:
        """Return (seconds of ours, of the other) for each pair, once the guard has agreed."""
        timed = abba(self.ours, self.other, pairs, warmup)
        self.guard()
        return timed


def abba(run_a: Side, run_b: Side, pairs: int, warmup: int = 1) -> list[tuple[float, float]]:
    """Return (seconds of a, seconds of b) per pair, run in the order A B, B A, A B, ...

    Turn about, so that a drift of the machine favours neither side. ``warmup`` rounds of both come first, uncounted.
    """
    for _ in range(warmup):
        run_a()
        run_b()
    timed = []
    for pair in range(pairs):
        if pair % 2 == 0:
            a = seconds(run_a)
            b = seconds(run_b)
        else:
            b = seconds(run_b)
            a = seconds(run_a)
        timed.append((a, b))
    return timed


def seconds(run: Side) -> float:
    """Return what one call took, by its own account or by the clock, with no garbage collection inside."""
    with _no_collection():
        began = time.perf_counter()
        own = run()
        took = time.perf_counter() - began
    return took if own is None else float(own)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def compared(
    workload: str,
    question: str,
    pairs: Sequence[tuple[float, float]],
    *,
    ours: str,
    other: str,
    unit: str,
    wanted: str | None = None,
    note: str = "",
) -> Line:
    """Return the line of ours over the other; ``pairs`` are in ``unit`` (for a rate see ``rates``)."""
    found = paired_ratios(pairs)
    medians = statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
    ratio = (found.median, found.low, found.high, found.pairs)
    return Line(workload, question, ours, other, unit, *medians, *ratio, wanted=wanted, note=note)


def counted(
    workload: str,
    question: str,
    values: Sequence[float],
    *,
    ours: str,
    unit: str,
    wanted: str | None = None,
    note: str = "",
) -> Line:
    """Return the line of a number that has no other side."""
    found = median_interval(values)
    bounds = (found.low, found.high, found.pairs)
    return Line(workload, question, ours, None, unit, found.median, None, None, *bounds, wanted=wanted, note=note)


def rates(pairs: Sequence[tuple[float, float]], amount: float) -> list[tuple[float, float]]:
    """Return seconds as ``amount`` per second: the ratio of rates is above 1 where ours is faster."""
    return [(amount / a, amount / b) for a, b in pairs]


def data(name: str) -> Path:
    """Return a data set below FTLAB_TEST_DATA.

    Raises:
        Skipped: it is not there.
    """
    root = os.environ.get("FTLAB_TEST_DATA")
    if not root or not (Path(root) / name).exists():
        raise Skipped(f"needs the data set {name}: set FTLAB_TEST_DATA to the folder that holds it")
    return Path(root) / name


def document(name: str, what: str, quick: bool, lines: Sequence[Line], skipped: str | None = None) -> dict[str, Any]:
    """Return what a results file holds."""
    return {
        "name": name,
        "what": what,
        "quick": quick,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": machine(),
        "versions": {package: found for package in PACKAGES if (found := _version(package))},
        "skipped": skipped,
        "lines": [dataclasses.asdict(line) for line in lines],
    }


def write(out: Path, record: dict[str, Any]) -> Path:
    """Write one results file."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{record['name']}.json"
    path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return path


def machine() -> dict[str, Any]:
    """Return what the times depend on; nothing that names the machine."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("OMP_NUM_THREADS")
    return {
        "cpu": _cpu(),
        "cores": usable,
        "threads": int(threads) if threads and threads.isdigit() else usable,
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    for row in info.read_text(encoding="utf-8").splitlines() if info.is_file() else ():
        if row.startswith("model name"):
            return row.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None  # an optional peer that is not installed


def _commit() -> str | None:
    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(ROOT), *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
        except (OSError, subprocess.CalledProcessError):
            return None  # no git, or no repository: an unpacked source

    commit = git("rev-parse", "--short=12", "HEAD")
    return f"{commit} with changes" if commit and git("status", "--porcelain", "--", "src", "conf") else commit

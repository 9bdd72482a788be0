"""How many threads a process computes with, decided before the libraries that start them are imported.

One process usually holds five pools: torch's OpenMP, numpy's and scipy's BLAS, scikit-learn's OpenMP, the tokenizers'
and Arrow's. Each starts as many threads as there are processors and takes no notice of other processes, and idle OpenMP
threads spin: two processes that both take every core are slower than one after the other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ftlab.cores import usable_cores

AUTO = "auto"
OMP = "OMP_NUM_THREADS"
NOTE = "FTLAB_THREADS"  # "<count> <source>": what was decided, for the processes that this one starts
SOURCES = (AUTO, "threads=", OMP)
# Read by OpenMP and Arrow, Intel's MKL, OpenBLAS, Apple's Accelerate, numexpr, and the tokenizers' pool.
_POOLS = (
    *(OMP, "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS"),
)
_TOKENIZERS = "TOKENIZERS_PARALLELISM"
_WAITING = "OMP_WAIT_POLICY"


@dataclass(frozen=True, slots=True)
class Threads:
    """How many threads each pool of this process has, and who said so: ``auto``, ``threads=`` or OMP_NUM_THREADS."""

    count: int
    source: str


def decide(wanted: object, processes: int = 1, environ: Mapping[str, str] | None = None) -> Threads:
    """Return the threads of one process.

    Args:
        wanted: ``auto``, or a number, which wins.
        processes: that share this process's cores with it, itself included.
        environ: of the process; None: ``os.environ``.
    """
    if isinstance(wanted, int):
        return Threads(wanted, "threads=")
    environ = os.environ if environ is None else environ
    before = _noted(environ)
    if before is not None:  # decided by the process that started this one
        return Threads(max(1, before.count // processes), before.source) if before.source == AUTO else before
    by_user = _number(environ.get(OMP))
    if by_user is not None:
        return Threads(by_user, OMP)
    return Threads(max(1, usable_cores() // processes), AUTO)


def current() -> Threads | None:
    """Return what holds for this process; None where nothing was decided: ftlab is used as a library."""
    return _noted(os.environ)


@contextmanager
def limited(threads: Threads, *, crowded: bool = False) -> Iterator[None]:
    """Hold every pool of this process, and of those it starts, to ``threads`` for the time being.

    Variables are for libraries that are not loaded yet; pools that are there are resized. What the user has set for
    one library alone stays.

    Args:
        threads: of each pool.
        crowded: the user's number makes several processes take the same cores: idle threads then sleep instead of
            spinning. Alone on its cores a process is quicker with threads that spin: 420 ms a step against 560.
    """
    ours = _variables(threads, os.environ)
    if crowded and _WAITING not in os.environ:
        ours[_WAITING] = "passive"
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    resize(threads.count)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def hold() -> None:
    """Put the pools right where torch has another number than was decided, if anything was.

    Someone may have changed it, and MKL takes no more from the variables than there are cores.
    """
    threads = current()
    if threads is not None and "torch" in sys.modules and sys.modules["torch"].get_num_threads() != threads.count:
        resize(threads.count)


def resize(count: int) -> None:
    """Give the pools of libraries that are loaded ``count`` threads each; nothing is imported for it."""
    if "numpy" in sys.modules or "torch" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(count)  # for good: its use as a context would put the numbers back
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        if torch.get_num_threads() != count:
            torch.set_num_threads(count)
    if "pyarrow" in sys.modules:
        arrow = sys.modules["pyarrow"]
        if arrow.cpu_count() != count:
            arrow.set_cpu_count(count)


def notes(threads: Threads, processes: int = 1, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return what a user should know of their own numbers: more threads than cores, a variable that is no number."""
    environ = os.environ if environ is None else environ
    said, given = [], environ.get(OMP)
    if given is not None and _number(given) is None:
        said.append(f"{OMP}={given} is no number of threads, so {threads.count} of {threads.source} are used")
    cores = usable_cores()
    if threads.source != AUTO and threads.count * processes > cores:
        key = f"{threads.source}{threads.count}" if threads.source == "threads=" else f"{OMP}={threads.count}"
        each = f" in each of {processes} processes" if processes > 1 else ""
        said.append(f"{key}{each} is more than the {cores} cores there are, which is slower; threads=auto fits them")
    return said


def _variables(threads: Threads, environ: Mapping[str, str]) -> dict[str, str]:
    count = str(threads.count)
    started = _noted(environ) is not None  # then the numbers there are ours, not the user's
    variables = {name: count for name in _POOLS if started or name == OMP or name not in environ}
    if started or _TOKENIZERS not in environ:
        # Said either way, else tokenizers warn and stop working in parallel when a loader process is forked.
        variables[_TOKENIZERS] = "false" if threads.count == 1 else "true"
    return {**variables, NOTE: f"{count} {threads.source}"}


def _noted(environ: Mapping[str, str]) -> Threads | None:
    count, _, source = environ.get(NOTE, "").partition(" ")
    number = _number(count)
    return Threads(number, source) if number is not None and source in SOURCES else None


def _number(text: str | None) -> int | None:
    """Return a number of threads; OpenMP takes one per nesting level (``4,2``), of which the first counts."""
    first = (text or "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) > 0 else None

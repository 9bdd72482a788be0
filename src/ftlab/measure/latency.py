"""How long a call takes: warm-up until stable, then enough samples for a sure median."""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ftlab.errors import ConfigError
from ftlab.results import LatencyRow
from ftlab.schema import LatencyConfig

T = TypeVar("T")

WARMUP_WINDOW = 5  # calls; two windows in a row with medians this near are stable:
WARMUP_TOLERANCE = 0.05
WARMUP_CALLS = 50  # at most; texts of very different length never settle
CI_TOLERANCE = 0.05  # of p50, to either side
_PROTOCOL = LatencyConfig()  # fewer samples or seconds than these defaults is a short protocol


def check_latency(config: LatencyConfig) -> None:
    """Raise ConfigError where ``config`` cannot be timed, with one sentence per fault."""
    faults = []
    if bad := [size for size in config.batch_sizes if size < 1]:
        faults.append(f"latency.batch_sizes has {bad[0]}; give sizes of 1 or more: latency.batch_sizes=[1,32]")
    if config.min_samples < 1:
        faults.append(f"latency.min_samples={config.min_samples} times nothing; give 1 or more: latency.min_samples=30")
    if config.min_seconds < 0:
        faults.append(f"latency.min_seconds={config.min_seconds:g} is no time; give 0 or more: latency.min_seconds=3")
    if not config.max_seconds > 0:
        faults.append(f"latency.max_seconds={config.max_seconds:g} times nothing; give more: latency.max_seconds=30")
    if config.new_tokens < 2:
        faults.append(
            f"latency.new_tokens={config.new_tokens} leaves no time between two tokens; give 2 or more: "
            "latency.new_tokens=32"
        )
    if faults:
        raise ConfigError(*faults)


@dataclass(frozen=True, slots=True)
class LatencySamples:
    """The timed calls of one batch size, in order."""

    batch_size: int  # texts per call
    total_ms: list[float]  # preparation included
    prepare_ms: list[float]  # tokenisation
    total_seconds: float  # of the timed loop, without warm-up
    protocol: str  # full or short
    warmup_calls: int


def time_calls(
    prepare: Callable[[int], T],
    run: Callable[[T], object],
    *,
    batch_size: int,
    min_samples: int,
    min_seconds: float,
    max_seconds: float,
    synchronize: Callable[[], None] | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> LatencySamples:
    """Time ``run(prepare(i))`` for i = 0, 1, ... after a warm-up on the same indices.

    Goes on until there are ``min_samples``, ``min_seconds`` have passed and the 95% interval of the median lies within
    5% of it, but stops at the first call that ends after ``max_seconds``. The protocol is full only with at least as
    many samples and seconds as asked for and as ``LatencyConfig`` has by default; else short.

    The clock is read three times per call; the device is waited for before the last reading.

    Args:
        prepare: index -> input of ``run``; timed apart (tokenisation).
        run: the call on the prepared input.
        batch_size: texts per call, recorded.
        min_samples: timed calls, at least.
        min_seconds: of timing, at least.
        max_seconds: of timing, at most.
        synchronize: waits for the device; None where calls return when done.
        clock: nanoseconds.
    """
    assert max_seconds > 0, "max_seconds must be positive"

    call = functools.partial(_timed, prepare, run, synchronize, clock)
    warmup_calls = _warm_up(call, min(min_seconds, max_seconds / 4))
    total_ms: list[float] = []
    prepare_ms: list[float] = []
    began, seconds, next_check = None, 0.0, 0
    while seconds < max_seconds:
        start, ready, end = call(len(total_ms))
        began = start if began is None else began
        total_ms.append((end - start) / 1e6)
        prepare_ms.append((ready - start) / 1e6)
        seconds = (end - began) / 1e9
        count = len(total_ms)
        if count >= max(min_samples, next_check) and seconds >= min_seconds:
            if _is_sure(total_ms):
                break
            next_check = count + count // 10 + 1  # sorting at every sample would cost more than many a call
    full = len(total_ms) >= max(min_samples, _PROTOCOL.min_samples) and seconds >= _full_seconds(min_seconds)
    return LatencySamples(batch_size, total_ms, prepare_ms, seconds, "full" if full else "short", warmup_calls)


def _timed(
    prepare: Callable[[int], T],
    run: Callable[[T], object],
    synchronize: Callable[[], None] | None,
    clock: Callable[[], int],
    index: int,
) -> tuple[int, int, int]:
    """Return the clock before preparing, before running, and after, in nanoseconds."""
    start = clock()
    prepared = prepare(index)
    ready = clock()
    run(prepared)
    if synchronize is not None:
        synchronize()
    return start, ready, clock()


def _full_seconds(min_seconds: float) -> float:
    return max(min_seconds, _PROTOCOL.min_seconds)


def _warm_up(call: Callable[[int], tuple[int, int, int]], budget_seconds: float) -> int:
    """Call until two windows agree, the budget is spent, or ``WARMUP_CALLS`` are made. Returns the calls made."""
    began, previous, calls = None, None, 0
    while calls < WARMUP_CALLS:
        window: list[int] = []
        while len(window) < WARMUP_WINDOW:
            start, _, end = call(calls)
            began = start if began is None else began
            calls += 1
            if end - began >= budget_seconds * 1e9:
                return calls
            window.append(end - start)
        median = statistics.median(window)
        if previous is not None and abs(median - previous) <= WARMUP_TOLERANCE * previous:
            return calls
        previous = median
    return calls


def _is_sure(values: Sequence[float]) -> bool:
    middle = statistics.median(values)
    low, high = median_ci95(values)
    return len(values) >= 6 and max(middle - low, high - middle) <= CI_TOLERANCE * middle


def median_ci95(values: Sequence[float]) -> tuple[float, float]:
    """Return a 95% confidence interval of the median, from order statistics: no assumption on the distribution.

    The number of values below the true median is binomial(n, 1/2), so the k-th smallest and the k-th largest value
    bracket it with probability at least 95% for the largest k with P(B < k) <= 2.5%. Source: J.-Y. Le Boudec,
    Performance Evaluation of Computer and Communication Systems (EPFL Press 2010), theorem 2.1 and table A.1.
    Fewer than 6 values cannot give 95%: their range is returned, of confidence 1 - 2^(1 - n).
    """
    ordered = sorted(values)
    rank = _rank(len(ordered))
    return ordered[rank - 1], ordered[-rank]


@functools.lru_cache(maxsize=256)
def _rank(count: int) -> int:
    """Return k of ``median_ci95``, counted from 1: exact up to 1,000 values, then the normal approximation."""
    assert count > 0, "no samples"
    if count > 1000:
        return math.floor(count / 2 - 0.98 * math.sqrt(count))
    limit = 2**count // 40  # 2.5% of all 2^n outcomes
    below, ways, rank = 1, 1, 0
    while below <= limit:
        rank += 1
        ways = ways * (count - rank + 1) // rank
        below += ways
    return max(rank, 1)


def summarize(
    samples: LatencySamples, *, backend: str, device: str, dtype: str, threads: int, merged: bool = False
) -> LatencyRow:
    """Return the row of ``result.json``: percentiles of the totals by linear interpolation (numpy's default)."""
    total = np.asarray(samples.total_ms)
    p50, p90, p95, p99 = (float(p) for p in np.percentile(total, [50, 90, 95, 99]))
    mean = float(total.mean())
    return LatencyRow(
        protocol=samples.protocol,
        backend=backend,
        device=device,
        batch_size=samples.batch_size,
        merged=merged,
        dtype=dtype,
        threads=threads,
        p50_ms=p50,
        p90_ms=p90,
        p95_ms=p95,
        p99_ms=p99,
        mean_ms=mean,
        ci95_p50_ms=median_ci95(samples.total_ms),
        samples=len(samples.total_ms),
        total_seconds=samples.total_seconds,
        tokenization_ms=float(np.median(samples.prepare_ms)),
        throughput_per_second=samples.batch_size * 1000 / mean if mean > 0 else math.inf,
    )

"""How sure the times of a run are: 95% intervals from its repeated calls, kept in ``latency.parquet``."""

from __future__ import annotations

import itertools
import math
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ftlab.compare.axes import shipped
from ftlab.compare.types import Candidate, Run
from ftlab.results import LatencyRow
from ftlab.stats.autocorrelation import inefficiency

Floats = npt.NDArray[np.float64]
_COLUMNS = ("batch_size", "merged", "total_ms", "ttft_ms", "inter_token_ms")
# Axes that rest on the calls: the column of a call, and the quantile of it; None: of the mean.
_BY_CALLS: dict[str, tuple[str, float | None]] = {
    "p50_ms": ("total_ms", 0.5),
    "p95_ms": ("total_ms", 0.95),
    "ttft_ms": ("ttft_ms", 0.5),
    "inter_token_ms": ("inter_token_ms", 0.5),
    "throughput": ("total_ms", None),
    "tokens_per_second": ("total_ms", None),
    "usd_per_1k": ("total_ms", None),
}
_Z = 1.96


def read_calls(folder: Path, row: LatencyRow) -> dict[str, Floats]:
    """Return the calls behind ``row``: ``total_ms`` (N,), and ``ttft_ms inter_token_ms`` of a model that writes.

    Nothing where the run kept none, or they cannot be read: the interval is then not known.
    """
    wanted = _COLUMNS if row.ttft_ms is not None else _COLUMNS[:3]
    try:
        file = pq.ParquetFile(folder / "latency.parquet", pre_buffer=False)
        table = file.read(columns=[name for name in wanted if name in file.schema_arrow.names], use_threads=False)
    except (OSError, pa.ArrowException):
        return {}
    held = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
    if not {"batch_size", "merged", "total_ms"} <= set(held):
        return {}
    ours = (held["batch_size"] == row.batch_size) & (held["merged"].astype(bool) == row.merged)
    calls = {name: held[name][ours].astype(np.float64) for name in _COLUMNS[2:] if name in held}
    return {name: values[np.isfinite(values)] for name, values in calls.items() if np.isfinite(values).any()}


def latency_intervals(run: Run) -> dict[str, tuple[float, float]]:
    """Return the 95% interval of each axis that rests on timed calls of one text.

    That is p50, p95, first and next token, throughput, and what a request costs by it. Only where the protocol is full.
    Those of p50 and p95 are order statistics, which assume no distribution; p95's is left out where there are too few
    calls for one (fewer than 110). All count that a call is like the one before it; without calls p50 has the interval
    of the record, which does not.
    """
    row = shipped(run.result)
    if row is None or row.protocol != "full":
        return {}
    calls = read_calls(run.folder, row)
    found = {} if "total_ms" in calls else {"p50_ms": (float(row.ci95_p50_ms[0]), float(row.ci95_p50_ms[1]))}
    for axis, (column, share) in _BY_CALLS.items():
        if share is not None and column in calls and (ends := quantile_interval(calls[column], share)) is not None:
            found[axis] = ends
    return found | (_by_mean(run, row, calls["total_ms"]) if "total_ms" in calls else {})


def _by_mean(run: Run, row: LatencyRow, total_ms: Floats) -> dict[str, tuple[float, float]]:
    """Return the intervals of what goes with the mean call: throughput, and the price that rests on it."""
    cost, average = run.result.cost, float(total_ms.mean())
    if len(total_ms) < 2 or (cost is not None and cost.batch_size != row.batch_size) or average <= 0:
        return {}
    half = _Z * float(total_ms.std(ddof=1)) * math.sqrt(inefficiency(total_ms) / len(total_ms)) / average
    if half >= 1:
        return {}
    speed = row.throughput_per_second
    found = {"throughput": (speed / (1 + half), speed / (1 - half))}
    if cost is not None and cost.usd_per_1k_requests is not None and row.ttft_ms is None:
        found["usd_per_1k"] = (cost.usd_per_1k_requests * (1 - half), cost.usd_per_1k_requests * (1 + half))
    return found


def why_no_interval(candidate: Candidate, name: str) -> str:
    """Return why the value of an axis has no interval: too few calls, calls that were not kept, a single trial."""
    run = candidate.chosen
    row = shipped(run.result) if run is not None else None
    if run is None or row is None or name not in _BY_CALLS:
        return f"{name} was measured once{' with each seed' if len(candidate.runs) > 1 else ''}"
    column, share = _BY_CALLS[name]
    calls = read_calls(run.folder, row).get(column)
    if calls is None:
        return f"the calls behind {name} are not in latency.parquet"
    if share is not None and len(calls) < (fewest := fewest_calls(share)):
        return f"too few calls ({len(calls)} of {fewest})"
    if share is not None:
        return f"too few calls ({len(calls)}, each much like the one before it)"
    return f"an interval of {name} is not known"


@cache
def fewest_calls(share: float) -> int:
    """Return how many values an interval of the quantile ``share`` takes: 110 of p95, 8 of the median."""
    return next(n for n in itertools.count(1) if quantile_interval(np.zeros(n), share) is not None)


def quantile_interval(values: Floats, share: float) -> tuple[float, float] | None:
    """Return a 95% interval of the quantile ``share`` from order statistics; None: too few values have one.

    The number of values below the true quantile is binomial(n, share); the normal approximation with a continuity
    correction gives the ranks. Source: J.-Y. Le Boudec, Performance Evaluation (EPFL Press 2010), theorem 2.1. Where
    neighbours are alike, that number varies more, by ``inefficiency`` (Heidelberger and Lewis 1984, Quantile estimation
    in dependent sequences, Operations Research 32:185-209).

    Args:
        values: (N,), in the order in which they were measured.
        share: in (0, 1).
    """
    count = len(values)
    alike = inefficiency((values <= np.quantile(values, share)).astype(np.float64)) if count else 1.0
    spread = _Z * math.sqrt(count * share * (1 - share) * alike)
    low, high = math.floor(count * share - spread), math.ceil(count * share + spread) + 1
    if low < 1 or high > count:
        return None
    ordered = np.sort(values)
    return float(ordered[low - 1]), float(ordered[high - 1])

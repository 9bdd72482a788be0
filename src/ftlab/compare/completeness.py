"""What the record of a finished run must hold before it is compared: one place, so that nothing else need ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ftlab.compare.axes import number
from ftlab.results import LatencyRow, Quality, RunResult

_SECTIONS = ("model", "dataset", "quality", "adapter", "prompt", "compression", "training", "latency", "energy")


def lacks(result: RunResult) -> str | None:
    """Return in words what is not there; None: all that comparing reads is. ``result``: whose types fit."""
    missing = [name for name in (*_SECTIONS, "environment") if getattr(result, name) is None]
    if result.quality is not None:
        missing += _of_quality(result.quality)
    for place, row in enumerate(result.latency or ()):
        missing += [f"latency[{place}]"] if row is None else [f"latency[{place}].{name}" for name in _of_row(row)]
    data, cost = result.dataset, result.cost
    needed: dict[str, object] = {"run.started": result.run.started, "run.seed": result.run.seed}
    if data is not None:
        needed |= {f"dataset.{name}": getattr(data, name) for name in ("test_digest", "test_rows", "labels")}
    if cost is not None:
        needed |= {f"cost.{name}": getattr(cost, name) for name in ("utilisation", "batch_size")}
    missing += [name for name, value in needed.items() if value is None]
    return f"no {', '.join(missing)}" if missing else None


def _of_quality(quality: Quality) -> Iterator[str]:
    main = quality.main or {}
    yield from (f"quality.main.{key}" for key in ("name", "direction") if main.get(key) is None)
    if quality.test is None:
        yield "quality.test"
    elif not _is_per_class(quality.test.get("per_class")):
        yield "quality.test.per_class by label"
    if quality.test_ci95 is None:
        yield "quality.test_ci95"
    else:
        yield from (f"quality.test_ci95.{name}" for name, ends in quality.test_ci95.items() if ends is None)


def _is_per_class(held: object) -> bool:
    if held is None:  # of a model that writes
        return True
    return isinstance(held, Mapping) and all(isinstance(numbers, Mapping) for numbers in held.values())


def _of_row(row: LatencyRow) -> Iterator[str]:
    """Yield what a row lacks; few calls may have no interval, and then nothing is ranked by them."""
    yield from (
        name for name in ("protocol", "backend", "device", "batch_size", "merged") if getattr(row, name) is None
    )
    if row.protocol != "full":
        return
    yield from (name for name in ("p50_ms", "p95_ms", "throughput_per_second") if getattr(row, name) is None)
    if row.ci95_p50_ms is None or any(number(end) is None for end in row.ci95_p50_ms):
        yield "ci95_p50_ms"

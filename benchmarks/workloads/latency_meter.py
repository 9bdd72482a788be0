"""The latency meter against torch's own timer, against nothing, and against times that are known."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.runner import Line, abba, compared, counted

NAME = "latency_meter"
WHAT = (
    "The p50 of `measure/latency.time_calls` against the median of `torch.utils.benchmark`'s blocked_autorange on the "
    "same callable, what the meter itself costs a call, and its percentiles of waits that are known."
)
Call = Callable[[], Any]
# Waits of known length: evenly distributed, in seconds.
SHORTEST, LONGEST = 0.001, 0.005


# Pairs, and seconds of each side of a pair. Many short ones: a shared machine changes its speed by a tenth within a
# second, and that must hit both sides alike.
ROUNDS = {"matmul": (200, 0.05), "minilm": (90, 0.2)}


def measure(quick: bool) -> list[Line]:
    """Compare on a matrix product and on MiniLM, then measure the meter on nothing and on the known waits."""
    lines: list[Line] = []
    for name, make in (("matmul", _matmul), ("minilm", _minilm)):
        pairs, seconds = (2, 0.05) if quick else ROUNDS[name]
        lines += _against_torch(name, make(), pairs, seconds)
    return [*lines, *_own_cost(quick), *_percentiles(quick)]


def _against_torch(name: str, call: Call, pairs: int, seconds: float) -> list[Line]:
    from torch.utils.benchmark import Timer

    raw: list[list[float]] = []  # ms of ours, pair by pair
    blocks: list[int] = []  # calls that torch times together

    def ours() -> float:
        raw.append(_timed(call, seconds).total_ms)
        return statistics.median(raw[-1]) / 1e3

    def theirs() -> float:
        for _ in range(10):  # as warm as ours, which calls until it is stable
            call()
        found = Timer("call()", globals={"call": call}).blocked_autorange(min_run_time=seconds)
        blocks.append(found.number_per_run)
        return found.median

    timed = [(a * 1e3, b * 1e3) for a, b in abba(ours, theirs, pairs)]
    together = round(statistics.median(blocks))
    sides = {"ours": "time_calls", "other": "torch.utils.benchmark", "unit": "ms"}
    if together == 1:
        return [compared(NAME, f"p50 of {name}, ours over blocked_autorange", timed, **sides, wanted="0.98 to 1.02")]
    alike = [
        (_median_of_means(ms, size), b) for ms, size, (_, b) in zip(raw[1:], blocks[1:], timed, strict=True)
    ]  # without the warm-up
    note = (
        f"torch times {together} calls of this length at once, so that its number is a median of means; where some "
        "calls are held up, that lies above the median of calls."
    )
    return [
        compared(
            NAME,
            f"{name}, median of means of as many calls, ours over blocked_autorange",
            alike,
            **sides,
            wanted="0.98 to 1.02",
        ),
        compared(NAME, f"p50 of {name}, ours over blocked_autorange", timed, **sides, wanted="0.98 to 1.02", note=note),
    ]


def _median_of_means(values: list[float], size: int) -> float:
    means = [statistics.fmean(values[at : at + size]) for at in range(0, len(values) - size + 1, size)]
    return statistics.median(means or [statistics.fmean(values)])


def _timed(call: Call, seconds: float) -> Any:
    from ftlab.measure.latency import time_calls

    limits = {"min_samples": 10, "min_seconds": seconds, "max_seconds": seconds * 4}
    return time_calls(lambda index: None, lambda prepared: call(), batch_size=1, **limits)


def _matmul() -> Call:
    import torch

    torch.manual_seed(0)
    a, b = torch.randn(128, 384), torch.randn(384, 384)  # stays in the cache

    def call() -> Any:
        with torch.inference_mode():
            return a @ b

    return call


def _minilm() -> Call:
    """Return one request: the predictor on one sentence, tokenisation included."""
    import torch

    from ftlab.models.pretrained import load_classifier
    from ftlab.models.tokenizer import load_tokenizer
    from ftlab.paths import config_dir
    from ftlab.predictor import TorchPredictor
    from ftlab.schema import ModelConfig
    from ftlab.yaml_file import read_yaml

    read = read_yaml(config_dir() / "model" / "minilm.yaml")
    checkpoint = {key: read[key] for key in ("name", "checkpoint", "embedded") if key in read}
    cfg = ModelConfig(**checkpoint)
    tokenizer = load_tokenizer(cfg, None).tokenizer
    labels = ["no", "yes"]
    net = load_classifier(cfg, labels, tokenizer.pad_token_id).net
    predictor = TorchPredictor(net, tokenizer, labels, max_length=128, device=torch.device("cpu"))
    text = ["The council voted for the new tram line after a debate of four hours, to the surprise of many."]
    return lambda: predictor.logits(predictor.encode(text))


def _own_cost(quick: bool) -> list[Line]:
    """Time the meter on a callable that does nothing: what is read, and what a call takes in all."""
    from ftlab.measure.latency import time_calls

    read, whole = [], []
    for _ in range(3 if quick else 15):
        began = time.perf_counter()
        found = time_calls(
            lambda index: None,
            lambda prepared: None,
            batch_size=1,
            min_samples=20_000,
            min_seconds=0.2,
            max_seconds=5.0,
        )
        whole.append((time.perf_counter() - began) / (len(found.total_ms) + found.warmup_calls) * 1e6)
        read.append(statistics.median(found.total_ms) * 1e3)
    return [
        counted(
            NAME, "own cost in the reading, of an empty callable", read, ours="time_calls", unit="us", wanted="<= 20"
        ),
        counted(
            NAME, "own cost a call in all, of an empty callable", whole, ours="time_calls", unit="us", wanted="<= 20"
        ),
    ]


def _percentiles(quick: bool) -> list[Line]:
    """Compare each percentile with that of the waits that were drawn."""
    import numpy as np

    from ftlab.measure.latency import summarize, time_calls

    drawn = random.Random(0)  # noqa: S311 - lengths of waits, not a secret
    count = 200 if quick else 2000
    waits: list[float] = []  # ms

    def wait(prepared: None) -> None:
        waits.append(1e3 * drawn.uniform(SHORTEST, LONGEST))
        until = time.perf_counter_ns() + waits[-1] * 1e6
        while time.perf_counter_ns() < until:  # a sleep would end when the kernel wants
            pass

    found = time_calls(lambda index: None, wait, batch_size=1, min_samples=count, min_seconds=0.0, max_seconds=60.0)
    row = summarize(found, backend="none", device="none", dtype="none", threads=1)
    known = np.percentile(waits[found.warmup_calls :], [50, 90, 95, 99])
    return [
        compared(
            NAME,
            f"p{q} of {count:,} waits evenly between 1 and 5 ms, read over drawn",
            [(got, float(drawn_ms))],
            ours="time_calls",
            other="drawn",
            unit="ms",
            wanted="0.98 to 1.02",
        )
        for q, got, drawn_ms in zip(
            (50, 90, 95, 99), (row.p50_ms, row.p90_ms, row.p95_ms, row.p99_ms), known, strict=True
        )
    ]

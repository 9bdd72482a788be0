"""How long an answer takes, token by token: the time to the first, the time between two, the whole."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from ftlab.measure.latency import LatencySamples, summarize, time_calls
from ftlab.results import LatencyRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GenerationSamples:
    """The timed calls of one batch size, in order."""

    calls: LatencySamples  # whole calls: tokenisation, prompt, tokens, and text made of them
    ttft_ms: list[float]  # of each call: until the first token of each prompt, tokenisation included
    steps_ms: list[list[float]]  # of each call: between a token and the next
    tokens: list[int]  # of each call: written, over all prompts


def time_generation(
    prepare: Callable[[int], T],
    steps: Callable[[T], Iterable[int]],
    *,
    batch_size: int,
    min_samples: int,
    min_seconds: float,
    max_seconds: float,
    synchronize: Callable[[], None] | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> GenerationSamples:
    """Time calls as ``time_calls`` does, with its warm-up and its rules, and within each call every token.

    Args:
        prepare: index -> prompts as tokens; timed apart, and part of the time to the first token.
        steps: writes; yields after each token how many prompts got one.
        batch_size: prompts per call, recorded.
        min_samples: timed calls, at least.
        min_seconds: of timing, at least.
        max_seconds: of timing, at most.
        synchronize: waits for the device, after every token; None where a step returns when done.
        clock: nanoseconds.
    """
    marks: list[list[int]] = []  # of each call, the warm-up's included: when it began, and each token
    written: list[int] = []

    def run(prepared: T) -> None:
        times, count = [clock()], 0
        for tokens in steps(prepared):
            if synchronize is not None:
                synchronize()
            times.append(clock())
            count += tokens
        marks.append(times)
        written.append(count)

    limits: dict[str, Any] = {"min_samples": min_samples, "min_seconds": min_seconds, "max_seconds": max_seconds}
    calls = time_calls(prepare, run, batch_size=batch_size, **limits, synchronize=synchronize, clock=clock)
    timed = marks[calls.warmup_calls :]
    assert all(len(times) > 1 for times in timed), "each call writes a token"
    return GenerationSamples(
        calls,
        [(times[1] - times[0]) / 1e6 + ms for times, ms in zip(timed, calls.prepare_ms, strict=True)],
        [[(b - a) / 1e6 for a, b in itertools.pairwise(times[1:])] for times in timed],
        written[calls.warmup_calls :],
    )


def summarize_generation(
    samples: GenerationSamples, *, backend: str, device: str, dtype: str, threads: int, merged: bool = False
) -> LatencyRow:
    """Return the row of ``result.json``: that of the whole calls, with medians of the first token and of the others.

    ``inter_token_ms`` is None where no call wrote a second token.
    """
    where = {"backend": backend, "device": device, "dtype": dtype}
    row = summarize(samples.calls, **where, threads=threads, merged=merged)
    between = [ms for steps in samples.steps_ms for ms in steps]
    seconds = sum(samples.calls.total_ms) / 1000
    return dataclasses.replace(
        row,
        ttft_ms=statistics.median(samples.ttft_ms),
        inter_token_ms=statistics.median(between) if between else None,
        tokens_per_second=sum(samples.tokens) / seconds if seconds > 0 else None,
    )

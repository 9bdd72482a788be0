"""Token by token: on a clock that only moves when told to, and once on the real one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ftlab.errors import ConfigError
from ftlab.measure.generation_latency import GenerationSamples, summarize_generation, time_generation
from ftlab.measure.latency import LatencySamples, check_latency
from ftlab.schema import LatencyConfig

WHERE = {"backend": "torch", "device": "cpu", "dtype": "float32", "threads": 1}


class Writer:
    """Reads in 1 + 9 ms, writes each further token in 2 ms, and makes text of them in 3 ms; the device takes 1 more."""

    def __init__(self, tokens: int = 4, rows: int = 2) -> None:
        self.now, self.tokens, self.rows, self.calls, self.waits = 0, tokens, rows, 0, 0

    def _pass(self, ms: float) -> None:
        self.now += round(ms * 1e6)

    def prepare(self, index: int) -> str:
        self._pass(1)
        return "prompts"

    def steps(self, prompts: str) -> Iterator[int]:
        assert prompts == "prompts"
        self.calls += 1
        for token in range(self.tokens):
            self._pass(2 if token else 9)
            yield self.rows
        self._pass(3)

    def synchronize(self) -> None:
        self.waits += 1
        self._pass(1)

    def time(self, **limits: float) -> GenerationSamples:
        options = {"min_samples": 30, "min_seconds": 0.1, "max_seconds": 30.0, **limits}
        device = {"synchronize": self.synchronize, "clock": lambda: self.now}
        return time_generation(self.prepare, self.steps, batch_size=self.rows, **device, **options)


def test_first_token_and_the_others_are_timed_apart() -> None:
    timed = Writer().time()
    assert set(timed.ttft_ms) == {1.0 + 9 + 1}  # tokenisation, prompt, device
    assert {ms for steps in timed.steps_ms for ms in steps} == {2.0 + 1}
    assert {len(steps) for steps in timed.steps_ms} == {3}
    assert set(timed.calls.total_ms) == {11.0 + 3 * 3 + 3 + 1}


def test_warm_up_is_left_out_of_every_number() -> None:
    writer = Writer()
    timed = writer.time()
    count = len(timed.calls.total_ms)
    assert timed.calls.warmup_calls > 0
    assert writer.calls == timed.calls.warmup_calls + count
    assert [len(timed.ttft_ms), len(timed.steps_ms), len(timed.tokens)] == [count] * 3
    assert writer.waits == writer.calls * 5  # after each token, and after the text


def test_row_has_the_whole_call_and_its_parts() -> None:
    row = summarize_generation(Writer().time(), **WHERE)
    assert (row.p50_ms, row.p99_ms, row.tokenization_ms, row.batch_size) == (24.0, 24.0, 1.0, 2)
    assert (row.ttft_ms, row.inter_token_ms) == (11.0, 3.0)
    assert row.tokens_per_second == pytest.approx(2 * 4 / 0.024)
    assert row.throughput_per_second == pytest.approx(2 / 0.024)
    assert row.protocol == "short"


def test_protocol_follows_the_rules_of_all_latency() -> None:
    assert Writer().time(min_seconds=3).calls.protocol == "full"
    assert Writer().time(min_samples=5, min_seconds=0.01).calls.protocol == "short"
    assert len(Writer().time(max_seconds=0.001).calls.total_ms) == 1


def test_medians_pass_over_what_was_held_up() -> None:
    calls = LatencySamples(1, [10.0, 10.0, 100.0], [1.0] * 3, 0.12, "short", 1)
    samples = GenerationSamples(calls, [5.0, 6.0, 50.0], [[1.0, 2.0], [2.0, 3.0], [2.0, 90.0]], [3, 3, 3])
    row = summarize_generation(samples, **WHERE)
    assert (row.ttft_ms, row.inter_token_ms) == (6.0, 2.0)
    assert row.tokens_per_second == pytest.approx(9 / 0.12)


def test_one_token_has_nothing_between() -> None:
    row = summarize_generation(Writer(tokens=1).time(), **WHERE)
    assert (row.ttft_ms, row.inter_token_ms) == (11.0, None)


def test_sleeps_on_the_real_clock_are_found_again() -> None:
    def steps(prompts: int) -> Iterator[int]:
        for token in range(5):
            time.sleep(0.004 if token else 0.02)
            yield 3

    limits = {"batch_size": 3, "min_samples": 5, "min_seconds": 0.1, "max_seconds": 0.4}
    row = summarize_generation(time_generation(lambda i: i, steps, **limits), **WHERE)
    assert row.ttft_ms is not None
    assert row.inter_token_ms is not None
    assert 20 <= row.ttft_ms < 25
    assert 4 <= row.inter_token_ms < 6
    assert row.tokens_per_second == pytest.approx(15 / 0.036, rel=0.2)


def test_too_few_new_tokens_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"latency\.new_tokens=1 .*give 2 or more: latency\.new_tokens=32"):
        check_latency(LatencyConfig(new_tokens=1))

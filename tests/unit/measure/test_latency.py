"""The latency meter on a clock that only moves when told to."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlab.errors import ConfigError
from ftlab.measure.latency import LatencySamples, check_latency, median_ci95, summarize, time_calls
from ftlab.schema import LatencyConfig


class Machine:
    """A clock in ns, and calls that take scripted times: (prepare ms, run ms, wait ms) per call."""

    def __init__(self, *script: tuple[float, float, float], then: tuple[float, float, float] = (1, 4, 5)) -> None:
        self.now = 0
        self.script, self.then = list(script), then
        self.prepared: list[int] = []
        self.waits = 0

    def _pass(self, ms: float) -> None:
        self.now += round(ms * 1e6)

    def prepare(self, index: int) -> tuple[float, float, float]:
        step = self.script[len(self.prepared)] if len(self.prepared) < len(self.script) else self.then
        self.prepared.append(index)
        self._pass(step[0])
        return step

    def run(self, step: tuple[float, float, float]) -> None:
        self._pass(step[1])
        self.step = step

    def synchronize(self) -> None:
        self.waits += 1
        self._pass(self.step[2])

    def time(self, **limits: float) -> LatencySamples:
        options = {"min_samples": 30, "min_seconds": 0.1, "max_seconds": 30.0, **limits}
        return time_calls(
            self.prepare, self.run, batch_size=2, synchronize=self.synchronize, clock=lambda: self.now, **options
        )


def samples(*total_ms: float, batch_size: int = 1, protocol: str = "full") -> LatencySamples:
    return LatencySamples(batch_size, list(total_ms), [t / 10 for t in total_ms], 1.0, protocol, 10)


def test_each_call_lasts_from_preparation_to_the_end_of_the_wait() -> None:
    timed = Machine().time()
    assert set(timed.total_ms) == {10.0}
    assert set(timed.prepare_ms) == {1.0}
    assert timed.batch_size == 2


def test_device_is_waited_for_once_per_call() -> None:
    machine = Machine()
    timed = machine.time()
    assert machine.waits == timed.warmup_calls + len(timed.total_ms)


def test_a_call_without_a_device_to_wait_for_lasts_until_it_returns() -> None:
    machine = Machine()
    timed = time_calls(
        machine.prepare,
        machine.run,
        batch_size=1,
        min_samples=8,
        min_seconds=0,
        max_seconds=1,
        clock=lambda: machine.now,
    )
    assert set(timed.total_ms) == {5.0}


def test_timed_calls_use_the_same_indices_whatever_the_warm_up_took() -> None:
    machine = Machine()
    timed = machine.time()
    assert machine.prepared[timed.warmup_calls :] == list(range(len(timed.total_ms)))


def test_warm_up_ends_when_two_windows_agree() -> None:
    falling = [(0, ms, 0) for ms in (500, 400, 300, 200, 100)]
    timed = Machine(*falling, *[(0, 20, 0)] * 5, then=(0, 20.9, 0)).time(min_seconds=3)
    assert timed.warmup_calls == 15  # medians 300, 20, 20.9 ms: the last two are within 5%
    assert set(timed.total_ms) == {20.9}


def test_warm_up_is_bounded_where_times_never_settle() -> None:
    script = [(0.0, 1.0 + 2.0 * (i // 5 % 2), 0.0) for i in range(200)]
    assert Machine(*script).time(min_seconds=3).warmup_calls == 50


def test_warm_up_takes_no_longer_than_the_time_asked_for() -> None:
    assert Machine(then=(0, 1000, 0)).time(min_seconds=3, max_seconds=30).warmup_calls == 3
    assert Machine(then=(0, 1000, 0)).time(min_seconds=100, max_seconds=20).warmup_calls == 5


def test_goes_on_until_min_samples_and_min_seconds() -> None:
    assert len(Machine(then=(0, 200, 0)).time(min_seconds=3).total_ms) == 30
    assert len(Machine(then=(0, 10, 0)).time(min_seconds=3).total_ms) == 300


def test_goes_on_until_the_interval_of_the_median_is_within_five_percent() -> None:
    wide = [(0.0, 100.0, 0.0)] * 10  # the warm-up
    wide += [(0.0, 60.0 if i % 2 else 140.0, 0.0) for i in range(60)]  # median between two clouds: never sure
    timed = Machine(*wide, then=(0, 100, 0)).time(min_seconds=3, max_seconds=60)
    assert timed.warmup_calls == 10
    middle = sorted(timed.total_ms)[len(timed.total_ms) // 2]
    low, high = median_ci95(timed.total_ms)
    assert 60 < len(timed.total_ms) <= 90  # sure from about 80 on, looked at after each tenth more
    assert middle - low <= 0.05 * middle
    assert high - middle <= 0.05 * middle


def test_stops_at_max_seconds_however_unsure() -> None:
    script = [(0.0, 60.0 if i % 2 else 140.0, 0.0) for i in range(1000)]
    timed = Machine(*script).time(min_seconds=3, max_seconds=6)
    assert 6 <= timed.total_seconds < 6.14
    assert timed.protocol == "full"  # samples and seconds are there; the interval tells the rest


def test_too_few_samples_make_a_short_protocol() -> None:
    timed = Machine(then=(0, 2000, 0)).time(min_seconds=3, max_seconds=30)
    assert len(timed.total_ms) == 15
    assert timed.protocol == "short"


def test_too_few_seconds_make_a_short_protocol() -> None:
    timed = Machine(then=(0, 10, 0)).time(min_seconds=3, max_seconds=2)
    assert len(timed.total_ms) == 200
    assert timed.protocol == "short"


def test_limits_below_the_defaults_make_a_short_protocol() -> None:
    fewer = Machine(then=(0, 400, 0)).time(min_samples=5, min_seconds=3)
    assert (len(fewer.total_ms), fewer.protocol) == (8, "short")
    shorter = Machine().time(min_samples=30, min_seconds=0.05)
    assert (len(shorter.total_ms), shorter.protocol) == (30, "short")
    assert Machine().time(min_samples=30, min_seconds=3).protocol == "full"


def test_one_call_is_always_timed() -> None:
    assert len(Machine(then=(0, 9000, 0)).time(max_seconds=0.001).total_ms) == 1


@pytest.mark.parametrize(
    ("count", "low", "high"), [(6, 1, 6), (8, 1, 8), (9, 2, 8), (10, 2, 9), (15, 4, 12), (17, 5, 13), (20, 6, 15)]
)
def test_interval_of_the_median_is_the_tabled_pair_of_order_statistics(count: int, low: int, high: int) -> None:
    values = list(range(1, count + 1))
    random.Random(0).shuffle(values)
    assert median_ci95(values) == (low, high)


def test_fewer_than_six_values_give_their_range() -> None:
    assert median_ci95([3.0]) == (3.0, 3.0)
    assert median_ci95([5, 1, 4, 2, 3]) == (1, 5)


@given(st.integers(6, 3000))
def test_interval_covers_at_least_95_percent_and_no_narrower_pair_does(count: int) -> None:
    low, high = median_ci95(list(range(1, count + 1)))
    assert high == count + 1 - low
    if count <= 1000:
        inside = sum(math.comb(count, i) for i in range(low, count - low + 1))
        assert inside * 100 >= 95 * 2**count
        assert low + 1 > count - low or (inside - 2 * math.comb(count, low)) * 100 < 95 * 2**count
    else:
        z = (count / 2 - low) / (math.sqrt(count) / 2)
        assert 1.96 <= z < 1.96 + 2 / math.sqrt(count)  # one rank more at most


def test_percentiles_are_exact_on_known_times() -> None:
    row = summarize(samples(*range(101, 0, -1)), backend="torch", device="cpu", dtype="float32", threads=2)
    assert (row.p50_ms, row.p90_ms, row.p95_ms, row.p99_ms, row.mean_ms) == (51.0, 91.0, 96.0, 100.0, 51.0)
    assert row.tokenization_ms == pytest.approx(5.1, rel=1e-12)
    assert row.samples == 101
    assert row.ci95_p50_ms == median_ci95(list(range(1, 102)))


def test_throughput_counts_texts_not_calls() -> None:
    row = summarize(samples(20.0, 30.0, batch_size=32), backend="torch", device="cpu", dtype="float32", threads=1)
    assert row.throughput_per_second == 32 / 0.025


def test_row_says_where_and_how_it_was_timed() -> None:
    row = summarize(
        samples(1.0, protocol="short"), backend="onnx", device="NVIDIA L4", dtype="bfloat16", threads=4, merged=True
    )
    assert (row.protocol, row.backend, row.device, row.dtype, row.threads, row.merged) == (
        "short", "onnx", "NVIDIA L4", "bfloat16", 4, True,
    )  # fmt: skip
    assert row.shared_from is None


def test_meter_costs_less_than_twenty_microseconds_per_call() -> None:
    def best_overhead_us() -> float:
        timed = time_calls(lambda i: i, lambda i: None, batch_size=1, min_samples=20_000, min_seconds=0, max_seconds=5)
        return (timed.total_seconds * 1e6) / len(timed.total_ms)

    assert min(best_overhead_us() for _ in range(3)) <= 20


def test_limits_that_time_nothing_are_refused_all_at_once() -> None:
    bad = LatencyConfig(batch_sizes=[1, 0], min_samples=0, min_seconds=-1, max_seconds=0)
    with pytest.raises(ConfigError, match=r"latency\.batch_sizes has 0") as caught:
        check_latency(bad)
    assert [s.rsplit(" ", 1)[1] for s in caught.value.sentences] == [
        "latency.batch_sizes=[1,32]",
        "latency.min_samples=30",
        "latency.min_seconds=3",
        "latency.max_seconds=30",
    ]


def test_default_limits_are_accepted() -> None:
    check_latency(LatencyConfig())

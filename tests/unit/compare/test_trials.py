import dataclasses
import itertools
from statistics import NormalDist

import numpy as np
import pytest

from ftlab.compare.trials import fewest_calls, latency_intervals, quantile_interval, read_calls, why_no_interval
from ftlab.report.frames import write_latency
from made_board import made_candidate, made_run, save_made
from made_runs import timed


def test_an_interval_of_order_statistics_covers_its_quantile():
    generator = np.random.default_rng(0)
    for share in (0.5, 0.95):
        truth = np.quantile(np.random.default_rng(1).lognormal(size=10**6), share)
        inside = 0
        for _ in range(2000):
            low, high = quantile_interval(generator.lognormal(size=300), share)
            inside += low <= truth <= high
        assert 0.94 <= inside / 2000 <= 0.99


def in_a_row(generator, count, alike):
    """Return lognormal times of which each is like the one before it (AR(1))."""
    noise = generator.normal(size=count) * np.sqrt(1 - alike**2)
    noise[0] /= np.sqrt(1 - alike**2)
    return np.exp(list(itertools.accumulate(noise, lambda before, new: alike * before + new)))


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_an_interval_counts_that_calls_are_like_the_one_before(share):
    generator, truth = np.random.default_rng(0), np.exp(NormalDist().inv_cdf(share))
    inside = 0
    for _ in range(500):
        low, high = quantile_interval(in_a_row(generator, 600, 0.6), share)
        inside += low <= truth <= high
    assert inside / 500 >= 0.91, "with ranks of independent calls it is 0.76 of the median"


def test_the_median_has_the_interval_of_its_calls_in_their_order(tmp_path):
    run = save_made(tmp_path / "a", made_run(p50_ms=10.0))
    row, times = run.result.latency[-1], in_a_row(np.random.default_rng(0), 400, 0.9)
    widths = []
    for ordered in (times, np.random.default_rng(1).permutation(times)):
        calls = [{"batch_size": row.batch_size, "merged": row.merged, "call": n} for n in range(len(times))]
        drawn = [call | {"total_ms": ms, "tokenization_ms": 0.1} for call, ms in zip(calls, ordered, strict=True)]
        write_latency(run.folder / "latency.parquet", drawn)
        found = latency_intervals(run)
        widths.append([found[axis][1] - found[axis][0] for axis in ("p50_ms", "throughput", "usd_per_1k")])
    assert all(alike > 1.5 * shuffled for alike, shuffled in zip(*widths, strict=True))


def test_too_few_calls_have_no_interval_of_p95():
    values = np.random.default_rng(0).permutation(np.arange(50.0))
    assert quantile_interval(values, 0.95) is None
    assert quantile_interval(values, 0.5) is not None
    assert quantile_interval(np.sort(values), 0.5) is None, "each is like the one before it"


def test_times_throughput_and_price_get_intervals_around_them(tmp_path):
    run = save_made(tmp_path / "a", made_run(p50_ms=10.0, p95_ms=12.0))
    found = latency_intervals(run)
    assert set(found) == {"p50_ms", "p95_ms", "throughput", "usd_per_1k"}
    assert found["p95_ms"][0] < 12 < found["p95_ms"][1]
    assert found["throughput"][0] < 100 < found["throughput"][1]
    assert found["usd_per_1k"][0] < 0.002 < found["usd_per_1k"][1]


def test_calls_are_those_of_the_row(tmp_path):
    calls = [(1, False, 5.0, None), (1, True, 3.0, 1.0), (8, True, 9.0, None)]
    write_latency(
        tmp_path / "latency.parquet",
        [
            {"batch_size": size, "merged": merged, "call": 0, "total_ms": ms, "tokenization_ms": 0.1, "ttft_ms": first}
            for size, merged, ms, first in calls
        ],
    )
    assert read_calls(tmp_path, timed(1, merged=True))["total_ms"].tolist() == [3.0]
    assert read_calls(tmp_path, timed(1, merged=True, ttft_ms=1.0))["ttft_ms"].tolist() == [1.0]
    assert read_calls(tmp_path, timed(1, ttft_ms=1.0)).keys() == {"total_ms"}
    assert read_calls(tmp_path, timed(4)) == {}


@pytest.mark.parametrize("kept", [None, b"no parquet"])
def test_without_calls_the_record_gives_that_of_the_median(tmp_path, kept):
    run = dataclasses.replace(made_run(), folder=tmp_path)
    if kept:
        (tmp_path / "latency.parquet").write_bytes(kept)
    assert list(latency_intervals(run)) == ["p50_ms"]


def test_a_short_protocol_has_none(tmp_path):
    assert latency_intervals(save_made(tmp_path / "a", made_run(protocol="short"))) == {}


def few(run, calls, step=37):
    """Leave ``calls`` of the first batch size in the folder of a saved run; ``step`` 1: each like the one before."""
    rows = [
        {"batch_size": 1, "merged": False, "call": n, "total_ms": 10.0 + n * step % calls / 100, "tokenization_ms": 0.1}
        for n in range(calls)
    ]
    write_latency(run.folder / "latency.parquet", rows)
    return made_candidate("minilm lora", runs=(run,), p95_ms=12.0, usd_per_1k=0.002)


def test_as_many_calls_as_an_interval_takes():
    assert (fewest_calls(0.95), fewest_calls(0.5)) == (110, 8)


def test_why_a_value_has_no_interval_is_said(tmp_path):
    run = save_made(tmp_path / "a", made_run())
    one = few(run, 92)
    assert why_no_interval(one, "p95_ms") == "too few calls (92 of 110)"
    assert why_no_interval(one, "usd_training") == "usd_training was measured once"
    two = dataclasses.replace(one, runs=(run, run))
    assert why_no_interval(two, "usd_training") == "usd_training was measured once with each seed"
    assert "p95_ms" in latency_intervals(few(run, 111).run)
    drifting = few(run, 111, step=1)
    assert not {"p50_ms", "p95_ms"} & set(latency_intervals(drifting.run))
    assert why_no_interval(drifting, "p95_ms") == "too few calls (111, each much like the one before it)"
    (run.folder / "latency.parquet").unlink()
    for name in ("p95_ms", "usd_per_1k"):
        assert why_no_interval(one, name) == f"the calls behind {name} are not in latency.parquet"

"""Money: what fit took, what a request takes, and what cannot be priced."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from ftlab.callbacks.cost import Cost
from ftlab.callbacks.latency import Latency
from ftlab.errors import ConfigError
from ftlab.measure.latency import LatencySamples, summarize
from ftlab.results import Cost as Record
from ftlab.schema import CostConfig, LatencyConfig

PRICE = CostConfig(
    name="cpu_m5_large", device_class="cpu", usd_per_hour=3.6, price_source="a list", price_date="2026-01-19"
)


def timed(batch_size: int = 1, ms: float = 500.0, device: str = "cpu") -> Latency:
    latency = Latency(None, LatencyConfig(enabled=False))  # type: ignore[arg-type]
    samples = LatencySamples(batch_size, [ms] * 30, [1.0] * 30, 15.0, "full", 5)
    latency.rows = [summarize(samples, backend="torch", device=device, dtype="float32", threads=1)]
    return latency


class Clock:
    """Ten minutes later at every look."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 600
        return self.now


def priced(fit: Any, tiny: Any, batches: Any, cost: CostConfig, *others: Any, **options: Any) -> Cost:
    callback = Cost(cost, clock=Clock(), **options)
    fit(tiny(), batches(1), callback, *others)
    return callback


def test_training_is_priced_by_the_seconds_of_fit(fit: Any, tiny: Any, batches: Any) -> None:
    found = priced(fit, tiny, batches, PRICE).measured()["cost"]
    assert found["training_usd"] == pytest.approx(0.6, rel=1e-15)
    assert (found["usd_per_hour"], found["price_source"], found["price_date"]) == (3.6, "a list", "2026-01-19")
    assert (found["device"], found["utilisation"], found["batch_size"]) == ("cpu", 0.5, 1)


def test_requests_are_priced_by_the_row_of_the_chosen_batch_size(fit: Any, tiny: Any, batches: Any) -> None:
    found = priced(fit, tiny, batches, PRICE, timed(ms=500.0)).measured()["cost"]
    assert found["usd_per_1k_requests"] == 1.0  # 2 a second, half of the hour: 3,600 an hour for 3.6 $


def test_every_field_of_the_record_is_named(fit: Any, tiny: Any, batches: Any) -> None:
    found = priced(fit, tiny, batches, PRICE).measured()["cost"]
    assert Record(**found).usd_per_1m_tokens is None
    assert set(found) == set(Record.__slots__)


def test_prompt_tokens_come_from_the_data(fit: Any, tiny: Any, batches: Any) -> None:
    class Data:
        mean_test_tokens = 21.5

    assert priced(fit, tiny, batches, PRICE, data=Data()).measured()["cost"]["prompt_tokens"] == 21.5
    assert priced(fit, tiny, batches, PRICE).measured()["cost"]["prompt_tokens"] is None


def test_unknown_price_leaves_nulls_and_one_sentence(
    fit: Any, tiny: Any, batches: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cost = priced(fit, tiny, batches, CostConfig(device_class="cpu"), timed())
    found = cost.measured()["cost"]
    assert (found["training_usd"], found["usd_per_1k_requests"], found["usd_per_hour"]) == (None, None, None)
    assert len(cost.notes) == 1
    assert "cost.usd_per_hour=<number>" in cost.notes[0]
    assert [r.message for r in caplog.records if r.name == "ftlab.callbacks.cost"] == cost.notes


def test_batch_size_that_was_not_timed_leaves_null_and_the_override(fit: Any, tiny: Any, batches: Any) -> None:
    price = CostConfig(name="mine", usd_per_hour=3.6, batch_size=8)
    cost = priced(fit, tiny, batches, price, timed(batch_size=32))
    assert cost.measured()["cost"]["usd_per_1k_requests"] is None
    cost.measured()
    assert cost.notes == [
        "cost.batch_size=8 was not timed (timed: 32), so the cost of requests stays empty; "
        "set cost.batch_size=32 or latency.batch_sizes=[32,8]"
    ]


def test_without_timing_requests_have_no_price_and_need_no_note(fit: Any, tiny: Any, batches: Any) -> None:
    cost = priced(fit, tiny, batches, PRICE)
    assert cost.measured()["cost"]["usd_per_1k_requests"] is None
    assert cost.notes == []


def test_price_of_another_device_class_is_refused_before_training(fit: Any, tiny: Any, batches: Any) -> None:
    module = tiny()
    with pytest.raises(
        ConfigError, match=r"cost=t4 is the price of device class t4, but this run is on cpu; .*cost=auto"
    ):
        fit(module, batches(1), Cost(CostConfig(name="t4", device_class="t4", usd_per_hour=0.526)))


def test_impossible_utilisation_is_refused_before_training(fit: Any, tiny: Any, batches: Any) -> None:
    with pytest.raises(ConfigError, match=r"cost\.utilisation=0 is not a share"):
        fit(tiny(), batches(1), Cost(CostConfig(usd_per_hour=1.0, utilisation=0.0)))


def test_price_of_the_answering_device_does_not_price_training_elsewhere(
    fit: Any, tiny: Any, batches: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    price = CostConfig(name="t4", device_class="t4", usd_per_hour=3.6)
    cost = priced(fit, tiny, batches, price, timed(device="Tesla T4"), device=torch.device("cuda", 0))
    found = cost.measured()["cost"]
    assert (found["device"], found["training_usd"], found["usd_per_1k_requests"]) == ("t4", None, 1.0)


def test_requests_timed_elsewhere_are_not_priced(fit: Any, tiny: Any, batches: Any) -> None:
    cost = priced(fit, tiny, batches, PRICE, timed(device="NVIDIA L4"))
    assert cost.measured()["cost"]["usd_per_1k_requests"] is None
    assert "requests were timed on l4, but cost=cpu_m5_large is the price of cpu" in cost.notes[0]


def test_failed_training_is_paid_for(fit: Any, tiny: Any, batches: Any) -> None:
    cost = Cost(PRICE, clock=Clock())
    with pytest.raises(KeyError):
        fit(tiny(), [{"labels": batches(1)[0]["labels"]}], cost)
    assert cost.measured()["cost"]["training_usd"] == pytest.approx(0.6, rel=1e-15)


def test_nothing_trained_costs_nothing_known(make_trainer: Any, tiny: Any, batches: Any, loader: Any) -> None:
    cost = Cost(PRICE)
    make_trainer(cost, timed()).test(tiny(), loader(batches(1)), verbose=False)
    found = cost.measured()["cost"]
    assert (found["training_usd"], found["usd_per_1k_requests"]) == (None, 1.0)


def writing(batch_size: int = 1) -> Latency:
    latency = timed(batch_size, ms=1000.0)
    tokens = {"ttft_ms": 200.0, "inter_token_ms": 50.0, "tokens_per_second": 1000.0}
    latency.rows = [dataclasses.replace(latency.rows[0], **tokens)]
    return latency


def test_answers_are_priced_by_their_tokens(fit: Any, tiny: Any, batches: Any) -> None:
    cost = priced(fit, tiny, batches, PRICE, writing())
    cost.asked(120.0)
    cost.answered(17.0)
    found = cost.measured()["cost"]
    assert found["usd_per_1k_requests"] == 2.0  # one a second, half of the hour, 3.6 $
    assert found["usd_per_1m_tokens"] == 2.0
    assert (found["prompt_tokens"], found["completion_tokens"], found["usd_prompt_share"]) == (120.0, 17.0, 0.2)
    assert set(found) == set(Record.__slots__)


def test_answers_of_a_batch_share_its_time(fit: Any, tiny: Any, batches: Any) -> None:
    cost = priced(fit, tiny, batches, dataclasses.replace(PRICE, batch_size=4), writing(4))
    cost.asked(120.0)
    cost.answered(17.0)
    assert cost.measured()["cost"]["usd_per_1k_requests"] == 0.5


def test_without_answers_tokens_have_a_price_and_requests_none(fit: Any, tiny: Any, batches: Any) -> None:
    found = priced(fit, tiny, batches, PRICE, writing()).measured()["cost"]
    assert (found["usd_per_1k_requests"], found["usd_per_1m_tokens"]) == (None, 2.0)
    assert (found["completion_tokens"], found["usd_prompt_share"]) == (None, None)


def test_answers_that_were_not_timed_have_no_price(fit: Any, tiny: Any, batches: Any) -> None:
    cost = priced(fit, tiny, batches, PRICE)
    cost.asked(120.0)
    cost.answered(17.0)
    found = cost.measured()["cost"]
    assert (found["prompt_tokens"], found["completion_tokens"]) == (120.0, 17.0)
    assert [found[k] for k in ("usd_per_1k_requests", "usd_per_1m_tokens", "usd_prompt_share")] == [None] * 3

"""Time into money."""

from __future__ import annotations

import pytest

from ftlab.errors import ConfigError
from ftlab.measure.cost import (
    answer_seconds,
    device_class,
    prompt_share,
    request_costs,
    resolve_price,
    training_usd,
    usd_per_1k_requests,
    usd_per_1m_tokens,
)
from ftlab.schema import CostConfig
from made_runs import timed

PRICES = [
    CostConfig(name="t4", device_class="t4", usd_per_hour=0.5, price_source="there", price_date="2026-01-19"),
    CostConfig(name="cpu_b", device_class="cpu", usd_per_hour=2.0),
    CostConfig(name="cpu_a", device_class="cpu", usd_per_hour=1.0),
    CostConfig(name="auto"),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cpu", "cpu"),
        ("mps", "mps"),
        ("Tesla T4", "t4"),
        ("NVIDIA A10G", "a10g"),
        ("NVIDIA A10", "a10"),
        ("NVIDIA L4", "l4"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA A100-SXM4-40GB", "a100"),
        ("NVIDIA A100 80GB PCIe", "a100"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "a100-mig"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("Tesla V100-SXM2-16GB", "v100"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("NVIDIA GeForce RTX 3080 Ti", "rtx3080ti"),
        ("NVIDIA", "nvidia"),
    ],
)
def test_device_name_gives_the_class_of_the_price_files(name: str, expected: str) -> None:
    assert device_class(name) == expected


def test_auto_takes_the_first_price_by_name_that_fits_and_keeps_how_it_is_used() -> None:
    found = resolve_price(CostConfig(utilisation=0.9, batch_size=32), PRICES, "cpu")
    assert (found.name, found.usd_per_hour, found.utilisation, found.batch_size) == ("cpu_a", 1.0, 0.9, 32)


def test_auto_takes_source_and_date_along() -> None:
    found = resolve_price(CostConfig(), PRICES, "t4")
    assert (found.price_source, found.price_date, found.device_class) == ("there", "2026-01-19", "t4")


def test_no_price_that_fits_leaves_it_unknown() -> None:
    found = resolve_price(CostConfig(), PRICES, "mps")
    assert (found.usd_per_hour, found.device_class) == (None, "mps")


def test_own_price_wins_over_every_file() -> None:
    found = resolve_price(CostConfig(usd_per_hour=3.0), PRICES, "cpu")
    assert (found.usd_per_hour, found.device_class, found.price_source) == (3.0, "cpu", None)


def test_named_price_of_this_device_is_taken_as_it_is() -> None:
    assert resolve_price(PRICES[0], [], "t4") == PRICES[0]


def test_price_of_another_device_class_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        ConfigError, match=r"cost=t4 is the price of device class t4, but this run is on cpu; .*cost=auto"
    ):
        resolve_price(PRICES[0], PRICES, "cpu")


@pytest.mark.parametrize("utilisation", [0.0, -1.0, 1.5])
def test_utilisation_outside_its_range_is_refused(utilisation: float) -> None:
    with pytest.raises(ConfigError, match=r"cost\.utilisation=.* above 0 and up to 1: cost\.utilisation=0\.5"):
        resolve_price(CostConfig(utilisation=utilisation), PRICES, "cpu")


@pytest.mark.parametrize("price", [-1.0, float("inf"), float("nan")])
def test_impossible_price_is_refused(price: float) -> None:
    with pytest.raises(ConfigError, match=r"is no price; .*cost\.usd_per_hour=1\.2"):
        resolve_price(CostConfig(usd_per_hour=price), PRICES, "cpu")


def test_an_hour_of_training_costs_the_hourly_price() -> None:
    assert training_usd(0.096, 3600) == 0.096
    assert training_usd(0.096, 900) == 0.024


def test_requests_are_priced_by_throughput_and_the_idle_rest_of_the_hour() -> None:
    assert usd_per_1k_requests(3.6, 1.0, 1.0) == 1.0  # 3,600 requests an hour at 3.6 $
    assert usd_per_1k_requests(3.6, 1.0, 0.5) == 2.0
    assert usd_per_1k_requests(3.6, 10.0, 0.5) == pytest.approx(0.2, rel=1e-15)


def test_unknown_is_none_never_zero() -> None:
    assert training_usd(None, 10.0) is None
    assert training_usd(1.0, None) is None
    assert usd_per_1k_requests(None, 1.0, 0.5) is None
    assert usd_per_1k_requests(1.0, None, 0.5) is None


def test_a_machine_that_costs_nothing_costs_zero() -> None:
    assert training_usd(0.0, 10.0) == 0.0
    assert usd_per_1k_requests(0.0, 1.0, 0.5) == 0.0


def test_tokens_are_priced_by_their_rate_and_the_idle_rest_of_the_hour() -> None:
    assert usd_per_1m_tokens(3.6, 1000.0, 1.0) == 1.0
    assert usd_per_1m_tokens(3.6, 1000.0, 0.5) == 2.0
    assert usd_per_1m_tokens(None, 1000.0, 0.5) is None
    assert usd_per_1m_tokens(3.6, None, 0.5) is None


def test_an_answer_takes_its_first_token_and_the_steps_to_the_others() -> None:
    assert answer_seconds(200.0, 50.0, 17.0) == 1.0
    assert answer_seconds(200.0, None, 1.0) == 0.2
    assert prompt_share(200.0, 50.0, 17.0) == 0.2
    assert prompt_share(200.0, None, 1.0) == 1.0


@pytest.mark.parametrize("unknown", [(None, 50.0, 17.0), (200.0, None, 17.0), (200.0, 50.0, None)])
def test_an_answer_of_unknown_length_or_speed_has_no_time(unknown: tuple[float | None, ...]) -> None:
    assert answer_seconds(*unknown) is None
    assert prompt_share(*unknown) is None


HOUR = CostConfig(name="mine", usd_per_hour=3.6, utilisation=0.5)  # a tenth of a cent a second, half of it idle
WRITES = {"ttft_ms": 100.0, "inter_token_ms": 20.0, "tokens_per_second": 40.0}
MONEY = ("usd_per_1k_requests", "usd_per_1m_tokens", "usd_prompt_share")


def test_a_label_is_priced_by_throughput_and_has_no_tokens_of_its_own() -> None:
    found = request_costs(HOUR, timed(4, p50_ms=40.0), prompt_tokens=80.0, share=0.75)
    assert found["usd_per_1k_requests"] == pytest.approx(0.001 / 100 / 0.5 * 1000)
    assert (found["usd_per_1m_tokens"], found["prompt_tokens"], found["completion_tokens"]) == (None, 80.0, 0.0)
    assert found["usd_prompt_share"] == 0.75


def test_an_answer_is_priced_by_its_first_token_and_the_steps_to_the_others() -> None:
    found = request_costs(HOUR, timed(4, **WRITES), prompt_tokens=80.0, completion_tokens=11.0)
    assert found["usd_per_1k_requests"] == pytest.approx(0.001 * 0.3 / 4 / 0.5 * 1000), "four at once in 0.3 s"
    assert found["usd_per_1m_tokens"] == pytest.approx(0.001 / 40 / 0.5 * 1e6)
    assert found["usd_prompt_share"] == pytest.approx(1 / 3)
    assert (found["prompt_tokens"], found["completion_tokens"]) == (80.0, 11.0)


def test_an_answer_of_unknown_length_has_a_price_per_token_only() -> None:
    found = request_costs(HOUR, timed(1, **WRITES), prompt_tokens=80.0)
    assert found["usd_per_1k_requests"] is None and found["usd_prompt_share"] is None
    assert found["completion_tokens"] is None and found["usd_per_1m_tokens"] == pytest.approx(50.0)


def test_answers_of_one_token_need_no_time_between_two() -> None:
    row = timed(1, ttft_ms=100.0, inter_token_ms=None, tokens_per_second=10.0)
    found = request_costs(HOUR, row, prompt_tokens=80.0, completion_tokens=1.0)
    assert found["usd_per_1k_requests"] == pytest.approx(0.001 * 0.1 / 0.5 * 1000) and found["usd_prompt_share"] == 1


def test_a_model_that_writes_and_was_not_timed_has_no_price() -> None:
    found = request_costs(HOUR, None, prompt_tokens=80.0, completion_tokens=11.0)
    assert {found[name] for name in MONEY} == {None} and found["completion_tokens"] == 11.0


def test_labels_that_were_not_timed_or_have_no_price_keep_their_tokens() -> None:
    assert request_costs(HOUR, None, prompt_tokens=80.0)["usd_per_1k_requests"] is None
    free = request_costs(CostConfig(name="auto"), timed(1), prompt_tokens=80.0, share=0.5)
    assert free["usd_per_1k_requests"] is None and (free["prompt_tokens"], free["usd_prompt_share"]) == (80.0, 0.5)


def test_every_case_has_the_same_fields() -> None:
    rows = (None, timed(1), timed(1, **WRITES))
    found = [request_costs(HOUR, row, prompt_tokens=1.0, completion_tokens=n) for row in rows for n in (None, 2.0)]
    assert {frozenset(fields) for fields in found} == {frozenset((*MONEY, "prompt_tokens", "completion_tokens"))}

"""The dollars of recorded runs at another price."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.compare.board import make_board
from ftlab.compare.pricing import NewPrice, reprice
from ftlab.errors import ConfigError
from ftlab.measure.cost import request_costs, training_usd
from ftlab.results import TrainingStats
from ftlab.schema import CostConfig
from made_runs import timed
from priced import cost, run

DOUBLE = NewPrice(usd_per_hour=0.192)
GPU = "NVIDIA A10G"


def costs(runs):
    return [(one.result.cost.training_usd, one.result.cost.usd_per_1k_requests) for one in runs]


def recorded(**changes):
    """A run as it is written: with the dollars of its own price."""
    (one,) = reprice([run(**changes)], NewPrice(utilisation=0.5))
    return one


def test_dollars_are_those_the_run_would_have_recorded():
    (one,) = reprice([run()], NewPrice(usd_per_hour=1.5, utilisation=0.25))
    price, row = CostConfig(usd_per_hour=1.5, utilisation=0.25), run().result.latency[0]
    asked = request_costs(price, row, prompt_tokens=30.0)
    assert one.result.cost.usd_per_1k_requests == asked["usd_per_1k_requests"] > 0
    assert one.result.cost.training_usd == training_usd(1.5, 754.0) > 0


def test_new_hour_forgets_where_the_old_one_was_from():
    (one,) = reprice([run()], NewPrice(usd_per_hour=1.0, price_source="our contract", price_date="2026-11-01"))
    assert (one.result.cost.price_source, one.result.cost.price_date) == ("our contract", "2026-11-01")
    (one,) = reprice([run()], NewPrice(usd_per_hour=1.0))
    assert (one.result.cost.price_source, one.result.cost.price_date) == (None, None)
    (one,) = reprice([run()], NewPrice(utilisation=1.0))
    assert (one.result.cost.price_source, one.result.cost.price_date) == ("AWS m5.large", "2026-01-19")


def test_busier_machine_makes_requests_cheaper_and_not_training():
    before = recorded()
    (after,) = reprice([before], NewPrice(utilisation=1.0))
    assert after.result.cost.usd_per_1k_requests == pytest.approx(before.result.cost.usd_per_1k_requests / 2)
    assert after.result.cost.training_usd == pytest.approx(before.result.cost.training_usd)


@settings(deadline=None, max_examples=15)
@given(st.floats(1e-3, 1e3), st.floats(0.01, 1.0), st.floats(1e-3, 1e3))
def test_dollars_go_with_the_hour_and_there_is_a_way_back(hour, utilisation, other):
    before = reprice([run()], NewPrice(usd_per_hour=hour, utilisation=utilisation))
    there = reprice(before, NewPrice(usd_per_hour=other, utilisation=1.0))
    back = reprice(there, NewPrice(usd_per_hour=hour, utilisation=utilisation))
    assert costs(back)[0] == pytest.approx(costs(before)[0])
    assert costs(there)[0][0] / costs(before)[0][0] == pytest.approx(other / hour)


def test_same_price_changes_nothing():
    before = recorded()
    assert reprice([before], NewPrice(utilisation=0.5)) == (before,)
    assert reprice([before], NewPrice()) == (before,)


def test_other_batch_size_takes_its_own_row():
    (one,) = reprice([recorded()], NewPrice(batch_size=32))
    assert one.result.cost.usd_per_1k_requests == pytest.approx(0.096 / (160 * 3600 * 0.5) * 1000)
    with pytest.raises(ConfigError, match=r"^cost\.batch_size=8 was timed by no run \(timed: 1, 32\); write cost\.b"):
        reprice([run()], NewPrice(batch_size=8))


def test_form_that_ships_is_priced():
    rows = [timed(1, 10.0, device="cpu"), timed(1, 5.0, device="cpu", merged=True)]
    (one,) = reprice([run(latency=rows)], DOUBLE)
    assert one.result.cost.usd_per_1k_requests == pytest.approx(0.192 / (200 * 3600 * 0.5) * 1000)


def test_model_that_writes_is_priced_by_its_answers():
    row = timed(1, 500.0, device="cpu", ttft_ms=100.0, inter_token_ms=20.0, tokens_per_second=50.0)
    writes = run(latency=[row], cost=cost(completion_tokens=11.0))
    (one,) = reprice([writes], NewPrice(usd_per_hour=3.6, utilisation=1.0))
    assert one.result.cost.usd_per_1k_requests == pytest.approx(0.3), "0.1 s and 10 x 0.02 s, at $0.001 a second"
    assert one.result.cost.usd_per_1m_tokens == pytest.approx(20.0)
    assert one.result.cost.usd_prompt_share == pytest.approx(1 / 3)


def test_writer_that_was_not_timed_stays_unpriced():
    (one,) = reprice([run(latency=[], cost=cost(completion_tokens=11.0))], DOUBLE)
    assert one.result.cost.usd_per_1k_requests is None


def test_run_without_a_price_gets_one():
    (one,) = reprice([run(cost=cost(usd_per_hour=None))], DOUBLE)
    (same,) = reprice([run(cost=None)], DOUBLE)
    assert costs([one]) == costs([same])
    assert None not in costs([one])[0]


def test_every_gpu_that_trained_is_paid_for():
    on = {"device": GPU, "device_class": "a10g", "trained_on": "cuda"}
    training = TrainingStats(seconds=3600.0, processes=4)
    made = run(environment=on, cost=cost(device="a10g"), latency=[timed(1, device=GPU)], training=training)
    (one,) = reprice([made], NewPrice(usd_per_hour=1.0))
    assert one.result.cost.training_usd == pytest.approx(4.0)
    (cpus,) = reprice([run(training=training)], NewPrice(usd_per_hour=1.0))
    assert cpus.result.cost.training_usd == pytest.approx(1.0), "processes share one machine's cores"


def test_training_on_another_device_keeps_its_price():
    elsewhere = run(environment={"trained_on": "cuda"}, cost=cost(training_usd=0.7))
    (one,) = reprice([elsewhere], DOUBLE)
    assert one.result.cost.training_usd == 0.7
    assert one.result.cost.usd_per_1k_requests == pytest.approx(0.192 / (100 * 3600 * 0.5) * 1000)
    (busier,) = reprice([elsewhere], NewPrice(utilisation=1.0))
    assert busier.result.cost.usd_per_1k_requests is None, "the recorded hour is that of the GPU that trained"


def test_price_of_another_device_class_is_refused():
    a10g = NewPrice(name="a10g", device_class="a10g", usd_per_hour=1.006)
    with pytest.raises(ConfigError, match=r"^cost=a10g is the price of device class a10g, but this run is on cpu; "):
        reprice([run()], a10g)


def test_run_that_is_on_no_board_does_not_stand_in_the_way():
    gpu = run("gpu", environment={"device": GPU, "device_class": "a10g"}, latency=[timed(1, device=GPU)])
    gpu = dataclasses.replace(gpu, result=dataclasses.replace(gpu.result, cost=cost(device="a10g")))
    failed = run("failed", info={"status": "failed"}, cost=None)
    m5 = NewPrice(name="m5", device_class="cpu", usd_per_hour=0.192)
    runs = [run("a"), gpu, run("b"), failed]
    after = reprice(runs, m5)
    assert (after[1], after[3]) == (gpu, failed)
    assert costs([after[0], after[2]]) == costs(reprice([run("a"), run("b")], DOUBLE))


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (NewPrice(utilisation=0.0), r"^cost\.utilisation=0 is not a share"),
        (NewPrice(utilisation=float("nan")), r"^cost\.utilisation=nan is not a share"),
        (NewPrice(usd_per_hour=-1.0), r"^cost\.usd_per_hour=-1 is no price"),
        (NewPrice(usd_per_hour=float("inf")), r"^cost\.usd_per_hour=inf is no price"),
    ],
)
def test_number_out_of_range_is_refused(price, said):
    with pytest.raises(ConfigError, match=said):
        reprice([run()], price)


def test_board_of_repriced_runs_has_the_new_dollars_and_no_complaint_of_the_old():
    dear = recorded(name="b", cost=cost(usd_per_hour=0.5))
    before = [recorded(name="a"), dear]
    nothing = {"settings": lambda folder: {}, "intervals": lambda one: {}}
    assert any("cost.usd_per_hour differs" in note for note in make_board(before, **nothing).notes)
    after = make_board(reprice(before, DOUBLE), **nothing)
    assert not any("cost.usd_per_hour" in note for note in after.notes)
    assert [one.values["usd_per_1k"] for one in after.candidates] == pytest.approx([0.192 / 180] * 2)


def test_free_machine_costs_nothing_and_can_be_priced_again():
    free = reprice([recorded()], NewPrice(usd_per_hour=0.0))
    assert costs(free) == [(0.0, 0.0)]
    assert costs(reprice(free, DOUBLE)) == costs(reprice([run()], DOUBLE))

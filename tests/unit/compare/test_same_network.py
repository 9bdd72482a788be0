"""Whether two candidates answer with one network, however it was trained."""

import dataclasses

import pytest

from ftlab.compare.axes import AXES
from ftlab.compare.same_network import timed_twice
from ftlab.compare.telling import Telling
from made_board import made_candidate, made_run

P95, USD, TTFT = AXES["p95_ms"], AXES["usd_per_1k"], AXES["ttft_ms"]
LORA = {"name": "lora", "learning_rate": 1e-3, "rank": 8}


def candidate(name="minilm", adapter="full", *, merged=False, cost=None, p95=(8.0, 0.1), **sections):
    """Return a candidate whose run has chosen sections; ``p95``: its p95 and half of its interval."""
    run = made_run(name, adapter)
    result = run.result
    rows = [dataclasses.replace(row, merged=merged) for row in result.latency]
    parts = {
        name: dataclasses.replace(getattr(result, name), **sections.pop(name, {})) for name in ("model", "dataset")
    }
    money = dataclasses.replace(result.cost, **(cost or {}))
    run = dataclasses.replace(run, result=dataclasses.replace(result, latency=rows, cost=money, **parts, **sections))
    interval = {"p95_ms": (p95[0] - p95[1], p95[0] + p95[1])}
    return made_candidate(f"{name} {adapter}", runs=(run,), interval=interval, f1_macro=0.8, p95_ms=p95[0])


def with_section(made, **sections):
    result = dataclasses.replace(made.run.result, **sections)
    return dataclasses.replace(made, chosen=dataclasses.replace(made.run, result=result))


@pytest.mark.parametrize("adapter", ["freeze", "head", "bitfit", "layernorm", "none"])
def test_a_checkpoint_is_one_network_whatever_part_of_it_was_trained(adapter):
    assert timed_twice(candidate(), candidate(adapter=adapter), P95)
    assert timed_twice(candidate(adapter=adapter), candidate(), USD)


def test_a_merged_adapter_has_left_no_layers():
    assert timed_twice(candidate(), candidate(adapter="lora", merged=True), P95)
    assert not timed_twice(candidate(), candidate(adapter="lora"), P95)


@pytest.mark.parametrize(("change", "same"), [({"learning_rate": 1e-4}, True), ({"rank": 64}, False)])
def test_an_adapter_apart_is_the_same_where_its_layers_are(change, same):
    ours, theirs = (with_section(candidate(), adapter=adapter) for adapter in (LORA, LORA | change))
    assert timed_twice(ours, theirs, P95) is same


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"checkpoint": "another/one"}},
        {"model": {"precision": "bf16-true"}},
        {"model": {"quantization": "int8"}},
        {"model": {"size_mb": 4000.0}},
        {"dataset": {"max_length": 64}},
    ],
)
def test_another_shape_is_another_network(changes):
    assert not timed_twice(candidate(), candidate(adapter="freeze", **changes), P95)


@pytest.mark.parametrize("section", ["prompt", "compression"])
def test_another_prompt_or_compression_is_another_network(section):
    assert not timed_twice(candidate(), with_section(candidate(), **{section: {"name": "other"}}), P95)


def test_money_is_the_same_at_one_price_of_an_hour_only():
    other = candidate(adapter="freeze", cost={"usd_per_hour": 9.0})
    assert timed_twice(candidate(), other, P95) and not timed_twice(candidate(), other, USD)


def test_longer_answers_take_longer_and_their_tokens_do_not():
    other = candidate(adapter="freeze", cost={"completion_tokens": 90.0})
    assert timed_twice(candidate(), other, TTFT) and not timed_twice(candidate(), other, P95)


@pytest.mark.parametrize("name", ["f1_macro", "size_mb", "usd_training", "training_seconds"])
def test_what_a_request_does_not_take_is_told_apart_as_ever(name):
    assert not timed_twice(candidate(), candidate(adapter="freeze"), AXES[name])


def test_prices_alone_and_runs_that_were_not_timed_have_no_network():
    assert not timed_twice(candidate(), made_candidate("some api"), P95)
    untimed = made_candidate("minilm freeze", runs=(made_run("minilm", "freeze", protocol=None),), f1_macro=0.8)
    assert not timed_twice(candidate(), untimed, P95)


def test_two_timings_of_one_network_are_not_told_apart_and_none_of_them_is_cheaper():
    slow, fast = candidate(p95=(8.0, 0.01)), candidate(adapter="freeze", p95=(7.0, 0.01))
    other = candidate("mobilebert", p95=(7.0, 0.01))
    telling = Telling([slow, fast, other], [P95], AXES["f1_macro"])
    found = {one.other.key: one for one in telling.against_others(slow, (P95,))}
    assert found["minilm freeze"].method == "not tested: the same network, timed twice"
    assert (found["minilm freeze"].p, found["minilm freeze"].told_apart) == (None, False)
    assert found["mobilebert full"].told_apart, "another network with the same numbers"
    assert [one.key for one in telling.cheaper(slow, P95)] == ["mobilebert full"]

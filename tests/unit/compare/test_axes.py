import dataclasses
import math

import pytest

from ftlab.compare.axes import ALIASES, AXES, axis_values, find_axes, find_axis, known_axes
from ftlab.errors import ConfigError
from ftlab.metrics.measures import MEASURES
from made_board import made_run
from made_runs import timed


def test_every_metric_with_a_direction_is_an_axis():
    for name, measure in MEASURES.items():
        assert (name in AXES) == (measure.direction is not None)
        if measure.direction is not None:
            assert (AXES[name].direction, AXES[name].kind) == (measure.direction, "quality")


def test_names_and_aliases_find_their_axis():
    typed = {"accuracy": "accuracy", "F1": "f1_macro", "latency": "p95_ms", "p95": "p95_ms", "cost": "usd_per_1k"}
    typed |= {"size": "size_mb", "test/f1_macro": "f1_macro", "rougel": "rougeL", "usd_per_1k_requests": "usd_per_1k"}
    for word, name in typed.items():
        assert find_axis(word).name == name
    assert all(find_axis(word) for word in ALIASES)
    assert [axis.name for axis in find_axes(["f1", "f1_macro", "cost"])] == ["f1_macro", "usd_per_1k"]


def test_unknown_axes_are_named_together_with_what_there_is():
    with pytest.raises(ConfigError) as caught:
        find_axes(["f1_makro", "p95", "length_ratio", "colour"])
    first, second, third = caught.value.sentences
    assert "axes has f1_makro" in first and "did you mean f1_macro?" in first
    assert "better neither high nor low" in second
    assert all(name in third for name in ("accuracy", "p95_ms", "usd_per_1k", "wh_training", "trainable_percent"))


def test_an_own_metric_is_ranked_where_its_direction_is_known():
    assert find_axis("mcc", {"mcc": "max"}).direction == "max"
    assert next(iter(known_axes({"mcc": "max"}))) == "mcc"
    with pytest.raises(ConfigError, match="nothing to rank by"):
        find_axis("mcc")


def test_values_are_finite_or_unknown():
    values = axis_values(made_run(f1_macro=math.nan, usd_per_1k=math.inf, p95_ms=8.0).result)
    assert values["f1_macro"] is None and values["usd_per_1k"] is None and values["p95_ms"] == 8.0
    assert set(AXES) <= set(values)


def test_latency_is_that_of_one_text_in_the_form_that_ships():
    rows = [timed(1, 20, 30), timed(32, 200, 300), timed(1, 10, 15, merged=True), timed(32, 100, 150, merged=True)]
    result = dataclasses.replace(made_run().result, latency=rows)
    values = axis_values(result)
    assert (values["p50_ms"], values["p95_ms"], values["throughput"]) == (10, 15, 100)


def test_throughput_is_that_of_the_batch_size_the_price_rests_on():
    result = made_run().result
    cost = dataclasses.replace(result.cost, batch_size=32)
    values = axis_values(dataclasses.replace(result, cost=cost, latency=[timed(1, 20, 30), timed(32, 200, 300)]))
    assert (values["p50_ms"], values["throughput"]) == (20, 160)


def test_a_short_protocol_is_not_ranked_for_latency():
    values = axis_values(made_run(protocol="short", p95_ms=5.0).result)
    assert values["p95_ms"] is None and values["throughput"] is None and values["usd_per_1k"] == 0.002


def test_who_trained_nothing_has_spent_nothing_on_training():
    values = axis_values(made_run("smollm2_135m", "none", "few_shot").result)
    assert (values["usd_training"], values["wh_training"], values["training_seconds"]) == (0, 0, 0)
    assert axis_values(made_run("minilm", "lora").result)["usd_training"] is None
    assert axis_values(made_run("minilm", "none", run={"verb": "evaluate"}).result)["usd_training"] is None

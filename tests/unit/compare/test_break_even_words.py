"""What a reader is told about money over time."""

import pytest

from ftlab.compare.axes import AXES
from ftlab.compare.break_even import break_even
from ftlab.compare.break_even_words import compare_costs, requests, sentences, typed
from priced import priced

PROMPTED = priced("smollm2 few_shot", 0.0, 0.08, f1_macro=0.7123)
LORA = priced("minilm lora", 3.6, 0.0711, f1_macro=0.85)
BIG = priced("bert_large full", 400.0, 0.001)


def test_each_segment_is_a_sentence_with_quality_and_price():
    first, middle, last = sentences(break_even([PROMPTED, LORA, BIG]), AXES["f1_macro"])
    assert first == (
        "below 34k requests a month smollm2 few_shot (f1_macro 0.712) is the cheapest over 12 months "
        "(no training, $0.0800 per 1k requests)"
    )
    assert middle == (
        "between 34k and 470k requests a month minilm lora (f1_macro 0.850) is the cheapest over 12 months "
        "($3.60 of training, $0.0711 per 1k requests)"
    )
    assert last.startswith(
        "from 470k requests a month on bert_large full (f1_macro 0.800) is the cheapest over 12 months"
    )


def test_one_month_and_one_candidate():
    (only,) = sentences(break_even([LORA], months=1))
    assert only.startswith("at any volume minilm lora is the cheapest over 1 month (")


def test_tie_is_said():
    (told,) = sentences(break_even([LORA, priced("twin", 3.6, 0.0711)]))
    assert told.startswith("at any volume minilm lora and twin cost the same and the least over 12 months (")


def test_changes_that_read_alike_in_two_digits_are_told_apart():
    near = [priced("a", 0.0, 2.0), priced("b", 1.0, 1.0), priced("c", 1.5034, 0.5)]
    assert "between 1,000 and 1,007 requests a month b" in sentences(break_even(near, months=1))[1]


def test_those_without_a_price_are_named_once_per_reason():
    plan = break_even([priced("a", 0.0, None), LORA, priced("b", 0.0, None), priced("c", None, 1.0)])
    assert sentences(plan)[1:] == (
        "a, b stand outside: no price of requests, give cost.usd_per_hour=<number>",
        "c stands outside: no price of training, which its record does not hold",
    )


@pytest.mark.parametrize(
    ("choice", "other", "said"),
    [
        (LORA, PROMPTED, "below 34k requests a month smollm2 few_shot is cheaper than minilm lora"),
        (PROMPTED, LORA, "above 34k requests a month minilm lora is cheaper than smollm2 few_shot"),
        (LORA, priced("dear", 4.0, 1.0), "minilm lora is cheaper than dear at any volume"),
        (priced("dear", 4.0, 1.0), LORA, "minilm lora is cheaper than dear at any volume"),
        (LORA, priced("twin", 3.6, 0.0711), "twin costs the same as minilm lora"),
        (LORA, priced("unknown", None, 0.1), None),
        (priced("unknown", 0.1, None), LORA, None),
    ],
)
def test_two_are_compared_in_one_clause(choice, other, said):
    assert compare_costs(choice, other, break_even([choice, other, PROMPTED, LORA, BIG])) == said


@pytest.mark.parametrize("pair", [(LORA, "dear"), ("dear", LORA), (LORA, "twin")])
def test_what_is_cheapest_at_any_volume_is_not_said_twice(pair):
    made = {"dear": priced("dear", 4.0, 1.0), "twin": priced("twin", 3.6, 0.0711)}
    choice, other = (made.get(one, one) if isinstance(one, str) else one for one in pair)
    plan = break_even([choice, other])
    assert len(sentences(plan)) == 1 and "at any volume" in sentences(plan)[0]
    assert compare_costs(choice, other, plan) is None
    assert compare_costs(priced("b", 5.0, 2.0), priced("c", 6.0, 3.0), plan) == "b is cheaper than c at any volume"


@pytest.mark.parametrize(
    ("volume", "said"),
    [(1, "1"), (9.96, "10"), (824, "820"), (999, "1k"), (38_214, "38k"), (123_456, "120k"),
     (999_999, "1M"), (1_249_000, "1.2M"), (12.4e6, "12M"), (3.3e9, "3.3B"), (2.5e12, "2500B")],
)  # fmt: skip
def test_requests_in_two_digits(volume, said):
    assert requests(volume) == said


@pytest.mark.parametrize(
    ("volume", "said"),
    [(1234, "1,234"), (1234.0, "1,234"), (20_000_001, "20,000,001"), (0.5, "0.5"), (1e15, "1" + 5 * ",000")],
)
def test_a_volume_that_was_given_is_said_as_it_is(volume, said):
    assert typed(volume) == said


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_cheap_one_of_unknown_quality_is_marked(value):
    api = priced("gpt", 0.0, 0.001, f1_macro=value)
    (told,) = sentences(break_even([api, LORA]), AXES["f1_macro"])
    assert told.startswith("at any volume gpt (f1_macro unknown) is the cheapest over 12 months (")


def test_without_any_price_there_is_a_sentence_with_what_would_give_one():
    plan = break_even([priced("a", 0.0, None), priced("b", 0.0, None)])
    nothing = "so nothing is said of money"
    assert sentences(plan) == (f"no candidate has a price, {nothing}; give cost.usd_per_hour=<number>",)
    plan = break_even([priced("a", 0.0, None), priced("b", None, 1.0)])
    assert sentences(plan)[0] == f"no candidate has a price of both training and requests, {nothing}"
    assert sentences(plan)[2] == "b stands outside: no price of training, which its record does not hold"


def test_change_before_the_first_request_is_none():
    api = priced("api", 0.0, 2.0)
    quick = priced("quick", 0.00001, 1.0)
    (told,) = sentences(break_even([api, quick]))
    assert told.startswith("at any volume quick is the cheapest")
    plan = break_even([api, quick, priced("later", 3.0, 0.5)])
    assert compare_costs(quick, api, plan) == "quick is cheaper than api at any volume"
    first, second = sentences(break_even([api, quick, priced("later", 3.0, 0.5)]))
    assert first.startswith("below 500 requests a month quick") and second.startswith("from 500 requests a month on")


def test_many_are_not_all_named():
    twins = [priced(f"t{n}", 1.0, 1.0) for n in range(8)]
    unknown = [priced(f"u{n}", 0.0, None) for n in range(7)]
    told, outside = sentences(break_even([*twins, *unknown]))
    assert told.startswith("at any volume t0 and t1 and t2 and t3 and t4 and 3 more cost the same")
    assert outside.startswith("u0, u1, u2, u3 and 3 more stand outside: ")

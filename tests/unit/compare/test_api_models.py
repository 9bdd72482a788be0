"""Models behind an API as rows of a board."""

import dataclasses

import pytest

from ftlab.compare.api_models import request_of, with_api_models
from ftlab.compare.api_prices import ApiPrice, read_api_prices
from ftlab.compare.break_even import break_even
from ftlab.errors import ConfigError, DataError
from made_runs import model_info, run_result
from priced import board, cost, priced, run

ROW = ApiPrice("some-api", 0.5, 2.0, "example.org/prices", "2026-01-31", "Someone")


def labels(key="minilm lora", tokens=30.0, **more):
    return priced(key, 1.0, 0.05, chosen=run(key, cost=cost(prompt_tokens=tokens)), **more)


def writes(key="smollm2 lora", tokens=90.0, answer=20.0, **more):
    return priced(key, 1.0, 0.5, chosen=run(key, cost=cost(prompt_tokens=tokens, completion_tokens=answer)), **more)


def asked(key, tokens):
    """Return a language model that gives its label to a prompt."""
    made = run(key, cost=cost(prompt_tokens=tokens))
    chosen = dataclasses.replace(made, result=dataclasses.replace(made.result, model=model_info(head="lm")))
    return priced(key, 1.0, 0.5, prompt="few_shot", chosen=chosen)


def api(found):
    (one,) = [candidate for candidate in found.candidates if candidate.priced]
    return one


def test_price_is_tokens_times_price_and_nothing_is_claimed_beside_it():
    found = with_api_models(board(labels()), [ROW])
    one = api(found)
    assert one.values == {"f1_macro": None, "usd_per_1k": pytest.approx((30 * 0.5 + 1 * 2.0) / 1000), "usd_training": 0}
    assert (one.runs, one.chosen, one.interval) == ((), None, {})
    assert (one.priced.input_tokens, one.priced.output_tokens) == (30.0, 1.0)
    assert (one.priced.price_date, one.priced.price_source, one.priced.provider) == (
        "2026-01-31",
        "example.org/prices",
        "Someone",
    )


def test_writing_models_say_how_long_answers_are_and_a_million_tokens_has_its_price():
    one = api(with_api_models(board(writes(), task="causal_lm"), [ROW]))
    usd = (90 * 0.5 + 20 * 2.0) / 1e6
    assert one.values["usd_per_1k"] == pytest.approx(usd * 1000)
    assert one.values["usd_per_1m_tokens"] == pytest.approx(usd / 20 * 1e6)


def test_tokens_of_the_row_win():
    row = dataclasses.replace(ROW, input_tokens=1000.0, output_tokens=0.0)
    one = api(with_api_models(board(labels()), [row]))
    assert one.values["usd_per_1k"] == pytest.approx(0.5)


def test_request_is_that_of_the_best_candidate_with_a_prompt():
    plain, first, second = labels("plain"), asked("first", 200.0), asked("second", 300.0)
    assert request_of(board(plain, first, second)).of == "first"
    assert request_of(board(plain, second, first)).of == "second"
    assert request_of(board(labels("a", 10.0), labels("b", 20.0))).input_tokens == 10.0


def test_an_encoder_around_whose_texts_a_prompt_stands_is_asked_nothing():
    wrapped = labels("wrapped", 200.0, prompt="zero_shot")
    assert request_of(board(wrapped, asked("asked", 90.0))).of == "asked"
    assert request_of(board(labels("plain"), wrapped)).of == "plain"


def test_bytes_are_no_tokens_where_others_are():
    in_bytes = priced("bytes", 1.0, 0.1, prompt="few_shot", chosen=run("bytes", tokenizer="bytes"))
    assert request_of(board(in_bytes, labels("plain"))).of == "plain"
    assert request_of(board(in_bytes)).of == "bytes"


def test_record_without_a_cost_has_its_tokens_in_the_prompt():
    old = priced("old", 1.0, 0.1, chosen=run("old", cost=None, prompt={"name": "none", "tokens_per_request": 44.0}))
    assert request_of(board(old)).input_tokens == 44.0


def test_tokens_that_nobody_knows_are_asked_for():
    nobody = board(priced("unknown", 1.0, 0.1))
    assert request_of(nobody) is None
    with pytest.raises(DataError, match="tokens a request of some-api has; write input_tokens and output_tokens"):
        with_api_models(nobody, [ROW])
    row = dataclasses.replace(ROW, input_tokens=10.0, output_tokens=1.0)
    assert api(with_api_models(nobody, [row])).values["usd_per_1k"] == pytest.approx(0.007)


def test_given_quality_ranks_and_given_latency_is_an_axis():
    row = dataclasses.replace(ROW, given={"f1_macro": 0.85, "p95_ms": 700.0}, given_by=("our test",))
    made = board(labels("good", f1_macro=0.9), labels("bad", f1_macro=0.8))
    found = with_api_models(made, [row])
    assert [one.key for one in found.candidates] == ["good", "some-api", "bad"]
    assert [axis.name for axis in found.measured][-1] == "usd_training"
    assert found.axis("p95_ms") is not None
    assert [one.values["p95_ms"] for one in found.candidates] == [None, 700.0, None]
    assert all(set(one.values) == {axis.name for axis in found.measured} for one in found.candidates)
    assert "f1_macro, p95_ms as given by our test, not measured here" in found.notes[-1]


def test_without_quality_it_stands_last():
    assert with_api_models(board(labels("a"), labels("b", f1_macro=None)), [ROW]).candidates[-1].key == "some-api"


def test_metric_of_another_task_is_refused():
    row = dataclasses.replace(ROW, given={"bleu": 0.2}, given_by=("x",))
    with pytest.raises(
        ConfigError, match="quality bleu in its price file, which no run on this board has; give one of f1"
    ):
        with_api_models(board(labels()), [row])


def test_note_says_what_it_rests_on():
    (note,) = with_api_models(board(labels()), [ROW]).notes
    assert note == (
        "some-api is priced, not run: 30 tokens in and 1 out a request, as minilm lora has them (another tokenizer and "
        "your own instruction change that), at the prices of 2026-01-31 (example.org/prices); 3 texts were cut at "
        "dataset.max_length=128, so the price is too low for whole texts"
    )


@pytest.mark.parametrize(("cut", "said"), [(0, ""), (1, "1 text was cut"), (1234, "1,234 texts were cut")])
def test_note_says_how_many_texts_were_cut(cut, said):
    data = dataclasses.replace(run_result().dataset, truncated_rows=cut)
    made = board(priced("minilm lora", 1.0, 0.05, chosen=run("minilm lora", dataset=data)))
    (note,) = with_api_models(made, [ROW]).notes
    assert (said in note) if said else ("cut" not in note)
    (own,) = with_api_models(made, [dataclasses.replace(ROW, input_tokens=500.0)]).notes
    assert "cut" not in own, "the file has the tokens of whole texts"


def test_keys_stay_unique_and_the_board_is_otherwise_untouched():
    made = board(labels("some-api"), labels("some-api api"))
    found = with_api_models(made, [ROW])
    assert len({one.key for one in found.candidates}) == 3
    assert found.axes == made.axes and found.main == made.main
    assert with_api_models(made, []) == made


def test_shipped_prices_meet_the_break_even():
    found = with_api_models(board(labels()), read_api_prices("small_models"))
    plan = break_even(found.candidates)
    assert plan.unpriced == ()
    assert plan.segments[0].candidate.priced, "without training it is the cheapest at first"

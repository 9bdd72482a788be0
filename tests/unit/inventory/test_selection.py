"""Filters, orders, and what is said of words that no run has."""

import pytest

from ftlab.inventory.entries import Entry
from ftlab.inventory.selection import select_runs


def entry(name, **known):
    return Entry(
        **{**dict.fromkeys(Entry.__dataclass_fields__), "name": name, "folder": name, "status": "finished", **known}
    )


RUNS = [
    entry("a", model="minilm", adapter="lora", main_metric="f1", main_value=0.5, main_direction="max", p50_ms=3.0),
    entry("b", model="minilm", adapter="full", main_metric="f1", main_value=0.9, main_direction="max", p50_ms=1.0),
    entry("c", model="bert", adapter="full", status="failed"),
    entry("d", model=None, status="broken"),
]


def names(selection):
    return [run.name for run in selection.entries]


def test_all_filters_must_fit_and_any_word_of_one():
    assert names(select_runs(RUNS, {"model": "minilm", "adapter": "full"})) == ["b"]
    assert sorted(names(select_runs(RUNS, {"model": "minilm, BERT", "adapter": None}))) == ["a", "b", "c"]
    assert names(select_runs(RUNS, {"status": "failed,broken", "model": "bert"})) == ["c"]


def test_a_word_that_no_run_has_is_said_with_those_there_are():
    found = select_runs(RUNS, {"model": "minlm"})
    assert names(found) == []
    assert found.notes == ["no run has model=minlm; did you mean model=minilm? There are: bert, minilm"]
    found = select_runs(RUNS, {"adapter": "full,quantum", "dataset": "imdb"})
    assert found.notes == [
        "no run has adapter=quantum. There are: full, lora",
        "no run has dataset=imdb. There are: none",
    ]


def test_words_that_exist_and_meet_in_no_run_are_said_together():
    assert select_runs(RUNS, {"model": "bert", "adapter": "lora"}).notes == [
        "no run fits model=bert adapter=lora together; leave one of them out"
    ]
    assert select_runs([], {"model": "bert"}).notes == []


def test_many_values_are_cut():
    (note,) = select_runs([entry(f"{i:02}", model=f"m{i:02}") for i in range(30)], {"model": "zzz"}).notes
    assert note.endswith("m19, ...")


@pytest.mark.parametrize(
    ("sort", "known", "order"),
    [
        ("started", [{"started": "2026-01-01"}, {"started": "2026-02-01"}, {}], [1, 0, 2]),
        ("p50", [{"p50_ms": 3.0}, {}, {"p50_ms": 1.0}, {"p50_ms": 0.0}], [3, 2, 0, 1]),
        ("usd", [{"usd_per_1k_requests": 0.2}, {}, {"usd_per_1k_requests": 0.1}], [2, 0, 1]),
        ("main", [{"main_value": 0.1}, {}, {"main_value": 0.9}], [2, 0, 1]),
        (
            "main",
            [{"main_value": value, "main_direction": "min"} for value in (0.5, 0.1, 0.9)],
            [1, 0, 2],
        ),
        (
            "main",  # unlike metrics are not compared
            [
                {"main_value": 0.5, "main_metric": "loss", "main_direction": "min"},
                {"main_value": 0.1, "main_metric": "f1"},
            ],
            [1, 0],
        ),
        ("p50", [{"started": "1"}, {"started": "2"}], [1, 0]),  # the newest first among equals
    ],
)
def test_an_order_puts_the_best_first_and_the_unknown_last(sort, known, order):
    runs = [entry(str(index), **values) for index, values in enumerate(known)]
    assert names(select_runs(runs, {}, sort)) == [str(index) for index in order]


def test_a_limit_keeps_the_first_and_counts_the_rest():
    found = select_runs(RUNS, {}, "main", 1)
    assert (names(found), found.cut) == (["b"], 3)
    assert select_runs(RUNS, {}, "main", 4).cut == 0

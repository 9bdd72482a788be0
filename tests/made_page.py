"""Pages made by hand: a board with runs on disk whose names, labels and texts all try to run a script."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ftlab.compare.board import make_board
from ftlab.compare.break_even import break_even
from ftlab.compare.details import read_details
from ftlab.compare.troubles import diagnosed, seen
from ftlab.compare.verdict import make_verdict
from ftlab.report.board.page import Page
from ftlab.results import Trouble
from made_board import board_of, made_candidate, made_run, save_made

PLANTED = "</script><script>window.planted=1</script><img src=x onerror=window.planted=2>"
_SPECS = (
    ("minilm", "full", 0.842, 7.9, 0.00105, 4.6),
    ("minilm", "lora", 0.861, 8.6, 0.00112, 3.8),
    ("tiny_bert", "full", 0.731, 1.6, 0.00021, 0.9),
    ("tiny_bert", "head", 0.512, 1.7, 0.00022, 0.4),
    ("bert_base", "lora", 0.889, 49.0, 0.0066, 20.4),
    ("smollm2_135m", "none", 0.744, 390.0, 0.052, 0.0),
)


_COLLAPSE = Trouble("class collapse", f"no test row is called {PLANTED} (20 test rows)", "model.class_weights=balanced")
_LEAK = Trouble("leak", "3 of 60 test rows stand in train", "")
_TROUBLES = {("bert_base", "lora"): [_COLLAPSE, _LEAK], ("minilm", "lora"): [_LEAK], ("tiny_bert", "head"): None}


def made_page(place: Path, *, planted: bool = True) -> Page:
    """Return a page of six candidates with their rows; names of model and labels, and the diagnosis are planted.

    One candidate has a trouble of its own, two have one in common, and one has a record from before the diagnosis.
    """
    runs = []
    for model, adapter, quality, p95, usd, training in _SPECS:
        name = f"{PLANTED}{model}" if planted and model == "minilm" else model
        prices = {"usd_per_1k": usd, "usd_training": training}
        run = made_run(name, adapter, f1_macro=quality, accuracy=quality, p95_ms=p95, test_rows=60, **prices)
        result = run.result
        assert result.dataset is not None and result.quality is not None
        labels = [PLANTED, "neutral", "support"] if planted else result.dataset.labels
        scores = {label: {"precision": 0.8, "recall": 0.7, "f1": 0.75, "support": 20} for label in labels}
        test = {**result.quality.test, "per_class": scores}
        result = dataclasses.replace(
            result,
            dataset=dataclasses.replace(result.dataset, labels=labels),
            quality=dataclasses.replace(result.quality, test=test),
            diagnosis=_TROUBLES.get((model, adapter), []),
        )
        runs.append(save_made(place / f"{model}_{adapter}", dataclasses.replace(run, result=result)))
    board = make_board(runs)
    verdict = make_verdict(board)
    money = break_even(board.candidates)
    said = ("below 38k requests a month one is cheaper",)
    details, foot = read_details(board, verdict), f"Written {PLANTED}"
    return Page(board, verdict, place, money, said, details, diagnosed(board), foot, seen(board, verdict))


def written_page(place: Path) -> Page:
    """Return a page of two models that write, with what they wrote."""
    numbers = {"full": (2.0, 12.0), "lora": (2.2, 9.0)}
    runs = [
        made_run("smollm2", name, seed=seed, loss=loss, p95_ms=p95, task="causal_lm", main="loss", test_rows=20)
        for seed, (name, (loss, p95)) in enumerate(numbers.items())
    ]
    board = make_board([save_made(place / run.result.run.name, run) for run in runs])
    verdict = make_verdict(board)
    return Page(board, verdict, place, None, (), read_details(board, verdict))


def large_page(place: Path, count: int = 1000) -> Page:
    """Return a page of ``count`` candidates without rows."""
    made = [
        made_candidate(
            f"model{number % 40} adapter{number % 8} prompt{number}",
            differs={"adapter.rank": str(number), "optimizer.lr": f"{number / 1e6:g}", "dataset.max_length": "128"},
            interval={"f1_macro": (0.5 + number / 3000 - 0.01, 0.5 + number / 3000 + 0.01)},
            f1_macro=0.5 + number / 3000 + (number % 7) / 100,
            p95_ms=2.0 + number / 10 + number % 11,
            usd_per_1k=0.001 + number / 1e5,
            usd_training=0.1 + number / 100,
            accuracy=0.5 + number / 2500,
            size_mb=10.0 + number,
            p50_ms=1.5 + number / 11,
            throughput=900 - number / 2,
            wh_per_1k=number / 7,
            peak_memory_mb=100.0 + number,
        )
        for number in range(count)
    ]
    board = board_of(*made)
    return Page(board, make_verdict(board), place, break_even(board.candidates), ("one is cheaper",))

"""The leaderboard on the terminal: readable in 80 columns, and the verdict stands last."""

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from ftlab.compare.troubles import Seen
from ftlab.compare.types import Unlike
from ftlab.compare.verdict import make_verdict
from ftlab.report.board.cells import number_columns
from ftlab.report.board.terminal import board_report, fitting
from ftlab.report.board.whole import Whole
from ftlab.results import Trouble
from made_board import board_of, made_candidate, made_run


def board(count=3, **changes):
    ones = [
        made_candidate(
            f"model{n} lora",
            f1_macro=0.9 - n / 1000,
            p95_ms=40.0 - n / 100,
            usd_per_1k=0.004,
            size_mb=90.0 + n,
            usd_training=0.01 + n / 1000,
            interval={"f1_macro": (0.87, 0.91)},
        )
        for n in range(count)
    ]
    return board_of(*ones, **changes)


def printed(one, width, files=(), **more):
    whole = Whole(one, make_verdict(one, rows=None), **more)
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(board_report(whole, width, files))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_window_and_no_name_is_broken(width):
    said = printed(board(), width)
    assert max(len(line.rstrip()) for line in said.splitlines()) <= width
    assert "model0 lora" in said and "0.900" in said


def test_a_wider_window_shows_more():
    one = board()
    narrow, wide = (fitting(number_columns(one), one, width) for width in (50, 200))
    assert {column.name for column in narrow} < {column.name for column in wide}
    assert {"f1_macro", "p95_ms", "usd_per_1k"} <= {column.name for column in narrow}, "what the front is drawn over"


def test_a_window_too_narrow_for_anything_has_the_main_metric():
    one = board()
    assert [column.name for column in fitting(number_columns(one), one, 5)] == ["f1_macro"]


def test_the_verdict_stands_below_the_table_and_the_files_last():
    said = printed(board(), 100, [Path("there/report.html")])
    assert said.index("model0") < said.index("Ship ") < said.index("report  there/report.html")


def test_what_stood_aside_is_said():
    run = made_run("bert_base", run={"status": "failed", "error": "Traceback\n  x\nValueError: no such layer"})
    one = board(
        apart=(Unlike((), "bert_base: the task (causal_lm, not classification) differs"),),
        failed=(run,),
        notes=("look",),
    )
    said = printed(one, 100)
    assert "Not ranked: bert_base: the task (causal_lm, not classification) differs." in said
    assert "is failed: ValueError: no such layer" in said and "Note: look." in said


def test_of_many_the_best_are_shown_and_the_verdicts_own():
    one = board(50)
    said = printed(one, 120)
    assert "model29 lora" in said and "model40 lora" not in said and "The best 30 of 50 are shown" in said
    last = make_verdict(one, "fastest", rows=None).choice
    whole = Whole(one, make_verdict(one, "fastest", rows=None))
    console = Console(file=io.StringIO(), width=120)
    console.print(board_report(whole, 120))
    assert last is not None and last.key == "model49 lora" and "model49 lora" in console.file.getvalue()


def test_a_name_cannot_steer_the_terminal():
    odd = dataclasses.replace(made_candidate("a b", f1_macro=0.5, p95_ms=1.0, usd_per_1k=0.1), key="a\x1b[31m [red]b")
    said = printed(board_of(odd, made_candidate("c d", f1_macro=0.6, p95_ms=1.0, usd_per_1k=0.1)), 120)
    assert "\x1b" not in said and "[red]b" in said


def test_money_is_said_as_sentences():
    said = printed(board(), 100, money_said=("below 38k requests a month a is cheaper than b",))
    assert "Below 38k requests a month a is cheaper than b." in said


def test_trouble_is_said_before_the_verdict_of_those_that_could_ship():
    overfit = Trouble("overfitting", "val/loss rises from 0.4 to 0.9", "trainer.max_epochs=3")
    leak = Trouble("leak", "3 of 540 test rows stand in train", "")
    others = Seen(Trouble("divergence", "loss is no number", "optimizer.lr=0.0003"), ("model9 lora",), foremost=False)
    names = tuple(f"model{n} lora" for n in range(5))
    said = printed(board(), 200, seen=(Seen(leak, names), Seen(overfit, ("model1 lora",)), others))
    lines = [line.rstrip() for line in said[said.index("Trouble seen") :].splitlines()]
    assert lines[1:5] == [
        "model0 lora, model1 lora, model2 lora and 2 more, leak: 3 of 540 test rows stand in train.",
        "model1 lora, overfitting: val/loss rises from 0.4 to 0.9.",
        "    trainer.max_epochs=3",
        "1 more trouble: the report has it.",
    ]
    assert said.index("Trouble seen") < said.index("Ship ") and "Trouble" not in printed(board(), 200)


def test_trouble_of_the_whole_is_that_of_all_and_more_than_a_terminal_takes_is_counted():
    many = tuple(Seen(Trouble("leak", f"{n} rows", ""), ()) for n in range(20))
    said = printed(board(), 100, seen=many)
    assert "the comparison, leak: 0 rows." in said and "12 more troubles: the report has it." in said

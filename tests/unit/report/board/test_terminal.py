"""The leaderboard on the terminal: readable in 80 columns, and the verdict stands last."""

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from ftlab.compare.types import Unlike
from ftlab.compare.verdict import make_verdict
from ftlab.report.board.cells import number_columns
from ftlab.report.board.terminal import board_report, fitting
from ftlab.report.board.whole import Whole
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

"""Trouble as the terminal shows it."""

from __future__ import annotations

import io
from pathlib import Path

from ftlab.report.terminal import run_table, show
from ftlab.report.troubles import trouble_lines
from ftlab.results import Trouble
from made_runs import run_info, run_result

LONG = "val/loss rose from 0.748 (epoch 5) to 1.44 (epoch 20) while train/loss fell from 0.637 to 0.0139"
SEEN = [
    Trouble(
        "overfitting", LONG, "trainer.max_epochs=5 optimizer.weight_decay=0.1 scheduler.warmup=0.2 model.dropout=0.25"
    ),
    Trouble("duplicate rows", "64 of 640\x1b[31m train rows", ""),
]


def shown(verb: str = "train", troubles: list[Trouble] | None = SEEN) -> str:
    file = io.StringIO()
    result = run_result(run=run_info(verb=verb), diagnosis=troubles)
    show(run_table(result, Path("outputs/run")), file)
    return file.getvalue()


def test_evidence_is_folded_and_the_remedy_stays_whole() -> None:
    lines = shown().splitlines()
    start = lines.index("Trouble seen; what to add to the next run:")
    assert lines[start + 1].startswith("overfitting: val/loss rose from 0.748")
    assert max(len(line) for line in lines[start + 1 : start + 3]) <= 80
    assert f"    {SEEN[0].remedy}" in lines


def test_what_no_option_helps_against_says_so_and_steers_no_terminal() -> None:
    said = shown()
    assert "duplicate rows: 64 of 640 [31m train rows\n    no option helps\n" in said
    assert "\x1b" not in said


def test_an_evaluation_names_the_verb_that_the_remedy_is_for() -> None:
    assert "Trouble seen; what to add to the next ftlab train:" in shown("evaluate")


def test_a_healthy_run_and_an_older_one_say_nothing() -> None:
    assert "Trouble" not in shown(troubles=[])
    assert "Trouble" not in shown(troubles=None)
    assert trouble_lines(None) is None


def test_without_any_remedy_none_is_promised() -> None:
    assert "Trouble seen\n" in shown(troubles=[SEEN[1]])

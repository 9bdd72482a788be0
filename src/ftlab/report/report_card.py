"""The report card of a model that writes: one Markdown row for its answers, one for its teacher-forced tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftlab.metrics.generation.statistics import TEACHER_FORCED
from ftlab.report import wording
from ftlab.results import RunResult

NAME = "report_card.md"
_COLUMNS = {
    "bleu": "BLEU",
    **{f"bleu_{n}": f"{n}-gram" for n in (1, 2, 3, 4)},
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "rougeLsum": "ROUGE-Lsum",
}
_MODES = {"": "generated", TEACHER_FORCED: "teacher-forced"}


def write_report_card(result: RunResult, folder: Path) -> None:
    """Write ``report_card.md`` where answers were measured; nothing otherwise."""
    if result.quality is not None and "bleu" in result.quality.test:
        (folder / NAME).write_text(report_card(result), encoding="utf-8")


def report_card(result: RunResult) -> str:
    """Return perplexity, BLEU with its precisions, ROUGE and the seconds of training, before and after.

    ``generated``: what the model wrote to test prompts. ``teacher-forced``: its likeliest token at each place of the
    reference, given the reference so far; that flatters, and is what many report.
    """
    assert result.quality is not None, "a model that was tested"
    head = ["mode", "weights", "PPL", *_COLUMNS.values(), "time s"]
    lines = [head, ["---"] * len(head)]
    for suffix, mode in _MODES.items():
        for weights, metrics in (("untrained", result.quality.untrained), ("trained", result.quality.test)):
            if f"bleu{suffix}" in metrics:
                seconds = result.training.seconds if weights == "trained" else None
                lines.append([mode, weights, *_numbers(metrics, suffix), _number(seconds, 1)])
    drawn = " (random weights before training)" if result.model and result.model.init == "random" else ""
    return f"{wording.one_line(wording.subject(result))}{drawn}\n\n" + "".join(
        f"| {' | '.join(line)} |\n" for line in lines
    )


def _numbers(metrics: Mapping[str, Any], suffix: str) -> list[str]:
    return [_number(metrics.get("perplexity"), 4), *(_number(metrics.get(f"{n}{suffix}"), 4) for n in _COLUMNS)]


def _number(value: float | None, decimals: int) -> str:
    """Return a number; what is not known, or not defined, as the precision of n-grams that no answer has, is ``-``."""
    return f"{value:.{decimals}f}" if value is not None and math.isfinite(value) else "-"

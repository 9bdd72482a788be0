"""The tables of a run, one function each. 80 columns hold every one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from ftlab.metrics.generation.statistics import TEACHER_FORCED
from ftlab.metrics.measures import MEASURES
from ftlab.redact import redact_text
from ftlab.report import wording
from ftlab.report.facts import facts
from ftlab.results import LatencyRow, Quality, RunResult

GOOD, BAD, STRONG = "green", "red", "bold"
_STATUS = {"finished": GOOD, "running": "cyan", "skipped": "yellow"}  # all others are bad news
_TEXT_WIDTH = 120  # characters of a sample sentence
_OF_TEXTS = {
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "tokenization_ms": "tokenising ms",
    "throughput_per_second": "texts / s",
}
_OF_TOKENS = {
    "ttft_ms": "first token ms",
    "inter_token_ms": "next ms",
    "tokens_per_second": "tokens / s",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One text and what is said to it by the weights before and after training.

    Answers are a label with its probability, or a text with None.
    """

    text: str
    before: tuple[str, float | None]
    after: tuple[str, float | None]


def new_table(title: str, words: Sequence[str], numbers: Sequence[str], *, words_last: Sequence[str] = ()) -> Table:
    """Return an empty table: columns of words, of numbers (to the right), of words. Nothing is cut, long words fold."""
    table = Table(title=title, title_justify="left", title_style=STRONG, box=box.SIMPLE_HEAD, pad_edge=False)
    for names, justify in ((words, "left"), (numbers, "right"), (words_last, "left")):
        for name in names:
            fold = justify == "left"
            table.add_column(Text(name), justify=justify, overflow="fold", no_wrap=not fold)  # type: ignore[arg-type]
    return table


def status_text(status: str) -> Text:
    """Return how a run ended, in the colour of good or bad news."""
    return Text(status, style=_STATUS.get(status, BAD))


def place_lines(number: str, folder: object, status: str = "", error: str | None = None) -> list[str]:
    """Return the line below a table that says where run ``number`` lies, and one with what went wrong."""
    lines = [f"{number:>3}  {folder}"]
    if error:
        lines.append(f"     {status}: {wording.first_line(redact_text(error))}")
    return lines


def quality_tables(quality: Quality, test_rows: int | None) -> list[Table]:
    """Return before, after, delta and 95% interval of each metric, the main one first; teacher-forced ones apart."""
    columns = ["before", "after", "delta", "95% CI of after"]
    return _metric_tables(quality, quality.untrained, test_rows, columns)


def evaluation_tables(quality: Quality, parent: Quality | None, test_rows: int | None) -> list[Table]:
    """Return each metric with its 95% interval, beside ``parent``'s value where it was measured on the same rows."""
    if parent is not None:
        return _metric_tables(quality, parent.test, test_rows, ["then", "now", "delta", "95% CI of now"])
    return _metric_tables(quality, None, test_rows, ["value", "95% CI"])


def _metric_tables(
    quality: Quality, others: Mapping[str, Any] | None, test_rows: int | None, columns: Sequence[str]
) -> list[Table]:
    main = quality.main["name"]
    rows = "" if test_rows is None else f", {test_rows:,} rows"
    names = [name for name, value in quality.test.items() if not isinstance(value, dict)]
    ours = [name for name in MEASURES if name in names and name != main]
    names = [main, *ours, *(n for n in names if n not in MEASURES and n != main)]
    forced = [name for name in names if name.endswith(TEACHER_FORCED)]
    free = [name for name in names if name not in forced]
    tables = [_metric_table(f"Quality on {quality.main['split']}{rows}", free, quality, others, columns)]
    if forced:
        title = f"With each token after what really stood before it ({TEACHER_FORCED})"
        tables.append(_metric_table(title, forced, quality, others, columns))
    return tables


def _metric_table(
    title: str, names: Sequence[str], quality: Quality, others: Mapping[str, Any] | None, columns: Sequence[str]
) -> Table:
    """Return a row per metric: the other value and the difference, where there are ``others``, value and interval."""
    table = new_table(title, ["metric"], columns, words_last=["better"])
    main = quality.main["name"]
    for name in names:
        before, after = (others or {}).get(name), quality.test.get(name)
        better = wording.better(name, quality.main)
        cells = [Text(wording.score(after), style=STRONG)]
        if others is not None:
            change = Text(wording.change(before, after), style=_colour(before, after, better))
            cells = [Text(wording.score(before)), *cells, change]
        table.add_row(
            Text(wording.one_line(name.removesuffix(TEACHER_FORCED))),
            *cells,
            wording.interval(quality.test_ci95.get(name)),
            better,
            style=STRONG if name == main else None,
        )
    return table


def _colour(before: float | None, after: float | None, better: str) -> str:
    if before is None or after is None or better == wording.UNKNOWN or not abs(after - before) > 0:  # NaN neither
        return ""
    return GOOD if (after > before) == (better == "higher") else BAD


def class_table(
    classes: Mapping[str, Mapping[str, float]], before: Mapping[str, Mapping[str, float]] | None = None
) -> Table:
    """Return precision, recall, F1 (that ``before`` training too, where it is known) and the rows of each label."""
    table = new_table("By label", ["label"], ["precision", "recall", *(["f1 before"] if before else []), "f1", "rows"])
    for label, row in classes.items():
        scores = [wording.score(row.get(key)) for key in ("precision", "recall", "f1")]
        if before:
            scores.insert(2, wording.score(before.get(label, {}).get("f1")))
        table.add_row(Text(wording.one_line(label)), *scores, wording.number(row.get("support")))
    return table


def sample_table(samples: Sequence[Sample]) -> Table:
    """Return the samples with the answers before and after; a label that changed stands out."""
    labels = samples[0].after[1] is not None
    table = new_table("Sentences" if labels else "Answers", ["text", "before", "after"], [])
    for sample in samples:
        before, after = (_answer(*answer) for answer in (sample.before, sample.after))
        style = STRONG if labels and sample.before[0] != sample.after[0] else ""
        text = sample.text if labels else sample.text[-_TEXT_WIDTH:]  # what stands last is what is answered
        table.add_row(Text(wording.one_line(text, _TEXT_WIDTH)), Text(before), Text(after, style=style))
    return table


def _answer(text: str, probability: float | None) -> str:
    if probability is None:
        return wording.one_line(text, _TEXT_WIDTH)
    return f"{wording.one_line(text)} {probability:.2f}"


def latency_columns(row: LatencyRow) -> dict[str, str]:
    """Return which fields of a row a reader is shown, with their headings: of a model that writes its tokens' too."""
    return _OF_TOKENS if row.ttft_ms is not None else _OF_TEXTS


def latency_table(rows: Sequence[LatencyRow]) -> Table:
    """Return p50 and p95 per batch size, of a model that writes the times of its tokens too.

    What all rows share of backend, dtype and form stands in the title.
    """
    first, parts = rows[0], [(r.backend, r.dtype, "merged" if r.merged else "as trained") for r in rows]
    differs = [len(set(values)) > 1 for values in zip(*parts, strict=True)]
    shared = [part for part, differ in zip(parts[0], differs, strict=True) if not differ and part != "as trained"]
    threads = wording.count(first.threads, "thread")
    title = f"Speed on {wording.one_line(first.device)}, {', '.join([threads, *shared])}"
    columns = latency_columns(first)
    table = new_table(title, ["form"] if any(differs) else [], ["batch", *columns.values()], words_last=["protocol"])
    for row, part in zip(rows, parts, strict=True):
        form = [" ".join(p for p, differ in zip(part, differs, strict=True) if differ)] if any(differs) else []
        measured = (wording.number(getattr(row, name)) for name in columns)
        table.add_row(*form, str(row.batch_size), *measured, row.protocol)
    return table


def facts_table(result: RunResult) -> Table:
    """Return money, time, energy, size and data, a line each; what is not known is ``-``."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style=STRONG, no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in facts(result).items():
        table.add_row(name, Text(wording.one_line(fact)))
    return table

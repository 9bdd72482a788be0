"""``report.md``: a comparison as a page of text, for a pull request or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ftlab.compare.comparable import left_out
from ftlab.compare.numbers import bare, p_value, span
from ftlab.compare.telling import NOT_TESTED
from ftlab.compare.troubles import Seen
from ftlab.compare.types import Comparison
from ftlab.redact import redact_text
from ftlab.report import wording
from ftlab.report.board import troubles
from ftlab.report.board.cells import mark_of, number_columns
from ftlab.report.board.leaderboard import run_link
from ftlab.report.board.whole import Whole, sentence

_MOST_TESTS = 60  # lines of the table of tests
_SPECIAL = re.compile(r"([\\`*_\[\]|#~])")


def markdown(whole: Whole, place: Path, pictures: Sequence[str] = ()) -> str:
    """Return the page.

    Args:
        whole: what was found.
        place: folder it will lie in: links to runs are relative to it.
        pictures: file names of charts beside it.
    """
    board, verdict = whole.board, whole.verdict
    rows = f", {board.test_rows:,} test rows" if board.test_rows else ""
    parts = [
        f"# Which model to ship: {escape(board.dataset)}",
        f"{wording.count(len(board.candidates), 'candidate')} on {escape(board.dataset)}{rows}, "
        f"{escape(board.device)}; objective {verdict.objective}.",
        "## Verdict",
        "\n\n".join([f"**{escape(verdict.sentences[0])}**", *(escape(said) for said in verdict.sentences[1:])]),
        *(f"![{name.rpartition('.')[0]}]({name})" for name in pictures),
        "## Leaderboard",
        _leaderboard(whole, place),
    ]
    if verdict.comparisons:
        parts += ["## How sure that is", _how_sure(verdict.comparisons)]
    if whole.money_said:
        parts += ["## Money over time", _listed(sentence(said) for said in whole.money_said)]
    if whole.seen:
        parts += ["## Trouble", _trouble(whole.seen)]
    parts += _aside(whole)
    parts += ["## Again", f"```\n{wording.one_line(whole.again).replace('```', '')}\n```"]
    return redact_text("\n\n".join([*parts, escape(whole.written)]).rstrip() + "\n")


def escape(text: str) -> str:
    """Return a text on one line that markdown takes as it is: no markup, no HTML, no link."""
    line = wording.one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", line)


def _leaderboard(whole: Whole, place: Path) -> str:
    board = whole.board
    columns = number_columns(board)
    lines = []
    for number, one in enumerate(board.candidates):
        link = run_link(one, place)
        name = escape(one.key) if link is None else f"[{escape(one.key)}]({link})"
        mark = mark_of(one, whole.verdict)
        lines.append([name, f"**{mark}**" if mark == "ship" else mark, *(column.cells[number] for column in columns)])
    return _table(["candidate", "", *(column.heading for column in columns)], lines, words=2)


def _how_sure(comparisons: Sequence[Comparison]) -> str:
    lines = []
    for one in comparisons[:_MOST_TESTS]:
        sure = "" if one.ci95 is None else span(one.ci95, one.axis)
        lines.append(
            [
                escape(one.other.key),
                escape(one.axis.label),
                "" if one.difference is None else bare(one.difference, one.axis),
                sure,
                "" if one.p_holm is None else p_value(one.p_holm),
                "yes" if one.told_apart else "not tested" if one.method.startswith(NOT_TESTED) else "no",
                escape(one.method),
            ]
        )
    heads = ["the choice against", "by", "difference", "95% of it", "p (Holm)", "told apart", "method"]
    more = len(comparisons) - _MOST_TESTS
    return _table(heads, lines, words=2) + (f"\n\n{more} more stand in report.json." if more > 0 else "")


def _trouble(seen: Sequence[Seen]) -> str:
    lines = [[escape(cell) for cell in troubles.cells(one)] for one in seen[: troubles.MOST]]
    left = troubles.left_out(len(seen), troubles.MOST, "report.json has it")
    return _table(troubles.HEADS, lines, words=len(troubles.HEADS)) + (f"\n\n{left}" if left else "")


def _aside(whole: Whole) -> list[str]:
    board = whole.board
    parts = []
    if board.apart:
        parts += ["## Not ranked with these", _listed(f"{one.reason}." for one in board.apart)]
    if board.failed:
        said = [
            left_out(run, wording.first_line(run.result.run.error) if run.result.run.error else "")
            for run in board.failed
        ]
        parts += ["## Not finished", _listed(one.removeprefix("Not finished: ") for one in said)]
    if whole.notes:
        parts += ["## Notes", _listed(f"{note}." for note in whole.notes)]
    return parts


def _listed(texts: Iterable[str]) -> str:
    return "\n".join(f"- {escape(text)}" for text in texts)


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]], *, words: int) -> str:
    rule = ["---" if number < words else "---:" for number in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *lines))

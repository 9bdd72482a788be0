"""A comparison on the terminal: the leaderboard as wide as the window, what stood aside, the verdict last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from ftlab.compare.comparable import left_out
from ftlab.compare.troubles import Seen
from ftlab.compare.types import Board, Candidate
from ftlab.redact import redact_text
from ftlab.report import wording
from ftlab.report.board import troubles
from ftlab.report.board.cells import Column, mark_of, number_columns
from ftlab.report.board.whole import Whole, sentence
from ftlab.report.tables import GOOD, STRONG, new_table
from ftlab.report.terminal import Report

_PICTURES = (".png", ".svg")
_MOST_ROWS = 30  # on a terminal
_LEAST_KEY = 18  # characters of a candidate's name: longer ones fold
_GAP = 3  # between columns, and around them
_MOST_SAID = 6  # of the runs that did not finish
_STYLES = {"ship": f"{STRONG} {GOOD}", "2nd": STRONG}


def board_report(whole: Whole, width: int, files: Sequence[Path] = ()) -> Report:
    """Return table, notes and verdict; the files stand last, whole, to be copied.

    Args:
        whole: what was found.
        width: characters of the terminal.
        files: of the report.
    """
    parts: list[RenderableType] = [_table(whole, width)]
    notes = [*_left_out(whole.board), *(f"Note: {note}." for note in whole.notes)]
    if notes:
        parts.append(Text("\n".join(_line(note) for note in notes)))
    if whole.money_said:
        parts.append(Text("\n".join(_line(sentence(said)) for said in whole.money_said)))
    if whole.seen:
        parts.append(_trouble(whole.seen))
    parts.append(_verdict(whole))
    texts = [path for path in files if path.suffix not in _PICTURES]
    charts = sorted({path.parent for path in files if path.suffix in _PICTURES})
    return Report(parts, [*(f"report  {path}" for path in texts), *(f"charts  {place}" for place in charts)])


def _table(whole: Whole, width: int) -> RenderableType:
    board = whole.board
    marks = [mark_of(one, whole.verdict) for one in board.candidates]
    columns = fitting(number_columns(board), board, width - max(len(mark) for mark in ["", *marks]) - 2 * _GAP)
    rows = "" if not board.test_rows else f", {board.test_rows:,} test rows"
    table = new_table(
        wording.one_line(
            f"{wording.count(len(board.candidates), 'candidate')} on {board.dataset}{rows}, {board.device}"
        ),
        ["candidate", ""],
        [column.heading for column in columns],
    )
    for place, one in enumerate(board.candidates):
        if place >= _MOST_ROWS and marks[place] not in _STYLES:
            continue
        cells = [Text(column.cells[place]) for column in columns]
        table.add_row(Text(_line(one.key)), Text(marks[place]), *cells, style=_STYLES.get(marks[place]))
    return table


def fitting(columns: Sequence[Column], board: Board, width: int) -> list[Column]:
    """Return the columns that there is room for, in their order; the main metric always.

    Args:
        columns: in the order they stand, each with its rank.
        board: whose candidates' names stand before them.
        width: characters for names and numbers.
    """
    room = width - max(min(_LEAST_KEY, _longest(board.candidates)), len("candidate"))
    kept: list[Column] = []
    for column in sorted(columns, key=lambda one: one.rank):  # stable
        room -= column.width + _GAP
        if room < 0 and kept:
            break
        kept.append(column)
    return [column for column in columns if column in kept]


def _longest(candidates: Sequence[Candidate]) -> int:
    return max((len(one.key) for one in candidates), default=0)


def _left_out(board: Board) -> list[str]:
    said = [f"Not ranked: {one.reason}." for one in board.apart]
    for run in board.failed[:_MOST_SAID]:
        error = wording.first_line(redact_text(run.result.run.error)) if run.result.run.error else ""
        said.append(left_out(run, error))
    if len(board.failed) > _MOST_SAID:
        said.append(f"Not finished: {len(board.failed) - _MOST_SAID} more")
    if len(board.candidates) > _MOST_ROWS:
        said.append(f"The best {_MOST_ROWS} of {len(board.candidates)} are shown; the report has all.")
    return said


def _trouble(seen: Sequence[Seen]) -> Text:
    text = Text("Trouble seen", style=STRONG)
    for said, remedy in troubles.lines(seen):
        text.append(f"\n{_line(said)}", style="not bold")
        if remedy:
            text.append(f"\n    {_line(remedy)}")
    return text


def _verdict(whole: Whole) -> Text:
    text = Text()
    for number, said in enumerate(whole.verdict.sentences):
        text.append(f"{'' if not number else chr(10)}{_line(said)}", style=STRONG if not number else "")
    return text


def _line(text: str) -> str:
    return wording.one_line(redact_text(text))

"""The columns of a leaderboard that is made of text, for terminal and markdown, and what stands in each cell."""

from __future__ import annotations

from dataclasses import dataclass

from ftlab.compare.types import Axis, Board, Candidate, Verdict
from ftlab.report import wording
from ftlab.report.board.columns import amount

_HEADINGS = {
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "ttft_ms": "first token ms",
    "inter_token_ms": "next ms",
    "throughput": "texts / s",
    "tokens_per_second": "tokens / s",
    "usd_per_1k": "$ / 1k",
    "usd_per_1m_tokens": "$ / 1M tokens",
    "usd_training": "$ training",
    "wh_per_1k": "Wh / 1k",
    "wh_training": "Wh training",
    "training_seconds": "training",
    "size_mb": "MB",
    "peak_memory_mb": "peak MB",
    "trainable_percent": "trained %",
}
MARKS = {"choice": "ship", "runner-up": "2nd", "front": "front"}
# What is shown first where there is no room for all, after what the front is drawn over.
_FIRST = ("change", "usd_training", "size_mb", "p50_ms", "throughput", "tokens_per_second", "peak_memory_mb")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of numbers."""

    heading: str
    cells: tuple[str, ...]  # in the order of the board's candidates
    name: str  # of the axis; ci95, change or seeds
    rank: int  # the smallest is shown first

    @property
    def width(self) -> int:
        """Characters it takes."""
        return max(len(self.heading), *(len(cell) for cell in self.cells))


def mark_of(candidate: Candidate, verdict: Verdict) -> str:
    """Return what the verdict says of a candidate: ship, 2nd, front, or nothing."""
    if verdict.choice is not None and candidate.key == verdict.choice.key:
        return MARKS["choice"]
    if verdict.runner_up is not None and candidate.key == verdict.runner_up.key:
        return MARKS["runner-up"]
    return MARKS["front"] if any(one.key == candidate.key for one in verdict.front) else ""


def number_columns(board: Board) -> list[Column]:
    """Return the columns of numbers in the order they stand: those of the front, and whatever else varies."""
    ones, main = board.candidates, board.main
    drawn = [axis.name for axis in board.axes]
    shown = [axis for axis in _in_order(board) if axis.name == main.name or axis.name in drawn or _varies(axis, board)]
    columns = []
    for axis in shown:
        cells = tuple(amount(axis, one.values.get(axis.name)) for one in ones)
        if axis.name != main.name and axis.name not in drawn and len(set(cells)) == 1:
            continue  # what differs lies beyond the digits shown
        columns.append(Column(heading(axis), cells, axis.name, _rank(axis.name, main, drawn)))
        if axis.name == main.name:
            columns += _of_main(board, drawn)
    if len({len(one.runs) for one in ones}) > 1 or any(len(one.runs) > 1 for one in ones):
        columns.append(Column("seeds", tuple(str(len(one.runs)) for one in ones), "seeds", 4))
    return columns


def heading(axis: Axis) -> str:
    """Return what stands above a column."""
    return _HEADINGS.get(axis.name, axis.label)


def _of_main(board: Board, drawn: list[str]) -> list[Column]:
    """Return what stands beside the main metric: how sure it is, and what training brought."""
    main, ones = board.main, board.candidates
    found = []
    sure = tuple(_sure(one, main) for one in ones)
    if any(sure):
        said = "sd" if all(one.startswith("sd") for one in sure if one) else "95% CI"
        found.append(Column(said, sure, "ci95", 3))
    before = [one.untrained.get(main.name) for one in ones]
    if any(value is not None for value in before):
        cells = tuple(wording.change(old, one.values.get(main.name)) for old, one in zip(before, ones, strict=True))
        found.append(Column("gain", cells, "change", _rank("change", main, drawn)))
    return found


def _sure(one: Candidate, main: Axis) -> str:
    spread, ends = one.spread.get(main.name), one.interval.get(main.name)
    if spread is not None and len(one.runs) > 1:
        return f"sd {wording.score(spread)}"
    return f"{wording.score(ends[0])}-{wording.score(ends[1])}" if ends else ""


def _in_order(board: Board) -> list[Axis]:
    """Return the axes as they stand: the main one, other metrics of the front, then time, money, energy, size."""
    metrics = [axis for axis in board.measured if axis.kind == "quality" and axis in board.axes]
    names = list(_HEADINGS)
    others = sorted((a for a in board.measured if a.name in names), key=lambda axis: names.index(axis.name))
    return list(dict.fromkeys([board.main, *metrics, *others]))


def _varies(axis: Axis, board: Board) -> bool:
    return axis.kind != "quality" and len({one.values.get(axis.name) for one in board.candidates}) > 1


def _rank(name: str, main: Axis, drawn: list[str]) -> int:
    if name == main.name:
        return 0
    if name in drawn:
        return 2
    return 10 + (_FIRST.index(name) if name in _FIRST else len(_FIRST))

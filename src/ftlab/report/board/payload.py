"""What the script of a page works with: the board's numbers as plain JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftlab.compare.break_even import BreakEven
from ftlab.compare.side_by_side import SideBySide
from ftlab.compare.types import Axis, Board, Candidate, Verdict
from ftlab.report.board.columns import heading
from ftlab.report.board.leaderboard import marks_of, run_link

_CURVES = 10  # of the break-even chart


def payload(
    board: Board, verdict: Verdict, money: BreakEven | None, side: SideBySide | None, place: Path
) -> dict[str, Any]:
    """Return the axes, a row per candidate in the board's order, the money, and where models differ.

    Args:
        board: its candidates are named by their place on it.
        verdict: on them.
        money: None: prices are not known.
        side: None: rows are not known.
        place: folder of the page.
    """
    rows = {one.key: number for number, one in enumerate(board.candidates)}
    marks = marks_of(verdict)
    feasible = {one.key for one in verdict.feasible} if verdict.constraints else set(rows)
    axes = list(board.measured)
    drawn = [axis.name for axis in verdict.axes or board.axes]
    return {
        "axes": [_axis(axis) for axis in axes],
        "drawn": [number for number, axis in enumerate(axes) if axis.name in drawn],
        "rows": [_row(one, axes, marks, one.key in feasible, place) for one in board.candidates],
        "limits": [
            {"axis": axes.index(c.axis), "bound": c.bound, "at": c.limit} for c in verdict.constraints if c.axis in axes
        ],
        "money": _money(money, rows, verdict) if money is not None and money.segments else None,
        "side": _side(side, rows) if side is not None else None,
    }


def _axis(axis: Axis) -> dict[str, Any]:
    kind = "usd" if axis.unit == "$" else "score" if axis.kind == "quality" else "number"
    return {"name": axis.name, "label": heading(axis), "unit": axis.unit, "best": axis.direction, "kind": kind}


def _row(one: Candidate, axes: list[Axis], marks: Mapping[str, str], feasible: bool, place: Path) -> dict[str, Any]:
    row: dict[str, Any] = {
        "key": one.key,
        "groups": {n: getattr(one, n) for n in ("model", "adapter", "prompt", "compression")},
        "values": [_short(one.values.get(axis.name)) for axis in axes],
    }
    numbers = {axis.name: number for number, axis in enumerate(axes)}
    ends = {numbers[n]: [_short(end) for end in pair] for n, pair in one.interval.items() if n in numbers}
    spread = {numbers[n]: _short(sd) for n, sd in one.spread.items() if n in numbers and sd is not None}
    before = {numbers[n]: _short(value) for n, value in one.untrained.items() if n in numbers and value is not None}
    optional: dict[str, Any] = {"ends": ends, "spread": spread, "before": before, "differs": dict(one.differs)}
    optional |= {"mark": marks.get(one.key), "link": run_link(one, place), "out": not feasible}
    optional["seeds"] = len(one.runs) if len(one.runs) > 1 else None
    if one.priced is not None:
        optional["priced"] = f"{one.priced.provider}, {one.priced.price_date}"
    return row | {name: value for name, value in optional.items() if value}


def _money(money: BreakEven, rows: Mapping[str, int], verdict: Verdict) -> dict[str, Any]:
    segments = [
        {"row": rows[one.candidate.key], "low": one.low, "high": one.high}
        for one in money.segments
        if one.candidate.key in rows
    ]
    wanted = [one.candidate.key for one in money.segments]
    wanted += [one.key for one in (verdict.choice, verdict.runner_up) if one is not None]
    wanted += [one.key for one in verdict.front]
    wanted += [line.candidate.key for line in money.lines]
    held = {line.candidate.key: line for line in money.lines}
    shown = [held[key] for key in dict.fromkeys(wanted) if key in held and key in rows][:_CURVES]
    lines = [
        {"row": rows[line.candidate.key], "training": line.training, "request": line.per_request} for line in shown
    ]
    return {"months": money.months, "lines": lines, "segments": segments, "to": money.shown_to, "of": len(money.lines)}


def _side(side: SideBySide, rows: Mapping[str, int]) -> dict[str, Any]:
    return {
        "rows": [rows[key] for key in side.keys],
        "labelled": side.labelled,
        "pairs": [[p.first, p.second, p.rows, p.differ, p.first_right, p.second_right] for p in side.pairs],
        "texts": [
            {"id": one.row_id, "text": one.text, "expected": one.expected, "said": one.said, "sure": one.sure}
            for one in side.rows
        ],
    }


def _short(value: float | None) -> float | None:
    """Return a number in six digits: more are bytes, not knowledge."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")

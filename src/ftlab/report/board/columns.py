"""Which columns the leaderboard of a page has: the main metric, and whatever else varies between candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftlab.compare.numbers import digits, unit
from ftlab.compare.types import Axis, Board, Candidate
from ftlab.report import wording

_SETTINGS = 3  # configuration keys with a column of their own
_FIRST = ("p50_ms", "p95_ms", "ttft_ms", "inter_token_ms", "throughput", "tokens_per_second", "usd_per_1k")


@dataclass(frozen=True, slots=True)
class Columns:
    """What is shown of each candidate."""

    main: Axis
    gain: bool  # over the untrained model
    shown: tuple[Axis, ...]  # beside the main metric
    more: tuple[Axis, ...]  # shown when asked for: the other metrics
    settings: tuple[str, ...]  # configuration keys


def columns_of(board: Board) -> Columns:
    """Return the columns that vary; with a single candidate all that are known."""
    varied = [axis for axis in board.measured if axis.name != board.main.name and _varies(board.candidates, axis)]
    drawn = {axis.name for axis in board.axes}
    first = [axis for axis in varied if axis.kind != "quality" or axis.name in drawn]
    first.sort(key=lambda axis: (axis.kind != "quality", axis.name not in _FIRST))  # stable: else as on the board
    more = [axis for axis in varied if axis not in first]
    gain = any(one.untrained.get(board.main.name) is not None for one in board.candidates)
    named = dict.fromkeys(key for one in board.candidates for key in one.differs)
    keys = {key: {one.differs.get(key) for one in board.candidates} for key in named}
    settings = [key for key, values in keys.items() if len(values) > 1]
    return Columns(board.main, gain, tuple(first), tuple(more), tuple(settings[:_SETTINGS]))


def _varies(candidates: Sequence[Candidate], axis: Axis) -> bool:
    values = {one.values.get(axis.name) for one in candidates}
    return len(values) > 1 or (len(candidates) == 1 and values != {None})


def amount(axis: Axis, value: float | None) -> str:
    """Return a value without its unit, which the heading says: ``0.912``, ``14.2``, ``$0.00200``."""
    if value is None:
        return wording.UNKNOWN
    if axis.unit == "s":
        return wording.duration(value)
    return f"{'$' if axis.unit == '$' else ''}{digits(value, axis)}"


def measured(axis: Axis, value: float | None) -> str:
    """Return a value with its unit: ``0.912``, ``14.2 ms``, ``$0.002``."""
    said = amount(axis, value)
    return said if value is None or axis.unit == "s" else f"{said}{unit(axis)}"


def heading(axis: Axis) -> str:
    """Return what a column or chart axis says: the label with its unit: ``p95 (ms)``."""
    bare = axis.unit in ("", "$", "s") or axis.unit in axis.label
    return axis.label if bare else f"{axis.label} ({axis.unit})"

"""What "best to ship" means: ``objective=cheapest|fastest|best|balanced``, on point estimates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ftlab.compare.axes import find_axis
from ftlab.compare.front import in_order, known_value, value_of
from ftlab.compare.types import Axis, Board, Candidate
from ftlab.errors import ConfigError, DataError, did_you_mean

OBJECTIVES = ("balanced", "best", "cheapest", "fastest")
_MONEY = ("usd_per_1k", "usd_per_1m_tokens")
# What "the cheaper one" of a tie is judged by: money, and where no price is known what money goes with.
_CHEAPER = (*_MONEY, "p95_ms", "size_mb")


def require_objective(name: str) -> str:
    """Return ``name`` where it is an objective.

    Raises:
        ConfigError: it is none.
    """
    if name not in OBJECTIVES:
        hint = did_you_mean(name, OBJECTIVES) or ";"
        raise ConfigError(f"objective={name} is no objective{hint} there are: {', '.join(OBJECTIVES)}")
    return name


def objective_axis(objective: str, board: Board) -> Axis | None:
    """Return the axis that an objective looks at first; None: balanced looks at all of the front's alike.

    Raises:
        DataError: no candidate has a value on it.
    """
    if objective == "balanced":
        return None
    if objective == "best":
        return board.main
    names = [axis.name for axis in board.axes if axis.name in _MONEY] if objective == "cheapest" else ["p95_ms"]
    for name in [*names, *_MONEY] if objective == "cheapest" else names:
        axis = board.axis(name)
        if axis is not None and any(value_of(one, axis) is not None for one in board.candidates):
            return axis
    wanted = "a price of requests" if objective == "cheapest" else "a latency that may be ranked (p95_ms)"
    raise DataError(f"objective={objective} needs {wanted}, which no candidate has; give objective=best or balanced")


def cheaper_axis(candidate: Candidate, axes: Sequence[Axis]) -> Axis | None:
    """Return what a cheaper candidate than this one is cheaper by; None: nothing of it is known.

    The front's own money axis, then $ per 1k requests, $ per 1M tokens, p95 and size, the first that is known.
    """
    ours = [axis for axis in axes if axis.name in _MONEY]
    every = [*ours, *(find_axis(name) for name in _CHEAPER)]
    return next((axis for axis in every if value_of(candidate, axis) is not None), None)


def by_objective(
    objective: str, front: Sequence[Candidate], axes: Sequence[Axis], first: Axis | None, test_rows: int
) -> tuple[Candidate, ...]:
    """Return the members of the front, the one that serves the objective best first.

    Equals follow the order of the axes (quality, then the others), then the key.

    Args:
        objective: one of ``OBJECTIVES``.
        front: all have a value on every axis.
        axes: of the front.
        first: ``objective_axis``.
        test_rows: N of the test set, as in ``balance``.
    """
    ordered = in_order(front, axes if first is None else (first, *axes))
    if objective != "balanced":
        return ordered
    scores = balance(ordered, axes, test_rows)
    return tuple(sorted(ordered, key=lambda one: scores[one.key]))  # stable


def balance(front: Sequence[Candidate], axes: Sequence[Axis], test_rows: int = 0) -> Mapping[str, float]:
    """Return by key the sum over the axes of the log ratio to the best value of the front; 0 is best on each.

    Of a metric that is at most 1 the ratio is that of 1 - x, what is still wrong. A zero has no ratio. An error of 0
    counts as half a test row, what N rows can just not see; any other zero as half the smallest value above it on the
    front. On an axis with negative values, where ratios mean nothing, the distance to the best value takes its place,
    as log(1 + distance / largest magnitude).

    Args:
        front: all have a value on every axis.
        axes: each counts once.
        test_rows: N; 0: unknown, an error of 0 is then treated as any other zero.
    """
    totals = dict.fromkeys((one.key for one in front), 0.0)
    for axis in axes:
        terms = _log_ratios([known_value(one, axis) for one in front], axis, test_rows)
        for one, term in zip(front, terms, strict=True):
            totals[one.key] += term
    return {name: round(total, 12) for name, total in totals.items()}  # equal sums stay equal


def _log_ratios(values: Sequence[float], axis: Axis, test_rows: int) -> list[float]:
    """Return log(value / best), each >= 0; better values are smaller ones, or larger where the axis says so."""
    upward = axis.direction == "max"
    if axis.share and max(values) <= 1:
        least = 0.5 / test_rows if test_rows else 0.0
        values, upward = [max(1 - value, least) for value in values], False
    if min(values) < 0:
        best = max(values) if upward else min(values)
        scale = max(abs(value) for value in values)
        return [math.log1p(abs(value - best) / scale) for value in values]
    positive = [value for value in values if value > 0]
    if not positive:
        return [0.0] * len(values)
    floor = min(positive) / 2
    logs = [math.log(value or floor) for value in values]
    best = max(logs) if upward else min(logs)
    return [abs(one - best) for one in logs]

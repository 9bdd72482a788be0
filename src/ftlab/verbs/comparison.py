"""Runs -> price -> board -> verdict -> money: the one path of ``ftlab compare`` and of the end of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ftlab import __version__
from ftlab.compare.api_models import with_api_models
from ftlab.compare.api_prices import read_api_prices
from ftlab.compare.axes import DEFAULT, find_axis
from ftlab.compare.board import make_board, require_pair
from ftlab.compare.break_even import MONTHS, BreakEven, Line, break_even, price_line
from ftlab.compare.break_even_words import compare_costs, named, sentences, typed
from ftlab.compare.constraints import parse_constraints
from ftlab.compare.guessing import guesses
from ftlab.compare.numbers import digits
from ftlab.compare.pricing import NewPrice, reprice
from ftlab.compare.troubles import diagnosed, seen
from ftlab.compare.types import Board, Run, Verdict
from ftlab.compare.verdict import make_verdict
from ftlab.report.board.whole import Whole


@dataclass(frozen=True, slots=True)
class Asked:
    """How runs are compared; the defaults are those of a sweep's end."""

    metric: str | None = None
    axes: tuple[str, ...] = ()
    objective: str = "balanced"
    constraints: Mapping[str, Any] = field(default_factory=dict)
    price: NewPrice = field(default_factory=NewPrice)
    api_prices: str | None = None
    months: float = MONTHS
    requests_per_month: float | None = None


def compare_runs(
    runs: Sequence[Run],
    asked: Asked,
    *,
    inputs: Sequence[str] = (),
    settings: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Whole:
    """Return what is to be said of ``runs``. Nothing is run again.

    Args:
        runs: as read; those that did not finish are named.
        asked: how they are compared.
        inputs: words that name the runs, as typed.
        settings: what else was typed.
        notes: on the runs, for the reader.

    Raises:
        ConfigError: an axis, a constraint or a price that cannot be.
        DataError: there is nothing to compare.
    """
    own = _own(runs)
    board = make_board(reprice(runs, asked.price), _axes(asked, own))
    constraints = parse_constraints(asked.constraints, own)
    if asked.api_prices is not None:
        board = with_api_models(board, read_api_prices(asked.api_prices))
    require_pair(board)
    board = replace(board, notes=(*notes, *board.notes))
    verdict = make_verdict(board, asked.objective, constraints)
    priced = verdict.feasible or board.candidates
    money = break_even([one for one in priced if not guesses(one)] or priced, asked.months)
    written = f"Written by ftlab {__version__} on {datetime.now(UTC).isoformat(timespec='seconds')}"
    said = _money_said(money, verdict, board, asked)
    return Whole(
        board,
        verdict,
        money,
        said,
        tuple(inputs),
        tuple(settings),
        written,
        diagnosed(board),
        seen(board, verdict),
    )


def _axes(asked: Asked, own: Mapping[str, str]) -> list[str] | None:
    """Return what the front is drawn over; the main metric first, so that the board takes it for one."""
    if asked.metric is None:
        return list(asked.axes) or None
    return [find_axis(asked.metric, own, key="metric").name, *(asked.axes or DEFAULT)]


def _own(runs: Sequence[Run]) -> dict[str, str]:
    """Return the metrics of the user's own that a run was chosen by, with the direction of their better values."""
    mains = [run.result.quality.main for run in runs if run.result.run.status == "finished" and run.result.quality]
    return {main["name"]: main["direction"] for main in mains}


def _money_said(money: BreakEven, verdict: Verdict, board: Board, asked: Asked) -> tuple[str, ...]:
    said = list(sentences(money, board.main))
    if not money.segments:
        return tuple(said)
    if verdict.choice is not None and verdict.runner_up is not None:
        clause = compare_costs(verdict.choice, verdict.runner_up, money)
        said += [clause] if clause else []
    volume = asked.requests_per_month
    if volume is not None:
        cheapest = money.cheapest(volume)
        shown = {one.key: one for one in (cheapest, verdict.choice) if one is not None}
        lines = [line for one in shown.values() if isinstance(line := price_line(one), Line)]
        usd = next(axis for axis in board.measured if axis.name == "usd_per_1k")
        costs = [
            f"{named(line.candidate, board.main)} costs ${digits(line.total(volume, money.months), usd)}"
            for line in lines
        ]
        said.append(f"at {typed(volume)} requests a month, over {money.months:g} months, {' and '.join(costs)}")
    return tuple(said)

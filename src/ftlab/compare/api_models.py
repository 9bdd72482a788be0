"""Models behind somebody else's API as rows of a board: tokens in and out x price, and nothing that is not given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ftlab.compare.api_prices import ApiPrice
from ftlab.compare.axes import find_axis, known_axes, number
from ftlab.compare.types import Api, Axis, Board, Candidate
from ftlab.errors import ConfigError, DataError

_LEAST_ANSWER = 1.0  # tokens: what a label takes at least, where no run of the board wrote one


@dataclass(frozen=True, slots=True)
class Request:
    """How many tokens a request takes, mean over test rows, and by which candidate's count."""

    input_tokens: float
    output_tokens: float
    of: str


def request_of(board: Board) -> Request | None:
    """Return the tokens of a request on ``board``, by the best candidate that is asked like an API would be.

    That is one that writes, or gives its label to a prompt; else one that labels the text alone, without the tokens
    an instruction takes. A model that reads bytes for tokens comes last. None: no record has them.
    """
    found = [(_kind(one), one) for one in board.candidates if one.chosen and _read_tokens(one) is not None]
    if not found:
        return None
    _, best = min(found, key=lambda pair: pair[0])  # the first of equals, which ranks highest
    read, cost = _read_tokens(best), best.run.result.cost
    assert read is not None, "only these were taken"
    return Request(read, max((cost.completion_tokens if cost else None) or 0.0, _LEAST_ANSWER), best.key)


def with_api_models(board: Board, prices: Iterable[ApiPrice]) -> Board:
    """Return ``board`` with a candidate per row, ranked among the others, and a note on each.

    Raises:
        DataError: neither the row nor any run says how many tokens a request has.
    """
    rows = tuple(prices)
    if not rows:
        return board
    request = request_of(board)
    _check_quality(board, rows)
    metrics = (axis for axis in board.measured if axis.kind == "quality")
    every = list({axis.name: axis for axis in (*board.axes, *metrics, *known_axes().values())}.values())
    valued = [(row, *_values(row, request, board)) for row in rows]
    had = {axis.name for axis in board.measured}
    new = {name for _, values, _ in valued for name in values}
    measured = tuple(axis for axis in every if axis.name in had | new)
    names = [axis.name for axis in measured]
    keys = {one.key for one in board.candidates}
    added = [_candidate(row, values, api, names, keys) for row, values, api in valued]
    old = [dataclasses.replace(one, **_filled(one, names)) for one in board.candidates]
    ranked = sorted([*old, *added], key=lambda one: _worth(one.values.get(board.main.name), board.main))
    notes = (*board.notes, *(_note(one, row, request) for one, row in zip(added, rows, strict=True)))
    return dataclasses.replace(board, candidates=tuple(ranked), measured=measured, notes=notes)


def _values(row: ApiPrice, request: Request | None, board: Board) -> tuple[dict[str, float], Api]:
    """Return what is known of a row by axis, and its price."""
    read = row.input_tokens if row.input_tokens is not None else request.input_tokens if request else None
    written = row.output_tokens if row.output_tokens is not None else request.output_tokens if request else None
    if read is None or written is None:
        raise DataError(
            f"no run says how many tokens a request of {row.name} has; "
            "write input_tokens and output_tokens into its row of the price file"
        )
    usd = (read * row.usd_per_1m_input + written * row.usd_per_1m_output) / 1e6
    values = {**row.given, "usd_per_1k": usd * 1000, "usd_training": 0.0}
    if board.task == "causal_lm" and written > 0:
        values["usd_per_1m_tokens"] = usd / written * 1e6  # the reading of their prompts included
    api = Api(row.name, row.provider, row.usd_per_1m_input, row.usd_per_1m_output, read, written, row.date, row.source)
    return values, api


def _candidate(row: ApiPrice, values: dict[str, float], api: Api, names: list[str], keys: set[str]) -> Candidate:
    key = row.name
    while key in keys:
        key += " api"
    keys.add(key)
    return Candidate(
        key=key,
        model=row.name,
        adapter="none",
        prompt="none",
        compression="none",
        runs=(),
        chosen=None,
        values={name: values.get(name) for name in names},
        spread=dict.fromkeys(names),
        untrained=dict.fromkeys(names),
        priced=api,
    )


def _filled(one: Candidate, names: list[str]) -> dict[str, Any]:
    parts = {"values": one.values, "spread": one.spread, "untrained": one.untrained}
    return {part: {name: held.get(name) for name in names} for part, held in parts.items()}


def _note(one: Candidate, row: ApiPrice, request: Request | None) -> str:
    api = one.priced
    assert api is not None, "made from a price"
    asked = f"{api.input_tokens:.0f} tokens in and {api.output_tokens:.0f} out a request"
    if row.input_tokens is None and row.output_tokens is None and request:
        asked += f", as {request.of} has them (another tokenizer and your own instruction change that)"
    given = f"; {', '.join(row.given)} as given by {' and '.join(row.given_by)}, not measured here" if row.given else ""
    return f"{one.key} is priced, not run: {asked}, at the prices of {api.price_date} ({api.price_source}){given}"


def _kind(one: Candidate) -> tuple[bool, bool]:
    """Return what puts a candidate that is asked like an API first: bytes for tokens, labels the text alone."""
    model, cost = one.run.result.model, one.run.result.cost
    writes = bool(cost and cost.completion_tokens)
    return bool(model and model.tokenizer == "bytes"), one.prompt == "none" and not writes


def _read_tokens(one: Candidate) -> float | None:
    result = one.run.result
    read = number(result.cost.prompt_tokens) if result.cost else None
    return read if read is not None else number(result.prompt.get("tokens_per_request"))


def _worth(value: float | None, axis: Axis) -> tuple[bool, float]:
    """Return what puts the better value first, and an unknown one last; of equals the order stays."""
    return value is None, 0.0 if value is None else (-value if axis.direction == "max" else value)


def _check_quality(board: Board, rows: Iterable[ApiPrice]) -> None:
    """Raise ConfigError where a metric of a file is none of this board's task."""
    had = {axis.name for axis in board.measured if axis.kind == "quality"}
    for row in rows:
        for name in row.given:
            if find_axis(name).kind == "quality" and name not in had:
                raise ConfigError(
                    f"{row.name} has quality {name} in its price file, which no run on this board has; "
                    f"give one of {', '.join(sorted(had))}"
                )

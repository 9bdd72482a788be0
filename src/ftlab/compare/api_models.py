"""Models behind somebody else's API as rows of a board: tokens in and out x price, and nothing that is not given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ftlab.compare.api_prices import ApiPrice
from ftlab.compare.axes import find_axis, known_axes, number, worth
from ftlab.compare.types import Api, Board, Candidate
from ftlab.errors import ConfigError, DataError

_LEAST_ANSWER = 1.0  # tokens: what a label takes at least, where no run of the board wrote one


@dataclass(frozen=True, slots=True)
class Request:
    """How many tokens a request takes, mean over test rows, and by which candidate's count."""

    input_tokens: float
    output_tokens: float
    of: str
    cut_rows: int = 0  # of the texts that were counted: a model behind an API reads them whole
    max_length: int = 0  # tokens that they were cut at


def request_of(board: Board) -> Request | None:
    """Return the tokens of a request on ``board``, by the best candidate that is asked like an API would be.

    That is a language model that writes, or gives its label to a prompt; else one with a head for labels, whose texts
    have no instruction to answer to. A model that reads bytes for tokens comes last. None: no record has them.
    """
    found = [(_kind(one), one) for one in board.candidates if one.chosen and _read_tokens(one) is not None]
    if not found:
        return None
    _, best = min(found, key=lambda pair: pair[0])  # the first of equals, which ranks highest
    read, cost, data = _read_tokens(best), best.run.result.cost, best.run.result.dataset
    assert read is not None, "only these were taken"
    written = max((cost.completion_tokens if cost else None) or 0.0, _LEAST_ANSWER)
    return Request(read, written, best.key, data.truncated_rows if data else 0, data.max_length if data else 0)


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
    ranked = sorted([*old, *added], key=lambda one: worth(one.values.get(board.main.name), board.main))
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
    cut = _cut(request) if row.input_tokens is None and request else ""
    return f"{one.key} is priced, not run: {asked}, at the prices of {api.price_date} ({api.price_source}){cut}{given}"


def _cut(request: Request) -> str:
    """Return what counting cut texts does to the price; empty: none was cut."""
    if not request.cut_rows:
        return ""
    were = "1 text was" if request.cut_rows == 1 else f"{request.cut_rows:,} texts were"
    return f"; {were} cut at dataset.max_length={request.max_length}, so the price is too low for whole texts"


def _kind(one: Candidate) -> tuple[bool, bool]:
    """Return what puts a candidate that is asked like an API first: whether bytes are its tokens, whether it is not."""
    model, cost = one.run.result.model, one.run.result.cost
    writes = bool(cost and cost.completion_tokens)
    asked = one.prompt != "none" and model is not None and model.head == "lm"  # a text in a prompt asks no encoder
    return bool(model and model.tokenizer == "bytes"), not (writes or asked)


def _read_tokens(one: Candidate) -> float | None:
    result = one.run.result
    read = number(result.cost.prompt_tokens) if result.cost else None
    return read if read is not None else number(result.prompt.get("tokens_per_request"))


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

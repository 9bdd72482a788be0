"""Whether two candidates ship one network with other weights: what a request takes is then the same for both.

The interval of a time sees the calls of one run and not what a machine does between two runs, so it would call two
timings of one network different.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ftlab.compare.axes import shipped
from ftlab.compare.types import Axis, Candidate
from ftlab.results import Cost, RunResult

SAME = "the same network, timed twice"
_OF_REQUESTS = frozenset(("usd_per_1k", "usd_per_1m_tokens", "wh_per_1k"))
_OF_A_TOKEN = frozenset(("ttft_ms", "inter_token_ms", "tokens_per_second"))
# They train what is there; every other adapter adds layers, which are there as long as it is not merged.
_ADDS_NOTHING = frozenset(("none", "full", "freeze", "head", "bitfit", "layernorm"))
_OF_TRAINING = frozenset(("learning_rate", "dropout"))  # of an adapter: no matter when it answers
_SIZE = 0.01  # by which sizes differ that are of one network: file names, labels, a tokenizer's cache


@dataclass(frozen=True, slots=True)
class Shape:
    """All but weights that decides what a request takes."""

    model: tuple[Any, ...]
    adapter: dict[str, Any]  # empty: no layer of its own
    prompt: dict[str, Any]
    compression: dict[str, Any]
    timing: tuple[Any, ...]


def timed_twice(first: Candidate, second: Candidate, axis: Axis) -> bool:
    """Return whether ``axis`` is what a request takes, and two candidates answer it with the same network.

    The same are models trained whole, in part or not at all from one checkpoint, and adapters merged into it, where
    prompt, precision, compression and machine are the same too. A price is the same only at the same price of an hour;
    of models that write, times of whole answers are only where answers are of one length.
    """
    if axis.kind != "latency" and axis.name not in _OF_REQUESTS:
        return False
    if first.chosen is None or second.chosen is None:
        return False
    one, other = first.chosen.result, second.chosen.result
    ours, theirs = _shape(one), _shape(other)
    if ours is None or ours != theirs or not math.isclose(_size(one), _size(other), rel_tol=_SIZE):
        return False
    if axis.kind != "latency" and _priced(one.cost) != _priced(other.cost):
        return False
    return axis.name in _OF_A_TOKEN or _written(one.cost) == _written(other.cost)


def _shape(result: RunResult) -> Shape | None:
    """Return what a run shipped; None: it was not timed."""
    row, model, data = shipped(result), result.model, result.dataset
    if row is None or model is None or data is None:
        return None
    return Shape(
        model=(
            *(model.name, model.checkpoint, model.task, model.head, model.tokenizer),
            *(model.precision, model.attention, model.quantization, data.max_length, len(data.labels)),
        ),
        adapter=_layers(result, merged=row.merged),
        prompt=dict(result.prompt or {}),
        compression=dict(result.compression or {}),
        timing=(row.protocol, row.backend, row.device, row.batch_size, row.dtype, row.threads),
    )


def _layers(result: RunResult, *, merged: bool) -> dict[str, Any]:
    """Return the adapter whose layers a request goes through; empty: there are none."""
    if merged or result.adapter.get("name") in _ADDS_NOTHING:
        return {}
    return {key: value for key, value in result.adapter.items() if key not in _OF_TRAINING}


def _size(result: RunResult) -> float:
    """Return MB: of the folder where all of the network is in it, else of the weights in memory."""
    if result.artefact and result.artefact.form == "full" and result.artefact.size_mb is not None:
        return result.artefact.size_mb
    return result.model.size_mb if result.model else math.nan


def _priced(cost: Cost | None) -> tuple[Any, ...]:
    return (cost.usd_per_hour, cost.utilisation, cost.batch_size) if cost else ()


def _written(cost: Cost | None) -> float:
    return (cost.completion_tokens if cost else None) or 0.0

"""``report.json``: a comparison for programs. Keys are a contract: add, never rename; null is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ftlab.compare.break_even import BreakEven
from ftlab.compare.types import Axis, Board, Candidate, Comparison, Constraint, Miss, Run, Verdict
from ftlab.records import to_plain
from ftlab.redact import redact, redact_text
from ftlab.report.board.whole import Whole, place_of

SCHEMA = 1


def record(whole: Whole) -> dict[str, Any]:
    """Return the report as JSON values, redacted; candidates are named by their ``key``."""
    board, verdict = whole.board, whole.verdict
    found = {
        "schema": SCHEMA,
        "written": whole.written,
        "command": whole.again,
        "board": _board(board),
        "verdict": _verdict(verdict),
        "money": None if whole.money is None else _money(whole.money, whole.money_said),
        "candidates": [_candidate(one) for one in board.candidates],
        "troubles": [one.trouble for one in whole.seen if not one.names],
        "apart": [{"reason": one.reason, "folders": _folders(one.runs)} for one in board.apart],
        "failed": [_failed(run) for run in board.failed],
        "notes": list(whole.notes),
    }
    plain: dict[str, Any] = to_plain(found)
    # What was typed, or said by what failed: all else comes from records, which hold no secret, and is long.
    redacted: dict[str, Any] = redact({name: plain[name] for name in ("command", "apart", "failed", "notes")})
    return plain | redacted


def _board(board: Board) -> dict[str, Any]:
    return {
        "task": board.task,
        "dataset": board.dataset,
        "test_digest": board.test_digest,
        "test_rows": board.test_rows,
        "device": board.device,
        "main": board.main.name,
        "axes": [axis.name for axis in board.axes],
        "measured": [_axis(axis) for axis in board.measured],
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {"name": axis.name, "direction": axis.direction, "unit": axis.unit, "label": axis.label, "kind": axis.kind}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "objective": verdict.objective,
        "constraints": [_constraint(one) for one in verdict.constraints],
        "axes": [axis.name for axis in verdict.axes],
        "choice": _key(verdict.choice),
        "runner_up": _key(verdict.runner_up),
        "leader": _key(verdict.leader),
        "ties": _keys(verdict.ties),
        "front": _keys(verdict.front),
        "guessing": _keys(verdict.guessing),
        "feasible": _keys(verdict.feasible),
        "sentences": list(verdict.sentences),
        "comparisons": [_comparison(one) for one in verdict.comparisons],
        "misses": [_miss(one) for one in verdict.misses],
    }


def _constraint(one: Constraint) -> dict[str, Any]:
    return {"axis": one.axis.name, "bound": one.bound, "limit": one.limit}


def _comparison(one: Comparison) -> dict[str, Any]:
    return {
        "other": one.other.key,
        "axis": one.axis.name,
        "difference": one.difference,
        "ci95": one.ci95,
        "p": one.p,
        "p_holm": one.p_holm,
        "told_apart": one.told_apart,
        "method": one.method,
        "rows": one.rows,
        "discordant": one.discordant,
    }


def _miss(one: Miss) -> dict[str, Any]:
    return {"candidate": one.candidate.key, **_constraint(one.constraint), "value": one.value, "by": one.by}


def _money(money: BreakEven, said: Sequence[str]) -> dict[str, Any]:
    lines = [
        {"candidate": one.candidate.key, "training_usd": one.training, "usd_per_request": one.per_request}
        for one in money.lines
    ]
    segments = [
        {"from": one.low, "to": one.high, "candidate": one.candidate.key, "tied": _keys(one.tied)}
        for one in money.segments
    ]
    return {
        "months": money.months,
        "lines": lines,
        "segments": segments,  # requests a month
        "unpriced": [{"candidate": one.candidate.key, "reason": one.reason} for one in money.unpriced],
        "sentences": list(said),
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    place = place_of(one)
    return {
        "key": one.key,
        "model": one.model,
        "adapter": one.adapter,
        "prompt": one.prompt,
        "compression": one.compression,
        "seeds": [run.result.run.seed for run in one.runs],
        "folders": _folders(one.runs),
        "chosen": None if place is None else str(place),
        "values": dict(one.values),
        "spread": dict(one.spread),
        "interval": dict(one.interval),
        "untrained": dict(one.untrained),
        "differs": dict(one.differs),
        "priced": None if one.priced is None else to_plain(one.priced),
        "troubles": None if one.chosen is None else one.chosen.result.diagnosis,
    }


def _failed(run: Run) -> dict[str, Any]:
    info = run.result.run
    error = redact_text(info.error) if info.error else None
    return {
        "name": info.name,
        "status": info.status,
        "error": error,
        "folder": str(run.folder),
        "troubles": run.result.diagnosis,
    }


def _folders(runs: Sequence[Run]) -> list[str]:
    return [str(run.folder) for run in runs]


def _key(candidate: Candidate | None) -> str | None:
    return None if candidate is None else candidate.key


def _keys(candidates: Sequence[Candidate]) -> list[str]:
    return [one.key for one in candidates]

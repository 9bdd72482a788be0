"""The board: what can be compared, one row per model x adapter x prompt x compression, seeds folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlab.compare.axes import DEFAULT, axis_values, find_axes, find_axis, known_axes, number, worth
from ftlab.compare.comparable import likeness, part_unlike
from ftlab.compare.differences import unique_keys, varying
from ftlab.compare.notes import board_notes
from ftlab.compare.reading import read_settings
from ftlab.compare.seeds import deviation, fold_seeds, mean, median_run
from ftlab.compare.trials import latency_intervals
from ftlab.compare.types import Axis, Board, Candidate, Run
from ftlab.errors import DataError
from ftlab.results import RunResult

Reader = Callable[[Path], Mapping[str, Any]]
Intervals = Callable[[Run], Mapping[str, tuple[float, float]]]
BYTES = "bytes"  # the tokenizer that stands in where a model's own could not be had


def make_board(
    runs: Iterable[Run],
    axes: Sequence[str] | None = None,
    *,
    settings: Reader = read_settings,
    intervals: Intervals = latency_intervals,
) -> Board:
    """Return the board of ``runs``: the largest group that can be compared, best main metric first.

    Args:
        runs: as read, in any order; those that did not finish go to ``Board.failed``.
        axes: names of what the front is drawn over; None: the main metric, p95 of one text, $ per 1k requests. The
            first metric of the test rows is the main one; without one, the runs' own stands in front.
        settings: gives the configuration of a run folder by dotted key.
        intervals: gives the 95% intervals of a run's times.

    Raises:
        ConfigError: one of ``axes`` is none; the sentence lists them.
        DataError: no run finished.
    """
    finished, failed = _by_status(sorted(runs, key=lambda run: (run.result.run.started or "", str(run.folder))))
    own = _own_metrics(finished)
    wanted = find_axes(axes or (), own)  # before the runs: a typo is the user's first concern
    if not finished:
        raise DataError(_nothing_finished(failed))
    chosen, apart = part_unlike(finished)
    main = _main(chosen, wanted, own)
    folded, repeated = fold_seeds(chosen, settings)
    rows = [_Row.of(seeds, main, settings) for seeds in folded]
    asked = list(dict.fromkeys([main, *(wanted or (find_axis(name) for name in DEFAULT))]))
    measured = _measured(rows, asked, known_axes(own).values())
    candidates = _candidates(rows, measured, intervals)
    alike, data = likeness(chosen[0].result), chosen[0].result.dataset
    assert data is not None, "a finished run has one"
    replaced = [c.key for c, row in zip(candidates, rows, strict=True) if not row.ranks_latency]
    return Board(
        candidates=tuple(sorted(candidates, key=lambda one: (*worth(one.values[main.name], main), one.key))),
        axes=tuple(axis for axis in measured if axis in asked),
        main=main,
        measured=measured,
        apart=apart,
        failed=failed,
        task=alike.task,
        dataset=data.name,
        test_digest=data.test_digest,
        test_rows=data.test_rows,
        device=alike.device,
        notes=tuple(board_notes(candidates, asked, alike.protocol, replaced, repeated)),
    )


def require_pair(board: Board) -> None:
    """Raise DataError where the board has nothing to compare: fewer than two candidates."""
    if len(board.candidates) >= 2:
        return
    alone = board.candidates[0].key if board.candidates else "nothing"
    why = f"{board.apart[0].reason}; " if board.apart else ""
    failed = f"{len(board.failed)} did not finish; " if board.failed else ""
    raise DataError(f"there is no pair to compare, only {alone}: {why}{failed}give two runs or more, or a sweep")


@dataclass(frozen=True, slots=True)
class _Row:
    """A candidate to be: its runs with what each measured, and its configuration."""

    runs: tuple[Run, ...]
    values: list[dict[str, float | None]]
    chosen: Run
    settings: Mapping[str, Any]
    ranks_latency: bool

    @classmethod
    def of(cls, runs: tuple[Run, ...], main: Axis, settings: Reader) -> _Row:
        first = runs[0].result
        plain = settings(runs[0].folder)
        ranks = not _tokenizer_replaced(first, plain)
        values = [axis_values(run.result, ranks_latency=ranks) for run in runs]
        chosen = median_run(runs, [one.get(main.name) for one in values], main.direction)
        return cls(runs, values, chosen, plain, ranks)

    @property
    def names(self) -> dict[str, str]:
        result = self.chosen.result
        assert result.model is not None, "a finished run has one"
        parts = {"adapter": result.adapter, "prompt": result.prompt, "compression": result.compression}
        drawn = " (random weights)" if result.model.init == "random" and result.model.checkpoint != "random" else ""
        names = {k: str((part or {}).get("name") or "none") for k, part in parts.items()}
        return {"model": f"{result.model.name}{drawn}"} | names


def _candidates(rows: Sequence[_Row], measured: Sequence[Axis], intervals: Intervals) -> list[Candidate]:
    names = [row.names for row in rows]
    differs = varying([row.settings for row in rows], names)
    infos = [row.chosen.result.run for row in rows]
    keys = unique_keys(names, differs, [info.verb for info in infos], [info.id for info in infos])
    found = []
    for row, name, key, differ in zip(rows, names, keys, differs, strict=True):
        quality = row.chosen.result.quality
        assert quality is not None, "a finished run has one"
        sure: dict[str, tuple[float, float]] = {
            metric: (low, high)
            for metric, ends in (quality.test_ci95 or {}).items()
            if (low := _end(ends, 0)) is not None and (high := _end(ends, 1)) is not None
        }
        if row.ranks_latency:
            sure |= intervals(row.chosen)
        before = [(run.result.quality.untrained if run.result.quality else None) or {} for run in row.runs]
        found.append(
            Candidate(
                key=key,
                model=name["model"],
                adapter=name["adapter"],
                prompt=name["prompt"],
                compression=name["compression"],
                runs=row.runs,
                chosen=row.chosen,
                values={axis.name: _mean(row, axis.name) for axis in measured},
                spread={axis.name: deviation([one.get(axis.name) for one in row.values]) for axis in measured},
                interval={axis.name: sure[axis.name] for axis in measured if axis.name in sure},
                untrained={
                    axis.name: mean([number(one.get(axis.name)) for one in before]) if axis.kind == "quality" else None
                    for axis in measured
                },
                differs=differ,
            )
        )
    return found


def _measured(rows: Sequence[_Row], asked: Sequence[Axis], every: Iterable[Axis]) -> tuple[Axis, ...]:
    """Return the axes that some run has a value on, those ``asked`` for first; the main one, the first, always."""
    known = {name for row in rows for one in row.values for name, value in one.items() if value is not None}
    ordered = dict.fromkeys([*asked, *every])
    return tuple(axis for axis in ordered if axis.name in known or axis == asked[0])


def _mean(row: _Row, name: str) -> float | None:
    return mean([one.get(name) for one in row.values])


def _end(ends: Sequence[float] | None, place: int) -> float | None:
    return number(ends[place]) if ends is not None and len(ends) == 2 else None


def _by_status(runs: Iterable[Run]) -> tuple[list[Run], tuple[Run, ...]]:
    """Return the runs that finished, and the others."""
    ended: tuple[list[Run], list[Run]] = ([], [])
    for run in runs:
        ended[run.result.run.status != "finished"].append(run)
    return ended[0], tuple(ended[1])


def _own_metrics(runs: Iterable[Run]) -> dict[str, str]:
    """Return the user's metrics that say which way is better: those that were a run's main one."""
    mains = [run.result.quality.main for run in runs if run.result.quality]
    return {main["name"]: main["direction"] for main in mains}


def _main(runs: Sequence[Run], wanted: Sequence[Axis], own: Mapping[str, str]) -> Axis:
    """Return the axis of the main metric: the first asked for that was measured, else that of most runs."""
    tests = [run.result.quality.test for run in runs if run.result.quality]
    for axis in wanted:
        if axis.kind == "quality" and any(number(test.get(axis.name)) is not None for test in tests):
            return axis
    names = [run.result.quality.main["name"] for run in runs if run.result.quality]  # the oldest first
    counts = Counter(names)
    name = max(reversed(names), key=lambda one: counts[one])  # the newest of equals
    return find_axis(name, own)


def _tokenizer_replaced(result: RunResult, settings: Mapping[str, Any]) -> bool:
    """Return whether ``bytes`` stands in for the model's own tokenizer, so that its texts have other lengths."""
    model = result.model
    if model is None or model.tokenizer != BYTES or model.checkpoint == "random":
        return False
    return settings.get("model.tokenizer") != BYTES and settings.get("dataset.tokenizer") != BYTES


def _nothing_finished(failed: Sequence[Run]) -> str:
    if not failed:
        return "no run was given; give run folders, sweep folders, or latest"
    one = failed[0].result.run
    why = f": {one.error.splitlines()[0]}" if one.error else ""
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"no run finished ({one.name} is {one.status}{more}{why}); `ftlab list` shows those that did"

"""Whether the test rows are too few to tell the choice from its nearest rival, and how many it would take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ftlab.compare.numbers import bare
from ftlab.compare.reading import read_settings
from ftlab.compare.telling import is_tie
from ftlab.compare.types import Board, Candidate, Comparison, Verdict
from ftlab.diagnosis.more_rows import more_test_rows, rounded_up
from ftlab.results import Trouble
from ftlab.stats.power import ALPHA, rows_needed, rows_needed_by_error

NAME = "test set too small"
# Two models that so many times the rows would tell apart are equal for whoever ships one: that is no trouble.
_FAR = 100
_Z = 1.96

Reader = Callable[[Path], Mapping[str, Any]]


def board_troubles(board: Board, verdict: Verdict, settings: Reader = read_settings) -> tuple[Trouble, ...]:
    """Return the trouble of a comparison as a whole: a tie that more test rows would have settled.

    Of the members of the front that the choice ties with on the main metric it is the leader, where the tie is why
    that one was not chosen; else who is nearest to being told apart.

    Args:
        board: that was judged.
        verdict: on it.
        settings: gives the configuration of a run folder by dotted key.
    """
    choice = verdict.choice
    if choice is None:
        return ()
    tests = [one for one in verdict.comparisons if one.axis.name == board.main.name and one.p is not None]
    level = ALPHA / max(1, len(tests))  # Holm's for the smallest p of all
    needed = {one.other.key: rows for one in tests if is_tie(one) and (rows := _needed(one, level)) is not None}
    if not needed:
        return ()
    leader = verdict.leader.key if verdict.leader is not None else None
    rival = leader if leader in needed else min(needed, key=lambda key: (needed[key], key))
    told = next(one for one in tests if one.other.key == rival)
    assert told.rows is not None and told.difference is not None, "it was tested on rows"
    if needed[rival] <= told.rows or needed[rival] > _FAR * told.rows:
        return ()
    rows = rounded_up(needed[rival])
    corrected = f", corrected for {len(tests)} tests" if len(tests) > 1 else ""
    evidence = (
        f"{told.rows:,} test rows do not tell {choice.key} from {rival} by {board.main.label}; if they differ by "
        f"{bare(abs(told.difference), board.main)} as they do here, that takes about {rows:,} rows{corrected}"
    )
    return (Trouble(NAME, evidence, _remedy(choice, rows, settings)),)


def _needed(told: Comparison, level: float) -> int | None:
    """Return the rows at which the difference would be found with a chance of 80%; None: no number would do.

    Args:
        told: a tie.
        level: that p must reach.
    """
    if told.rows is None or told.ci95 is None or not told.difference or (told.p_holm or 0.0) <= ALPHA:
        return None
    if told.discordant is not None:  # shares of rows: exactly, by the test that was made
        share = told.discordant / told.rows
        return rows_needed(told.difference, share, alpha=level) if abs(told.difference) <= share else None
    error = (told.ci95[1] - told.ci95[0]) / (2 * _Z)
    return rows_needed_by_error(told.rows, error, told.difference, alpha=level) if error > 0 else None


def _remedy(choice: Candidate, rows: int, settings: Reader) -> str:
    """Return what takes more of the rows that there are; empty: somebody must label more."""
    run = choice.chosen
    data = run.result.dataset if run is not None else None
    if run is None or data is None:
        return ""
    held = settings(run.folder)
    limit, per_class, share = (
        held.get(f"dataset.{name}") for name in ("limit.test", "sample_per_class", "test_fraction")
    )
    return more_test_rows(
        rows,
        data,
        limit=limit if isinstance(limit, int) else None,
        per_class=per_class if isinstance(per_class, int) else None,
        share=share if isinstance(share, float) else None,
    )

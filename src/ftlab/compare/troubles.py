"""Trouble on a board: what the diagnosis of each run has seen, and what is wrong with the comparison as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftlab.compare.too_small import NAME as TOO_SMALL
from ftlab.compare.too_small import board_troubles
from ftlab.compare.types import Board, Verdict
from ftlab.results import Trouble


@dataclass(frozen=True, slots=True)
class Seen:
    """A trouble, and who has it."""

    trouble: Trouble
    names: tuple[str, ...]  # keys of candidates, or names of runs that did not finish; empty: the whole comparison
    foremost: bool = True  # whether the choice, the runner-up or the front has it, or the whole comparison


def diagnosed(board: Board) -> dict[str, tuple[Trouble, ...]] | None:
    """Return the trouble of each candidate by its key, that of its chosen run; None: no run was diagnosed.

    A candidate whose record is older than the diagnosis has no entry.
    """
    held = {one.key: one.chosen.result.diagnosis for one in board.candidates if one.chosen is not None}
    found = {key: tuple(troubles) for key, troubles in held.items() if troubles is not None}
    return found or None


def seen(board: Board, verdict: Verdict) -> tuple[Seen, ...]:
    """Return all trouble: of the whole, the choice, the runner-up, the front, the others, runs that did not finish.

    What several have word for word is named once. That the test set is too small is said of the whole where it can be,
    and then not again of each.
    """
    whole = board_troubles(board, verdict)
    said_of_all = {one.name for one in whole} & {TOO_SMALL}
    first = [one.key for one in (verdict.choice, verdict.runner_up, *verdict.front) if one is not None]
    held = diagnosed(board) or {}
    order = [key for key in dict.fromkeys([*first, *(one.key for one in board.candidates)]) if key in held]
    found = _by_trouble([(key, trouble) for key in order for trouble in held[key] if trouble.name not in said_of_all])
    failed = _by_trouble([(run.result.run.name, one) for run in board.failed for one in run.result.diagnosis or ()])
    return (
        *(Seen(one, ()) for one in whole),
        *(Seen(one, names, names[0] in first) for one, names in found.items()),
        *(Seen(one, names, foremost=False) for one, names in failed.items()),
    )


def _by_trouble(pairs: Sequence[tuple[str, Trouble]]) -> dict[Trouble, tuple[str, ...]]:
    found: dict[Trouble, tuple[str, ...]] = {}
    for name, trouble in pairs:
        found[trouble] = (*found.get(trouble, ()), name)
    return found

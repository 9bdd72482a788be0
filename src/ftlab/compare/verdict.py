"""The verdict: which candidate to ship under the constraints, how sure that is, and who comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftlab.compare.constraints import feasible, misses
from ftlab.compare.front import front_axes, front_notes, in_order, pareto_front
from ftlab.compare.guessing import guesses, guessing_note
from ftlab.compare.objective import by_objective, cheaper_axis, objective_axis, require_objective
from ftlab.compare.rows import ScoredRows
from ftlab.compare.telling import RowsOf, Telling, is_tie
from ftlab.compare.types import Axis, Board, Candidate, Constraint, Verdict
from ftlab.compare.wording import Said, chosen, nothing_met, nothing_ranked, nothing_told

# The objectives under which quality decides, so that a tie on it may move the choice.
_MOVED_BY_TIES = ("balanced", "best")


def make_verdict(
    board: Board,
    objective: str = "balanced",
    constraints: Sequence[Constraint] = (),
    *,
    rows: RowsOf = ScoredRows,
) -> Verdict:
    """Return the verdict over a board.

    The candidates that keep every constraint and do better than guessing make a front over ``board.axes`` (and what
    the objective asks for); the objective picks its leader by point estimates. Under ``best`` and ``balanced`` the
    choice moves from there to the cheapest member of the front that tests cannot tell apart from the leader on the
    main metric. Where all of them guess there is no choice.

    Args:
        board: of one candidate or more.
        objective: cheapest, fastest, best or balanced.
        constraints: as ``parse_constraints`` returns them.
        rows: opens the test rows of a run; only those of the front are read.

    Raises:
        ConfigError: there is no such objective.
        DataError: no candidate of the board has a value of what the objective asks for.
    """
    first = objective_axis(require_objective(objective), board)
    asked = tuple({axis.name: axis for axis in (board.main, *board.axes, *([first] if first else []))}.values())
    every = in_order(board.candidates, asked)
    kept = feasible(every, constraints)
    part = Verdict(None, None, (), (), kept, (), ("", "", ""), objective=objective, constraints=tuple(constraints))
    if not kept:
        missed = misses(every, constraints, asked)
        return replace(part, axes=asked, misses=missed, sentences=nothing_met(every, missed, constraints))
    guessing = tuple(one for one in kept if guesses(one))
    able = tuple(one for one in kept if not guesses(one))  # who guesses is cheap, and would push others off the front
    notes = [guessing_note(guessing)] if guessing else []
    part = replace(part, axes=asked, notes=tuple(notes), guessing=guessing)
    if not able:
        return replace(part, sentences=nothing_told(guessing[0], constraints))
    axes = tuple(axis for axis in asked if axis in (*front_axes(able, asked), first))
    front = pareto_front(able, axes)
    part = replace(part, axes=axes, front=front, notes=(*front_notes(able, asked, axes, first), *notes))
    if not front:
        return replace(part, sentences=nothing_ranked(able, axes))
    ranked = by_objective(objective, front, axes, first, board.test_rows)
    return _decided(part, ranked, Telling(front, axes, board.main, rows))


def _decided(part: Verdict, ranked: Sequence[Candidate], telling: Telling) -> Verdict:
    """Return the verdict with its choice.

    Args:
        part: with its front.
        ranked: the front, its leader first.
        telling: tests over the front.
    """
    leader, axes, main = ranked[0], part.axes, telling.main
    choice = _settle(leader, telling, axes) if part.objective in _MOVED_BY_TIES else leader
    runner_up = next((one for one in ranked if one.key != choice.key), None)
    comparisons = telling.against_others(choice)
    said = Said(part.objective, axes, part.constraints, choice, leader, runner_up, part.front, comparisons, main)
    return replace(
        part,
        choice=choice,
        runner_up=runner_up,
        ties=tuple(one.other for one in comparisons if one.axis.name == main.name and is_tie(one)),
        comparisons=comparisons,
        sentences=chosen(said),
        leader=leader,
    )


def _settle(leader: Candidate, telling: Telling, axes: Sequence[Axis]) -> Candidate:
    """Return the cheapest of those that tie with the leader, the leader itself where none is cheaper.

    A tie counts from both sides: neither the leader's tests nor those of the cheaper one (whose Holm correction is over
    other p values) may tell the two apart. Ties do not chain: who ties with the cheaper one but not with the leader
    stays out.
    """
    axis = cheaper_axis(leader, axes)
    if axis is None or len(telling.front) < 2:
        return leader
    tied = {one.key for one in telling.tied(leader)}
    cheaper = [one for one in telling.cheaper(leader, axis) if one.key in tied]
    for one in in_order(cheaper, (axis, *axes)):
        if telling.ties(one, leader):
            return one
    return leader

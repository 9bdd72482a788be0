"""The three sentences of a verdict: the choice with its numbers, the runner-up, and what one gives up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ftlab.compare.constraints import key, override, relative
from ftlab.compare.front import in_order, known_value, value_of
from ftlab.compare.guessing import balanced_accuracy
from ftlab.compare.named import a_few
from ftlab.compare.numbers import amount, bare, limit, p_value, quantity, span, times
from ftlab.compare.objective import cheaper_axis
from ftlab.compare.types import Axis, Candidate, Comparison, Constraint, Miss
from ftlab.stats.power import ALPHA

Sentences = tuple[str, str, str]
_MANY_TIMES = 2.0  # from here on "3.1 times" says more than a percentage


@dataclass(frozen=True, slots=True)
class Said:
    """What the sentences are made of."""

    objective: str
    axes: tuple[Axis, ...]
    constraints: tuple[Constraint, ...]
    choice: Candidate
    leader: Candidate
    runner_up: Candidate | None
    front: tuple[Candidate, ...]
    comparisons: tuple[Comparison, ...]
    main: Axis

    def against(self, other: Candidate, axis: Axis) -> Comparison | None:
        """Return the choice's comparison with ``other``."""
        found = (one for one in self.comparisons if one.other.key == other.key and one.axis.name == axis.name)
        return next(found, None)

    @property
    def by(self) -> str:
        """Name the axes: ``f1_macro, p95 and $ per 1k requests``."""
        return listed([axis.label for axis in self.axes])


def chosen(said: Said) -> Sentences:
    """Return the sentences of a verdict that has a choice."""
    return _choice(said), _runner_up(said), _given_up(said)


def _choice(said: Said) -> str:
    numbers = ", ".join(_with_spread(said.choice, axis, said.main) for axis in said.axes)
    kept = f", within {listed([_bound(one) for one in said.constraints])}" if said.constraints else ""
    return f"Ship {said.choice.key}: {numbers}{kept}; {_why(said)}."


def _why(said: Said) -> str:
    if len(said.front) == 1:
        some = said.by if len(said.axes) == 1 else f"any of {said.by}"
        return f"no other that can be ranked is better by {some}"
    first = {
        "balanced": f"the best balance of {said.by}",
        "best": f"the best {said.main.label}",
        "cheapest": "the lowest price",
        "fastest": "the lowest p95",
    }[said.objective]
    if said.leader.key == said.choice.key:
        return f"it has {first} on the front"
    told = said.against(said.leader, said.main)
    p = f" ({_p(told)})" if told and _p(told) else ""
    rows = f"{told.rows:,} test rows do" if told and told.rows is not None else "tests do"
    return (
        f"{said.leader.key} has {first}, but {rows} not tell their {said.main.label} apart{p}, "
        f"and a tie goes to the cheaper one{_cheaper_by(said)}"
    )


def _cheaper_by(said: Said) -> str:
    """Say what the choice is cheaper by than the leader, where the numbers before do not."""
    axis = cheaper_axis(said.leader, said.axes)
    if axis is None or axis in said.axes:
        return ""
    ours, theirs = (bare(known_value(one, axis), axis) for one in (said.choice, said.leader))
    return f", by {axis.label}: {ours} against {theirs}"


def _runner_up(said: Said) -> str:
    other = said.runner_up
    if other is None:
        which = "meets the constraints and can be ranked" if said.constraints else "can be ranked"
        return f"There is no runner-up: nothing else that {which} is on the front."
    parts = [f"{amount(known_value(other, axis), axis)} ({_change(said, other, axis)})" for axis in said.axes]
    return f"The runner-up is {other.key}: {', '.join(parts)}."


def _change(said: Said, other: Candidate, axis: Axis) -> str:
    """Say how the other's value lies to the choice's, and how sure that is."""
    ours, theirs = known_value(said.choice, axis), known_value(other, axis)
    if ours == theirs:
        return "the same"
    return f"{_distance(ours, theirs, axis)}{_sure(said, other, axis)}"


def _distance(ours: float, theirs: float, axis: Axis) -> str:
    if axis.kind == "quality" or ours <= 0 or theirs <= 0:
        return f"{bare(abs(theirs - ours), axis)} {'higher' if theirs > ours else 'lower'}"
    if theirs / ours >= _MANY_TIMES:
        return times(theirs / ours)
    return f"{abs(theirs / ours - 1):.1%} {'more' if theirs > ours else 'less'}"


def _sure(said: Said, other: Candidate, axis: Axis) -> str:
    told = said.against(other, axis)
    if told is None or (told.p is None and not told.told_apart):
        return ", not tested"
    if axis.kind != "quality":
        return "" if told.told_apart else ", not told apart"
    p = f", {_p(told)}" if _p(told) else ""
    return f", {'told apart' if told.told_apart else 'not told apart'}{p}"


def _p(told: Comparison) -> str:
    """Return the corrected p where it is what decided; it is not where seeds differ the other way."""
    if told.p_holm is None or told.told_apart != (told.p_holm <= ALPHA):
        return ""
    return p_value(told.p_holm)


def _given_up(said: Said) -> str:
    parts = []
    for axis in said.axes:
        best = in_order(said.front, (axis, *said.axes))[0]
        lost = abs(known_value(said.choice, axis) - known_value(best, axis))
        if lost:
            parts.append(f"{quantity(lost, axis)} ({best.key}{_sure(said, best, axis)})")
    if parts:
        return f"Against the best of the front it gives up {listed(parts)}."
    return f"It gives up nothing: none that can be ranked is better by {said.by}."


def _with_spread(candidate: Candidate, axis: Axis, main: Axis) -> str:
    """Return a value, of the main metric with its interval, or with its deviation where there are several seeds."""
    text = amount(known_value(candidate, axis), axis)
    if axis.name != main.name:
        return text
    spread, ends = candidate.spread.get(axis.name), candidate.interval.get(axis.name)
    if spread is not None and len(candidate.runs) > 1:
        return f"{text} (standard deviation {bare(spread, axis)} over {len(candidate.runs)} seeds)"
    return f"{text} (95% {span(ends, axis)})" if ends else text


def _bound(one: Constraint) -> str:
    return f"{one.axis.label} {'>=' if one.bound == 'min' else '<='} {limit(one.limit, one.axis)}"


def nothing_met(
    candidates: Sequence[Candidate], missed: Sequence[Miss], constraints: Sequence[Constraint]
) -> Sentences:
    """Return the sentences where no candidate keeps every constraint.

    They say which is nearest, what would let it pass, and which constraints no candidate meets.

    Args:
        candidates: the board's, in order of the axes.
        missed: the nearest candidate's first.
        constraints: all that were set.
    """
    if not missed:
        return "There is nothing to choose from.", "There is no runner-up.", "Nothing is given up."
    nearest = [miss for miss in missed if miss.candidate.key == missed[0].candidate.key]
    told = listed([_told(miss) for miss in nearest])
    first = f"Nothing meets the constraints; {nearest[0].candidate.key} is nearest: {told}."
    second = f"To let it pass, give {' '.join(_loosened(miss) for miss in nearest)}."
    return first, second, _alone(candidates, constraints)


def _told(miss: Miss) -> str:
    axis, share = miss.constraint.axis, relative(miss)
    if miss.value is None or miss.by is None or share is None:
        return f"its {axis.label} is unknown, which does not meet {override(miss.constraint)}"
    side = "below" if miss.constraint.bound == "min" else "above"
    return f"{amount(miss.value, axis)} is {bare(miss.by, axis)} ({share:.1%}) {side} {override(miss.constraint)}"


def _loosened(miss: Miss) -> str:
    """Return the override that lets a value pass: three digits, rounded to the side where it does."""
    if miss.value is None:
        return f"{key(miss.constraint)}=null"
    if miss.value == 0:
        return f"{key(miss.constraint)}=0"
    decimals = 2 - math.floor(math.log10(abs(miss.value)))
    scaled = miss.value * 10.0**decimals
    whole = math.floor(scaled) if miss.constraint.bound == "min" else math.ceil(scaled)
    return f"{key(miss.constraint)}={whole / 10.0**decimals:.{max(0, decimals)}f}"


def _alone(candidates: Sequence[Candidate], constraints: Sequence[Constraint]) -> str:
    beyond = []
    for one in constraints:
        known = [(value, c.key) for c in candidates if (value := value_of(c, one.axis)) is not None]
        if not known:
            beyond.append(f"no candidate has a value of {one.axis.name}")
            continue
        upward = one.bound == "min"
        value, name = (max if upward else min)(known, key=lambda pair: pair[0])
        if value < one.limit if upward else value > one.limit:
            most = "most" if upward else "least"
            beyond.append(f"no candidate meets {override(one)} (the {most} is {bare(value, one.axis)}, {name})")
    if beyond:
        return f"N{'; '.join(beyond)[1:]}."
    return "Each constraint alone is met by a candidate, but none meets them all."


def nothing_told(nearest: Candidate, constraints: Sequence[Constraint]) -> Sentences:
    """Return the sentences where all that could ship answer as one who guesses.

    Args:
        nearest: the best of them by the main metric.
        constraints: all that were set.
    """
    which = " that meets the constraints" if constraints else ""
    value, ends, guess = balanced_accuracy(nearest)
    spread = f" (95% {ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
    return (
        f"Ship none of it: nothing{which} can be told from guessing labels; {nearest.key} is nearest, with a balanced "
        f"accuracy of {value:.3f}{spread} where a guess has {guess:.3f}.",
        "There is no runner-up.",
        "More training, other settings or more test rows may tell them apart: see the trouble named.",
    )


def nothing_ranked(candidates: Sequence[Candidate], axes: Sequence[Axis]) -> Sentences:
    """Return the sentences where constraints are met, but by candidates of which each has an unknown value."""
    lacks = []
    for axis in axes:
        missing = sorted(one.key for one in candidates if value_of(one, axis) is None)
        if missing:
            lacks.append(f"{axis.name} of {a_few(missing)}")
    return (
        f"Nothing that meets the constraints can be ranked by {listed([axis.label for axis in axes])}.",
        f"Unknown is {'; '.join(lacks)}." if lacks else "No axis has a value.",
        "Leave an axis out that is unknown: axes=[...].",
    )


def listed(parts: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""

"""Break-even in sentences: who is the cheapest at what volume, and when one costs less than another."""

from __future__ import annotations

import math

from ftlab.compare.axes import AXES
from ftlab.compare.break_even import BreakEven, Line, Segment, Unpriced, crossing, price_line
from ftlab.compare.named import a_few
from ftlab.compare.numbers import amount, bare
from ftlab.compare.types import Axis, Candidate

_LEAST = 1.0  # requests a month: nobody asks less than once
_MOST_NAMED = 4  # candidates in a sentence
_REMEDY = "give cost.usd_per_hour=<number>"


def sentences(plan: BreakEven, main: Axis | None = None) -> tuple[str, ...]:
    """Return what a reader should know, one sentence each, without a full stop.

    Args:
        plan: from ``break_even``.
        main: the metric to name beside each candidate, since the cheapest may well be the worst.
    """
    if not plan.segments:
        return _no_price(plan)
    known = {line.candidate.key: line for line in plan.lines}
    span = f"over {plan.months:g} month{'' if plan.months == 1 else 's'}"
    told = []
    for segment in _reached(plan):
        one, rest = segment.candidate, _tied(segment, main)
        costs = f"is the cheapest {span}" if not rest else f"and {rest} cost the same and the least {span}"
        told.append(f"{_where(segment)} {named(one, main)} {costs} ({_price(known[one.key])})")
    return (*told, *_outside(plan))


def _no_price(plan: BreakEven) -> tuple[str, ...]:
    if all(one.reason.endswith(_REMEDY) for one in plan.unpriced):
        return (f"no candidate has a price, so nothing is said of money; {_REMEDY}",)
    return ("no candidate has a price of both training and requests, so nothing is said of money", *_outside(plan))


def _outside(plan: BreakEven) -> list[str]:
    """Return who has no price, by the reason."""
    told = []
    for reason in dict.fromkeys(one.reason for one in plan.unpriced):
        keys = [one.candidate.key for one in plan.unpriced if one.reason == reason]
        told.append(f"{a_few(keys)} stand{'s' if len(keys) == 1 else ''} outside: {reason}")
    return told


def _reached(plan: BreakEven) -> list[Segment]:
    """Return the pieces that reach a volume somebody asks at."""
    return [one for one in plan.segments if one.high is None or one.high > _LEAST]


def compare_costs(choice: Candidate, other: Candidate, plan: BreakEven) -> str | None:
    """Return one clause on when ``other`` costs less than ``choice``; None: a price is not known, or it was said.

    ``below 38k requests a month smollm2 few_shot is cheaper than minilm lora``

    Args:
        choice: of the verdict.
        other: the runner-up.
        plan: whose ``sentences`` stand before: that one is the cheapest at any volume is not said again.
    """
    ours, theirs = price_line(choice), price_line(other)
    if isinstance(ours, Unpriced) or isinstance(theirs, Unpriced):
        return None
    reached = _reached(plan)
    cheapest = {one.key for one in (reached[0].candidate, *reached[0].tied)} if len(reached) == 1 else set()
    if (ours.training, ours.per_request) == (theirs.training, theirs.per_request):
        return None if other.key in cheapest else f"{other.key} costs the same as {choice.key}"
    volume = crossing(ours, theirs, plan.months)
    if volume is not None and volume > _LEAST:
        side = "above" if theirs.per_request < ours.per_request else "below"
        return f"{side} {requests(volume)} requests a month {other.key} is cheaper than {choice.key}"
    cheap = theirs if (theirs.per_request, theirs.training) < (ours.per_request, ours.training) else ours
    dear = ours if cheap is theirs else theirs
    if cheap.candidate.key in cheapest:
        return None
    return f"{cheap.candidate.key} is cheaper than {dear.candidate.key} at any volume"


def requests(volume: float) -> str:
    """Return a number of requests, 1 or more, as people say it, in two digits: ``820``, ``38k``, ``1.2M``."""
    rounded = float(f"{volume:.2g}")
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if rounded >= size:
            return f"{rounded / size:.2g}{letter}" if rounded < 100 * size else f"{rounded / size:.0f}{letter}"
    return f"{rounded:g}"


def typed(volume: float) -> str:
    """Return a number of requests as it was given: ``1,234``, ``0.5``."""
    return f"{int(volume) if float(volume).is_integer() else volume:,}"


def _where(segment: Segment) -> str:
    if segment.high is None:
        return "at any volume" if segment.low <= _LEAST else f"from {requests(segment.low)} requests a month on"
    if segment.low <= _LEAST:
        return f"below {requests(segment.high)} requests a month"
    low, high = requests(segment.low), requests(segment.high)
    if low == high:
        low, high = f"{segment.low:,.0f}", f"{segment.high:,.0f}"
    return f"between {low} and {high} requests a month"


def _tied(segment: Segment, main: Axis | None) -> str:
    some = [named(other, main) for other in segment.tied[:_MOST_NAMED]]
    more = len(segment.tied) - len(some)
    return " and ".join([*some, f"{more} more"] if more else some)


def named(candidate: Candidate, main: Axis | None) -> str:
    """Return a candidate with its main metric, or that it is unknown: ``minilm lora (f1_macro 0.850)``."""
    if main is None:
        return candidate.key
    value = candidate.values.get(main.name)
    if value is None or not math.isfinite(value):  # no candidate to trust because it is cheap
        return f"{candidate.key} ({main.label} unknown)"
    return f"{candidate.key} ({amount(value, main)})"


def _price(line: Line) -> str:
    training = f"{bare(line.training, AXES['usd_training'])} of training" if line.training else "no training"
    return f"{training}, {amount(line.per_request * 1000, AXES['usd_per_1k'])}"

"""Break-even in sentences: who is the cheapest at what volume, and when one costs less than another."""

from __future__ import annotations

from ftlab.compare.axes import AXES
from ftlab.compare.break_even import MONTHS, BreakEven, Line, Segment, Unpriced, crossing, price_line
from ftlab.compare.numbers import amount, bare
from ftlab.compare.types import Axis, Candidate

_LEAST = 1.0  # requests a month: nobody asks less than once
_MOST_NAMED = 4  # candidates in a sentence


def sentences(plan: BreakEven, main: Axis | None = None) -> tuple[str, ...]:
    """Return what a reader should know, one sentence each, without a full stop.

    Args:
        plan: from ``break_even``.
        main: the metric to name beside each candidate, since the cheapest may well be the worst.
    """
    known = {line.candidate.key: line for line in plan.lines}
    span = f"over {plan.months:g} month{'' if plan.months == 1 else 's'}"
    told = []
    for segment in plan.segments:
        if segment.high is not None and segment.high <= _LEAST:
            continue
        one, rest = segment.candidate, _tied(segment, main)
        costs = f"is the cheapest {span}" if not rest else f"and {rest} cost the same and the least {span}"
        told.append(f"{_where(segment)} {_named(one, main)} {costs} ({_price(known[one.key])})")
    for reason in dict.fromkeys(one.reason for one in plan.unpriced):
        keys = [one.candidate.key for one in plan.unpriced if one.reason == reason]
        more = f" and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else ""
        told.append(f"{', '.join(keys[:_MOST_NAMED])}{more} stand{'s' if len(keys) == 1 else ''} outside: {reason}")
    return tuple(told)


def compare_costs(choice: Candidate, other: Candidate, months: float = MONTHS) -> str | None:
    """Return one clause on when ``other`` costs less than ``choice``; None: a price is not known.

    ``below 38k requests a month smollm2 few_shot is cheaper than minilm lora``
    """
    ours, theirs = price_line(choice), price_line(other)
    if isinstance(ours, Unpriced) or isinstance(theirs, Unpriced):
        return None
    if (ours.training, ours.per_request) == (theirs.training, theirs.per_request):
        return f"{other.key} costs the same as {choice.key}"
    volume = crossing(ours, theirs, months)
    if volume is not None and volume > _LEAST:
        side = "above" if theirs.per_request < ours.per_request else "below"
        return f"{side} {requests(volume)} requests a month {other.key} is cheaper than {choice.key}"
    cheap = theirs if (theirs.per_request, theirs.training) < (ours.per_request, ours.training) else ours
    dear = ours if cheap is theirs else theirs
    return f"{cheap.candidate.key} is cheaper than {dear.candidate.key} at any volume"


def requests(volume: float) -> str:
    """Return a number of requests, 1 or more, as people say it, in two digits: ``820``, ``38k``, ``1.2M``."""
    rounded = float(f"{volume:.2g}")
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if rounded >= size:
            return f"{rounded / size:.2g}{letter}" if rounded < 100 * size else f"{rounded / size:.0f}{letter}"
    return f"{rounded:g}"


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
    named = [_named(other, main) for other in segment.tied[:_MOST_NAMED]]
    more = len(segment.tied) - len(named)
    return " and ".join([*named, f"{more} more"] if more else named)


def _named(candidate: Candidate, main: Axis | None) -> str:
    value = candidate.values.get(main.name) if main else None
    return candidate.key if main is None or value is None else f"{candidate.key} ({amount(value, main)})"


def _price(line: Line) -> str:
    training = f"{bare(line.training, AXES['usd_training'])} of training" if line.training else "no training"
    return f"{training}, {amount(line.per_request * 1000, AXES['usd_per_1k'])}"

"""Which candidate is cheapest at what volume: total cost = training + requests x serving, over some months.

Per candidate that is a straight line over requests a month. The cheapest of all at each volume is the lower envelope
of the lines: it is concave, each line owns at most one piece of it, and the pieces meet at the volumes where the best
choice changes. Numbers are compared as fractions, so a tie is a tie, and a crossing is where it is.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ftlab.compare.types import Candidate
from ftlab.errors import ConfigError

MONTHS = 12  # a model that ships is usually replaced, or trained again, within a year
_MOST = Fraction(sys.float_info.max)


@dataclass(frozen=True, slots=True)
class Line:
    """What a candidate costs."""

    candidate: Candidate
    training: float  # US dollars, once
    per_request: float  # US dollars

    def total(self, requests_per_month: float, months: float = MONTHS) -> float:
        """Return US dollars over ``months``."""
        return self.training + self.per_request * requests_per_month * months


@dataclass(frozen=True, slots=True)
class Segment:
    """Volumes at which one candidate is the cheapest."""

    low: float  # requests a month
    high: float | None  # None: no end
    candidate: Candidate
    tied: tuple[Candidate, ...] = ()  # cost the same at every volume

    def holds(self, requests_per_month: float) -> bool:
        """Return whether the volume lies in it; at its upper end the next one costs the same, and holds."""
        return self.low <= requests_per_month and (self.high is None or requests_per_month < self.high)


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A candidate that stands outside, and why."""

    candidate: Candidate
    reason: str


@dataclass(frozen=True, slots=True)
class BreakEven:
    """The cheapest candidate at every volume."""

    months: float
    lines: tuple[Line, ...]  # in the order the candidates were given
    segments: tuple[Segment, ...]  # from 0 to no end, without gaps; empty: no candidate has both prices
    unpriced: tuple[Unpriced, ...]

    @property
    def volumes(self) -> tuple[float, ...]:
        """Requests a month at which the best choice changes, ascending."""
        return tuple(segment.low for segment in self.segments[1:])

    @property
    def shown_to(self) -> float:
        """Requests a month that a chart should reach so that every change is seen."""
        return 2 * self.volumes[-1] if self.volumes else 100_000.0

    def cheapest(self, requests_per_month: float) -> Candidate | None:
        """Return the cheapest candidate at a volume; None: no candidate has both prices."""
        return next((one.candidate for one in self.segments if one.holds(requests_per_month)), None)


def break_even(candidates: Iterable[Candidate], months: float = MONTHS) -> BreakEven:
    """Return who is the cheapest at what volume.

    Money alone decides here, so pass candidates that would do: those that meet the constraints, or the members of the
    front. Of two that cost the same everywhere the one that was given first stands, the other beside it in ``tied``.

    Args:
        candidates: with ``usd_training`` and ``usd_per_1k`` among their values; who lacks one stands outside.
        months: that training is spread over.

    Raises:
        ConfigError: ``months`` is no number above 0.
    """
    check_months(months)
    lines: list[Line] = []
    unpriced: list[Unpriced] = []
    for one in candidates:
        priced = price_line(one)
        if isinstance(priced, Line):
            lines.append(priced)
        else:
            unpriced.append(priced)
    return BreakEven(months, tuple(lines), tuple(_envelope(lines, months)), tuple(unpriced))


def check_months(months: float, key: str = "months") -> None:
    """Raise ConfigError where ``months`` is no number above 0; ``key``: that it stands under."""
    if not 0 < months < math.inf:
        raise ConfigError(f"{key}={months:g} is no span of time; give months above 0: {key}={MONTHS}")


def price_line(candidate: Candidate) -> Line | Unpriced:
    """Return what a candidate costs, or why that is not known."""
    training, serving = candidate.values.get("usd_training"), candidate.values.get("usd_per_1k")
    if serving is None:
        return Unpriced(candidate, f"no price of requests, {_why_unpriced(candidate)}")
    if training is None:
        return Unpriced(candidate, "no price of training, which its record does not hold")
    return Line(candidate, training, serving / 1000)


def crossing(first: Line, second: Line, months: float = MONTHS) -> float | None:
    """Return the requests a month at which two cost the same; None: they never do, or always."""
    found = _meet(first, second, Fraction(months))
    return float(found) if found is not None and 0 < found <= _MOST else None


def _envelope(lines: Sequence[Line], months: float) -> list[Segment]:
    """Return the pieces: start with what is cheapest at no request, and go on to the line that is crossed next."""
    if not lines:
        return []
    over = Fraction(months)
    same: dict[tuple[float, float], list[Line]] = {}
    for line in lines:
        same.setdefault((line.training, line.per_request), []).append(line)
    kept: list[Line] = []  # per price of requests the cheapest to train, and only while requests get cheaper
    for training, per_request in sorted(same):
        if not kept or per_request < kept[-1].per_request:
            kept.append(same[training, per_request][0])
    hull: list[tuple[Fraction, Line]] = []  # where each begins
    for line in kept:
        start = Fraction(0)
        while hull:
            start = _meet(hull[-1][1], line, over) or start  # above 0: dearer to train, cheaper to ask
            if start > hull[-1][0]:
                break
            hull.pop()
        hull.append((start, line))
    reached = [(float(start), line) for start, line in hull if start <= _MOST]
    pieces = [
        (low, high, line)
        for (low, line), high in zip(reached, [*(low for low, _ in reached[1:]), None], strict=True)
        if low != high  # so near each other that no number lies between
    ]
    return [
        Segment(low, high, line.candidate, tuple(one.candidate for one in same[line.training, line.per_request][1:]))
        for low, high, line in pieces
    ]


def _meet(first: Line, second: Line, months: Fraction) -> Fraction | None:
    """Return the volume at which two lines meet, below 0 too; None: they are parallel."""
    slope = Fraction(first.per_request) - Fraction(second.per_request)
    return None if slope == 0 else (Fraction(second.training) - Fraction(first.training)) / (slope * months)


def _why_unpriced(candidate: Candidate) -> str:
    cost = candidate.chosen.result.cost if candidate.chosen else None
    if cost is None or cost.usd_per_hour is None:
        return "give cost.usd_per_hour=<number>"
    if cost.usd_per_1k_requests is None:
        return f"since they were not timed at cost.batch_size={cost.batch_size}"
    return "since another tokenizer stands in for its own"

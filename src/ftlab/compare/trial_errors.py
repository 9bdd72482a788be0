"""What repeated trials say of a difference: the error of each value within its run, and between its seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ftlab.compare.trials import why_no_interval
from ftlab.compare.types import Axis, Candidate
from ftlab.stats.student import critical, two_sided_p, welch

_SURE = critical(math.inf)  # half a 95% interval in standard errors, of a value known by many calls


@dataclass(frozen=True, slots=True)
class Errors:
    """Variances of a value, each with the degrees of freedom that it is known by; none of a price, which is exact."""

    parts: tuple[tuple[float, float], ...] = ()


def errors_of(candidate: Candidate, axis: Axis) -> Errors | str:
    """Return how far a value may be off, or why that is not known.

    Calls are many, so that their interval is a normal one. Seeds are few: n of them leave n - 1 degrees of freedom.
    """
    if candidate.priced is not None and axis.unit == "$":
        return Errors()
    ends = candidate.interval.get(axis.name)
    if ends is None or not all(math.isfinite(end) for end in ends):
        return why_no_interval(candidate, axis.name)
    spread, seeds = candidate.spread.get(axis.name), len(candidate.runs)
    within = ((ends[1] - ends[0]) / (2 * _SURE)) ** 2
    between = ((spread**2 / seeds, seeds - 1.0),) if spread and seeds > 1 else ()
    return Errors(((within, math.inf), *between))


def tell(difference: float, ours: Errors, theirs: Errors) -> tuple[tuple[float, float], float]:
    """Return the 95% interval of a difference, and its two-sided p: Student's t, with Welch's degrees of freedom."""
    parts = (*ours.parts, *theirs.parts)
    error = math.sqrt(math.fsum(variance for variance, _ in parts))
    if not error:
        return (difference, difference), float(difference == 0)
    freedom = welch(parts)
    half = critical(freedom) * error
    return (difference - half, difference + half), two_sided_p(difference / error, freedom)

"""What a model that ships must keep: ``constraints.f1_macro_min=0.9 constraints.p95_ms_max=20``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ftlab.compare.axes import AXES, find_axis
from ftlab.compare.front import in_order, value_of
from ftlab.compare.types import Axis, Candidate, Constraint, Miss
from ftlab.errors import ConfigError

_BOUNDS = ("min", "max")


def parse_constraints(given: Mapping[str, Any] | None, own: Mapping[str, str] | None = None) -> tuple[Constraint, ...]:
    """Return the constraints of ``{"f1_macro_min": 0.9, "p95_ms_max": 20}``, in their order; null sets none.

    Args:
        given: the section ``constraints`` of the configuration.
        own: the user's metrics with where their better values lie, as in ``axes.find_axis``.

    Raises:
        ConfigError: one sentence per name that is no axis with a bound, value that is no number, bound that nothing
            can keep, and pair of bounds that contradict each other.
    """
    found: dict[tuple[str, str], Constraint] = {}
    faults: list[str] = []
    for name, value in (given or {}).items():
        if value is None:
            continue
        try:
            one = _parse(str(name), value, own)
        except ConfigError as error:
            faults += error.sentences
            continue
        place = (one.axis.name, one.bound)
        tighter = max if one.bound == "min" else min  # two names of one axis: both must hold
        limit = tighter(one.limit, found[place].limit) if place in found else one.limit
        found[place] = Constraint(one.axis, one.bound, limit)
    faults += _contradictions(found)
    if faults:
        raise ConfigError(*faults)
    return tuple(found.values())


def key(constraint: Constraint) -> str:
    """Return the configuration key of a constraint."""
    return f"constraints.{constraint.axis.name}_{constraint.bound}"


def override(constraint: Constraint) -> str:
    """Return what a user types to set it."""
    return f"{key(constraint)}={constraint.limit:g}"


def _parse(name: str, value: object, own: Mapping[str, str] | None) -> Constraint:
    typed, _, bound = name.rpartition("_")
    if bound not in _BOUNDS or not typed:
        axis = find_axis(name, own, "constraints")
        natural = "min" if axis.direction == "max" else "max"
        raise ConfigError(
            f"constraints.{name} does not say whether it is the least or the most; "
            f"give constraints.{axis.name}_{natural}={value}"
        )
    axis = find_axis(typed, own, "constraints")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f"constraints.{name}={value} is not a number; give one, or null for no constraint")
    constraint = Constraint(axis, bound, float(value))
    _require_possible(constraint)
    return constraint


def _require_possible(constraint: Constraint) -> None:
    """Raise ConfigError where no value of the axis could keep the bound; a user's own metric may have any value."""
    axis, limit = constraint.axis, constraint.limit
    if axis.name not in AXES:
        return
    if constraint.bound == "min" and axis.share and limit > 1:
        meant = f"give a share, such as {key(constraint)}={limit / 100:g}" if limit <= 100 else "give a share"
        raise ConfigError(f"{override(constraint)} cannot be met, since {axis.name} is at most 1; {meant}")
    if constraint.bound == "max" and limit < 0:
        raise ConfigError(
            f"{override(constraint)} cannot be met, since {axis.name} is never below 0; give a number >= 0"
        )


def _contradictions(found: Mapping[tuple[str, str], Constraint]) -> Iterable[str]:
    for (name, bound), low in found.items():
        high = found.get((name, "max"))
        if bound == "min" and high is not None and low.limit > high.limit:
            yield f"{override(low)} lies above {override(high)}, so nothing can meet both; change or leave out one"


def keeps(candidate: Candidate, constraint: Constraint) -> bool:
    """Return whether a candidate is within a bound, its limit included; an unknown value is not."""
    value = value_of(candidate, constraint.axis)
    if value is None:
        return False
    return value >= constraint.limit if constraint.bound == "min" else value <= constraint.limit


def feasible(candidates: Iterable[Candidate], constraints: Sequence[Constraint]) -> tuple[Candidate, ...]:
    """Return the candidates that keep every constraint, in their order."""
    return tuple(one for one in candidates if all(keeps(one, constraint) for constraint in constraints))


def relative(miss: Miss) -> float | None:
    """Return by what share of its limit a constraint is missed (of the value, where the limit is 0); None: unknown."""
    if miss.by is None or miss.value is None:
        return None
    return miss.by / (abs(miss.constraint.limit) or abs(miss.value))


def misses(
    candidates: Iterable[Candidate], constraints: Sequence[Constraint], axes: Sequence[Axis]
) -> tuple[Miss, ...]:
    """Return what each candidate misses, the nearest candidate first, each with all of its misses.

    The nearest is the one with the smallest sum of relative misses; one with an unknown value comes after all others.
    Of equals the one that is better on ``axes`` is first, so that one a second beats everywhere is never the nearest.

    Args:
        candidates: in any order.
        constraints: in the order in which the misses of a candidate stand.
        axes: of the front.
    """
    found: list[tuple[int, float, tuple[Miss, ...]]] = []
    for candidate in in_order(candidates, axes):
        broken = tuple(_miss(candidate, one) for one in constraints if not keeps(candidate, one))
        shares = [relative(miss) for miss in broken]
        known = [share for share in shares if share is not None]
        found.append((len(shares) - len(known), round(math.fsum(known), 12), broken))
    found.sort(key=lambda one: one[:2])  # stable: of equals the better one stays first
    return tuple(miss for *_, broken in found for miss in broken)


def _miss(candidate: Candidate, constraint: Constraint) -> Miss:
    value = value_of(candidate, constraint.axis)
    return Miss(candidate, constraint, value, None if value is None else abs(value - constraint.limit))

"""The Pareto front: the candidates than which no other is as good on every axis and better on one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ftlab.compare.axes import AXES, number
from ftlab.compare.named import a_few
from ftlab.compare.types import Axis, Candidate


def value_of(candidate: Candidate, axis: Axis) -> float | None:
    """Return what a candidate measured on ``axis``; None: unknown, as is a number that is not finite."""
    return number(candidate.values.get(axis.name))


def known_value(candidate: Candidate, axis: Axis) -> float:
    """Return the value of a candidate that has one."""
    value = value_of(candidate, axis)
    assert value is not None, f"{candidate.key} has no {axis.name}"
    return value


def in_order(candidates: Iterable[Candidate], axes: Sequence[Axis]) -> tuple[Candidate, ...]:
    """Return ``candidates`` better first on the first axis, equals by the next ones, then by key; unknown last.

    Whatever is decided by an order is decided by this one, so that the order of rows never matters.
    """

    def worth(candidate: Candidate) -> tuple[object, ...]:
        values = [(value_of(candidate, axis), axis) for axis in axes]
        return (*((v is None, _loss(v, axis) if v is not None else 0.0) for v, axis in values), candidate.key)

    return tuple(sorted(candidates, key=worth))


def _loss(value: float, axis: Axis) -> float:
    return -value if axis.direction == "max" else value


def rankable(candidates: Iterable[Candidate], axes: Sequence[Axis]) -> list[Candidate]:
    """Return those with a value on every axis; another may be anywhere, so it is neither on the front nor behind it."""
    return [one for one in candidates if all(value_of(one, axis) is not None for axis in axes)]


def pareto_front(candidates: Iterable[Candidate], axes: Sequence[Axis]) -> tuple[Candidate, ...]:
    """Return the front of those that can be ranked, in order of the axes; equal points are on it together.

    Args:
        candidates: in any order. One without a value on one of the axes is not on the front.
        axes: compared as they are, without a margin; of none there is no front.
    """
    ordered = in_order(rankable(candidates, axes), axes)
    if not axes or not ordered:
        return ()
    losses = np.array([[_loss(known_value(one, axis), axis) for axis in axes] for one in ordered])  # (N, axes)
    kept: list[int] = []
    for number_, point in enumerate(losses):  # who beats a point stands before it, and is beaten by the front alone
        rivals = losses[kept]
        if not bool(((rivals <= point).all(axis=1) & (rivals < point).any(axis=1)).any()):
            kept.append(number_)
    return tuple(ordered[number_] for number_ in kept)


def front_axes(candidates: Sequence[Candidate], axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Return the axes on which some candidate has a value: by the others nothing could be ranked."""
    unique = {axis.name: axis for axis in axes}.values()
    return tuple(axis for axis in unique if any(value_of(one, axis) is not None for one in candidates))


def front_notes(
    candidates: Sequence[Candidate], asked: Sequence[Axis], used: Sequence[Axis], first: Axis | None = None
) -> list[str]:
    """Return a sentence for each axis that was left out, or that keeps candidates off the front.

    Args:
        candidates: those that meet the constraints.
        asked: the axes the front was to be drawn over, the main metric first.
        used: those it is drawn over.
        first: the one that the objective asks for, which cannot be left out either; None: it asks for none.
    """
    remedy = _remedy(candidates, used, asked[0], first) if asked else ""
    notes = [
        f"nothing that meets the constraints has a value of {axis.name}, so the front is drawn without it"
        for axis in asked
        if axis not in used
    ]
    for axis in used:
        missing = sorted(one.key for one in candidates if value_of(one, axis) is None)
        if missing:
            notes.append(f"not on the front, since {axis.name} is unknown: {a_few(missing)}{remedy}")
    return notes


def _remedy(candidates: Sequence[Candidate], used: Sequence[Axis], main: Axis, first: Axis | None) -> str:
    """Return what to type to rank everyone; empty: nothing does.

    All unknown axes must go together. The main metric is always an axis, so another takes its place that all have.
    """
    unknown = [axis for axis in used if any(value_of(one, axis) is None for one in candidates)]
    names, words = [axis.name for axis in used if axis not in unknown], []
    if main in unknown:
        metrics = (axis for axis in AXES.values() if axis.kind == "quality" and axis not in unknown)
        other = next((one for one in metrics if all(value_of(each, one) is not None for each in candidates)), None)
        if other is None:
            return ""
        words = [f"metric={other.name}"]
        names = list(dict.fromkeys([other.name, *names]))
    if first in unknown and first != main:
        words.append("objective=balanced")
    if not names:
        return ""
    words.append(f"axes=[{','.join(names)}]")
    return f"; {' '.join(words)} ranks without {'it' if len(unknown) == 1 else 'them'}"

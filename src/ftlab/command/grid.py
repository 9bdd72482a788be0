"""Expands sweeps into cells, one list of overrides per job, as Hydra's basic sweeper does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import IntervalSweep, Override

from ftlab.command.composer import Composer
from ftlab.command.overrides import Given

MOST = 64  # cells that are checked one by one; the values beyond are tried one at a time
WHOLE = 1000  # cells that are composed where each of them must be looked at
TOO_MANY = 10_000  # jobs nobody meant to start

Cells = list[tuple[Given, ...]]


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells to look at, and how many jobs there are in all (``TOO_MANY`` for that many and more)."""

    cells: Cells
    jobs: int


def expand(composer: Composer, givens: Sequence[Given], most: int | None = None) -> Grid:
    """Return every combination of the swept values; of a large grid the first ones and each further value alone.

    ``most`` cells are listed before a grid is large; None: ``MOST``.
    """
    most = MOST if most is None else most
    options, counts = [], []
    for given in givens:
        values, count = _alternatives(composer, given, most)
        options.append(values)
        counts.append(count)
    cells = list(itertools.islice(itertools.product(*options), most))
    jobs = min(math.prod(counts), TOO_MANY)
    return Grid(cells if jobs <= most else [*cells, *_alone(cells, options)], jobs)


def _alternatives(composer: Composer, given: Given, most: int) -> tuple[list[Given], int]:
    """Return the override once per value it sweeps over, and how many there are.

    Of a long range the first values and the last stand for those between.
    """
    if not given.override.is_sweep_override():
        return [given], 1
    key = given.override.get_key_element()
    found: list[str] = []
    last, count = "", 0
    for last in itertools.islice(_values(given.override), TOO_MANY):
        count += 1
        if count <= most or not given.override.is_range_sweep():
            found.append(last)
    values = found if len(found) == count else [*found, last]
    typed = given.text.partition("=")[0]
    return [Given(f"{typed}={v}", f"{key}={v}", composer.parse(f"{key}={v}"), given.is_group) for v in values], count


def _values(override: Override) -> Iterator[str]:
    if override.is_discrete_sweep():
        yield from override.sweep_string_iterator()
        return
    span = override.value()  # a search space: its ends stand for all
    assert isinstance(span, IntervalSweep), "the only sweep that is not discrete"
    yield from (str(span.start), str(span.end))


def _alone(cells: Cells, options: Sequence[Sequence[Given]]) -> Cells:
    """Return the first cell once per value that no cell has, with that value in it."""
    met = {given.passed for cell in cells for given in cell}
    first = cells[0]
    return [
        (*first[:index], given, *first[index + 1 :])
        for index, values in enumerate(options)
        for given in values
        if given.passed not in met
    ]

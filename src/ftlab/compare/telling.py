"""Tells members of the front apart: on the same test rows, or by intervals of repeated trials; Holm over members."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from ftlab.compare.axes import find_axis
from ftlab.compare.front import value_of
from ftlab.compare.rows import ScoredRows, pair_rows
from ftlab.compare.same_network import SAME, timed_twice
from ftlab.compare.same_rows import Tested, difference_of, differences_to_others
from ftlab.compare.trial_errors import errors_of, tell
from ftlab.compare.types import Axis, Candidate, Comparison, Run
from ftlab.errors import DataError
from ftlab.stats.holm import holm
from ftlab.stats.paired_bootstrap import RESAMPLES
from ftlab.stats.power import ALPHA

RowsOf = Callable[[Run], ScoredRows]

MCNEMAR = "mid-p McNemar"
BOOTSTRAP = "paired bootstrap"
TRIALS = "intervals of repeated trials"
COUNTED = "counted, not sampled"
NOT_TESTED = "not tested: "
_OTHER_WAY = "; the means on the board differ the other way"
_COUNTED = ("size_mb", "trainable_percent")  # the same whenever it is counted
_ACCURACY = "accuracy"
# A p of R resamples is at least 2 / (R + 1): so many a member that Holm's correction leaves it at most half the level.
_RESAMPLES_A_MEMBER = 80


class Telling:
    """Compares members of one front; what a pair was found to differ by is kept."""

    def __init__(self, front: Sequence[Candidate], axes: Sequence[Axis], main: Axis, rows: RowsOf = ScoredRows) -> None:
        """Take the front.

        Args:
            front: its members.
            axes: of the front.
            main: the metric that ties are ties on.
            rows: opens the test rows of a run.
        """
        self.front = tuple(front)
        self.axes = tuple({axis.name: axis for axis in (main, *axes)}.values())
        self.main = main
        self._open = rows
        self._rows: dict[str, ScoredRows | str] = {}
        self._pairs: dict[tuple[str, str], Tested | str] = {}

    def against_others(self, choice: Candidate, axes: Sequence[Axis] | None = None) -> tuple[Comparison, ...]:
        """Return ``choice`` against each other member: on the main metric, then accuracy, then the other axes.

        Accuracy is told of classifiers whether or not it is an axis, since its test is the most powerful one.

        Args:
            choice: a member of the front.
            axes: None: all of them; the correction is over the members, axis by axis.
        """
        others = [one for one in self.front if one.key != choice.key]
        wanted = self.axes if axes is None else tuple(axes)
        if any(axis.kind == "quality" for axis in wanted):
            self._test_each(choice, others)
        if axes is None and any(self._by_label(choice, one) for one in others):
            accuracy = find_axis(_ACCURACY)
            wanted = (*wanted[:1], *([accuracy] if accuracy not in wanted else []), *wanted[1:])
        return tuple(one for axis in wanted for one in _corrected([self._one(choice, o, axis) for o in others]))

    def tied(self, choice: Candidate) -> tuple[Candidate, ...]:
        """Return the other members that ``choice`` cannot be told apart from on the main metric."""
        return tuple(one.other for one in self.against_others(choice, (self.main,)) if is_tie(one))

    def ties(self, choice: Candidate, other: Candidate) -> bool:
        """Return whether ``other`` is among those that ``choice`` ties with.

        Correction only raises p, so a p above the level is a tie whatever the other members' are.
        """
        p = self._one(choice, other, self.main).p
        return (p is not None and p > ALPHA) or other.key in {one.key for one in self.tied(choice)}

    def cheaper(self, choice: Candidate, axis: Axis) -> tuple[Candidate, ...]:
        """Return the other members with less of ``axis``, unless tests of it cannot tell them apart."""
        return tuple(
            one.other
            for one in self.against_others(choice, (axis,))
            if one.difference is not None
            and one.difference > 0
            and (one.told_apart or (one.p is None and not one.method.endswith(SAME)))
        )

    def _by_label(self, choice: Candidate, other: Candidate) -> bool:
        tested = self._pair(choice, other)[0]
        return isinstance(tested, Tested) and tested.accuracy_p is not None

    def _one(self, choice: Candidate, other: Candidate, axis: Axis) -> Comparison:
        """Return one comparison, its p not yet corrected."""
        ours, theirs = value_of(choice, axis), value_of(other, axis)
        plain = None if ours is None or theirs is None else ours - theirs
        if axis.kind == "quality":
            return self._by_rows(choice, other, axis, plain)
        blank = Comparison(other, axis, plain, None, None, None, False, "")
        if plain is None:
            return dataclasses.replace(blank, method=f"{NOT_TESTED}{axis.name} is unknown")
        if axis.name in _COUNTED:
            return dataclasses.replace(blank, told_apart=plain != 0, method=COUNTED)
        if timed_twice(choice, other, axis):
            return dataclasses.replace(blank, method=f"{NOT_TESTED}{SAME}")
        ours_off, theirs_off = errors_of(choice, axis), errors_of(other, axis)
        if isinstance(ours_off, str) or isinstance(theirs_off, str):
            return dataclasses.replace(
                blank, method=f"{NOT_TESTED}{ours_off if isinstance(ours_off, str) else theirs_off}"
            )
        ci95, p = tell(plain, ours_off, theirs_off)
        return dataclasses.replace(blank, ci95=ci95, p=p, method=TRIALS)

    def _by_rows(self, choice: Candidate, other: Candidate, axis: Axis, plain: float | None) -> Comparison:
        blank = Comparison(other, axis, plain, None, None, None, False, "")
        tested, sign = self._pair(choice, other)
        if isinstance(tested, str):
            return dataclasses.replace(blank, method=f"{NOT_TESTED}{tested}")
        found = tested.differences.get(axis.name)
        if found is None or not math.isfinite(found.estimate):
            why = "is not known row by row" if found is None else "is not defined on these rows"
            return dataclasses.replace(blank, method=f"{NOT_TESTED}{axis.name} {why}", rows=tested.rows)
        mcnemar = axis.name == _ACCURACY and tested.accuracy_p is not None
        low, high = sorted((sign * found.low, sign * found.high))
        estimate, method = sign * found.estimate, MCNEMAR if mcnemar else BOOTSTRAP
        if plain is not None and plain * estimate < 0:  # the rows are those of one seed each
            method += _OTHER_WAY
        return dataclasses.replace(
            blank,
            difference=estimate,
            ci95=(low, high),
            p=tested.accuracy_p if mcnemar else found.p,
            method=method,
            rows=tested.rows,
            discordant=tested.discordant if mcnemar else None,
        )

    def _pair(self, first: Candidate, second: Candidate) -> tuple[Tested | str, int]:
        """Return what the rows of both say, or why they say nothing, and the sign that turns it to first - second."""
        sign = 1 if first.key <= second.key else -1
        one, other = (first, second) if sign > 0 else (second, first)  # one draw of a pair, whoever is chosen
        place = (one.key, other.key)
        if place not in self._pairs:
            self._pairs[place] = self._test(one, other)
        return self._pairs[place], sign

    def _test(self, first: Candidate, second: Candidate) -> Tested | str:
        opened = [self._rows_of(first), self._rows_of(second)]
        try:
            ours, others = opened
            if isinstance(ours, str) or isinstance(others, str):
                return ours if isinstance(ours, str) else str(others)
            return difference_of(pair_rows(ours, others), self._metrics, self._resamples)
        except DataError as error:
            return error.sentences[0]

    def _test_each(self, choice: Candidate, others: Sequence[Candidate]) -> None:
        """Test ``choice`` against those it was not yet; all at once, where rows lie alike: it takes a tenth."""
        places = {one.key: (min(choice.key, one.key), max(choice.key, one.key)) for one in others}
        left = [one for one in others if places[one.key] not in self._pairs]
        ours = self._rows_of(choice)
        if isinstance(ours, str):
            return
        opened = {one.key: rows for one in left if not isinstance(rows := self._rows_of(one), str)}
        turned = [key for key in opened if key < choice.key]
        for key, tested in differences_to_others(ours, opened, turned, self._metrics, self._resamples).items():
            self._pairs[places[key]] = tested

    @property
    def _metrics(self) -> set[str]:
        return {axis.name for axis in self.axes if axis.kind == "quality"} | {_ACCURACY}

    @property
    def _resamples(self) -> int:
        return max(RESAMPLES, _RESAMPLES_A_MEMBER * len(self.front))

    def _rows_of(self, candidate: Candidate) -> ScoredRows | str:
        if candidate.key not in self._rows:
            self._rows[candidate.key] = self._opened(candidate)
        return self._rows[candidate.key]

    def _opened(self, candidate: Candidate) -> ScoredRows | str:
        if candidate.chosen is None:
            return f"{candidate.key} has a price and no test rows"
        try:
            return self._open(candidate.chosen)
        except DataError as error:
            return error.sentences[0]


def is_tie(comparison: Comparison) -> bool:
    """Return whether a comparison leaves its two equal: tested and not told apart, or the same number."""
    return not comparison.told_apart and (comparison.p is not None or comparison.difference == 0)


def _corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons of one axis with Holm's p, and whether each is a difference."""
    tested = [one for one in comparisons if one.p is not None]
    corrected = dict(
        zip((one.other.key for one in tested), holm([one.p for one in tested if one.p is not None]), strict=True)
    )
    found = []
    for one in comparisons:
        p = corrected.get(one.other.key)
        apart = p is not None and p <= ALPHA and not one.method.endswith(_OTHER_WAY)
        found.append(one if p is None else dataclasses.replace(one, p_holm=p, told_apart=apart))
    return found

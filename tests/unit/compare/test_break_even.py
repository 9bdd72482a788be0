"""Who is the cheapest at what volume: the lower envelope of straight lines."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.compare.break_even import MONTHS, break_even, check_months, crossing, price_line
from ftlab.errors import ConfigError
from priced import cost, priced, run

DOLLARS = st.floats(0, 1e4, allow_subnormal=False)
# Few different numbers make ties, parallels and lines through one point likely.
COARSE = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 8.0])
LINES = st.lists(st.tuples(DOLLARS, DOLLARS) | st.tuples(COARSE, COARSE), min_size=1, max_size=9)


def named(pairs):
    return [priced(f"c{number}", *pair) for number, pair in enumerate(pairs)]


def total(pair, volume, months=MONTHS):
    """The cost as a fraction: nothing is rounded."""
    return Fraction(pair[0]) + Fraction(pair[1] / 1000) * Fraction(volume) * Fraction(months)


def told(plan):
    return [(one.low, one.high, one.candidate.key, [t.key for t in one.tied]) for one in plan.segments]


def test_prompted_model_is_cheaper_below_the_volume_that_pays_for_training():
    plan = break_even([priced("prompted", 0.0, 0.08), priced("lora", 3.6, 0.07)], months=12)
    assert told(plan) == [(0, pytest.approx(30_000), "prompted", []), (pytest.approx(30_000), None, "lora", [])]
    assert plan.volumes == (pytest.approx(30_000),)
    assert [plan.cheapest(volume).key for volume in (0, 29_999, 30_001, 1e12)] == ["prompted"] * 2 + ["lora"] * 2


def test_volume_is_exact():
    (volume,) = break_even([priced("a", 0.0, 0.5), priced("b", 1.5, 0.25)], months=3).volumes
    assert volume == 2000.0
    assert break_even([priced("a", 0.0, 0.5), priced("b", 1.5, 0.25)], months=6).volumes == (1000.0,)


def test_line_that_is_never_the_cheapest_has_no_segment():
    plan = break_even([priced("a", 0.0, 4.0), priced("between", 5.0, 3.0), priced("b", 6.0, 0.0)])
    assert [one.candidate.key for one in plan.segments] == ["a", "b"]
    assert [line.candidate.key for line in plan.lines] == ["a", "between", "b"], "its curve is drawn all the same"


def test_line_that_only_touches_where_two_others_meet_has_no_segment():
    plan = break_even([priced("a", 0.0, 2.0), priced("touches", 1.0, 1.0), priced("b", 2.0, 0.0)], months=1)
    assert told(plan) == [(0, 1000.0, "a", []), (1000.0, None, "b", [])]


def test_those_that_cost_the_same_everywhere_stand_beside_the_first():
    plan = break_even([priced("first", 1.0, 1.0), priced("dear", 2.0, 2.0), priced("second", 1.0, 1.0)])
    assert told(plan) == [(0, None, "first", ["second"])]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(0, 0), (0, 0)], [(0, None, "c0", ["c1"])]),
        ([(0, 1), (0, 0)], [(0, None, "c1", [])]),
        ([(1, 1), (0, 1)], [(0, None, "c1", [])]),
        ([(5, 0), (0, 0.0)], [(0, None, "c1", [])]),
        ([], []),
    ],
    ids=["all free", "same training", "parallel", "free to ask", "none"],
)
def test_edges(pairs, expected):
    plan = break_even(named(pairs))
    assert told(plan) == expected
    assert plan.volumes == ()
    assert plan.shown_to > 0


def test_volume_no_machine_could_hold_is_left_out():
    plan = break_even([priced("a", 0.0, 1.0), priced("b", 1e308, 1.0 - 1e-15)])
    assert told(plan) == [(0, None, "a", [])]
    assert crossing(*plan.lines) is None


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (priced("api", 0.0, None), r"no price of requests, give cost\.usd_per_hour=<number>"),
        (priced("evaluated", None, 0.1), "no price of training, which its record does not hold"),
        (priced("slow", 0.0, None, chosen=run()), r"since they were not timed at cost\.batch_size=1"),
        (
            priced("bytes", 0.0, None, chosen=run(cost=cost(usd_per_1k_requests=0.1))),
            "another tokenizer stands in for its own",
        ),
    ],
    ids=lambda value: getattr(value, "key", None),
)
def test_candidate_without_a_price_stands_outside_and_says_why(candidate, reason):
    plan = break_even([candidate, priced("known", 1.0, 1.0)])
    assert [one.candidate.key for one in plan.unpriced] == [candidate.key]
    (left,) = plan.unpriced
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(left.reason)
    assert told(plan) == [(0, None, "known", [])]


def test_nothing_priced_has_no_cheapest():
    plan = break_even([priced("a", None, None)])
    assert (plan.segments, plan.volumes, plan.cheapest(5)) == ((), (), None)


@pytest.mark.parametrize("months", [0, -1, float("nan"), float("inf")])
def test_span_that_is_none_is_refused(months):
    with pytest.raises(ConfigError, match=r"^horizon=\S+ is no span of time; give months above 0: horizon=12$"):
        check_months(months, "horizon")
    with pytest.raises(ConfigError):
        break_even([], months)


def test_crossing_is_where_both_cost_the_same():
    first, second = price_line(priced("a", 0.0, 0.5)), price_line(priced("b", 1.5, 0.25))
    volume = crossing(first, second, 3)
    assert volume == crossing(second, first, 3) == 2000.0
    assert first.total(volume, 3) == second.total(volume, 3) == 3.0
    assert crossing(first, first) is None
    assert crossing(first, price_line(priced("dearer", 1.0, 1.0))) is None


@settings(deadline=None, max_examples=60)
@given(LINES, st.sampled_from([1, 12, 0.5]))
def test_envelope_equals_brute_force(pairs, months):
    plan = break_even(named(pairs), months)
    crossings = {
        (Fraction(b[0]) - Fraction(a[0])) / ((Fraction(a[1] / 1000) - Fraction(b[1] / 1000)) * Fraction(months))
        for a in pairs
        for b in pairs
        if a[1] / 1000 != b[1] / 1000
    }
    edges = [Fraction(0), *sorted(one for one in crossings if one > 0)]
    # Between two neighbouring crossings of any lines the order of costs stays: one point of each tells all.
    points = [(low + high) / 2 for low, high in pairwise(edges)] + [edges[-1] + 1]
    for point in points:
        inside = [one for one in plan.segments if one.low < point and (one.high is None or point < one.high)]
        if not inside:
            continue  # nearer to a change than floats lie
        (segment,) = inside
        least = min(total(pair, point, months) for pair in pairs)
        cheapest = {f"c{n}" for n, pair in enumerate(pairs) if total(pair, point, months) == least}
        chosen = {segment.candidate.key, *(one.key for one in segment.tied)}
        rounded = any(abs(float(point) - one) <= 1e-12 * one for one in plan.volumes)
        assert chosen == cheapest or rounded


@settings(deadline=None, max_examples=40)
@given(LINES, st.floats(0, 1e12))
def test_envelope_is_never_above_any_line(pairs, volume):
    plan = break_even(named(pairs))
    lowest = {line.candidate.key: line for line in plan.lines}[plan.cheapest(volume).key].total(volume)
    assert all(lowest <= line.total(volume) * (1 + 1e-9) for line in plan.lines)


@settings(deadline=None, max_examples=40)
@given(LINES, st.randoms())
def test_segments_cover_every_volume_once_in_whatever_order(pairs, random):
    plan = break_even(named(pairs))
    lows, highs = [one.low for one in plan.segments], [one.high for one in plan.segments]
    assert lows[0] == 0 and highs[-1] is None
    assert lows[1:] == highs[:-1] and lows == sorted(set(lows))
    shuffled = named(pairs)
    random.shuffle(shuffled)
    again = break_even(shuffled)
    assert again.volumes == plan.volumes

    def owners(one):
        return [{s.candidate.key, *(t.key for t in s.tied)} for s in one.segments]

    assert owners(again) == owners(plan)


@settings(deadline=None, max_examples=25)
@given(LINES)
def test_dominated_candidate_changes_nothing(pairs):
    worse = (max(p[0] for p in pairs) + 1, max(p[1] for p in pairs) + 1)
    assert told(break_even(named([*pairs, worse]))) == told(break_even(named(pairs)))


def test_thousand_candidates_take_no_time():
    plan = break_even([priced(f"c{n}", n / 7, 1000 / (n + 1)) for n in range(1000)])
    assert len(plan.volumes) > 20
    assert list(plan.volumes) == sorted(plan.volumes)

"""How sure a difference of times or prices is."""

import numpy as np
import pytest
from scipy import stats

from ftlab.compare.axes import AXES
from ftlab.compare.trial_errors import Errors, errors_of, tell
from ftlab.compare.types import Api
from made_board import made_candidate, made_run

P95 = AXES["p95_ms"]


def seeds(values, half=0.0):
    """Return a candidate with a seed per value, each known to ``half`` within its run."""
    mean = float(np.mean(values))
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    ends = {"p95_ms": (mean - half, mean + half)}
    runs = tuple(made_run(seed=n) for n in range(len(values)))
    return made_candidate("a b", runs=runs, spread={"p95_ms": spread}, interval=ends, p95_ms=mean)


def told(ours, others):
    errors = [errors_of(one, P95) for one in (ours, others)]
    return tell(ours.values["p95_ms"] - others.values["p95_ms"], *errors)


def test_seeds_are_compared_by_welchs_test():
    ours, others = [10.0, 11.0, 12.5], [13.0, 12.6, 14.0, 15.5]
    ci95, p = told(seeds(ours), seeds(others))
    right = stats.ttest_ind(ours, others, equal_var=False)
    assert p == pytest.approx(right.pvalue)
    assert ci95 == pytest.approx(tuple(right.confidence_interval(0.95)))


def test_two_seeds_are_not_as_sure_as_many():
    few, _ = told(seeds([10.0, 11.0]), seeds([12.0]))
    assert few[1] - few[0] == pytest.approx(2 * 12.7062 * 0.5, rel=1e-4), "12.7 standard errors, not 1.96"
    ci95, p = told(seeds([10.0], 1.0), seeds([12.0], 1.0))
    assert ci95 == pytest.approx((-2 - 2**0.5, -2 + 2**0.5))
    assert p == pytest.approx(2 * stats.norm.sf(2 / (2**0.5 / 1.959964)), rel=1e-5)


def test_a_false_difference_between_three_seeds_is_as_rare_as_promised():
    generator = np.random.default_rng(0)
    wins = sum(told(seeds(generator.normal(size=3)), seeds(generator.normal(size=3)))[1] <= 0.05 for _ in range(1000))
    assert wins <= 60, "of z it would be about 120"


def test_a_price_is_exact_and_what_has_no_interval_says_why():
    api = Api("gpt", "somebody", 1.0, 2.0, 100.0, 5.0, "2026-01-01", "a page")
    assert errors_of(made_candidate("gpt api", priced=api, usd_per_1k=1.0), AXES["usd_per_1k"]) == Errors()
    assert tell(1.0, Errors(), Errors()) == ((1.0, 1.0), 0.0)
    assert errors_of(made_candidate("a b", runs=(made_run(),)), AXES["wh_per_1k"]) == "wh_per_1k was measured once"

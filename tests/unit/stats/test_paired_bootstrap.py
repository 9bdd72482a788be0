from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ftlab.stats.mcnemar import discordant, mcnemar_midp
from ftlab.stats.paired_bootstrap import Difference, paired_bootstrap

CLASSES = 3


def mean(sums):
    """Of the first column, over as many rows as the last counts."""
    return sums[:, 0] / sums[:, -1]


def per_token(sums):
    return sums[:, 0] / sums[:, 1]


def f1_macro(sums):
    """Of summed confusion matrices (R, C x C), truth down."""
    cells = sums.reshape(-1, CLASSES, CLASSES)
    hits = np.diagonal(cells, axis1=1, axis2=2)
    both = cells.sum(axis=1) + cells.sum(axis=2)
    return np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0).sum(axis=1) / (both > 0).sum(axis=1)


def rows_of(values):
    return np.stack([values, np.ones_like(values)], axis=1).astype(float)


def confusion(truth, predicted):
    return np.eye(CLASSES * CLASSES)[truth * CLASSES + predicted]


# Simulated pairs of models: (generator, rows) -> (ours, others, statistic, true difference).


def right_or_wrong(generator, rows, difference=0.0):
    """Two models that share most of their mistakes: they disagree on 15% of the rows."""
    fate = generator.random(rows)
    edge = 0.825 - difference / 2
    ours = (fate < 0.75) | ((fate >= edge) & (fate < 0.9))  # from 0.75 on only one is right, from 0.9 on neither
    others = fate < edge
    return rows_of(ours), rows_of(others), mean, difference


def labels(generator, rows):
    """Two models of equal macro F1 on uneven labels: each row is taken for another label with chance 0.2."""
    truth = generator.choice(CLASSES, size=rows, p=[0.5, 0.3, 0.2])
    hard = generator.random(rows) < 0.3
    answers = [
        np.where(hard & (generator.random(rows) < 0.6), (truth + generator.integers(1, CLASSES, rows)) % CLASSES, truth)
        for _ in range(2)
    ]
    return confusion(truth, answers[0]), confusion(truth, answers[1]), f1_macro, 0.0


def losses(generator, rows, difference=0.0):
    """Skewed losses over answers of uneven length; the difference is per token."""
    tokens = generator.integers(5, 60, size=rows).astype(float)
    hardness = generator.gamma(2.0, 1.0, size=rows)
    noise = generator.normal(0, 0.3, size=(2, rows))
    ours = np.stack([(hardness + noise[0] + difference) * tokens, tokens], axis=1)
    return ours, np.stack([(hardness + noise[1]) * tokens, tokens], axis=1), per_token, difference


def simulate(model, rows, simulations, resamples, seed):
    """Return the share of false wins (p <= 0.05) and of intervals that hold the true difference."""
    generator = np.random.default_rng(seed)
    wins = covered = 0
    for number in range(simulations):
        ours, others, statistic, truth = model(generator, rows)
        found = paired_bootstrap(ours, others, statistic, resamples, seed=number)
        wins += found.p <= 0.05
        covered += found.low <= truth <= found.high
    return wins / simulations, covered / simulations


def test_the_estimate_is_that_of_the_rows_and_the_interval_holds_it():
    ours, others, statistic, _ = right_or_wrong(np.random.default_rng(0), 500, difference=0.06)
    found = paired_bootstrap(ours, others, statistic)
    assert found.estimate == pytest.approx(ours[:, 0].mean() - others[:, 0].mean())
    assert found.low < found.estimate < found.high
    assert found.ci95 == (found.low, found.high)
    assert found.error == pytest.approx((ours[:, 0] - others[:, 0]).std() / math.sqrt(500), rel=0.06)


def test_the_interval_is_that_of_scipy():
    ours, others, _, _ = losses(np.random.default_rng(1), 300, difference=0.1)

    def statistic(*columns):
        mine, tokens, theirs, _ = (column.sum(axis=-1) for column in columns)
        return (mine - theirs) / tokens

    columns = (ours[:, 0], ours[:, 1], others[:, 0], others[:, 1])
    theirs = stats.bootstrap(
        columns, statistic, n_resamples=2000, paired=True, vectorized=False, method="percentile", rng=2
    )
    found = paired_bootstrap(ours, others, per_token, 4000)
    width = found.high - found.low
    expected = theirs.confidence_interval
    assert found.ci95 == pytest.approx((expected.low, expected.high), abs=0.08 * width)
    assert found.error == pytest.approx(theirs.standard_error, rel=0.07)


def test_p_is_near_that_of_the_t_test_and_of_mcnemar():
    generator = np.random.default_rng(5)
    ours, others = generator.normal(0.12, 1, size=(2, 400)) * [[1], [1]] - [[0], [0.1]]
    p = paired_bootstrap(rows_of(ours), rows_of(others), mean, 8000).p
    assert p == pytest.approx(stats.ttest_rel(ours, others).pvalue, abs=0.02)
    ours, others, statistic, _ = right_or_wrong(generator, 1000, difference=0.02)
    p = paired_bootstrap(ours, others, statistic, 8000).p
    assert p == pytest.approx(mcnemar_midp(*discordant(ours[:, 0], others[:, 0])), abs=0.02)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**31))
def test_swapped_models_differ_by_the_same_the_other_way(rows, seed):
    ours, others = np.random.default_rng(seed).normal(size=(2, rows, 1))
    ours, others = rows_of(ours[:, 0]), rows_of(others[:, 0])
    one, other = (paired_bootstrap(*pair, mean, 100, seed) for pair in ((ours, others), (others, ours)))
    assert 0 < one.p <= 1 and one.p == other.p
    assert (one.estimate, one.error) == pytest.approx((-other.estimate, other.error))
    assert one.ci95 == pytest.approx((-other.high, -other.low))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 80), st.integers(0, 2**31))
def test_p_below_5_percent_means_that_the_interval_leaves_0_out(rows, seed):
    ours, others, statistic, _ = right_or_wrong(np.random.default_rng(seed), rows, difference=0.1)
    found = paired_bootstrap(ours, others, statistic, 400, seed)
    if found.p <= 0.05:
        assert found.low > 0 or found.high < 0
    if found.low > 0 or found.high < 0:
        assert found.p < 0.06


def test_a_model_against_itself_differs_in_nothing():
    ours = rows_of(np.arange(10.0))
    assert paired_bootstrap(ours, ours, mean, 50) == Difference(0.0, 0.0, 0.0, 1.0, 0.0)


def test_better_on_every_row_is_as_sure_as_the_resamples_allow():
    ours, others = rows_of(np.ones(40)), rows_of(np.zeros(40))
    assert paired_bootstrap(ours, others, mean, 999).p == pytest.approx(2 / 1000)


def test_what_is_not_defined_tells_nothing_apart():
    ours, others = rows_of(np.ones(5)), rows_of(np.array([1.0, np.inf, 1, 1, 1]))
    found = paired_bootstrap(ours, others, lambda sums: np.where(np.isfinite(sums[:, 0]), sums[:, 0], np.nan), 50)
    assert math.isnan(found.estimate) and math.isnan(found.low) and found.p == 1.0


def test_resamples_on_which_it_is_not_defined_are_left_out():
    ours, others = np.array([[1.0, 1], [0, 0], [0, 0]]), np.array([[0.0, 1], [0, 0], [0, 0]])

    def share(sums):  # without the first row there is nothing to divide by
        return np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)

    found = paired_bootstrap(ours, others, share, 300)
    assert found.ci95 == (1.0, 1.0)
    assert 2 / 301 < found.p < 2 / 150  # of about 211 resamples


def test_equal_seeds_give_equal_answers():
    pair = losses(np.random.default_rng(1), 60)[:3]
    assert paired_bootstrap(*pair, 100, seed=4) == paired_bootstrap(*pair, 100, seed=4)
    assert paired_bootstrap(*pair, 100, seed=4) != paired_bootstrap(*pair, 100, seed=5)


def test_ten_thousand_rows_by_two_thousand_resamples_take_less_than_a_second():
    pair = labels(np.random.default_rng(1), 10_000)[:3]
    started = time.process_time()
    paired_bootstrap(*pair, 2000)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("model", [right_or_wrong, labels, losses], ids=lambda model: model.__name__)
def test_few_false_wins_and_true_intervals_in_a_few_simulations(model):
    wins, covered = simulate(model, rows=200, simulations=300, resamples=250, seed=11)
    chance = 2 * math.sqrt(0.05 * 0.95 / 300)  # so few simulations are that far off; the slow test below is not
    assert wins <= 0.06 + chance
    assert 0.93 - chance <= covered <= 0.97 + chance


@pytest.mark.slow
@pytest.mark.parametrize("rows", [100, 354, 1000])
@pytest.mark.parametrize("model", [right_or_wrong, labels, losses], ids=lambda model: model.__name__)
def test_few_false_wins_and_true_intervals_in_many_simulations(model, rows):
    wins, covered = simulate(model, rows, simulations=3000, resamples=500, seed=12)
    assert wins <= 0.06
    assert 0.93 <= covered <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("model", [right_or_wrong, losses], ids=lambda model: model.__name__)
def test_intervals_hold_a_difference_that_is_there(model):
    _, covered = simulate(lambda g, rows: model(g, rows, difference=0.04), 354, 3000, 500, seed=13)
    assert 0.93 <= covered <= 0.97

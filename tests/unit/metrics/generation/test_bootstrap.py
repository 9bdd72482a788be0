from __future__ import annotations

import math
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from ftlab.metrics.generation.bootstrap import generation_ci95, generation_estimates, paired_differences
from ftlab.metrics.generation.scoring import score_generations
from ftlab.metrics.generation.statistics import BLEU_MATCHES, BLEU_TOTALS, GENERATED_WORDS, REFERENCE_WORDS
from ftlab.stats.paired_bootstrap import Difference

VOCABULARY = "the a cat dog sat lay on under mat floor we ship it now then".split()


def columns_of(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


def made(count: int, seed: int, kept: float):
    """Statistics of ``count`` generations in which each word of the reference is kept with probability ``kept``."""
    random = np.random.default_rng(seed)
    references = [list(random.choice(VOCABULARY, size=random.integers(4, 16))) for _ in range(count)]
    keep = np.random.default_rng(seed + 1)
    fates = [[(word, keep.random(), str(keep.choice(VOCABULARY))) for word in text] for text in references]
    texts = [[word if fate < kept else other for word, fate, other in text] for text in fates]
    scored = score_generations([" ".join(t) for t in texts], [" ".join(r) for r in references])
    losses = {"loss_sum": random.gamma(8.0, size=count), "supervised_tokens": random.integers(3, 9, size=count)}
    return columns_of(scored.rows) | losses


@pytest.fixture(scope="module")
def good():
    return made(120, 0, 0.8)


@pytest.fixture(scope="module")
def bad():
    return made(120, 0, 0.7)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=4, max_size=4), st.integers(0, 12), st.integers(0, 12))
def test_bleu_of_counts_is_sacrebleus(matches, words, reference_words):
    totals = [max(0, words - n) for n in range(4)]
    matches = [min(m, t) for m, t in zip(matches, totals, strict=True)]
    columns = dict(zip((*BLEU_MATCHES, *BLEU_TOTALS), ([m] for m in (*matches, *totals)), strict=True))
    columns |= {GENERATED_WORDS: [words], REFERENCE_WORDS: [reference_words]}
    theirs = BLEU.compute_bleu(matches, totals, words, reference_words, smooth_method="exp").score / 100
    assert generation_estimates(columns)["bleu"] == pytest.approx(theirs, rel=1e-12)


def test_intervals_hold_the_point(good):
    point, intervals = generation_estimates(good), generation_ci95(good, resamples=300)
    assert set(intervals) == set(point) >= {"bleu", "bleu_4", "rougeLsum", "exact_match", "length_ratio", "perplexity"}
    for name, (low, high) in intervals.items():
        assert low <= point[name] <= high, name
    low, high = intervals["bleu"]
    assert 0.02 < high - low < 0.2
    assert generation_ci95(good, resamples=300) == intervals != generation_ci95(good, resamples=300, seed=1)


def test_a_resample_is_scored_as_its_rows_would_be(good, monkeypatch):
    drawn = np.random.default_rng(3).integers(120, size=120)
    counts = np.bincount(drawn, minlength=120)[None].astype(float)
    monkeypatch.setattr("ftlab.stats.resampling.draw", lambda *_: counts)
    repeated = generation_estimates({name: np.asarray(values)[drawn] for name, values in good.items()})
    for name, (low, high) in generation_ci95(good, resamples=1).items():
        assert low == high == pytest.approx(repeated[name], rel=1e-9), name


def test_the_loss_is_weighted_by_tokens():
    point = generation_estimates({"loss_sum": [2.0, 9.0], "supervised_tokens": [1, 9]})
    assert point == pytest.approx({"loss": 1.1, "perplexity": math.exp(1.1)})


def test_a_loss_that_is_not_finite_has_no_interval():
    intervals = generation_ci95({"loss_sum": [2.0, math.nan], "supervised_tokens": [1, 9]}, resamples=20)
    assert all(math.isnan(end) for interval in intervals.values() for end in interval)


def test_rows_that_were_not_generated_are_left_out(good):
    texts = {name: values for name, values in good.items() if name not in ("loss_sum", "supervised_tokens")}
    longer = {name: [*values, None, None] for name, values in texts.items()}
    longer |= {name: [*good[name], 5.0, 3.0] for name in ("loss_sum", "supervised_tokens")}
    longer["text"] = ["x"] * 122
    assert generation_ci95(longer, resamples=50)["bleu"] == generation_ci95(texts, resamples=50)["bleu"]
    assert generation_ci95(longer, resamples=50)["loss"] != generation_ci95(good, resamples=50)["loss"]
    assert generation_ci95({name: [None] for name in texts}) == {}


def test_pieces_make_the_same_intervals(good, monkeypatch):
    whole = generation_ci95(good, resamples=100)
    monkeypatch.setattr("ftlab.stats.resampling.CHUNK", 120 * 30)
    assert generation_ci95(good, resamples=100) == whole


def test_a_pair_is_compared_more_sharply_than_its_two_intervals(good, bad):
    found = paired_differences(good, bad, resamples=400)["bleu"]
    assert found.estimate == pytest.approx(generation_estimates(good)["bleu"] - generation_estimates(bad)["bleu"])
    assert 0 < found.low < found.estimate < found.high and found.p < 0.01
    apart = [end - start for start, end in (generation_ci95(run, resamples=400)["bleu"] for run in (good, bad))]
    assert found.high - found.low < math.hypot(*apart)


def test_a_run_against_itself_differs_in_nothing(good):
    assert set(paired_differences(good, good, resamples=20).values()) == {Difference(0.0, 0.0, 0.0, 1.0, 0.0)}


def test_perplexity_and_loss_are_told_apart_alike(good, bad):
    found = paired_differences(good, bad | {"loss_sum": np.asarray(good["loss_sum"]) + 0.5}, resamples=100)
    assert found["loss"].p == found["perplexity"].p and found["loss"].high < 0


def test_a_diverged_loss_tells_nothing_apart_and_warns_of_nothing(good, bad):
    diverged = bad | {"loss_sum": [math.inf, *bad["loss_sum"][1:]]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = paired_differences(good, diverged, resamples=50)
    assert math.isnan(found["loss"].low) and found["loss"].p == 1
    assert math.isfinite(found["bleu"].low)


def test_ten_thousand_rows_are_compared_in_two_seconds(good, bad):
    many = [{name: np.resize(values, 10_000) for name, values in columns.items()} for columns in (good, bad)]
    texts = [{name: v for name, v in columns.items() if name.startswith("bleu") or "words" in name} for columns in many]
    started = time.process_time()
    assert paired_differences(*texts, resamples=2000)["bleu"].p < 0.01
    assert time.process_time() - started < 2


def test_only_rows_that_both_generated_are_compared(good, bad):
    half = {name: [v if i < 60 else None for i, v in enumerate(values)] for name, values in bad.items()}
    first = paired_differences(
        {n: list(v)[:60] for n, v in good.items()}, {n: list(v)[:60] for n, v in bad.items()}, resamples=30
    )
    assert paired_differences(good, half, resamples=30) == first
    assert "bleu" not in paired_differences(good, {name: half[name] for name in ("loss_sum", "supervised_tokens")})

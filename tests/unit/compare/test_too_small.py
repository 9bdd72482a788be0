"""A test set too small to tell the candidates apart: who is named, and how many rows it would take."""

import dataclasses
import re

import pytest

from ftlab.compare.too_small import board_troubles
from ftlab.compare.types import Comparison, Verdict
from ftlab.stats.power import rows_needed, rows_needed_by_error
from made_board import board_of, made_candidate, made_run

RUN = made_run()


def made(*differences, leader=None, rows=540, metric="f1_macro", half=0.03, **more):
    """Return a board and a verdict whose choice differs from one member of the front each by ``differences``."""
    others = [made_candidate(f"m{n} lora", runs=(RUN,), **{metric: 0.8 - d}) for n, d in enumerate(differences)]
    choice = made_candidate("minilm lora", runs=(RUN,), **{metric: 0.8})
    board = board_of(choice, *others, axes=(metric, "p95_ms", "usd_per_1k"))
    comparisons = tuple(
        Comparison(o, board.main, d, (d - half, d + half), 0.4, 0.4, False, "paired bootstrap", rows, **more)
        for o, d in zip(others, differences, strict=True)
    )
    first = choice if leader is None else others[leader]
    ties = tuple(others)
    verdict = Verdict(choice, None, ties, (choice, *others), (), comparisons, ("", "", ""), leader=first)
    return board, verdict


def troubles(board, verdict, **settings):
    return board_troubles(board, verdict, lambda folder: settings)


def rows_said(trouble):
    return int(re.search(r"takes about ([\d,]+) rows", trouble.evidence)[1].replace(",", ""))


def test_the_nearest_rival_and_the_rows_are_named():
    (trouble,) = troubles(*made(0.01, -0.02))
    assert trouble.name == "test set too small" and trouble.remedy == ""
    assert trouble.evidence.startswith("540 test rows do not tell minilm lora from m1 lora by f1_macro; if they differ")
    assert " by 0.020 as they do here" in trouble.evidence and "corrected for 2 tests" in trouble.evidence
    exact = rows_needed_by_error(540, 0.03 / 1.96, 0.02, alpha=0.025)
    assert exact <= rows_said(trouble) <= 1.1 * exact


def test_the_leader_that_a_tie_set_aside_comes_before_a_nearer_one():
    (trouble,) = troubles(*made(0.01, -0.02, leader=0))
    assert "from m0 lora by" in trouble.evidence


def test_accuracy_takes_the_rows_of_its_own_test():
    (trouble,) = troubles(*made(0.02, metric="accuracy", discordant=54))
    exact = rows_needed(0.02, 0.1)
    assert exact <= rows_said(trouble) <= 1.1 * exact and "corrected" not in trouble.evidence


@pytest.mark.parametrize("differences", [(0.0,), (0.0001,), ()])
def test_what_is_equal_for_whoever_ships_it_is_no_trouble(differences):
    assert troubles(*made(*differences)) == ()


def test_what_is_told_apart_or_differs_the_other_way_over_seeds_is_no_trouble():
    board, verdict = made(0.02)
    apart = dataclasses.replace(verdict.comparisons[0], told_apart=True, p=0.01, p_holm=0.01)
    assert troubles(board, dataclasses.replace(verdict, comparisons=(apart,))) == ()
    other_way = dataclasses.replace(apart, told_apart=False)
    assert troubles(board, dataclasses.replace(verdict, comparisons=(other_way,))) == ()
    assert troubles(board, dataclasses.replace(verdict, choice=None)) == ()


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({"dataset.limit.test": 540}, r"dataset\.limit\.test=\d+"),
        ({"dataset.limit.test": 9000}, ""),  # there are no more
        ({"dataset.sample_per_class": 5}, r"dataset\.sample_per_class=\d+"),
        ({"dataset.test_fraction": 0.2}, r"dataset\.test_fraction=0\.\d+"),
    ],
)
def test_the_remedy_takes_more_of_the_rows_there_are(settings, remedy):
    board, verdict = made(0.035)
    data = dataclasses.replace(RUN.result.dataset, train_rows=20_000)
    run = dataclasses.replace(RUN, result=dataclasses.replace(RUN.result, dataset=data))
    verdict = dataclasses.replace(verdict, choice=dataclasses.replace(verdict.choice, chosen=run))
    (trouble,) = troubles(board, verdict, **settings)
    assert re.fullmatch(remedy, trouble.remedy)
